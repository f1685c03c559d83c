"""The one loop: asks the core what every event means, and does it.

`send` is the only way in and runs to its end at once: the core decides, the commands are
carried out, and events that arise meanwhile are queued behind. Nothing here waits; what
takes time (conversations, the disk, the clock) runs in tasks that send events back.
"""

import itertools
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, cast

import anyio
from anyio.abc import TaskGroup

from tars.conversation.model import PermissionAsked, RequestUsage, Retrying, Said
from tars.core import commands as c
from tars.core import events as e
from tars.core import health
from tars.core.agent import Agent, Spec, State
from tars.core.commands import Command
from tars.core.condition import Condition, Word, condition, limit_ends
from tars.core.fleet import Fleet
from tars.errors import Fault, FaultKind
from tars.runtime.alarms import Alarms
from tars.runtime.audience import Audience
from tars.runtime.children import Child
from tars.runtime.driver import Driver
from tars.runtime.log import log
from tars.runtime.turn import LiveTurn, Prompt

_BUG = Fault(
    FaultKind.INTERNAL,
    "tars itself failed; this is a bug.",
    "Its log has the details; `tars logs` shows it.",
)
#: How often an idle daemon looks at memory and CPU.
MEASURE_SECONDS = 20.0


class _Waiter:
    """Somebody waits for a claim to hold. What the claim raises is his, not the loop's."""

    def __init__(self, claim: Callable[[], bool]) -> None:
        self.done = anyio.Event()
        self.error: Exception | None = None
        self._claim = claim

    def ask(self) -> None:
        try:
            if self.done.is_set() or not self._claim():
                return
        except Exception as error:
            self.error = error
        self.done.set()


