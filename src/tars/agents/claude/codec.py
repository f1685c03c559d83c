"""Claude Code over streaming JSON: one process, one conversation, many turns.

Rules:

- Ready means that `initialize` was answered. The conversation's id is chosen at the launch,
  because the agent tells it with the first turn only.
- One prompt at a time: the agent would melt several into one turn. A prompt carries an id,
  and its result names it: a turn that the agent began by itself ends with a result too.
- A new conversation is begun by `/clear`, which asks no model.
- An interrupt is heard only by a turn that has begun: it is sent again when it has.
- A line that is not JSON would end the process. Every line is made by an encoder.
"""

# ruff: noqa: ARG002 - a process has one conversation, whatever a prompt names

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import uuid4

from tars.agents.claude import faults
from tars.agents.claude import messages as wire
from tars.agents.claude.answers import SYNTHETIC, Answers
from tars.agents.claude.limits import Limits
from tars.agents.claude.outbox import Outbox
from tars.agents.claude.permissions import OpenPermissions
from tars.agents.claude.results import aborted, is_of, judged, words
from tars.agents.claude.totals import Totals
from tars.agents.claude.usage import plain
from tars.conversation.model import (
    ContextTold,
    Garbled,
    ModeChanged,
    Opened,
    OpenFailed,
    ReportedUsage,
    RequestCounted,
    Retrying,
    Said,
    SessionLost,
    Stop,
    TurnEnded,
    Unrecognised,
)
from tars.errors import Fault, FaultKind
from tars.protocols.codec import Opening
from tars.protocols.jsonrpc import decoded
from tars.protocols.lines import DEFAULT_LIMIT, Lines, TooLong

_CLEAR = "/clear"
# What is asked of the agent, and the ids of the questions.
_INITIALIZE, _GET_USAGE, _INTERRUPT = "initialize", "get_usage", "interrupt"


@dataclass(slots=True)
class _Turn:
    """A prompt until its end. It waits, unsent, while its conversation is being opened.

    `queued`: the agent has yet to finish what it began by itself. `begun`: it works at it.
    """

    text: str
    id: str
    sent: bool = False
    queued: bool = False
    begun: bool = False
    cancelled: bool = False


