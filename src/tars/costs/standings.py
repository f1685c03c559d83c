"""How budgets stand: what was spent in the time that each is for, and what that means.

Everything counts that reports count: tars' own turns and the logs of agents that ran without it.
Turns under way are added as far as their usage is known. What their agents' logs show of them by
now is in the reports already, so only what is beyond that is added.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple

from tars.accounting.budget import Budget, Per, Spent, Standing, judge
from tars.accounting.rates import MICRODOLLAR, ModelRates, Tokens, cost, size_class
from tars.accounting.shares import Share, shares
from tars.accounting.standing import Live, Stand, advice, concerns, is_meant
from tars.accounting.usage import TurnUsage
from tars.costs.facts import Dimension, Figures, Only, Origin, Report
from tars.sessions.ranges import Span, Zone, find_span

if TYPE_CHECKING:
    from tars.costs.engine import Costs

#: What a model's tokens cost on a day, as `prices.book.Book.rates` says it.
PriceLookup = Callable[[str, str, date], ModelRates | None]

_WINDOWS = {Per.DAY: "today", Per.WEEK: "week", Per.MONTH: "month"}


class Measured(NamedTuple):
    """How budgets stand; `problems` are sentences about what could not be counted."""

    stands: list[Stand]
    problems: list[str]


def measure(
    costs: "Costs",
    budgets: Sequence[Budget],
    *,
    now: datetime,
    lives: Sequence[Live] = (),
    sessions: Collection[str] | None = None,
) -> Measured:
    """Say how each budget stands, in their order. Of a budget per session those of `sessions` are
    told and those of the live turns, or where that is None the one that is furthest along."""
    sums = _Sums(costs, now)
    found: list[Stand] = []
    for budget in budgets:
        if budget.per is not Per.SESSION:
            found.append(_stand(sums, budget, lives))
        elif sessions is None:
            found.append(_worst_session(sums, budget))
        else:
            known = {*sessions, *(live.session for live in lives)} - {""}
            found += [_stand(sums, budget, lives, session) for session in sorted(known)]
    return Measured(found, sums.problems)


def logged(
    costs: "Costs", budgets: Sequence[Budget], session: str, now: datetime
) -> dict[tuple[str, datetime | None], Spent]:
    """Give by budget, and the beginning of the time that it is for, what the log of a session
    shows now that tars has not counted itself."""
    if not session:
        return {}
    sums, only = _Sums(costs, now), Only(session=session, origin=Origin.LOG)
    return {(budget.name, sums.window(budget).since): sums.of(budget, only) for budget in budgets}


def priced(lives: Sequence[Live], day: date, rates: PriceLookup) -> list[Live]:
    """Say of each live turn what it has cost so far."""
    return [replace(live, spent=so_far(live.usage, live.model, day, rates)) for live in lives]


def so_far(usage: TurnUsage, model: str, day: date, rates: PriceLookup) -> dict[str, Spent]:
    """Give by model what a turn has used: at its agent's own price where it told one."""
    found = {}
    for share in shares(usage, model):
        tokens = _tokens(share)
        if not tokens.total:
            continue
        if usage.cost_microusd is not None:
            found[share.model] = Spent(share.cost_microusd * MICRODOLLAR, tokens.total)
            continue
        known = rates("", share.model, day)
        if known is None:
            found[share.model] = Spent(0, tokens.total, tokens.total)
        else:
            size = size_class(tokens.prompt // max(1, tokens.requests))
            found[share.model] = Spent(cost(tokens, known.at(size)), tokens.total)
    return found


class _Sums:
    """What was spent, each sum asked for once."""

    def __init__(self, costs: "Costs", now: datetime) -> None:
        self.zone: Zone = costs.zone
        self.problems: list[str] = []
        self._costs = costs
        self._now = now
        self._known: dict[object, Report] = {}

    def window(self, budget: Budget) -> Span:
        """The span that a budget is for now."""
        if budget.per is Per.SESSION:
            return Span()
        span = find_span(_WINDOWS[budget.per], self.zone, self._now)
        return Span(span.since, None if span.until is None else span.until.astimezone(UTC))

    def of(self, budget: Budget, only: Only) -> Spent:
        """What counts for a budget, of what is meant."""
        if not budget.model:
            return _spent(self.report(budget, (), only).total)
        found = Spent()
        for line in self.report(budget, (Dimension.MODEL,), only).lines:
            if is_meant(budget, line.key[0]):
                found = found.plus(_spent(line.figures))
        return found

    def report(self, budget: Budget, by: tuple[Dimension, ...], only: Only) -> Report:
        """Ask for what a budget is for, in groups."""
        only = only._replace(agent=budget.agent, project=budget.project)
        span = self.window(budget)
        key = (by, span, only)
        if key not in self._known:
            self._known[key] = found = self._costs.report(by, span=span, only=only)
            self.problems += (one for one in found.problems if one not in self.problems)
        return self._known[key]


def _stand(sums: _Sums, budget: Budget, lives: Sequence[Live], session: str = "") -> Stand:
    spent = sums.of(budget, Only(session=session))
    for live in lives:
        if session in ("", live.session) and concerns(budget, live):
            spent = spent.plus(_beyond_log(sums, budget, live))
    return _judged(budget, spent, sums.zone, session, sums.window(budget).until)


def _judged(
    budget: Budget, spent: Spent, zone: Zone, session: str = "", until: datetime | None = None
) -> Stand:
    verdict = judge(budget, spent)
    if until is None:
        free = "A new conversation (`--new`) begins anew"
    else:
        free = f"It is free again {until.astimezone(zone.info):%Y-%m-%d %H:%M} ({zone.name})"
    return Stand(budget, spent, verdict, session, until, advice(budget, verdict, free))


def _beyond_log(sums: _Sums, budget: Budget, live: Live) -> Spent:
    used = Spent()
    for model, spent in live.spent.items():
        if is_meant(budget, model):
            used = used.plus(spent)
    if not live.session:
        return used
    shown = sums.of(budget, Only(session=live.session, origin=Origin.LOG))
    # Where another day, week or month has begun since, all that it shows of that is the turn's.
    before = live.logged.get((budget.name, sums.window(budget).since), Spent())
    return used.beyond(shown.beyond(before))


def _worst_session(sums: _Sums, budget: Budget) -> Stand:
    by = (Dimension.SESSION, Dimension.MODEL) if budget.model else (Dimension.SESSION,)
    spent: dict[str, Spent] = {}
    for line in sums.report(budget, by, Only()).lines:
        if not budget.model or is_meant(budget, line.key[1]):
            spent[line.key[0]] = spent.get(line.key[0], Spent()).plus(_spent(line.figures))
    order = list(Standing)
    stands = [_judged(budget, used, sums.zone, name) for name, used in spent.items() if name]
    return max(
        stands,
        key=lambda stand: (order.index(stand.verdict.standing), stand.verdict.share),
        default=_judged(budget, Spent(), sums.zone),
    )


def _spent(figures: Figures) -> Spent:
    return Spent(figures.cost, figures.tokens.total, figures.unpriced)


def _tokens(share: Share) -> Tokens:
    return Tokens(
        net_input=share.net_input,
        cache_read=share.cache_read,
        cache_write=share.cache_write,
        output=share.output,
        reasoning=share.reasoning,
        requests=share.requests,
    )
