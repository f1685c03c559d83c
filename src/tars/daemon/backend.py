"""What clients ask of the daemon, done. The control channel's `Backend`."""

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import anyio

from tars import __version__
from tars.control import contract as w
from tars.control.backend import AgentAction
from tars.control.feed import Feed, Subscription
from tars.control.permission_contract import (
    ForgetRequest,
    Forgotten,
    PermitRequest,
    Permitted,
    RuleList,
)
from tars.control.queue_contract import Queue
from tars.control.wire import time_text
from tars.core import events as e
from tars.core.agent import Agent, Outcome, State
from tars.core.fallback import Attempt
from tars.daemon import records, status
from tars.daemon.assembly import Assembly
from tars.daemon.attaching import AttachDesk
from tars.daemon.budgets import Budgets
from tars.daemon.changes import Changes
from tars.daemon.chronicle import Chronicle
from tars.daemon.fallbacks import Fallbacks, unavailable
from tars.daemon.history import History
from tars.daemon.permissions import Permissions
from tars.daemon.queue import Waiting
from tars.daemon.remembering import Remembering
from tars.daemon.routing import Routing
from tars.daemon.settings import Settings
from tars.daemon.web import WebPage
from tars.errors import (
    AgentUnavailable,
    Busy,
    ConfigInvalid,
    Fault,
    FaultKind,
    QueueFull,
    RequestInvalid,
    StoreError,
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


class Desk:
    """Everything here runs on the loop's thread, and no method leaves a thing half done."""

    def __init__(
        self,
        home: Home,
        loop: Loop,
        chronicle: Chronicle,
        recorder: Recorder,
        assembly: Assembly,
        fallbacks: Fallbacks,
        budgets: Budgets,
        history: History,
        page: WebPage,
        stop: Callable[[], None],
    ) -> None:
        self._home = home
        self._loop = loop
        self._chronicle = chronicle
        self._recorder = recorder
        self._assembly = assembly
        self._fallbacks = fallbacks
        self._budgets = budgets
        self._changes = Changes(loop, assembly)
        self._settings = Settings(loop, assembly)
        self._routing = Routing(loop, recorder, chronicle.session_files)
        self._permissions = Permissions(loop, recorder, assembly.choices)
        self._waiting = Waiting(
            loop,
            starts_after=assembly.order.waits_for,
            refusal=budgets.refusal,
            keeps=chronicle.scribe.keeps,
        )
        self._stop = stop
        self._history = history
        self.spending = history.spending
        self.spending.is_elsewhere = lambda: bool(assembly.config.store.url)
        self.remembering = Remembering(
            home,
            recorder,
            lambda: assembly.config.sessions.archive_directory,
            history.spending,
        )
        self.attaching = AttachDesk(loop, chronicle.feed)
        self.page = page
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
            default_agent=self._assembly.config.default_agent,
            warnings=[
                *self._assembly.warnings,
                *self._chronicle.problems,
                *self._budgets.problems,
                *self._history.warnings,
                *filter(None, [self.page.problem]),
            ],
            budgets=self._budgets.status(),
            today=self.spending.known_today,
        )

    def _tokens(self, name: str) -> w.TokensStatus | None:
        files = self._chronicle.session_files
        manager = files.managers.get(name)
        return status.tokens_status(manager.session if manager else None, files.marks.get(name))

    def agents(self) -> w.AgentList:
        return w.AgentList(agents=self._agents(), default=self._assembly.config.default_agent)

    def log_path(self, agent: str | None) -> Path:
        if agent is None:
            return self._home.log
        self._loop.agent(agent)
        return self._home.agent_log(agent)

    def _agents(self) -> list[w.AgentStatus]:
        now = anyio.current_time()
        config, order = self._assembly.config.agents, self._assembly.order
        return [
            status.agent_status(
                self._loop.agent(name),
                self._loop.drivers[name],
                now,
                groups=config[name].group if name in config else (),
                waits_for=order.waits_for(name),
                tokens=self._tokens(name),
                session_name=self._chronicle.session_files.name(
                    name, self._loop.drivers[name].session_id
                ),
            )
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
            started_at=time_text(self._began_at),
            uptime_seconds=round(now - self._began, 3),
            rss_bytes=self._vitals.rss_bytes,
            cpu_percent=self._vitals.cpu_percent,
        )

    # --- prompts ------------------------------------------------------------

    async def submit(self, request: w.PromptRequest) -> tuple[w.Accepted, Subscription]:
        _check(request)
        route = await self._routing.route(request, self._assembly.config)
        name = route.agent
        agent = self._loop.agent(name)
        if request.refuse_if_busy and agent.under_way is not None:
            raise Busy(
                f"The agent {name} has a turn under way.", advice="Wait for it, or `tars cancel`."
            )
        turn = secrets.token_hex(8)
        row = PromptRow(
            id=turn,
            agent=name,
            text=request.text,
            asked_at=datetime.now(UTC),
            session=route.session,
            timeout_seconds=request.timeout_seconds,
            wishes=route.wishes,
        )
        prompt = records.prompt_of(row)
        fault = unavailable(agent) or await self._budgets.weigh(prompt)
        if fault is not None:
            return await self._pass_over(prompt, fault)
        agent = self._loop.agent(name)
        self._check_queue(agent)
        ready = self._loop.agent(name).state is State.READY
        idle = ready and not self._chronicle.foresees(name)
        foreseen = self._loop.drivers[name].next_turn(prompt) if idle else None
        await self._chronicle.accept(row, foreseen)
        subscription = self.feed.follow_turn(turn)
        position = self._position(name)
        self._loop.submit(prompt)
        self._chronicle.holds_up(turn, self._loop.condition(name))
        return w.Accepted(turn=turn, agent=name, position=position), subscription

    async def _pass_over(self, prompt: Prompt, fault: Fault) -> tuple[w.Accepted, Subscription]:
        """Give a prompt to whoever stands in for an agent that takes none."""
        attempt = Attempt(Outcome.REFUSED, fault, began=False)
        following = self._fallbacks.after_drop(prompt, attempt)
        if following is None and fault.kind is FaultKind.OVER_BUDGET:
            raise self._budgets.refused(prompt, fault)
        if following is None:
            raise AgentUnavailable(fault)
        try:
            await self._chronicle.accept_elsewhere(prompt, fault, following)
        except StoreError:
            self._fallbacks.over(prompt)
            raise
        subscription = self.feed.follow_turn(prompt.id)
        position = self._position(following.agent)
        self._chronicle.go_on_elsewhere(prompt, fault, following)
        return w.Accepted(turn=prompt.id, agent=prompt.agent, position=position), subscription

    def _position(self, name: str) -> int:
        agent = self._loop.agent(name)
        return len(agent.queue) + (agent.under_way is not None)

    def _check_queue(self, agent: Agent) -> None:
        if agent.queue.full and agent.state is not State.READY:
            raise QueueFull(
                f"{len(agent.queue)} prompts wait for {agent.spec.name} already.",
                advice="Wait for some to finish, or raise `queue_limit`.",
            )

    async def cancel(self, request: w.CancelRequest) -> w.Cancelled:
        name = request.agent or self._assembly.config.default_agent
        agent = self._loop.agent(name)
        turn = agent.under_way or self._fallbacks.handed_on(name)
        if turn is None and agent.queue.waiting:
            # It does not come up: what a person wants to be rid of is what waits for it.
            turn = agent.queue.waiting[0]
        if request.turn is not None:
            turn = self._fallbacks.current(request.turn)
        if turn is not None and self._fallbacks.cancel(turn):
            return w.Cancelled(turn=turn)
        prompt = None if turn is None else self._loop.prompt(turn)
        if turn is None or prompt is None:
            return w.Cancelled(turn=None)
        # It may be with another agent by now than with the one that was asked first.
        self._loop.send(prompt.agent, e.CancelAsked(turn))
        return w.Cancelled(turn=turn)

    def queue(self, agent: str | None) -> Queue:
        return self._waiting.queue(agent)

    async def reset(self, request: w.ResetRequest) -> w.ResetDone:
        name = request.agent or self._assembly.config.default_agent
        agent = self._loop.agent(name)
        if agent.state is State.STARTING:
            # The process may be bringing the session back at this moment.
            await self._changes.settled(name)
            agent = self._loop.agent(name)
        if agent.under_way is not None:
            raise _under_way(name)
        cleared = await self._clear(name)
        tokens = status.tokens_status(cleared, self._chronicle.session_files.marks.pop(name, None))
        return w.ResetDone(agent=name, session=status.session_status(cleared), tokens=tokens)

    async def _clear(self, name: str) -> SessionFields | None:
        """Delete session.json behind every save that waits, then forget the session."""
        manager = self._chronicle.sessions[name]
        before = manager.session
        deleting = SessionManager(manager.path)
        deleting.session = before
        cleared = await self._recorder.ask_file(deleting.clear)
        if self._loop.agent(name).under_way is not None or manager.session is not before:
            # A prompt came in between, into this session: it goes on, and its file is back.
            self._chronicle.session_files.save(manager)
            raise _under_way(name)
        manager.session = None
        self._loop.drivers[name].forget_session()
        if before is not None:
            self._chronicle.session_files.leave(name, before.session_id, "tars reset")
        return cleared

    # --- permissions --------------------------------------------------------

    async def permit(self, request_id: str, answer: PermitRequest, who: str = "") -> Permitted:
        return await self._permissions.permit(request_id, answer, who)

    async def budgets(self) -> w.BudgetList:
        return await self._budgets.listing()

    def permissions(self, agent: str | None) -> RuleList:
        return self._permissions.rules(agent)

    async def forget(self, request: ForgetRequest) -> Forgotten:
        return await self._permissions.forget(request)

    # --- agents -------------------------------------------------------------

    async def change_agent(self, name: str, action: AgentAction) -> w.AgentChanged:
        return await self._changes.one(name, action)

    async def change_agents(self, request: w.ChangeRequest) -> w.AgentsChanged:
        return await self._changes.several(request.names, cast("AgentAction", request.action))

    def settings(self, name: str) -> w.SettingsChanged:
        return self._settings.now(name)

    async def change_settings(self, name: str, request: w.SettingsRequest) -> w.SettingsChanged:
        return await self._settings.change(name, request)

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
        await self.spending.anew()
        self._history.reloaded()
        self._budgets.reloaded()
        await self.page.reloaded()
        return w.Reloaded(changed=changed)

    async def shutdown(self) -> w.ShuttingDown:
        self._stop()
        return w.ShuttingDown(pid=os.getpid())


def _check(request: w.PromptRequest) -> None:
    """Refuse what cannot be accepted before anything is changed."""
    if not request.text.strip():
        raise RequestInvalid("The prompt is empty.")
    if request.timeout_seconds is not None and not request.timeout_seconds > 0:
        raise RequestInvalid("The time-out has to be more than 0 seconds.")


def _under_way(name: str) -> Busy:
    return Busy(
        f"The agent {name} has a turn under way in this session.",
        advice="Wait for it or `tars cancel` it, then reset.",
    )
