"""One agent's processes: does what the core commands, and tells the hub what it hears.

A warm agent has one process for all prompts; a one-shot agent has one for each. Nothing
here decides: every fact goes to the hub as an event, and what follows comes back as a
call of one of the methods below. All of them return at once.
"""

import os
import shutil
import signal
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import anyio

from tars.accounting.usage import RequestUsage, TurnUsage, reconcile, usage_missing
from tars.agents.kind import History, Kind, Launch, Setup
from tars.conversation.model import (
    Opened,
    OpenFailed,
    PermissionAsked,
    ReportedUsage,
    Retrying,
    Said,
    SessionLost,
    Stop,
    TurnEnded,
)
from tars.conversation.transcript import Transcript
from tars.core import events as e
from tars.core.agent import Outcome
from tars.core.commands import SignalName
from tars.core.health import Signs
from tars.core.permission import Option
from tars.errors import Fault, FaultKind
from tars.protocols.codec import Codec, Opening
from tars.runtime import children, pipes
from tars.runtime.children import Child
from tars.runtime.log import log
from tars.runtime.redaction import Redactor
from tars.runtime.vitals import Gauge, Vitals

#: How long the pipes of a dead process may still give something.
DRAIN_SECONDS = 1.0
#: How long a process may live on after it closed its stdout.
LINGER_SECONDS = 2.0
#: How long a replayed conversation may be silent before it is taken as over.
SETTLE_SECONDS = 2.0
#: How long, and how often, to look for a turn's requests in the agent's log.
LOG_PATIENCE_SECONDS = 0.3
LOG_LOOK_SECONDS = 0.01
#: How much of a dead process's stderr a fault quotes.
LAST_WORDS = 300

_OUTCOMES = {
    Stop.DONE: Outcome.OK,
    Stop.LIMIT: Outcome.OK,
    Stop.CANCELLED: Outcome.CANCELLED,
    Stop.REFUSED: Outcome.REFUSED,
    Stop.ERROR: Outcome.ERROR,
}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as it was accepted. `session` None is the agent's current one;
    `timeout_seconds` bounds the turn once it runs."""

    id: str
    agent: str
    text: str = field(repr=False)
    session: str | None = None
    timeout_seconds: float | None = None


@dataclass(slots=True)
class LiveTurn:
    """The turn under way, as far as the runtime sees it. Times are wall clock (UTC) and
    monotonic seconds. `given`: the agent has the prompt, or is about to."""

    prompt: Prompt
    began_at: datetime
    began: float
    log_mark: str = ""
    given: bool = False
    session_id: str | None = None
    came_from: tuple[str | None, History | None] = (None, None)
    transcript: Transcript = field(default_factory=Transcript)
    waiting_for: str | None = None
    reported: ReportedUsage | None = None
    requests: tuple[RequestUsage, ...] | None = None
    permissions: dict[str, tuple[PermissionAsked, datetime]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TurnReport:
    """A turn that is over, with all that is known of it."""

    prompt: Prompt
    session_id: str | None
    began_at: datetime
    ended_at: datetime
    duration_ms: int
    outcome: Outcome
    fault: Fault | None
    text: str = field(repr=False)
    model: str
    usage: TurnUsage
    requests: tuple[RequestUsage, ...]
    reported: ReportedUsage | None


class Hub(Protocol):
    """Whom a driver tells. The loop is one."""

    def send(self, agent: str, event: e.Event) -> None:
        """Something happened that the core has to judge."""

    def said(self, agent: str, said: Said) -> None:
        """The agent said something, in a turn or not."""

    def began(self, agent: str, turn: LiveTurn, then: Callable[[], None]) -> None:
        """A turn begins. Call `then` once that is on record, or cannot be: the agent gets
        the prompt, and not before, so that no prompt is run twice."""

    def spent(self, agent: str, session_id: str, requests: tuple[RequestUsage, ...]) -> None:
        """The agent's log shows requests that belong to no turn."""

    def attend(self, agent: str, child: Child, conversation: Callable[[], object]) -> None:
        """Run this conversation with the child in the background, until the child has exited."""

    def background(self, agent: str, work: Callable[[], object]) -> None:
        """Run this coroutine function in the background."""

    def next_permission(self) -> str:
        """Give an id that a person can type."""

    def wrote(self, agent: str, lines: list[str]) -> None:
        """The agent wrote these lines to stderr; secrets are redacted."""


