"""A loop with scripted agents on it, and the audience that remembers what it was told.

`play` runs a scene on trio with a clock that stands still until the scene moves it: real
children, virtual time, nobody sleeps. `play_live` runs one as the daemon does, on asyncio.
Both end with a drain: everything is told to stop, and then nothing may be left.
"""

import gc
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tars.agents.kind import Kind, Setup
from tars.conversation.model import Garbled, PermissionAsked, RequestUsage, Said, TextSaid
from tars.core import events as e
from tars.core.agent import Agent, Outcome, Spec, State
from tars.core.commands import AnswerPermission, Command
from tars.core.condition import Condition, Word
from tars.core.permission import Answerer
from tars.errors import Fault
from tars.runtime.children import Identity
from tars.runtime.driver import Driver
from tars.runtime.loop import Loop
from tars.runtime.turn import LiveTurn, Prompt, TurnReport
from tars.store.rows import Wishes
from tests.support.scripted_kind import ScriptedKind

#: What a child gets: enough to run Python, and nothing of the machine's.
ENVIRONMENT = {"PATH": os.environ.get("PATH", ""), "HOME": "/nonexistent"}


@dataclass(slots=True)
class Witness:
    """The audience: it writes down what it is told, and wakes whoever waits for it.

    `broken` names a method that fails with a bug, every time; `while_hearing` is what
    happens while it hears what an agent says.
    """

    events: list[tuple[str, e.Event]] = field(default_factory=list)
    heard: list[Said] = field(default_factory=list)
    began_turns: list[str] = field(default_factory=list)
    holds: list[TurnReport] = field(default_factory=list)
    reports: dict[str, TurnReport] = field(default_factory=dict)
    drops: dict[str, tuple[Outcome, Fault | None]] = field(default_factory=dict)
    late: list[tuple[str, str, tuple[RequestUsage, ...]]] = field(default_factory=list)
    logged_late: list[tuple[str, tuple[RequestUsage, ...]]] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    answers: list[tuple[str, Answerer]] = field(default_factory=list)
    conditions: list[tuple[str, Condition]] = field(default_factory=list)
    notes: list[list[Identity]] = field(default_factory=list)
    broken: str = ""
    while_hearing: Callable[[], None] = lambda: None
    changed: anyio.Event = field(default_factory=anyio.Event)

    def decided(
        self, agent: str, event: e.Event, commands: tuple[Command, ...], now: float
    ) -> None:
        self.events.append((agent, event))
        self._tell("decided")

    def asked(self, agent: Agent, driver: Driver, request_id: str, now: float) -> None:
        self.questions.append(request_id)
        self._tell("asked")

    def answered(self, agent: str, asked: PermissionAsked | None, answer: AnswerPermission) -> None:
        self.answers.append((asked.tool_kind if asked else "", answer.by))
        self._tell("answered")

    def condition_changed(
        self, agent: str, was: Word, now: Condition, waiting: tuple[str, ...]
    ) -> None:
        self.conditions.append((agent, now))
        self._tell("condition_changed")

    def words(self, agent: str = "one") -> list[Word]:
        """The conditions that an agent went through."""
        return [condition.word for name, condition in self.conditions if name == agent]

    def said(self, agent: str, turn: LiveTurn | None, said: Said) -> None:
        self.heard.append(said)
        self.while_hearing()
        self._tell("said")

    def began(self, agent: str, turn: LiveTurn, then: Callable[[], None]) -> None:
        self.began_turns.append(turn.prompt.id)
        self._tell("began")
        then()

    def held(self, agent: str, report: TurnReport) -> None:
        self.holds.append(report)
        self._tell("held")

    def finished(self, agent: str, report: TurnReport) -> None:
        assert report.prompt.id not in self.reports, "a turn is finished once"
        self.reports[report.prompt.id] = report
        self._tell("finished")

    def dropped(self, prompt: Prompt, outcome: Outcome, fault: Fault | None) -> None:
        assert prompt.id not in self.drops | self.reports, "a prompt ends once"
        self.drops[prompt.id] = outcome, fault
        self._tell("dropped")

    def spent(self, agent: str, session_id: str, requests: tuple[RequestUsage, ...]) -> None:
        self.late.append((agent, session_id, requests))
        self._tell("spent")

    def logged(
        self, agent: str, turn: str, session_id: str, requests: tuple[RequestUsage, ...]
    ) -> None:
        self.logged_late.append((turn, requests))
        self._tell("logged")

    def wrote(self, agent: str, lines: list[str]) -> None:
        self.stderr.extend(lines)
        self._tell("wrote")

    def children_began(self, who: Iterable[Identity]) -> None:
        self.notes.append([*(self.notes[-1] if self.notes else []), *who])
        self._tell("children_began")

    def children_ended(self, who: Iterable[Identity]) -> None:
        gone = set(who)
        self.notes.append([one for one in self.notes[-1] if one not in gone])
        self._tell("children_ended")

    def texts(self) -> list[str]:
        return [said.text for said in self.heard if isinstance(said, TextSaid)]

    def garbled(self) -> list[Garbled]:
        return [said for said in self.heard if isinstance(said, Garbled)]

    def count(self, kind: type, agent: str = "one") -> int:
        return sum(isinstance(event, kind) and name == agent for name, event in self.events)

    def _tell(self, method: str) -> None:
        self.changed.set()
        self.changed = anyio.Event()
        if method == self.broken:
            raise RuntimeError(f"a bug in {method}")


