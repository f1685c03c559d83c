"""What an ACP agent says in a turn, read in its dialect, from the first piece to the end."""

from msgspec import Raw

from tars.conversation.model import (
    ContextTold,
    RequestCounted,
    Retrying,
    Said,
    Stop,
    TextSaid,
    ThoughtSaid,
    ToolCallChanged,
    ToolStatus,
    TurnEnded,
)
from tars.errors import Fault
from tars.protocols import acp_messages as wire
from tars.protocols import acp_usage
from tars.protocols.acp_dialect import Dialect

#: How many of a turn's tool calls are remembered, for updates that leave the status out.
MAX_KNOWN_CALLS = 1024
#: How much of a turn's last piece is looked at, to see whether it is an error.
_LONGEST_PIECE = 4096


class TurnReader:
    """One process's. `dialect` is the agent's, and tells who counts."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._calls: dict[str, ToolStatus] = {}
        self._last_piece = ""

    def opened(self, session_id: str, *, resumed: bool) -> None:
        """A session is open."""
        if self.dialect.meter is not None:
            self.dialect.meter.opened(session_id, resumed=resumed)

    def began(self, session_id: str) -> None:
        """A turn begins in this session."""
        self._calls.clear()
        self._last_piece = ""
        if self.dialect.meter is not None:
            self.dialect.meter.began(session_id)

    def filled(self, session_id: str, filled: acp_usage.Filled) -> list[Said]:
        """The agent told of its context window, in a turn or after it (as Kimi does)."""
        if self.dialect.meter is not None:
            self.dialect.meter.filled(session_id, filled.used, filled.cost_microusd)
        # A window with nothing in it: opencode says so of a turn that failed.
        return [ContextTold(filled.used, filled.size)] if filled.used else []

    def read(self, update: TextSaid | ThoughtSaid | wire.ToolReport, raw: Raw) -> list[Said]:
        """Take an update of the turn under way; `raw` is all of it."""
        match update:
            case TextSaid():
                return self._piece(update, raw)
            case ThoughtSaid():
                return [update]
            case wire.ToolReport():  # pragma: no branch
                return [self._tool_call(update)]

    def ended(self, stop: Stop, ended: wire.PromptEnded | None, fault: Fault | None) -> list[Said]:
        """Give the end of the turn, with what it used. `ended` is the agent's own word."""
        meter = self.dialect.meter
        if meter is None:
            usage = None if ended is None else wire.reported_usage(ended)
            return [TurnEnded(stop, usage, fault)]
        answer = None if ended is None else acp_usage.of_end(ended.usage, ended.meta)
        request, usage = meter.ended(answer, whole=stop not in (Stop.CANCELLED, Stop.ERROR))
        if stop is Stop.DONE and (usage is None or not usage.input):
            fault = self.dialect.unveil(self._last_piece)
            stop = stop if fault is None else Stop.ERROR
        counted: list[Said] = [] if request is None else [RequestCounted(request)]
        return [*counted, TurnEnded(stop, usage, fault)]

    def _piece(self, said: TextSaid, raw: Raw) -> list[Said]:
        if (reason := self.dialect.asides.get(said.text.strip())) is not None:
            return [Retrying(reason)]
        self._last_piece = said.text[:_LONGEST_PIECE] or self._last_piece
        if (meter := self.dialect.meter) is None:
            return [said]
        message, counters, json = acp_usage.of_piece(raw)
        if message:
            meter.message(message)
        if counters is None:
            return [said]
        request = meter.called(counters, json)
        counted: list[Said] = [] if request is None else [RequestCounted(request)]
        return [said, *counted] if said.text else counted

    def _tool_call(self, report: wire.ToolReport) -> ToolCallChanged:
        if self.dialect.meter is not None:
            self.dialect.meter.tool()
        before = self._calls.pop(report.call_id, ToolStatus.PENDING)
        status = before if report.status is None else report.status
        self._calls[report.call_id] = status
        if len(self._calls) > MAX_KNOWN_CALLS:
            del self._calls[next(iter(self._calls))]
        return ToolCallChanged(
            report.call_id, status, report.title, report.kind, report.paths, report.output
        )
