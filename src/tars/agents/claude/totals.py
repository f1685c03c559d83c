"""What Claude Code used, turn by turn, from its results.

Two of their figures are never added up. `usage` leaves subagents, compaction and repeated
requests out. `modelUsage` adds up over the process, and after a clean exit over the whole
session. What remains is `model_usage_since_last_result`, or the difference of two totals.

It may wake up by itself, for a task in the background, and such a turn has a result too. Its
requests are told as they stream; what else is in its result is added to the next prompt's.
"""

from collections.abc import Mapping

from tars.agents.claude import messages as wire
from tars.agents.claude.usage import plain
from tars.conversation.model import ModelTokens, ReportedUsage, RequestUsage

MICRO = 1_000_000


class Totals:
    """Turns the counters of a process's results into those of each turn."""

    def __init__(self) -> None:
        self._before: wire.ModelUsages = {}
        self._cost_before = 0.0
        self._told: wire.ModelUsages = {}
        self._owed: wire.ModelUsages = {}
        self._cost_owed = 0.0

    def began_with(self, session: wire.Session) -> None:
        """What a resumed session had used before this process."""
        self._before = session.model_usage
        self._cost_before = session.total_cost_usd

    def told_outside(self, request: RequestUsage) -> None:
        """A request was told while no prompt was under way: it is in no turn's report."""
        fresh = max(0, request.input - request.cached - request.cache_write)
        output = request.output + request.thoughts
        used = wire.ModelUsage(fresh, output, request.cached, request.cache_write, request.thoughts)
        self._told = _with(self._told, request.model, used)

    def of_nobody(self, result: wire.Result) -> None:
        """A turn that it began by itself is over: what was not told is owed to the next one."""
        spent, cost = self._since_last(result)
        self._owed = self._owing(spent or {})
        self._cost_owed += cost or 0.0

    def of_turn(self, result: wire.Result, *, at_least: bool) -> ReportedUsage | None:
        """What the turn used, or None where the result does not say."""
        spent, cost = self._since_last(result)
        if spent is None:
            return None
        spent, self._owed = self._owing(spent), {}
        owed, self._cost_owed = self._cost_owed, 0.0
        return _reported(spent, None if cost is None else cost + owed, at_least)

    def _since_last(self, result: wire.Result) -> tuple[wire.ModelUsages | None, float | None]:
        before, cost_before = self._before, self._cost_before
        if result.totals is not None:
            self._before = result.totals
        if result.total_cost_usd is not None:
            self._cost_before = result.total_cost_usd
        if result.since_last is not None:
            return result.since_last, sum(used.cost_usd for used in result.since_last.values())
        if result.totals is None:
            return None, None
        dollars = result.total_cost_usd
        cost = None if dollars is None else max(0.0, dollars - _earlier(cost_before, dollars))
        return {
            model: _less(used, _same_model(before, model)) for model, used in result.totals.items()
        }, cost

    def _owing(self, spent: wire.ModelUsages) -> wire.ModelUsages:
        """What was spent and is owed, without what was told of it in no turn."""
        told, self._told = self._told, {}
        sums = self._owed
        for model, used in spent.items():
            seen = told.pop(plain(model), wire.ModelUsage())
            sums = _with(sums, model, _beyond(used, seen))
        return sums


def _reported(
    models: Mapping[str, wire.ModelUsage], cost: float | None, at_least: bool
) -> ReportedUsage:
    tokens = (_tokens(model, used) for model, used in models.items())
    told = tuple(t for t in tokens if t.input or t.output or t.thoughts)
    return ReportedUsage(
        input=sum(t.input for t in told),
        output=sum(t.output for t in told),
        cached=sum(t.cached or 0 for t in told),
        thoughts=sum(t.thoughts or 0 for t in told),
        cache_write=sum(t.cache_write or 0 for t in told),
        models=told,
        # It prices an interrupted request with nothing: what it costs is not known then.
        cost_microusd=None if cost is None or (at_least and not cost) else round(cost * MICRO),
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


def _less(now: wire.ModelUsage, before: wire.ModelUsage | None) -> wire.ModelUsage:
    """The difference of two totals. Totals that went down began anew."""
    if before is None or before.output_tokens > now.output_tokens:
        return now
    return _beyond(now, before)


def _same_model(totals: wire.ModelUsages, model: str) -> wire.ModelUsage | None:
    """A model's totals, whichever context window it was named with."""
    return next((used for name, used in totals.items() if plain(name) == plain(model)), None)


def _earlier(before: float, now: float) -> float:
    return before if before <= now else 0.0


def _beyond(used: wire.ModelUsage, seen: wire.ModelUsage) -> wire.ModelUsage:
    """What was used and not seen."""
    return wire.ModelUsage(
        max(0, used.input_tokens - seen.input_tokens),
        max(0, used.output_tokens - seen.output_tokens),
        max(0, used.cache_read_input_tokens - seen.cache_read_input_tokens),
        max(0, used.cache_creation_input_tokens - seen.cache_creation_input_tokens),
        max(0, (used.thinking_tokens or 0) - (seen.thinking_tokens or 0)),
    )


def _with(models: wire.ModelUsages, model: str, more: wire.ModelUsage) -> wire.ModelUsages:
    """Add to one model's counters."""
    was = models.get(plain(model), wire.ModelUsage())
    return {
        **models,
        plain(model): wire.ModelUsage(
            was.input_tokens + more.input_tokens,
            was.output_tokens + more.output_tokens,
            was.cache_read_input_tokens + more.cache_read_input_tokens,
            was.cache_creation_input_tokens + more.cache_creation_input_tokens,
            (was.thinking_tokens or 0) + (more.thinking_tokens or 0),
        ),
    }