class Stage:
    """The loop and its audience. `clock` is None where time is real."""

    def __init__(self, home: Path, clock: MockClock | None) -> None:
        self.witness = Witness()
        self.loop = Loop(self.witness)
        self.prompts = 0
        self._home = home
        self._clock = clock

    # --- setting the scene ---

    def add(
        self,
        name: str = "one",
        kind: Kind | None = None,
        *,
        protocol: str = "warm",
        session: str | None = None,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        **policy: Any,
    ) -> Driver:
        kind = kind or ScriptedKind()
        setup = Setup(
            name=name,
            command=kind.command,
            protocol=protocol,
            model="",
            mode="",
            cwd=cwd or self._home,
            env={**ENVIRONMENT, **(env or {})},
            tmp=self._home / "tmp" / name,
            keep=self._home / "keep" / name,
        )
        driver = Driver(kind, setup, self.loop, session)
        spec = Spec(name, one_shot=driver.one_shot, **policy)
        self.loop.adopt(driver, spec)
        return driver

    async def start(self, name: str = "one", state: State = State.READY) -> None:
        self.loop.send(name, e.StartAsked())
        await self.state(state, name)

    def prompt(
        self,
        script: str,
        agent: str = "one",
        *,
        session: str | None = None,
        timeout: float | None = None,
        **wishes: Any,
    ) -> str:
        """Submit a prompt, and give its id: t1, t2, …"""
        self.prompts += 1
        asked = Wishes(**wishes)
        prompt = Prompt(f"t{self.prompts}", agent, script, session, timeout, wishes=asked)
        self.loop.submit(prompt)
        return prompt.id

    async def asked(self, script: str, agent: str = "one", **wishes: Any) -> TurnReport:
        """Submit a prompt and wait for its report."""
        return await self.report(self.prompt(script, agent, **wishes))

    # --- waiting for facts ---

    async def until(self, claim: Callable[[], bool]) -> None:
        """Wait until this holds; it is asked again whenever the audience is told something."""
        while not claim():
            await self.witness.changed.wait()

    async def polled(self, claim: Callable[[], bool]) -> None:
        """Wait until this holds of the outside world, which tells nobody."""
        while not claim():
            await anyio.lowlevel.checkpoint()
        await wait_all_tasks_blocked()

    async def report(self, prompt: str) -> TurnReport:
        await self.until(lambda: prompt in self.witness.reports)
        return self.witness.reports[prompt]

    async def text(self, text: str) -> None:
        await self.until(lambda: text in self.witness.texts())

    async def state(self, state: State, name: str = "one") -> None:
        await self.until(lambda: self.agent(name).state is state)

    def agent(self, name: str = "one") -> Agent:
        return self.loop.agent(name)

    def fault(self, name: str = "one") -> Fault:
        fault = self.agent(name).fault
        assert fault is not None
        return fault

    # --- time ---

    async def jump(self, seconds: float) -> None:
        """Let time pass, once everything has happened that was to happen before, and then
        everything happen that it makes happen at once."""
        assert self._clock is not None
        await wait_all_tasks_blocked()
        self._clock.jump(seconds)
        await wait_all_tasks_blocked()

    def leap(self, seconds: float) -> None:
        """Let time pass in the midst of things."""
        assert self._clock is not None
        self._clock.jump(seconds)

    async def jump_to_deadline(self) -> None:
        """Let the agents' next deadline pass, if there is one."""
        await wait_all_tasks_blocked()
        due = self.loop.fleet.next_deadline
        if due is not None:
            await self.jump(max(0.0, due - anyio.current_time()))

    # --- the drain ---

    async def drain(self) -> None:
        """Stop everything. Deadlines pass until all is down."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.loop.stop_all)
            while self._clock is not None and not self.loop.is_down():
                await self.jump_to_deadline()
        for name in self.loop.drivers:
            # The exit was told; its conversation is over in the same breath.
            assert self.loop.drivers[name].child is None, "a child is left"
        for pid in self.pids():
            assert not alive(pid), "a process is left"

    async def clear(self) -> None:
        """End what is left of a scene that failed."""
        for driver in self.loop.drivers.values():
            if driver.child is not None:
                driver.child.signal_group(9)
                await driver.child.exited()
                driver.child.close()

    def pids(self) -> list[int]:
        return [event.pid for _, event in self.witness.events if isinstance(event, e.Spawned)]


Scene = Callable[[Stage], Awaitable[None]]


def play(scene: Scene, home: Path) -> None:
    """Run a scene in virtual time, and drain it."""
    clock = MockClock()
    with _same_files_open():
        trio.run(_play_on_trio, scene, home, clock, clock=clock)


def play_live(scene: Scene, home: Path) -> None:
    """Run a scene in real time on asyncio, and drain it."""
    with _same_files_open():
        anyio.run(_play, scene, home, None)


@contextmanager
def _same_files_open() -> Iterator[None]:
    """A scene leaves no file open. What earlier tests left open in their garbage stays meanwhile:
    it is not the scene that closes it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        before = open_files()
        yield
        after = open_files()
        assert after == before, f"descriptors are left: {after - before}, or gone: {before - after}"
    finally:
        if was_enabled:
            gc.enable()


