"""What a thread's requests to the model used, each counted once.

Two messages tell it. `rawResponse/completed` comes once for each response, with its id, but
only in a thread that was *started* with raw events: in a resumed one it never comes (Codex
0.169). `thread/tokenUsage/updated` comes always, and again: on failed and interrupted turns,
around a compaction, and after a resume with the turn of long ago. So it stands in where a
thread sends no raw events, and its `last` counts when three things hold: `total` is another
one than before, the turn is the one under way, and `last` is not nothing. `total` itself is
no sum to take differences of: a full context window sets it to 0.
"""

from msgspec import Raw

from tars.agents.codex import messages as wire
from tars.conversation.model import ReportedUsage, RequestUsage
from tars.protocols.jsonrpc import decoded

#: How many responses of a thread are remembered, lest one is counted again.
MAX_REMEMBERED = 1024

NOTHING = ReportedUsage(0, 0, cached=0, thoughts=0, cache_write=0, at_least=True)


class Meter:
    """One thread's. `model` is what answers there now, `subagent` the name of the subagent
    whose thread it is, or empty."""

    def __init__(self, model: str = "", *, subagent: str = "") -> None:
        self.model = model
        self._subagent = subagent
        self._total: wire.Tokens | None = None
        self._counted: dict[str, None] = {}
        self._raw_events = False
        self._stood_in: tuple[str, wire.Tokens] | None = None

    def completed(self, told: wire.ResponseCompleted) -> RequestUsage | None:
        """Count a response, if it has not been counted."""
        self._raw_events = True
        tokens = decoded(told.usage, wire.TOKENS)
        before, self._stood_in = self._stood_in, None
        if tokens is None or before == (told.turn_id, tokens):
            return None
        return self._count(told.response_id, tokens, told.usage)

    def updated(self, told: wire.TokenUsageUpdated, running: str | None) -> RequestUsage | None:
        """Count the last response where no raw events tell it; `running` is the turn under way."""
        usage = told.token_usage
        same, self._total = usage.total == self._total, usage.total
        last = decoded(usage.last, wire.TOKENS)
        if same or self._raw_events or told.turn_id != running or last is None or last.nothing:
            return None
        self._stood_in = told.turn_id, last
        return self._count(f"{told.turn_id}/{usage.total.total_tokens}", last, usage.last)

    def _count(self, id: str, tokens: wire.Tokens, raw: Raw) -> RequestUsage | None:
        if id in self._counted:
            return None
        self._counted[id] = None
        if len(self._counted) > MAX_REMEMBERED:
            del self._counted[next(iter(self._counted))]
        return request_usage(
            id, self.model, tokens, raw=bytes(raw).decode(), subagent=self._subagent
        )


def request_usage(
    id: str,
    model: str,
    tokens: wire.Tokens,
    *,
    raw: str,
    at: str = "",
    subagent: str = "",
) -> RequestUsage:
    """Translate Codex's counters, in which output includes reasoning."""
    thoughts = min(tokens.reasoning_output_tokens, tokens.output_tokens)
    written = tokens.cache_write_input_tokens
    # The sum tells whether a provider counts what it wrote to its cache apart from the input.
    apart = written and tokens.total_tokens == tokens.input_tokens + written + tokens.output_tokens
    return RequestUsage(
        id=id,
        model=model,
        input=tokens.input_tokens + (written if apart else 0),
        output=tokens.output_tokens - thoughts,
        cached=tokens.cached_input_tokens,
        cache_write=written,
        thoughts=thoughts,
        at=at,
        raw=raw,
        subagent=subagent,
    )


def at_least(used: ReportedUsage, request: RequestUsage) -> ReportedUsage:
    """Add a request to what a turn has used, in case that it is cut short: of its last
    request nobody tells anything then."""
    return ReportedUsage(
        input=used.input + request.input,
        output=used.output + request.output,
        cached=(used.cached or 0) + request.cached,
        thoughts=(used.thoughts or 0) + request.thoughts,
        cache_write=(used.cache_write or 0) + request.cache_write,
        requests=used.requests + 1,
        at_least=True,
    )
