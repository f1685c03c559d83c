"""Tokens: what an agent reported, what its log shows, and what the two make together.

Two vocabularies meet here. A turn's usage and session.json speak as the agents do:
input includes cached tokens, output leaves thoughts out. The ledger is disjoint and
adds up: net input + cache read + cache write + output (with reasoning) = total.
`Ledger.of` is the only place that translates.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from tars.conversation.model import ReportedUsage


class Source(StrEnum):
    """Where a turn's figures came from."""

    OFFICIAL = "official"  # the agent's own report over its protocol
    LOG = "log"  # the agent's log on disk, where the protocol said less or nothing
    ESTIMATE = "estimate"  # neither could be read: the figures are a lower bound


@dataclass(frozen=True, slots=True)
class RequestUsage:
    """One request to the model, as the agent's log records it.

    `id` is the agent's own id of the record, `at` its ISO 8601 time (UTC). `input`
    includes `cached`; `output` leaves `thoughts` out. All counts are tokens.
    """

    id: str
    model: str
    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    thoughts: int = 0
    at: str = ""


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
    model requests; `net` is the sum of max(0, input - cached). `context` and
    `context_cached` are of the *last* request: the size of the context window now.
    `context_is_sum` marks the turns where only sums are known, so that the sum had to
    stand in for the context. `requests` is 0 where their number is not known.
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
    models: tuple[ModelUsage, ...] = ()

    @property
    def counted(self) -> bool:
        """At least one token was counted."""
        return bool(self.input or self.output or self.thoughts)


def reconcile(
    reported: ReportedUsage | None,
    logged: Iterable[RequestUsage] | None,
    *,
    tool_calls: int = 0,
) -> TurnUsage:
    """Make one turn's usage from the agent's report and its log.

    `reported` is None when the protocol said nothing (a cancelled or failed turn);
    `logged` is None when the log could not be read. Where both agree, the log gives
    the detail. Where the report is larger (attempts that the log leaves out), the
    sums are the report's and the detail the log's. Where the log is larger (a turn
    that was ended with usage 0/0), the log is the truth.
    """
    requests = None if logged is None else tuple(logged)
    if requests:
        seen = _from_requests(requests, tool_calls)
        if reported is None or _below(reported, seen):
            return seen
        if (reported.input, reported.output) == (seen.input, seen.output):
            return replace(seen, source=Source.OFFICIAL)
        return _stretched(seen, reported)
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
        candidatesTokenCount excludes thoughtsTokenCount, which is billed as output.
        """
        return cls(
            net_input=usage.net,
            cache_read=usage.cached,
            cache_write=usage.cache_write,
            output=usage.output + usage.thoughts,
            reasoning=usage.thoughts,
        )


def _from_requests(requests: tuple[RequestUsage, ...], tool_calls: int) -> TurnUsage:
    last = requests[-1]
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
        models=_by_model(requests),
    )


def _from_report(reported: ReportedUsage, tool_calls: int) -> TurnUsage:
    cached = reported.cached or 0
    return TurnUsage(
        input=reported.input,
        output=reported.output,
        cached=cached,
        thoughts=reported.thoughts or 0,
        net=max(0, reported.input - cached),
        context=reported.input,
        context_cached=cached,
        tool_calls=tool_calls,
        # A turn costs something: a report of nothing at all is a report that is missing.
        source=Source.OFFICIAL if reported.input or reported.output else Source.ESTIMATE,
        context_is_sum=True,
        models=tuple(
            ModelUsage(m.model, m.input, m.output, m.cached or 0, 0, m.thoughts or 0)
            for m in reported.models
        ),
    )


def _stretched(seen: TurnUsage, reported: ReportedUsage) -> TurnUsage:
    """The report's sums over the log's detail; what the log left out counts as fresh input."""
    cached = seen.cached if reported.cached is None else reported.cached
    return replace(
        seen,
        input=reported.input,
        output=reported.output,
        cached=cached,
        thoughts=seen.thoughts if reported.thoughts is None else reported.thoughts,
        net=max(0, reported.input - cached),
        source=Source.OFFICIAL,
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