async def _play_on_trio(scene: Scene, home: Path, clock: MockClock) -> None:
    await _play(scene, home, clock)


async def _play(scene: Scene, home: Path, clock: MockClock | None) -> None:
    async with running(home, clock) as stage:
        await scene(stage)


@asynccontextmanager
async def running(home: Path, clock: MockClock | None) -> AsyncIterator[Stage]:
    stage = Stage(home, clock)
    async with anyio.create_task_group() as tasks:
        started = anyio.Event()
        tasks.start_soon(partial(stage.loop.run, started=started))
        await started.wait()
        if clock is not None:
            await wait_all_tasks_blocked()
        idle = _tasks_living(clock)
        try:
            yield stage
            await stage.drain()
        except BaseException:
            # The next test shall not inherit what this one left.
            with anyio.CancelScope(shield=True):
                await stage.clear()
            raise
        if clock is not None:
            # A task that still sleeps is let go.
            await stage.jump(60.0)
            assert _tasks_living(clock) == idle, "a task is left"
        tasks.cancel_scope.cancel()


def _tasks_living(clock: MockClock | None) -> int:
    return 0 if clock is None else trio.lowlevel.current_statistics().tasks_living


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def open_files() -> set[tuple[str, str]]:
    """Every descriptor of this process, and what it is of."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        # The one that was listed with is closed again.
        with suppress(FileNotFoundError):
            found.add((number, os.readlink(f"/proc/self/fd/{number}")))
    return found


LINUX = sys.platform == "linux"
