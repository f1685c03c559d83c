"""Gemini CLI's `--output-format stream-json`: one process per prompt, one event per line.

    {"type":"init","session_id":…,"model":…}
    {"type":"message","role":"user"|"assistant","content":…}
    {"type":"tool_use","tool_id":…,"tool_name":…}
    {"type":"tool_result","tool_id":…,"status":"success"|"error","output":…}
    {"type":"error","severity":"error"|"warning","message":…}
    {"type":"result","status":"success"|"error","error":…,"stats":{…}}

Success is a result line with the status "success", and nothing else: the CLI exits with 0
when it is terminated, and when its answer was cut off. The prompt is all of stdin: the
caller closes stdin after it. There is no cancel but a signal, so that a cancelled prompt
without a result was cancelled.
"""

from collections.abc import Callable, Mapping

import msgspec

from tars.conversation.model import (
    Garbled,
    ModelTokens,
    Opened,
    OpenFailed,
    ReportedUsage,
    Said,
    SessionLost,
    Stop,
    TextSaid,
    ToolCallChanged,
    ToolStatus,
    TurnEnded,
)
from tars.errors import Fault, FaultKind
from tars.protocols import faults
from tars.protocols.codec import Opening
from tars.protocols.counts import Count
from tars.protocols.jsonrpc import RpcError, decoded
from tars.protocols.lines import DEFAULT_LIMIT, Lines, TooLong


class _Init(msgspec.Struct):
    session_id: str
    model: str = ""


class _Message(msgspec.Struct):
    role: str
    content: str


class _ToolUse(msgspec.Struct):
    tool_id: str
    tool_name: str = ""


class _ToolResult(msgspec.Struct):
    tool_id: str
    status: str
    output: str | None = None


class _ErrorLine(msgspec.Struct):
    message: str
    severity: str = "error"


class _Trouble(msgspec.Struct):
    """A result's `error`."""

    message: str
    type: str = ""


class _Tokens(msgspec.Struct):
    """`input_tokens` includes `cached`, `output_tokens` leaves thoughts out of the total."""

    total_tokens: Count
    input_tokens: Count
    output_tokens: Count
    cached: Count = 0

    @property
    def thoughts(self) -> int:
        return max(0, self.total_tokens - self.input_tokens - self.output_tokens)


class _Stats(_Tokens, kw_only=True):
    models: dict[str, _Tokens] = {}


class _Result(msgspec.Struct):
    status: str
    error: _Trouble | None = None
    stats: msgspec.Raw = msgspec.Raw(b"null")


class _Tagged(msgspec.Struct):
    type: str


_TAGGED = msgspec.json.Decoder(_Tagged)
_INIT = msgspec.json.Decoder(_Init)
_MESSAGE = msgspec.json.Decoder(_Message)
_TOOL_USE = msgspec.json.Decoder(_ToolUse)
_TOOL_RESULT = msgspec.json.Decoder(_ToolResult)
_ERROR_LINE = msgspec.json.Decoder(_ErrorLine)
_RESULT = msgspec.json.Decoder(_Result)
_STATS = msgspec.json.Decoder(_Stats)


