"""What Claude Code used, request by request as they stream.

The `usage` of an `assistant` line is never added up: it is that of the message's beginning,
and comes again with every block.
"""

from dataclasses import dataclass, replace

from msgspec import Raw

from tars.agents.claude import messages as wire
from tars.conversation.model import RequestUsage
from tars.protocols.jsonrpc import decoded

#: Raw counters larger than this are not kept; they would be none.
_RAW_LIMIT = 4096
#: How many requests may be under way at once; more are not told apart.
_MAX_OPEN = 64
#: How many ids of requests are remembered, so that none is counted twice.
_MAX_KNOWN = 4096


@dataclass(frozen=True, slots=True)
class _Open:
    """A request whose answer streams in. `raw` are the last counters that were told."""

    id: str
    model: str
    subagent: str
    raw: bytes
    usage: wire.Usage


class Requests:
    """The requests of one process, each given once. A subagent's are kept apart by the id of
    the tool call that began it."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._known: dict[str, None] = {}

    def streams(self, id: str) -> bool:
        """Whether this message's events were seen."""
        return id in self._known or any(request.id == id for request in self._open.values())

    def began(self, message: wire.Started, subagent: str) -> list[RequestUsage]:
        """An answer begins; one that never ended is given as far as it came."""
        abandoned = self.ended(subagent)
        usage = decoded(message.usage, wire.USAGE)
        if usage is not None and message.id and len(self._open) < _MAX_OPEN:
            raw = bytes(message.usage)
            self._open[subagent] = _Open(message.id, plain(message.model), subagent, raw, usage)
        return abandoned

    def moved(self, usage: Raw, subagent: str) -> None:
        """The counters moved on; what they leave out is as it was."""
        request, now = self._open.get(subagent), decoded(usage, wire.USAGE)
        if request is not None and now is not None:
            merged = _merged(request.usage, now)
            self._open[subagent] = replace(request, usage=merged, raw=bytes(usage))

    def ended(self, subagent: str) -> list[RequestUsage]:
        """The answer is there, or will never be."""
        request = self._open.pop(subagent, None)
        return [] if request is None else self._given(request)

    def whole(self, message: wire.Message, subagent: str) -> list[RequestUsage]:
        """A message that did not stream: its counters are final where it says why it stopped."""
        usage = decoded(message.usage, wire.USAGE)
        if usage is None or message.stop_reason is None or self.streams(message.id):
            return []
        model, raw = plain(message.model), bytes(message.usage)
        return self._given(_Open(message.id, model, subagent, raw, usage))

    def all_ended(self) -> list[RequestUsage]:
        """The turn is over: what is still open was cut short, and is given as far as it came."""
        return [request for subagent in tuple(self._open) for request in self.ended(subagent)]

    def input_of(self, subagent: str) -> int:
        """The context of the request under way, in tokens."""
        request = self._open.get(subagent)
        return 0 if request is None else _input(request.usage)

    def _given(self, request: _Open) -> list[RequestUsage]:
        if request.id in self._known:
            return []
        self._known[request.id] = None
        if len(self._known) > _MAX_KNOWN:
            del self._known[next(iter(self._known))]
        return [counted(request.id, request.model, request.usage, request.raw, request.subagent)]


def counted(
    id: str, model: str, usage: wire.Usage, raw: bytes, subagent: str = "", at: str = ""
) -> RequestUsage:
    """Translate the model API's counters."""
    thoughts = usage.output_tokens_details and usage.output_tokens_details.thinking_tokens
    output = usage.output_tokens or 0
    thoughts = min(thoughts or 0, output)
    return RequestUsage(
        id=id,
        model=plain(model),
        input=_input(usage),
        output=output - thoughts,
        cached=usage.cache_read_input_tokens or 0,
        cache_write=usage.cache_creation_input_tokens or 0,
        thoughts=thoughts,
        at=at,
        raw=raw.decode("utf-8", "replace") if len(raw) <= _RAW_LIMIT else "",
        subagent=subagent,
    )


def plain(model: str) -> str:
    """Leave out the mark of a larger context window: it comes and goes for the same model."""
    return model.removesuffix("[1m]")


def _merged(before: wire.Usage, now: wire.Usage) -> wire.Usage:
    return wire.Usage(
        *(
            getattr(before if getattr(now, name) is None else now, name)
            for name in now.__struct_fields__
        )
    )


def _input(usage: wire.Usage) -> int:
    return (
        (usage.input_tokens or 0)
        + (usage.cache_read_input_tokens or 0)
        + (usage.cache_creation_input_tokens or 0)
    )
