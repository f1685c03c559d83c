"""What Claude Code used: request by request as they stream, and turn by turn in its results.

Three of its figures are never added up. The `usage` of `assistant` lines is that of the
message's beginning, and comes again with every block. A result's `usage` leaves subagents,
compaction and repeated requests out. A result's `modelUsage` adds up over the process, and
after a clean exit over the whole session.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from msgspec import Raw

from tars.agents.claude import messages as wire
from tars.conversation.model import ModelTokens, ReportedUsage, RequestUsage
from tars.protocols.jsonrpc import decoded

MICRO = 1_000_000
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


class Totals:
    """Turns the counters of a process's results into those of each turn."""

    def __init__(self) -> None:
        self._before: wire.ModelUsages = {}
        self._cost_before = 0.0

    def began_with(self, session: wire.Session) -> None:
        """What a resumed session had used before this process."""
        self._before = session.model_usage
        self._cost_before = session.total_cost_usd

    def of_turn(self, result: wire.Result, *, at_least: bool) -> ReportedUsage | None:
        """What the turn used, or None where the result does not say."""
        before, cost_before = self._before, self._cost_before
        if result.totals is not None:
            self._before = result.totals
        if result.total_cost_usd is not None:
            self._cost_before = result.total_cost_usd
        if result.since_last is not None:
            spent = result.since_last
            return _reported(spent, sum(used.cost_usd for used in spent.values()), at_least)
        if result.totals is None:
            return None
        spent = {
            model: _less(used, _same_model(before, model)) for model, used in result.totals.items()
        }
        dollars = result.total_cost_usd
        cost = None if dollars is None else max(0.0, dollars - _earlier(cost_before, dollars))
        return _reported(spent, cost, at_least)


def plain(model: str) -> str:
    """Leave out the mark of a larger context window: it comes and goes for the same model."""
    return model.removesuffix("[1m]")


def _reported(
    models: Mapping[str, wire.ModelUsage], cost: float | None, at_least: bool
) -> ReportedUsage:
    tokens: dict[str, ModelTokens] = {}
    for model, used in models.items():
        name = plain(model)
        tokens[name] = _sum(tokens.get(name), _tokens(name, used))
    told = tuple(t for t in tokens.values() if t.input or t.output or t.thoughts)
    return ReportedUsage(
        input=sum(t.input for t in told),
        output=sum(t.output for t in told),
        cached=sum(t.cached or 0 for t in told),
        thoughts=sum(t.thoughts or 0 for t in told),
        cache_write=sum(t.cache_write or 0 for t in told),
        models=told,
        cost_microusd=None if cost is None else round(cost * MICRO),
        at_least=at_least,
    )


def _tokens(model: str, used: wire.ModelUsage) -> ModelTokens:
    thoughts = min(used.thinking_tokens or 0, used.output_tokens)
    return ModelTokens(
        model=model,
        input=used.input_tokens + used.cache_read_input_tokens + used.cache_creation_input_tokens,
        output=used.output_tokens - thoughts,
        cached=used.cache_read_input_tokens,
        thoughts=thoughts,
        cache_write=used.cache_creation_input_tokens,
    )


def _sum(one: ModelTokens | None, other: ModelTokens) -> ModelTokens:
    if one is None:
        return other
    return ModelTokens(
        one.model,
        one.input + other.input,
        one.output + other.output,
        (one.cached or 0) + (other.cached or 0),
        (one.thoughts or 0) + (other.thoughts or 0),
        (one.cache_write or 0) + (other.cache_write or 0),
    )


def _less(now: wire.ModelUsage, before: wire.ModelUsage | None) -> wire.ModelUsage:
    """The difference of two totals. Totals that went down began anew."""
    if before is None or before.output_tokens > now.output_tokens:
        return now
    return wire.ModelUsage(
        max(0, now.input_tokens - before.input_tokens),
        now.output_tokens - before.output_tokens,
        max(0, now.cache_read_input_tokens - before.cache_read_input_tokens),
        max(0, now.cache_creation_input_tokens - before.cache_creation_input_tokens),
        max(0, (now.thinking_tokens or 0) - (before.thinking_tokens or 0)),
    )


def _same_model(totals: wire.ModelUsages, model: str) -> wire.ModelUsage | None:
    """A model's totals, whichever context window it was named with."""
    return next((used for name, used in totals.items() if plain(name) == plain(model)), None)


def _earlier(before: float, now: float) -> float:
    return before if before <= now else 0.0


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