class StreamJson:
    """The codec of one process for one prompt.

    `ignored` counts the lines that made sense but said nothing to tars.
    """

    def __init__(
        self, *, classify: faults.Classify = faults.classify, line_limit: int = DEFAULT_LIMIT
    ) -> None:
        self.ignored = 0
        self._classify = classify
        self._lines = Lines(line_limit)
        self._out = b""
        self._wanted: str | None = None
        self._current: str | None = None
        self._opening = False
        self._in_turn = False
        self._cancelled = False
        self._trouble: _Trouble | None = None
        self._readers: Mapping[str, Callable[[bytes], list[Said] | None]] = {
            "init": self._init,
            "message": self._message,
            "tool_use": self._tool_use,
            "tool_result": self._tool_result,
            "error": self._error,
            "result": self._result,
        }

    @property
    def session_id(self) -> str | None:
        """The session that the next prompt goes to; None when it gets a new one."""
        return self._current

    @property
    def quiet_seconds(self) -> float | None:
        """Silence says nothing in this protocol."""
        return None

    def open(self, opening: Opening) -> None:
        """Note what the process was started for; its first line is the answer."""
        self._wanted = self._current = opening.session_id
        self._opening = True

    def prompt(self, text: str, session_id: str | None = None) -> None:
        """Begin the turn. The process was started for this session: see `Kind.launch`.

        Raises RuntimeError when a turn is under way.
        """
        if self._in_turn:
            raise RuntimeError("A turn is under way; wait for its end.")
        if session_id is not None:
            self._wanted = self._current = session_id
        self._in_turn = True
        self._out = text.encode("utf-8", "replace")

    def cancel(self) -> None:
        """Note that the caller is about to end the process."""
        self._cancelled = self._in_turn

    def answer(self, request_id: str, option_id: str | None) -> None:
        """Do nothing: this protocol asks for no permissions."""

    def forget_session(self) -> None:
        """Let the next prompt have a new session."""
        self._current = None

    def receive(self, data: bytes) -> list[Said]:
        """Take bytes from the agent's stdout, cut anywhere."""
        return [said for line in self._lines.feed(data) for said in self._hear(line)]

    def settle(self) -> list[Said]:
        """Do nothing: see `quiet_seconds`."""
        return []

    def eof(self) -> list[Said]:
        """The process will say no more; a turn without a result ends here."""
        rest = self._lines.end()
        said = [] if rest is None else self._hear(rest)
        return said + self._end()

    def outgoing(self) -> bytes:
        """Give the bytes for the agent's stdin, once."""
        out, self._out = self._out, b""
        return out

    def _hear(self, line: bytes | TooLong) -> list[Said]:
        if isinstance(line, TooLong):
            return [Garbled("a line longer than the limit", line.size)]
        tagged = decoded(line, _TAGGED)
        if tagged is None:
            return [Garbled("not a stream-json event", len(line))]
        reader = self._readers.get(tagged.type)
        if reader is None:
            return self._ignore()
        said = reader(line)
        return [Garbled(f"a malformed {tagged.type} event", len(line))] if said is None else said

    def _init(self, line: bytes) -> list[Said] | None:
        if (init := decoded(line, _INIT)) is None:
            return None
        self._opening = False
        self._current = init.session_id
        opened = Opened(init.session_id, self._wanted == init.session_id, init.model)
        if self._wanted in (None, init.session_id):
            return [opened]
        return [SessionLost(self._wanted or "", "The agent began another session."), opened]

    def _message(self, line: bytes) -> list[Said] | None:
        if (message := decoded(line, _MESSAGE)) is None:
            return None
        if message.role != "assistant" or not self._in_turn:
            return self._ignore()
        return [TextSaid(message.content)]

    def _tool_use(self, line: bytes) -> list[Said] | None:
        if (use := decoded(line, _TOOL_USE)) is None:
            return None
        if not self._in_turn:
            return self._ignore()
        return [ToolCallChanged(use.tool_id, ToolStatus.RUNNING, use.tool_name)]

    def _tool_result(self, line: bytes) -> list[Said] | None:
        if (result := decoded(line, _TOOL_RESULT)) is None:
            return None
        if not self._in_turn:
            return self._ignore()
        status = ToolStatus.COMPLETED if result.status == "success" else ToolStatus.FAILED
        return [ToolCallChanged(result.tool_id, status, output=result.output or "")]

    def _error(self, line: bytes) -> list[Said] | None:
        if (error := decoded(line, _ERROR_LINE)) is None:
            return None
        if error.severity != "warning":
            self._trouble = _Trouble(error.message)
        return self._ignore()

    def _result(self, line: bytes) -> list[Said] | None:
        if (result := decoded(line, _RESULT)) is None:
            return None
        if not self._in_turn:
            return self._ignore()
        usage = _usage(decoded(result.stats, _STATS))
        if result.status == "success":
            return self._end_turn(TurnEnded(Stop.DONE, usage))
        if self._cancelled:
            return self._end_turn(TurnEnded(Stop.CANCELLED, usage))
        # The result of an empty or a blocked answer leaves the reason to the line before.
        trouble = result.error or self._trouble or _Trouble("The agent gave no reason.")
        fault = self._classify(RpcError(0, trouble.message, trouble.type))
        return self._end_turn(TurnEnded(Stop.ERROR, usage, fault))

    def _end(self) -> list[Said]:
        opening, self._opening = self._opening, False
        if self._in_turn and self._cancelled:
            return self._end_turn(TurnEnded(Stop.CANCELLED))
        if self._in_turn:
            fault = Fault(FaultKind.CRASHED, "The agent's process ended without a result.")
            return self._end_turn(TurnEnded(Stop.ERROR, fault=fault))
        if opening:
            fault = Fault(FaultKind.CRASHED, "The agent's process ended before it said anything.")
            return [OpenFailed(fault)]
        return []

    def _end_turn(self, ended: TurnEnded) -> list[Said]:
        self._in_turn = self._cancelled = False
        self._trouble = None
        return [ended]

    def _ignore(self) -> list[Said]:
        self.ignored += 1
        return []


def _usage(stats: _Stats | None) -> ReportedUsage | None:
    if stats is None:
        return None
    return ReportedUsage(
        stats.input_tokens,
        stats.output_tokens,
        stats.cached,
        stats.thoughts,
        tuple(
            ModelTokens(name, used.input_tokens, used.output_tokens, used.cached, used.thoughts)
            for name, used in stats.models.items()
        ),
    )