class Claude:
    """The codec of one process. `ignored` counts the lines that said nothing to tars.

    `now` gives seconds since the epoch, for what the agent tells as a delay.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: str(uuid4()),
        line_limit: int = DEFAULT_LIMIT,
    ) -> None:
        self.ignored = 0
        self._now = now
        self._new_id = new_id
        self._lines = Lines(line_limit)
        self._out = Outbox()
        self._permissions = OpenPermissions(self._out)
        self._answers = Answers()
        self._totals = Totals()
        self._opening = Opening(cwd="")
        self._handshaking = False
        self._ready = False
        self._session: str | None = None
        self._told_session = ""
        self._used = False
        self._forgotten = False
        self._clearing = ""
        self._turn: _Turn | None = None
        self._model = ""
        self._mode = ""
        self._limits = Limits()
        self._garbled = False
        self._readers: Mapping[str, Callable[[bytes], list[Said] | None]] = {
            "stream_event": self._streamed,
            "assistant": self._assistant,
            "user": self._answers.returned,
            "system/init": self._init,
            "system/status": self._status,
            "system/api_retry": self._api_retry,
            "command_lifecycle": self._lifecycle,
            "rate_limit_event": self._limits.changed,
            "control_request": self._asked,
            "control_cancel_request": self._permissions.withdrawn,
            "control_response": self._answered,
            "result": self._result,
        }

    # What the caller asks for.

    @property
    def session_id(self) -> str | None:
        """The session that the next prompt goes to; None when it gets a new one."""
        return None if self._forgotten else self._session

    @property
    def quiet_seconds(self) -> float | None:
        """Silence says nothing in this protocol."""
        return None

    def open(self, opening: Opening) -> None:
        """Begin the handshake. `Opened` or `OpenFailed` follows from `receive`."""
        self._opening = opening
        self._handshaking = True
        self._session = opening.new_id or opening.session_id
        self._used = not opening.new_id
        self._out.ask(_INITIALIZE, _INITIALIZE)
        if self._used:
            self._out.ask(_GET_USAGE, _GET_USAGE)

    def prompt(self, text: str, session_id: str | None = None) -> None:
        """Begin a turn in the conversation that this process has, or in a new one.

        The caller gives a prompt for another conversation to a process of its own: see
        `Launch.session_id`. Raises RuntimeError when a turn is under way.
        """
        if self._turn is not None:
            raise RuntimeError("A turn is under way; wait for its end.")
        self._turn = _Turn(text, self._new_id())
        self._pursue()

    def cancel(self) -> None:
        """Ask for the end of the turn under way; without one, do nothing."""
        turn = self._turn
        if turn is not None and not turn.cancelled:
            turn.cancelled = True
            if turn.begun:
                self._out.ask(_INTERRUPT, _INTERRUPT)

    def answer(self, request_id: str, option_id: str | None) -> None:
        """Answer a permission request; None says that the turn was cancelled."""
        self._permissions.answer(request_id, option_id)

    def forget_session(self) -> None:
        """Let the next prompt have a new session, in this process."""
        self._forgotten, self._told_session = True, ""

    def receive(self, data: bytes) -> list[Said]:
        """Take bytes from the agent's stdout, cut anywhere."""
        return [said for line in self._lines.feed(data) for said in self._hear(line)]

    def settle(self) -> list[Said]:
        """Do nothing: see `quiet_seconds`."""
        return []

    def eof(self) -> list[Said]:
        """The agent will say no more; what is under way ends with an error."""
        rest = self._lines.end()
        said = [] if rest is None else self._hear(rest)
        if self._handshaking:
            kind = FaultKind.PROTOCOL if self._garbled else FaultKind.CRASHED
            why = "speaks something else" if self._garbled else "ended before it was ready"
            said += self._not_opened(Fault(kind, f"Claude Code's process {why}."))
        if self._turn is not None:
            fault = Fault(FaultKind.CRASHED, "Claude Code's process ended.")
            used = ReportedUsage(0, 0, at_least=True) if self._turn.sent else None
            said += [*self._answers.rest(), *self._end_turn(Stop.ERROR, fault, used)]
        return said

    def outgoing(self) -> bytes:
        """Give the bytes for the agent's stdin, once."""
        return self._out.take()

    # What the agent says.

    def _hear(self, line: bytes | TooLong) -> list[Said]:
        if isinstance(line, TooLong):
            return [Garbled("a line longer than the limit", line.size)]
        tagged = decoded(line, wire.TAGGED)
        if tagged is None:
            self._garbled = True
            return [Garbled("not a stream-json line", len(line))]
        name = f"system/{tagged.subtype}" if tagged.type == "system" else tagged.type
        reader = self._readers.get(name)
        if reader is None:
            self.ignored += 1
            return [] if name in wire.SILENT else [Unrecognised(name[:100])]
        outside, said = self._turn is None, reader(line)
        for one in said or ():
            if outside and isinstance(one, RequestCounted):
                self._totals.told_outside(one.request)
        return [Garbled(f"a malformed {name} line", len(line))] if said is None else said

    def _streamed(self, line: bytes) -> list[Said] | None:
        said = self._answers.streamed(line)
        if said and any(isinstance(one, ContextTold) for one in said):
            # The model answers: the turn has surely begun.
            self._go_on()
        return said

    def _assistant(self, line: bytes) -> list[Said] | None:
        if (told := decoded(line, wire.ASSISTANT)) is None:
            return None
        if told.message.model == SYNTHETIC:
            # An error in an answer's clothes: the result tells it.
            return self._limits.told(told.api_error_params)
        return self._answers.told(told)

    def _init(self, line: bytes) -> list[Said] | None:
        if (init := decoded(line, wire.INIT)) is None:
            return None
        self._model = init.model or self._model
        said: list[Said] = []
        if init.session_id != self._told_session:
            self._session = self._told_session = init.session_id
            said.append(Opened(init.session_id, False, plain(init.model), init.permission_mode))
        if not self._clearing:
            self._go_on()
        return said + self._mode_is(init.permission_mode)

    def _status(self, line: bytes) -> list[Said] | None:
        if (told := decoded(line, wire.STATUS)) is None:
            return None
        self._go_on()
        said = self._mode_is(told.permission_mode or "")
        if told.status == "compacting" and self._turn is not None:
            said.append(Retrying("the conversation, which is being made shorter"))
        return said

    def _mode_is(self, mode: str) -> list[Said]:
        before, self._mode = self._mode, mode or self._mode
        return [ModeChanged(mode)] if before and self._mode != before else []

    def _lifecycle(self, line: bytes) -> list[Said] | None:
        if (told := decoded(line, wire.LIFECYCLE)) is None:
            return None
        turn = self._turn
        if turn is not None and told.command_uuid == turn.id and told.state != "completed":
            turn.queued = told.state == "queued"
            # What it says until then is no answer to this prompt.
            hear = self._answers.end if turn.queued else self._answers.begin
            hear()
        return []

    def _api_retry(self, line: bytes) -> list[Said] | None:
        if (retry := decoded(line, wire.API_RETRY)) is None:
            return None
        reason = faults.retrying(retry.error_status, retry.error or "", retry.attempt)
        until = self._now() + retry.retry_delay_ms / 1000
        return [Retrying(reason, until)] if self._turn is not None else []

    # Its questions.

    def _asked(self, line: bytes) -> list[Said] | None:
        wanted = self._turn is not None and not self._turn.cancelled
        return self._permissions.asked(line, wanted=wanted)

    # Its answers.

    def _answered(self, line: bytes) -> list[Said] | None:
        if (told := decoded(line, wire.CONTROL_RESPONSE)) is None:
            return None
        answer = told.response
        if answer.request_id == _INITIALIZE and self._handshaking:
            return self._greeted(answer)
        if answer.request_id == _GET_USAGE:
            used = decoded(answer.response, wire.USAGE_GOT)
            if used is not None:
                self._totals.began_with(used.session)
        return []

    def _greeted(self, answer: wire.Answered) -> list[Said]:
        hello = decoded(answer.response, wire.INITIALIZED)
        if answer.subtype != "success" or hello is None:
            said = answer.error or "its answer to initialize is malformed."
            return self._not_opened(Fault(FaultKind.PROTOCOL, f"Claude Code did not begin: {said}"))
        if hello.account is not None and hello.account.signs_with_nothing:
            return self._not_opened(faults.NOT_SIGNED_IN)
        self._handshaking, self._ready = False, True
        self._mode = hello.mode or self._opening.mode
        lost = self._opening.session_id if self._opening.new_id else None
        reason = "Claude Code no longer has this conversation."
        self._told_session = self._session or ""
        model = hello.model(self._opening.model)
        opened = Opened(self._told_session, self._used, model, self._mode, hello.version or "")
        return [*([SessionLost(lost, reason)] if lost else []), opened, *self._pursue()]

    def _not_opened(self, fault: Fault) -> list[Said]:
        self._handshaking = False
        said: list[Said] = []
        if fault.kind is FaultKind.SESSION_UNKNOWN and self._turn is None and self._session:
            said.append(SessionLost(self._session, fault.message))
        said.append(OpenFailed(fault))
        if self._turn is not None:
            stop = Stop.CANCELLED if self._turn.cancelled else Stop.ERROR
            said += self._end_turn(stop, fault if stop is Stop.ERROR else None)
        return said

    # How a turn runs.

    def _pursue(self) -> list[Said]:
        """Bring the turn one step on: begin a new conversation for it, or send it."""
        turn = self._turn
        if turn is None or turn.sent or not self._ready or self._clearing:
            return []
        if turn.cancelled:
            return self._end_turn(Stop.CANCELLED)
        if self._forgotten and self._used:
            self._clearing = self._new_id()
            self._out.prompt(_CLEAR, self._clearing)
            return []
        self._forgotten, self._used, turn.sent = False, True, True
        self._answers.begin()
        self._out.prompt(turn.text, turn.id)
        return []

    def _go_on(self) -> None:
        """The agent works: what it could not hear before, it hears now."""
        turn = self._turn
        if turn is not None and turn.sent and not turn.queued:
            turn.begun = True
            if turn.cancelled:
                self._out.ask(_INTERRUPT, _INTERRUPT)

    def _result(self, line: bytes) -> list[Said] | None:
        if (result := decoded(line, wire.RESULT)) is None:
            return None
        if self._handshaking:
            return self._not_opened(faults.opening(words(result)))
        rest = self._answers.rest()
        turn = self._turn
        if self._clearing and is_of(result, self._clearing):
            return rest + self._cleared(result)
        if turn is None or not turn.sent or not is_of(result, turn.id, queued=turn.queued):
            # It woke up by itself, for a task in the background.
            self._totals.of_nobody(result)
            return rest
        used = self._totals.of_turn(result, at_least=aborted(result))
        if not result.is_error and not self._answers.spoke:
            # What a command of Claude Code's own prints is there alone.
            rest += self._answers.speak(result.result or "")
        rest += self._answers.window_is(result.totals or {}, self._model)
        return rest + self._end_turn(
            *judged(result, cancelled=turn.cancelled, limit_ends=self._limits.ends), used
        )

    def _cleared(self, result: wire.Result) -> list[Said]:
        """The new conversation is there; its totals begin anew."""
        self._clearing = ""
        if result.is_error:
            return self._end_turn(*judged(result, cancelled=False, limit_ends=None))
        self._forgotten = self._used = False
        self._totals = Totals()
        return self._pursue()

    def _end_turn(
        self, stop: Stop, fault: Fault | None = None, used: ReportedUsage | None = None
    ) -> list[Said]:
        self._turn = None
        self._answers.end()
        self._permissions.forget_all()
        return [TurnEnded(stop, used, fault)]
