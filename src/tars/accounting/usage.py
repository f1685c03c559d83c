"""Tokens: what an agent reported, what its log shows, and what the two make together.

Two vocabularies meet here. A turn's usage and session.json speak as the agents do:
input includes cached tokens, output leaves thoughts out. The ledger is disjoint and
adds up: net input + cache read + cache write + output (with reasoning) = total.
`Ledger.of` is the only place that translates.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from tars.conversation.model import ReportedUsage, RequestUsage, Scope


class Source(StrEnum):
    """Where a turn's figures came from."""

    OFFICIAL = "official"  # the agent's own report over its protocol
    LOG = "log"  # the agent's log on disk, where the protocol said less or nothing
    # Neither could be read, so that the figures are a lower bound; or the report is rounded.
    ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """A turn's tokens of one model; the fields mean the same as in `TurnUsage`."""

    model: str
    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    thoughts: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class TurnUsage:
    """What one turn used, in tokens.

    `input`, `output`, `cached`, `cache_write` and `thoughts` are sums over the turn's
    model requests, those of its subagents too; `input` includes `cached` and `cache_write`,
    and `net` is the sum of max(0, input - cached). `context` and
    `context_cached` are of the *last* request: the size of the context window now.
    `context_is_sum` marks the turns where only sums are known, so that the sum had to
    stand in for the context. `requests` is 0 where their number is not known.
    `cost_microusd` is the agent's own figure, in millionths of a US dollar, or None.
    `at_least`: the turn was cut short, and more may have been used than was counted.
    `subagent_tokens` are those of the sums that subagents used, where that is known.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    thoughts: int = 0
    net: int = 0
    context: int = 0
    context_cached: int = 0
    requests: int = 0
    tool_calls: int = 0
    source: Source = Source.ESTIMATE
    context_is_sum: bool = False
    cost_microusd: int | None = None
    at_least: bool = False
    subagent_tokens: int = 0
    models: tuple[ModelUsage, ...] = ()

    @property
    def counted(self) -> bool:
        """At least one token was counted."""
        return bool(self.input or self.output or self.thoughts)


def reconcile(
    reported: ReportedUsage | None,
    logged: Iterable[RequestUsage] | None,
    *,
    told: Iterable[RequestUsage] = (),
    tool_calls: int = 0,
) -> TurnUsage:
    """Make one turn's usage from the agent's report and its log.

    `told` are the requests that the protocol counted one by one: with them the log has a say
    only of subagents that the report has in its sums, and the larger of the report and their
    sum is taken. Counters of more than a request, and those that nobody could read, are there
    for the record alone.

    `reported` is None when the protocol said nothing (a cancelled or failed turn);
    `logged` is None when the log could not be read. Where both agree, the log gives
    the detail. Where the report is larger (attempts that the log leaves out), the
    sums are the report's and the detail the log's. Where the log is larger (a turn
    that was ended with usage 0/0), the log is the truth.
    """
    requests = None if logged is None else tuple(logged)
    if counted := tuple(r for r in told if _counts(r)):
        return _official(reported, counted + _only_summed(reported, counted, requests), tool_calls)
    if requests:
        seen = _from_requests(requests, tool_calls)
        if reported is None or _below(reported, seen):
            return seen
        if (reported.input, reported.output) == (seen.input, seen.output):
            return replace(seen, source=Source.OFFICIAL)
        return replace(_stretched(seen, reported), cost_microusd=reported.cost_microusd)
    if reported is not None:
        return _from_report(reported, tool_calls)
    source = Source.ESTIMATE if requests is None else Source.LOG
    return TurnUsage(tool_calls=tool_calls, source=source)


def usage_missing(reported: ReportedUsage | None, logged: Iterable[RequestUsage]) -> bool:
    """Say whether the log does not show yet all that the agent reported."""
    if reported is None:
        return False
    rows = tuple(logged)
    return (
        sum(r.input for r in rows) < reported.input or sum(r.output for r in rows) < reported.output
    )


@dataclass(frozen=True, slots=True)
class Ledger:
    """The disjoint view of a turn: `total` is the sum of the four kinds.

    `output` includes `reasoning`.
    """

    net_input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int

    @property
    def total(self) -> int:
        return self.net_input + self.cache_read + self.cache_write + self.output

    @classmethod
    def of(cls, usage: TurnUsage) -> "Ledger":
        """Translate an agent's vocabulary into the ledger's.

        Gemini's promptTokenCount includes cachedContentTokenCount, and its
        candidatesTokenCount excludes thoughtsTokenCount, which is billed as output. What was
        written to a cache was not read from one: it is in `net`.
        """
        return cls(
            net_input=max(0, usage.net - usage.cache_write),
            cache_read=usage.cached,
            cache_write=usage.cache_write,
            output=usage.output + usage.thoughts,
            reasoning=usage.thoughts,
        )


def _counts(request: RequestUsage) -> bool:
    return request.scope is Scope.REQUEST and bool(
        request.input or request.output or request.thoughts
    )


def _official(
    reported: ReportedUsage | None, told: tuple[RequestUsage, ...], tool_calls: int
) -> TurnUsage:
    seen = replace(_from_requests(told, tool_calls), source=Source.OFFICIAL)
    if reported is None:
        return seen
    whole = seen if _below(reported, seen) else _stretched(seen, reported)
    return replace(whole, cost_microusd=reported.cost_microusd, at_least=reported.at_least)


def _only_summed(
    reported: ReportedUsage | None,
    told: tuple[RequestUsage, ...],
    logged: tuple[RequestUsage, ...] | None,
) -> tuple[RequestUsage, ...]:
    """The subagents' requests that are in the report's sums alone: the log has them one by one.

    They are taken where they fit in, so that nothing is counted twice.
    """
    if reported is None or logged is None:
        return ()
    known = {r.id for r in told}
    more = tuple(r for r in logged if r.subagent and r.id not in known)
    both = (*told, *more)
    input, output = sum(r.input for r in both), sum(r.output for r in both)
    return more if input <= reported.input and output <= reported.output else ()


def _from_requests(requests: tuple[RequestUsage, ...], tool_calls: int) -> TurnUsage:
    # The context window that matters is the agent's own, not a subagent's.
    last = next((r for r in reversed(requests) if not r.subagent), requests[-1])
    costs = [r.cost_microusd for r in requests if r.cost_microusd is not None]
    return TurnUsage(
        input=sum(r.input for r in requests),
        output=sum(r.output for r in requests),
        cached=sum(r.cached for r in requests),
        cache_write=sum(r.cache_write for r in requests),
        thoughts=sum(r.thoughts for r in requests),
        net=sum(max(0, r.input - r.cached) for r in requests),
        context=last.input,
        context_cached=last.cached,
        requests=len(requests),
        tool_calls=tool_calls,
        source=Source.LOG,
        cost_microusd=sum(costs) if costs else None,
        subagent_tokens=sum(r.input + r.output + r.thoughts for r in requests if r.subagent),
        models=_by_model(requests),
    )


def _from_report(reported: ReportedUsage, tool_calls: int) -> TurnUsage:
    cached = reported.cached or 0
    nothing = not (reported.input or reported.output)
    return TurnUsage(
        input=reported.input,
        output=reported.output,
        cached=cached,
        cache_write=reported.cache_write or 0,
        thoughts=reported.thoughts or 0,
        net=max(0, reported.input - cached),
        context=reported.input,
        context_cached=cached,
        requests=reported.requests,
        tool_calls=tool_calls,
        # A turn costs something: a report of nothing at all is a report that is missing.
        source=Source.ESTIMATE if nothing or reported.estimated else Source.OFFICIAL,
        # One request's sum is its context.
        context_is_sum=reported.requests != 1,
        cost_microusd=reported.cost_microusd,
        at_least=reported.at_least,
        models=_reported_models(reported),
    )


def _reported_models(reported: ReportedUsage) -> tuple[ModelUsage, ...]:
    return tuple(
        ModelUsage(m.model, m.input, m.output, m.cached or 0, m.cache_write or 0, m.thoughts or 0)
        for m in reported.models
    )


def _stretched(seen: TurnUsage, reported: ReportedUsage) -> TurnUsage:
    """The report's sums over the requests' detail; what they left out counts as fresh input."""
    cached = seen.cached if reported.cached is None else reported.cached
    written = seen.cache_write if reported.cache_write is None else reported.cache_write
    agree = (reported.input, reported.output) == (seen.input, seen.output)
    return replace(
        seen,
        input=reported.input,
        output=reported.output,
        cached=cached,
        # The rest of the input is an upper bound for what the report leaves open.
        cache_write=min(written, max(0, reported.input - cached)),
        thoughts=seen.thoughts if reported.thoughts is None else reported.thoughts,
        net=max(0, reported.input - cached),
        requests=max(seen.requests, reported.requests),
        source=Source.OFFICIAL,
        models=seen.models if agree or not reported.models else _reported_models(reported),
    )


def _by_model(requests: tuple[RequestUsage, ...]) -> tuple[ModelUsage, ...]:
    models: dict[str, ModelUsage] = {}
    for r in requests:
        was = models.get(r.model, ModelUsage(r.model, 0, 0))
        models[r.model] = ModelUsage(
            r.model,
            was.input + r.input,
            was.output + r.output,
            was.cached + r.cached,
            was.cache_write + r.cache_write,
            was.thoughts + r.thoughts,
            was.requests + 1,
        )
    return tuple(models.values())


def _below(reported: ReportedUsage, seen: TurnUsage) -> bool:
    return reported.input < seen.input or reported.output < seen.output