class Loop:
    """Owns the fleet's state and the drivers. Use it inside `run`."""

    def __init__(self, audience: Audience) -> None:
        self.fleet = Fleet()
        self.drivers: dict[str, Driver] = {}
        self._audience = audience
        self._prompts: dict[str, Prompt] = {}
        self._words: dict[str, Word] = {}
        self._queue: deque[tuple[str, e.Event]] = deque()
        self._alarms = Alarms()
        self._busy = False
        self._tasks: TaskGroup | None = None
        self._wake = anyio.Event()
        self._wake_at = float("inf")
        self._waiters: list[_Waiter] = []
        self._permission_numbers = itertools.count(1)

    # --- for the daemon -----------------------------------------------------

    async def run(self, *, started: anyio.Event) -> None:
        """Keep time until cancelled. Set `started` once events may be sent."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            tasks.start_soon(self._keep_time)
            tasks.start_soon(self._measure_now_and_then)
            started.set()

    def adopt(self, driver: Driver, spec: Spec) -> None:
        """Take on an agent, or give one that is known a new policy."""
        self.drivers[spec.name] = driver
        self.send(spec.name, e.Configured(spec))

    def dismiss(self, name: str) -> None:
        """Forget an agent that has no process."""
        self._alarms.forget(name)
        del self.drivers[name]
        self._words.pop(name, None)
        self.fleet = self.fleet.without(name)

    def submit(self, prompt: Prompt) -> None:
        """Take a prompt that is saved. It ends in `finished` or `dropped`, exactly once."""
        self._prompts[prompt.id] = prompt
        self.send(prompt.agent, e.PromptAsked(prompt.id))

    def prompt(self, prompt: str) -> Prompt | None:
        """The prompt that waits or runs under this id."""
        return self._prompts.get(prompt)

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """Every prompt that waits or runs; after `stop_all`, those that a successor will run."""
        return tuple(self._prompts.values())

    def agent(self, name: str) -> Agent:
        """Raises AgentNotFound."""
        return self.fleet[name]

    async def reached(self, claim: Callable[[], bool]) -> None:
        """Wait until this holds; it is asked again after every event. Raises what it raises."""
        if claim():
            return
        waiter = _Waiter(claim)
        self._waiters.append(waiter)
        try:
            await waiter.done.wait()
        finally:
            self._waiters.remove(waiter)
        if waiter.error is not None:
            raise waiter.error

    async def stop_all(self) -> None:
        """End every process, rung by rung, and keep the prompts that wait for a successor."""
        for name in list(self.fleet):
            self.send(name, e.StopAsked(keep_queue=True))
        await self.reached(self.is_down)

    def is_down(self) -> bool:
        resting = (State.STOPPED, State.FAILED)
        return all(a.state in resting for a in self.fleet.agents.values())

    # --- the hub ------------------------------------------------------------

    def send(self, agent: str, event: e.Event) -> None:
        """Something happened. Decide, act, and then attend to what came of it."""
        self._queue.append((agent, event))
        if self._busy:
            return
        self._busy = True
        try:
            while self._queue:
                name, event = self._queue.popleft()
                self._handle(name, event)
                self._alarms.set(name, self._next_look(name))
        finally:
            self._busy = False
        for waiter in self._waiters:
            waiter.ask()
        if self._alarms.soonest < self._wake_at:
            self._wake.set()

    def said(self, agent: str, said: Said) -> None:
        self._tell(agent, self._audience.said, agent, self.drivers[agent].turn, said)
        if isinstance(said, Retrying):
            self._tell_condition(agent)

    def began(self, agent: str, turn: LiveTurn, then: Callable[[], None]) -> None:
        def go_on() -> None:
            try:
                then()
            except Exception:
                log.exception("prompt_not_given", agent=agent)
                self._give_up(agent, c.BeginTurn(turn.prompt.id))

        if not self._tell(agent, self._audience.began, agent, turn, go_on):
            go_on()

    def spent(self, agent: str, session_id: str, requests: tuple[RequestUsage, ...]) -> None:
        self._tell(agent, self._audience.spent, agent, session_id, requests)

    def logged(
        self, agent: str, turn: str, session_id: str, requests: tuple[RequestUsage, ...]
    ) -> None:
        self._tell(agent, self._audience.logged, agent, turn, session_id, requests)

    def wrote(self, agent: str, lines: list[str]) -> None:
        self._tell(agent, self._audience.wrote, agent, lines)

    def attend(self, agent: str, child: Child, conversation: Callable[[], object]) -> None:
        self._tell(agent, self._audience.children_began, child.seen)
        self._start(self._attend, agent, child, conversation)

    def background(self, agent: str, work: Callable[[], object]) -> None:
        self._start(self._work, agent, work)

    def next_permission(self) -> str:
        return f"p{next(self._permission_numbers)}"

    # --- deciding and acting ------------------------------------------------

    def _handle(self, name: str, event: e.Event) -> None:
        now = anyio.current_time()
        was = self.fleet.agents.get(name)
        self.fleet, commands = self.fleet.step(name, event, now)
        self._tell(name, self._audience.decided, name, event, commands, now)
        agent = self.fleet[name]
        if was is not None and was.state is not agent.state:
            log.info("state_changed", agent=name, was=was.state.value, now=agent.state.value)
        if isinstance(event, e.PermissionAsked) and not commands:
            driver = self.drivers[name]
            self._tell(name, self._audience.asked, agent, driver, event.request_id, now)
        for command in commands:
            try:
                self._act(name, command)
            except Exception:
                # A bug of ours. It is told loudly, and the other agents go on.
                log.exception("command_failed", agent=name, command=type(command).__name__)
                self._give_up(name, command)
        self._tell_condition(name)

    def refuse(self, name: str, turn: LiveTurn, fault: Fault) -> None:
        """End a turn that its agent was not given, and never will be."""
        if name in self.drivers:
            self.drivers[name].refuse(turn, fault)

    def condition(self, name: str) -> Condition:
        """Tell how an agent is now. Raises AgentNotFound."""
        now, wall = anyio.current_time(), time.time()
        return condition(self.fleet[name], self.drivers[name].signs, now, wall)

    def asked_for(self, name: str, event: e.PermissionAsked) -> PermissionAsked | None:
        """Give what the agent asks leave for. Raises KeyError where there is no such agent."""
        return self.drivers[name].questions.get(event.request_id)

    def _tell_condition(self, name: str) -> None:
        """Tell the audience when an agent's condition has another word than before."""
        now = self.condition(name)
        was = self._words.get(name, Word.STOPPED)
        if now.word is not was:
            self._words[name] = now.word
            waiting = self.fleet[name].queue.waiting
            self._tell(name, self._audience.condition_changed, name, was, now, waiting)

    def _act(self, name: str, command: Command) -> None:
        driver = self.drivers[name]
        match command:
            case c.Spawn():
                driver.spawn()
            case c.Signal(pid, signal):
                if driver.child is not None and driver.child.pid == pid:
                    driver.signal(signal)
            case c.BeginTurn(prompt):
                driver.begin(self._prompts[prompt])
            case c.HoldTurn(_, fault):
                self._tell(name, self._audience.held, name, driver.hold(fault))
            case c.ResumeTurn():
                driver.resume()
            case c.CancelTurn():
                driver.cancel()
            case c.FinishTurn(prompt, outcome, fault):
                self._prompts.pop(prompt, None)
                self._tell(name, self._audience.finished, name, driver.finish(outcome, fault))
                if self.fleet[name].spec.max_rss_bytes is not None:
                    # An agent grows in its turns: the next one is not for a giant.
                    driver.measure()
                    self._judge(name)
            case c.DropPrompt(prompt, outcome, fault):
                if dropped := self._prompts.pop(prompt, None):
                    self._tell(name, self._audience.dropped, dropped, outcome, fault)
            case c.AnswerPermission(request, option):
                asked = driver.questions.get(request)
                self._tell(name, self._audience.answered, name, asked, command)
                driver.answer(request, option)

    def _give_up(self, name: str, command: Command) -> None:
        """Nobody knows what became of a command: its process ends, or was never made."""
        driver = self.drivers[name]
        if driver.child is not None:
            driver.signal(c.SignalName.KILL)
        elif isinstance(command, c.Spawn | c.BeginTurn | c.ResumeTurn):
            self.send(name, e.SpawnFailed(_BUG))

    def _tell(self, agent: str, what: Callable[..., None], *facts: object) -> bool:
        """Tell the audience. A bug there is told loudly, and no agent suffers for it."""
        try:
            what(*facts)
        except Exception:
            log.exception("audience_failed", agent=agent, told=what.__name__)
            return False
        return True

    # --- tasks --------------------------------------------------------------

    async def _attend(self, name: str, child: Child, conversation: Callable[[], object]) -> None:
        """Whatever happens in the conversation, the exit is told exactly once."""
        try:
            await cast(Coroutine[Any, Any, None], conversation())
        except Exception:
            log.exception("conversation_failed", agent=name)
            child.signal_group(9)
        status = await child.exited()
        driver = self.drivers.get(name)
        if driver is not None:
            self.send(name, _farewell(driver, child, status))
        self._tell(name, self._audience.children_ended, child.seen)

    async def _work(self, name: str, work: Callable[[], object]) -> None:
        try:
            await cast(Coroutine[Any, Any, None], work())
        except Exception:
            log.exception("work_failed", agent=name)

    async def _keep_time(self) -> None:
        while True:
            self._wake, self._wake_at = anyio.Event(), self._alarms.soonest
            with anyio.CancelScope(deadline=self._wake_at):
                await self._wake.wait()
            self._check_time()

    def _check_time(self) -> None:
        for name in self._alarms.take(anyio.current_time()):
            deadline = self.fleet[name].next_deadline
            if deadline is not None and deadline <= anyio.current_time():
                self.send(name, self._time_up(name))
            self._judge(name)
            self._tell_condition(name)
            self._alarms.set(name, self._next_look(name))

    def _time_up(self, name: str) -> e.Event:
        """A deadline has passed. Of a handshake, what was heard until then may say why."""
        agent = self.fleet[name]
        shaking = agent.state is State.STARTING and agent.pid is not None
        fault = self.drivers[name].nonsense if shaking else None
        return e.TimeUp() if fault is None else e.HandshakeFailed(fault)

    def _judge(self, name: str) -> None:
        now, agent, driver = anyio.current_time(), self.fleet[name], self.drivers[name]
        look_at = health.next_look(agent, driver.signs)
        if look_at is not None and now >= look_at:
            driver.look()
        verdict = health.verdict(agent, driver.signs, now)
        late = self._too_late(name)
        if verdict is None and late is not None and now >= late:
            verdict = e.Hung("it took longer than its prompt allows", wedged=False)
        if verdict is not None:
            self.send(name, verdict)

    def _too_late(self, name: str) -> float | None:
        """When the prompt's own time-out ends the turn, or None."""
        turn, live = self.fleet[name].turn, self.drivers[name].turn
        if turn is None or turn.ending is not None or live is None:
            return None
        timeout = live.prompt.timeout_seconds
        return None if timeout is None else live.began + timeout

    def _next_look(self, name: str) -> float:
        """When this agent has to be judged again, if nothing happens to it before."""
        agent = self.fleet[name]
        look = health.next_look(agent, self.drivers[name].signs)
        ends = limit_ends(agent, anyio.current_time(), time.time())
        times = (agent.next_deadline, look, self._too_late(name), ends)
        return min((t for t in times if t is not None), default=float("inf"))

    async def _measure_now_and_then(self) -> None:
        while True:
            await anyio.sleep(MEASURE_SECONDS)
            for name, driver in list(self.drivers.items()):
                driver.measure()
                self._judge(name)
                if driver.child is not None:
                    self._tell(name, self._audience.children_began, driver.child.seen)

    def _start(self, task: Callable[..., Coroutine[Any, Any, None]], *args: object) -> None:
        assert self._tasks is not None, "the loop runs"
        self._tasks.start_soon(task, *args)


def _farewell(driver: Driver, child: Child, status: int) -> e.Exited:
    """Ask for the child's last words; the exit is told even when they cannot be read."""
    try:
        return driver.farewell(child, status)
    except Exception:
        log.exception("farewell_failed", agent=driver.name)
        return e.Exited(child.pid, status, _BUG)
