"""What clients ask of the daemon, done. The control channel's `Backend`."""

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio

from tars import __version__
from tars.control import contract as w
from tars.control.backend import AgentAction
from tars.control.feed import Feed, Subscription
from tars.core import events as e
from tars.core.agent import Agent, State
from tars.core.permission import Pending, allowing, refusing
from tars.daemon import status
from tars.daemon.assembly import Assembly
from tars.daemon.chronicle import Chronicle
from tars.errors import (
    AgentUnavailable,
    Busy,
    ConfigInvalid,
    Fault,
    FaultKind,
    PermissionNotFound,
    QueueFull,
    RequestInvalid,
    SessionNotFound,
    TarsError,
)
from tars.home import Home
from tars.runtime.loop import Loop
from tars.runtime.recorder import Recorder
from tars.runtime.turn import Prompt
from tars.runtime.vitals import Gauge, Vitals
from tars.sessions.session_file import SessionFields, SessionManager
from tars.store.rows import PromptRow

#: The daemon's own memory and CPU are looked at on demand, but not more often than this.
FRESH_SECONDS = 1.0

_SETTLED = (State.READY, State.BUSY, State.FAILED, State.WAITING)


class Desk:
    """Everything here runs on the loop's thread, and no method leaves a thing half done."""

    def __init__(
        self,
        home: Home,
        loop: Loop,
        chronicle: Chronicle,
        recorder: Recorder,
        assembly: Assembly,
        stop: Callable[[], None],
    ) -> None:
        self._home = home
        self._loop = loop
        self._chronicle = chronicle
        self._recorder = recorder
        self._assembly = assembly
        self._stop = stop
        self._began_at = datetime.now(UTC)
        self._began = anyio.current_time()
        self._gauge = Gauge(os.getpid())
        self._vitals = Vitals()
        self._looked = float("-inf")

    @property
    def feed(self) -> Feed:
        return self._chronicle.feed

    # --- looking ------------------------------------------------------------

    def status(self) -> w.Status:
        manager = self._chronicle.sessions.get(self._assembly.config.default_agent)
        return w.Status(
            daemon=self._daemon(),
            agents=self._agents(),
            session=status.session_status(manager.session if manager else None),
            warnings=[*self._assembly.warnings, *self._chronicle.problems],
        )

    def agents(self) -> w.AgentList:
        return w.AgentList(agents=self._agents(), default=self._assembly.config.default_agent)

    def log_path(self, agent: str | None) -> Path:
        if agent is None:
            return self._home.log
        self._loop.agent(agent)
        return self._home.agent_log(agent)

    def _agents(self) -> list[w.AgentStatus]:
        now = anyio.current_time()
        return [
            status.agent_status(self._loop.agent(name), self._loop.drivers[name], now)
            for name in self._loop.fleet
        ]

    def _daemon(self) -> w.DaemonStatus:
        now = anyio.current_time()
        if now - self._looked >= FRESH_SECONDS:
            self._vitals, self._looked = self._gauge.sample(descendants=False), now
        return w.DaemonStatus(
            running=True,
            pid=os.getpid(),
            version=__version__,
            started_at=status.iso(self._began_at),
            uptime_seconds=round(now - self._began, 3),
            rss_bytes=self._vitals.rss_bytes,
            cpu_percent=self._vitals.cpu_percent,
        )

    # --- prompts ------------------------------------------------------------

    async def submit(self, request: w.PromptRequest) -> tuple[w.Accepted, Subscription]:
        name = request.agent or self._assembly.config.default_agent
        self._check(self._loop.agent(name), request)
        await self._know_session(name, request.session)
        turn = secrets.token_hex(6)
        row = PromptRow(
            id=turn,
            agent=name,
            text=request.text,
            asked_at=datetime.now(UTC),
            session=request.session,
            timeout_seconds=request.timeout_seconds,
        )
        prompt = _prompt(row)
        ready = self._loop.agent(name).state is State.READY
        idle = ready and not self._chronicle.foresees(name)
        foreseen = self._loop.drivers[name].next_turn(prompt) if idle else None
        await self._chronicle.accept(row, foreseen)
        subscription = self.feed.follow_turn(turn)
        agent = self._loop.agent(name)
        position = len(agent.queue) + (agent.turn is not None)
        self._loop.submit(prompt)
        return w.Accepted(turn=turn, agent=name, position=position), subscription

    def _check(self, agent: Agent, request: w.PromptRequest) -> None:
        """Refuse what cannot be accepted before anything is changed."""
        if not request.text.strip():
            raise RequestInvalid("The prompt is empty.")
        if request.timeout_seconds is not None and not request.timeout_seconds > 0:
            raise RequestInvalid("The time-out has to be more than 0 seconds.")
        if agent.state is State.FAILED and agent.fault is not None:
            raise AgentUnavailable(agent.fault)
        if agent.state is State.STOPPED and not agent.wanted:
            name = agent.spec.name
            raise AgentUnavailable(
                Fault(
                    FaultKind.STOPPED,
                    f"The agent {name} is stopped.",
                    f"`tars start {name}` starts it.",
                )
            )
        if request.refuse_if_busy and agent.turn is not None:
            raise Busy(
                f"The agent {agent.spec.name} has a turn under way.",
                advice="Wait for it, or `tars cancel`.",
            )
        if agent.queue.full and agent.state is not State.READY:
            raise QueueFull(
                f"{len(agent.queue)} prompts wait for {agent.spec.name} already.",
                advice="Wait for some to finish, or raise `queue_limit`.",
            )

    async def _know_session(self, agent: str, wanted: str | None) -> None:
        if wanted is not None and not await self._chronicle.session_files.recall(agent, wanted):
            raise SessionNotFound(
                f"The agent {agent} had no session {wanted!r} under tars.",
                advice="Leave `--session` out to use the current one.",
            )

    async def cancel(self, request: w.CancelRequest) -> w.Cancelled:
        name = request.agent or self._owner(request.turn)
        agent = self._loop.agent(name)
        turn = request.turn or (agent.turn.prompt if agent.turn else None)
        if turn is None or not self._loop.prompt(turn):
            return w.Cancelled(turn=None)
        self._loop.send(name, e.CancelAsked(turn))
        return w.Cancelled(turn=turn)

    def _owner(self, turn: str | None) -> str:
        prompt = self._loop.prompt(turn) if turn else None
        return prompt.agent if prompt else self._assembly.config.default_agent

    async def reset(self, request: w.ResetRequest) -> w.ResetDone:
        name = request.agent or self._assembly.config.default_agent
        agent = self._loop.agent(name)
        if agent.state is State.STARTING:
            # The process may be bringing the session back at this moment.
            await self._settled(name)
            agent = self._loop.agent(name)
        if agent.turn is not None:
            raise _under_way(name)
        cleared = await self._clear(name)
        return w.ResetDone(agent=name, session=status.session_status(cleared))

    async def _clear(self, name: str) -> SessionFields | None:
        """Delete session.json behind every save that waits, then forget the session."""
        manager = self._chronicle.sessions[name]
        before = manager.session
        deleting = SessionManager(manager.path)
        deleting.session = before
        cleared = await self._recorder.ask_file(deleting.clear)
        if self._loop.agent(name).turn is not None or manager.session is not before:
            # A prompt came in between, into this session: it goes on, and its file is back.
            self._chronicle.session_files.save(manager)
            raise _under_way(name)
        manager.session = None
        self._loop.drivers[name].forget_session()
        return cleared

    async def permit(self, request_id: str, answer: w.PermitRequest) -> w.Permitted:
        name, pending = self._pending(request_id)
        option = _option(pending, answer)
        self._loop.send(name, e.PermissionAnswered(request_id, option))
        return w.Permitted(id=request_id, option=option)

    def _pending(self, request_id: str) -> tuple[str, Pending]:
        for name, agent in self._loop.fleet.agents.items():
            for pending in agent.permissions:
                if pending.request_id == request_id:
                    return name, pending
        raise PermissionNotFound(f"Nothing waits for permission under {request_id!r}.")

    # --- agents -------------------------------------------------------------

    async def change_agent(self, name: str, action: AgentAction) -> w.AgentChanged:
        was = self._loop.agent(name).pid
        match action:
            case "start":
                self._loop.send(name, e.StartAsked())
                await self._settled(name)
            case "stop":
                self._loop.send(name, e.StopAsked())
                await self._loop.reached(lambda: self._state(name) is State.STOPPED)
            case "restart":
                self._refresh_environment(name)
                self._loop.send(name, e.RestartAsked())
                await self._loop.reached(
                    lambda: (
                        self._state(name) in _SETTLED
                        and (self._loop.agent(name).pid != was or was is None)
                    )
                )
        agent = self._loop.agent(name)
        return w.AgentChanged(
            agent=name, state=agent.state.value, error=status.fault_status(_present_fault(agent))
        )

    def _refresh_environment(self, name: str) -> None:
        """A key that was mended in an env file counts from this process on."""
        driver = self._loop.drivers[name]
        driver.reconfigure(self._assembly.setup(self._assembly.config.agents[name]))

    async def _settled(self, name: str) -> None:
        await self._loop.reached(lambda: self._state(name) in (*_SETTLED, State.STOPPED))

    def _state(self, name: str) -> State:
        return self._loop.agent(name).state

    # --- the daemon ---------------------------------------------------------

    async def reload(self) -> w.Reloaded:
        faults: list[str] = []
        changed: list[str] = []
        try:
            changed = await self._assembly.reload()
        except ConfigInvalid as error:
            faults = list(error.faults)
        except (TarsError, OSError) as error:
            faults = [f"{error} {getattr(error, 'advice', '')}".strip()]
        if faults:
            self._chronicle.reloaded(faults)
            return w.Reloaded(faults=faults)
        self._chronicle.reloaded()
        return w.Reloaded(changed=changed)

    async def shutdown(self) -> w.ShuttingDown:
        self._stop()
        return w.ShuttingDown(pid=os.getpid())


def _under_way(name: str) -> Busy:
    return Busy(
        f"The agent {name} has a turn under way in this session.",
        advice="Wait for it or `tars cancel` it, then reset.",
    )


def _prompt(row: PromptRow) -> Prompt:
    return Prompt(row.id, row.agent, row.text, row.session, row.timeout_seconds)


def _option(pending: Pending, answer: w.PermitRequest) -> str | None:
    if answer.deny:
        return refusing(pending.options)
    if answer.option is None:
        return allowing(pending.options)
    for option in pending.options:
        if answer.option in (option.id, option.kind):
            return option.id
    offered = ", ".join(option.id for option in pending.options)
    raise RequestInvalid(f"{answer.option!r} is none of the options: {offered}.")


def _present_fault(agent: Agent) -> Fault | None:
    """The fault, as long as it still keeps the agent from working."""
    return agent.fault if agent.state in (State.FAILED, State.WAITING) else None