class Driver:
    """One configured agent. `session_id` is the conversation the next prompt goes to."""

    def __init__(self, kind: Kind, setup: Setup, hub: Hub, session_id: str | None) -> None:
        self.kind = kind
        self.setup = setup
        self.session_id = session_id
        self.child: Child | None = None
        self.turn: LiveTurn | None = None
        self.model = setup.model
        self.agent_version = ""
        self.vitals = Vitals()
        self._hub = hub
        self._codec: Codec | None = None
        self._outbox: pipes.Outbox | None = None
        self._gauge: Gauge | None = None
        self._tail = pipes.Tail()
        self._heard_at = 0.0
        self._redactor = Redactor(setup.env)
        self._permission_ids: dict[str, str] = {}
        self._settling: Codec | None = None
        self._awaited: tuple[LiveTurn, TurnEnded] | None = None
        self._open_sessions: set[str] = set()
        self._history: History | None = None
        if session_id:
            self._history = kind.history(setup, session_id)

    @property
    def name(self) -> str:
        return self.setup.name

    @property
    def one_shot(self) -> bool:
        return self.kind.one_shot(self.setup.protocol)

    @property
    def signs(self) -> Signs:
        running = self.turn is not None and bool(self.turn.transcript.running_tools)
        return Signs(self._heard_at, running, self.vitals.rss_bytes)

    def measure(self) -> None:
        """Sample memory and CPU; descendants matter only while a turn runs."""
        if self._gauge is not None:
            self.vitals = self._gauge.sample(descendants=self.turn is not None)

    # --- commands -----------------------------------------------------------

    def spawn(self) -> None:
        """Make the warm process and begin its handshake."""
        if self._history is not None:
            self._history.guard()
        codec = self.kind.codec(self.setup)
        if self._make(self.kind.launch(self.setup, self.session_id), codec):
            setup = self.setup
            codec.open(Opening(str(setup.cwd), self.session_id, setup.model, setup.mode))
            self._flush()

    def begin(self, prompt: Prompt) -> None:
        """Send a prompt; a one-shot agent gets its process now."""
        turn = LiveTurn(prompt, datetime.now(UTC), anyio.current_time())
        wish = prompt.session or self.session_id
        turn.session_id = wish
        self.turn = turn
        self._heard_at = turn.began
        self._report_unclaimed()
        turn.came_from = (self.session_id, self._history)
        if wish and wish != self.session_id:
            # What that conversation used so far is not this turn's.
            self._switch_to(wish, self.kind.history(self.setup, wish))
        if self._history is not None:
            if self.one_shot or wish not in self._open_sessions:
                self._history.guard()
            turn.log_mark = self._history.mark()
        if self.one_shot:
            codec = self.kind.codec(self.setup)
            if not self._make(self.kind.launch(self.setup, wish), codec):
                return
        self._hub.began(self.name, turn, lambda: self._give(turn, wish))

    def _give(self, turn: LiveTurn, session_id: str | None) -> None:
        if self.turn is not turn or turn.given or self._codec is None or self._outbox is None:
            return
        turn.given = True
        self._heard_at = anyio.current_time()
        self._codec.prompt(turn.prompt.text, session_id)
        self._flush()
        if self.one_shot:
            self._outbox.finish()

    def cancel(self) -> None:
        """Ask for the end of the turn, in the protocol."""
        if self.turn is not None and not self.turn.given:
            # The agent knows nothing of it yet, and never will.
            self._hub.send(self.name, e.TurnEnded(self.turn.prompt.id, Outcome.CANCELLED))
        elif self._codec is not None:
            self._codec.cancel()
            self._flush()

    def answer(self, permission: str, option: str | None) -> None:
        """Answer a permission request by its public id; None says cancelled."""
        request = self._permission_ids.pop(permission, None)
        if self.turn is not None:
            self.turn.permissions.pop(permission, None)
        if request is not None and self._codec is not None:
            self._codec.answer(request, option)
            self._flush()

    def signal(self, name: SignalName) -> None:
        if self.child is not None:
            self.child.signal_group(signal.Signals[name.value])

    def finish(self, outcome: Outcome, fault: Fault | None) -> TurnReport:
        """Close the turn and give everything known of it. A turn is under way."""
        turn = self.turn
        assert turn is not None, "the core finishes only turns that began"
        self.turn = None
        self._permission_ids.clear()
        self._awaited = None
        self._read_log(turn)
        usage = reconcile(turn.reported, turn.requests, tool_calls=turn.transcript.tool_calls)
        return TurnReport(
            prompt=turn.prompt,
            session_id=turn.session_id,
            began_at=turn.began_at,
            ended_at=datetime.now(UTC),
            duration_ms=round((anyio.current_time() - turn.began) * 1000),
            outcome=outcome,
            fault=fault,
            text=turn.transcript.text,
            model=_main_model(usage) or self.model,
            usage=usage,
            requests=turn.requests or (),
            reported=turn.reported,
        )

    def forget_session(self) -> None:
        """Let the next prompt begin a new conversation, in the same process."""
        self._report_unclaimed()
        self.session_id = None
        self._history = None
        if self._codec is not None:
            self._codec.forget_session()

    def read_from(self, session_id: str, mark: str) -> tuple[RequestUsage, ...] | None:
        """Give what the agent's log shows of a session since a stored mark."""
        history = self.kind.history(self.setup, session_id, mark or "0")
        return self._look(history) if mark else None

    def reconfigure(self, setup: Setup) -> None:
        """Take another setup; it holds from the next process on."""
        self.setup = setup
        self._redactor = Redactor(setup.env)

    # --- the process --------------------------------------------------------

    def _make(self, launch: Launch, codec: Codec) -> bool:
        stdout = self.setup.tmp / "stdout" if launch.stdout_to_file else None
        try:
            _empty(self.setup.tmp)
            if launch.diagnostics is not None:
                os.mkfifo(launch.diagnostics, 0o600)
            child = children.spawn(
                self.name, launch.argv, env=launch.env, cwd=launch.cwd, stdout_file=stdout
            )
        except OSError as error:
            self._hub.send(self.name, e.SpawnFailed(self._spawn_fault(launch, error)))
            return False
        assert child.stdin is not None
        self.child, self._codec = child, codec
        self._outbox = pipes.Outbox(child.stdin)
        self._gauge = Gauge(child.pid)
        self._tail = pipes.Tail()
        self._open_sessions = set()
        self._heard_at = anyio.current_time()
        self._hub.send(self.name, e.Spawned(child.pid))
        self._hub.attend(self.name, child, lambda: self._converse(child, codec, launch))
        return True

    async def _converse(self, child: Child, codec: Codec, launch: Launch) -> None:
        """Read and write until the child has exited and its pipes are empty."""
        exited, drained = anyio.Event(), anyio.Event()
        assert self._outbox is not None
        outbox = self._outbox
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._write, child, outbox)
            async with anyio.create_task_group() as reading:
                reading.start_soon(self._read_stdout, child, codec, launch, exited, drained)
                reading.start_soon(self._read_stderr, child)
                if launch.diagnostics is not None:
                    tasks.start_soon(self._read_diagnostics, launch.diagnostics)
                await child.exited()
                exited.set()
                if launch.stdout_to_file:
                    # A file has an end, however long it takes to read.
                    await drained.wait()
                # Somebody who left the group may hold the pipes open for ever.
                reading.cancel_scope.deadline = anyio.current_time() + DRAIN_SECONDS
            tasks.cancel_scope.cancel()

    async def _read_stdout(
        self, child: Child, codec: Codec, launch: Launch, exited: anyio.Event, drained: anyio.Event
    ) -> None:
        assert child.stdout is not None
        source = (
            pipes.grown(child.stdout, exited)
            if launch.stdout_to_file
            else pipes.chunks(child.stdout)
        )
        async with aclosing(source):
            async for data in source:
                self._heard_at = anyio.current_time()
                self._hear(codec.receive(data))
                self._flush()
        drained.set()
        with anyio.move_on_after(LINGER_SECONDS):
            await exited.wait()
        # It closed its stdout and lives on: nobody can talk to it any more.
        child.signal_group(signal.SIGKILL)

    async def _read_stderr(self, child: Child) -> None:
        assert child.stderr is not None
        async with aclosing(pipes.chunks(child.stderr)) as source:
            async for data in source:
                self._heard_at = anyio.current_time()
                self._note_lines(self._tail.add(data))
        self._note_lines(self._tail.end())

    async def _read_diagnostics(self, fifo: Path) -> None:
        """Heed what the agent tells of its own doings, until the conversation ends."""
        lines = pipes.Tail()
        # Open for writing too, so that its end does not come before the agent's beginning.
        descriptor = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        try:
            async with aclosing(pipes.chunks(descriptor)) as source:
                async for data in source:
                    self._heard_at = anyio.current_time()
                    for line in lines.add(data):
                        self._note_retry(line)
        finally:
            os.close(descriptor)

    def _note_lines(self, lines: list[str]) -> None:
        for line in lines:
            self._note_retry(line)
        if lines:
            self._hub.wrote(self.name, [self._redactor.clean(line) for line in lines])

    async def _write(self, child: Child, outbox: pipes.Outbox) -> None:
        await outbox.flush()
        child.close_stdin()

    def farewell(self, child: Child, status: int) -> e.Exited:
        """Give the event for a child that has exited; the driver forgets it."""
        child.close()
        codec = self._codec
        self.child = self._codec = self._outbox = self._gauge = None
        self.vitals = Vitals()
        if self._awaited is not None:
            # It answered before it went, and its log grows no more.
            self._tell_ended(*self._awaited)
        elif self.turn is None:
            self._report_unclaimed()
        words = self._redactor.clean(self._tail.text)
        fault = self.kind.last_words(status, words) or self._crash_fault(status, words)
        if self.one_shot and codec is not None:
            fault = self._unanswered(codec.eof()) or fault
        return e.Exited(child.pid, status, fault)

    def _flush(self) -> None:
        if self._codec is not None and self._outbox is not None:
            self._outbox.send(self._codec.outgoing())

    # --- what it says -------------------------------------------------------

    def _hear(self, heard: list[Said]) -> None:
        for said in heard:
            self._note(said)
            self._hub.said(self.name, said)
            match said:
                case Opened():
                    if self.turn is None:
                        self._hub.send(self.name, e.HandshakeAnswered())
                case OpenFailed(fault):
                    self._hub.send(self.name, e.HandshakeFailed(fault))
                case PermissionAsked():
                    self._ask(said)
                case TurnEnded():
                    self._end_turn(said)
                case _:
                    pass
        if self._codec is not None and self._codec.settling and self._settling is not self._codec:
            self._settling = self._codec
            self._hub.background(self.name, partial(self._settle, self._codec))

    def _note(self, said: Said) -> None:
        if isinstance(said, Opened):
            self._open_session(said)
        elif isinstance(said, SessionLost):
            self.session_id, self._history = None, None
        if self.turn is not None:
            self.turn.transcript.add(said)
            if self.turn.waiting_for is not None:
                self.turn.waiting_for = None
                self._hub.said(self.name, Retrying(""))

    def _open_session(self, opened: Opened) -> None:
        self.model = opened.model or self.model
        self.agent_version = opened.agent_version or self.agent_version
        self._open_sessions.add(opened.session_id)
        if opened.session_id != self.session_id or self._history is None:
            # A new conversation's log is read from its beginning: it may be ahead of us.
            mark = "" if opened.resumed else "0"
            history = self.kind.history(self.setup, opened.session_id, mark)
            self._switch_to(opened.session_id, history)
            if self.turn is not None and history is not None:
                self.turn.log_mark = history.mark()
        if self._history is not None:
            self._history.tidy()
        if self.turn is not None:
            self.turn.session_id = opened.session_id

    def _switch_to(self, session_id: str, history: History | None) -> None:
        self.session_id, self._history = session_id, history

    def _ask(self, asked: PermissionAsked) -> None:
        public = self._hub.next_permission()
        self._permission_ids[public] = asked.request_id
        if self.turn is not None:
            self.turn.permissions[public] = (asked, datetime.now(UTC))
        options = tuple(Option(o.id, o.kind) for o in asked.options)
        self._hub.send(self.name, e.PermissionAsked(public, asked.tool_kind, options))

    def _end_turn(self, ended: TurnEnded) -> None:
        turn = self.turn
        if turn is None:
            return
        if ended.fault is not None and ended.fault.kind is FaultKind.SESSION_UNKNOWN:
            # It never got there: the next prompt goes where this one came from.
            self.session_id, self._history = turn.came_from
            turn.session_id = None
        turn.reported = ended.usage
        self._read_log(turn)
        self._awaited = turn, ended
        if turn.requests is not None and usage_missing(ended.usage, turn.requests):
            self._hub.background(self.name, lambda: self._await_log(turn, ended))
        else:
            self._tell_ended(turn, ended)

    async def _await_log(self, turn: LiveTurn, ended: TurnEnded) -> None:
        """The agent answers before its log is written: wait for the rest, but not long."""
        with anyio.move_on_after(LOG_PATIENCE_SECONDS):
            while self._awaits(turn) and usage_missing(ended.usage, turn.requests or ()):
                await anyio.sleep(LOG_LOOK_SECONDS)
                if self._awaits(turn):
                    self._read_log(turn)
        if self._awaits(turn):
            self._tell_ended(turn, ended)

    def _awaits(self, turn: LiveTurn) -> bool:
        """Whether the turn is still the one whose log is waited for; its process may go first."""
        return self._awaited is not None and self._awaited[0] is turn

    def _read_log(self, turn: LiveTurn) -> None:
        """Add what the agent's log shows now to the turn's requests."""
        more = self._look(self._history)
        if more is not None:
            turn.requests = (turn.requests or ()) + more

    def _look(self, history: History | None) -> tuple[RequestUsage, ...] | None:
        """Read on in the agent's log. Where that is beyond us, the detail is lost, not the turn."""
        if history is None:
            return None
        try:
            return history.read()
        except Exception:
            log.exception("history_not_read", agent=self.name)
            return None

    def _tell_ended(self, turn: LiveTurn, ended: TurnEnded) -> None:
        self._awaited = None
        outcome = _OUTCOMES[ended.stop]
        self._hub.send(self.name, e.TurnEnded(turn.prompt.id, outcome, ended.fault))

    async def _settle(self, codec: Codec) -> None:
        """Take a replay as over once the agent has been silent, if it did not say so."""
        while codec is self._codec and codec.settling:
            silent_until = self._heard_at + SETTLE_SECONDS
            if anyio.current_time() >= silent_until:
                self._hear(codec.settle())
                self._flush()
            await anyio.sleep_until(silent_until)
        if self._settling is codec:
            self._settling = None

    def _note_retry(self, line: str) -> None:
        reason = self.kind.retrying(line)
        if reason and self.turn is not None and reason != self.turn.waiting_for:
            self.turn.waiting_for = reason
            self._hub.said(self.name, Retrying(reason))

    def _report_unclaimed(self) -> None:
        """What the log shows between two turns came too late for the one before."""
        requests = self._look(self._history)
        if requests and self.session_id:
            self._hub.spent(self.name, self.session_id, requests)

    # --- faults -------------------------------------------------------------

    def _spawn_fault(self, launch: Launch, error: OSError) -> Fault:
        command = launch.argv[0]
        if not launch.cwd.is_dir():
            return Fault(
                FaultKind.BAD_CONFIG,
                f"The agent's working folder {launch.cwd} does not exist.",
                f"Make it, or mend `cwd` in `[agents.{self.name}]`; then `tars restart`.",
            )
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return Fault(
                FaultKind.NOT_INSTALLED,
                f"The agent's command `{command}` was not found.",
                self.kind.install_advice,
            )
        if isinstance(error, PermissionError):
            return Fault(
                FaultKind.BAD_CONFIG,
                f"The agent's command `{command}` may not be run: {os.strerror(error.errno or 0)}.",
                f"Mend `command` in `[agents.{self.name}]` or the rights; then `tars restart`.",
            )
        return Fault(FaultKind.CRASHED, f"The agent's process could not be made: {error.strerror}.")

    def _crash_fault(self, status: int, stderr: str) -> Fault | None:
        words = stderr.strip()[-LAST_WORDS:]
        if not words:
            return None
        how = f"was killed by signal {-status}" if status < 0 else f"exited with status {status}"
        return Fault(
            FaultKind.CRASHED,
            f"The agent {how}; the end of its stderr: {words}",
            f"`tars logs --agent {self.name}` shows all of it.",
        )

    def _unanswered(self, last: list[Said]) -> Fault | None:
        return next((s.fault for s in last if isinstance(s, TurnEnded) and s.fault), None)


def _main_model(usage: TurnUsage) -> str:
    """The model that most of the turn's tokens went to."""
    return max(usage.models, key=lambda m: m.input + m.output).model if usage.models else ""


def _empty(folder: Path) -> None:
    """Make the private folder anew, without what an earlier process left."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700, parents=True)
