"""How budgets stand: what was spent in the time that each is for, and what that means.

Everything counts that reports count: tars' own turns and the logs of agents that ran without it.
Turns under way are added as far as their usage is known. What their agents' logs show of them by
now is in the reports already, so only what is beyond that is added.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from tars.accounting.budget import Budget, Per, Spent, Standing, judge
from tars.accounting.rates import MICRODOLLAR, ModelRates, Tokens, cost, size_class
from tars.accounting.shares import Share, shares
from tars.accounting.standing import Live, Stand, advice, concerns, is_meant
from tars.accounting.usage import TurnUsage
from tars.costs.facts import Dimension, Figures, Only, Origin
from tars.sessions.ranges import Span, Zone, find_span

if TYPE_CHECKING:
    from tars.costs.engine import Costs

#: What a model's tokens cost on a day, as `prices.book.Book.rates` says it.
Rates = Callable[[str, str, date], ModelRates | None]

_WINDOWS = {Per.DAY: "today", Per.WEEK: "week", Per.MONTH: "month"}


def measure(
    costs: "Costs",
    budgets: Sequence[Budget],
    *,
    now: datetime,
    lives: Sequence[Live] = (),
    sessions: Collection[str] | None = None,
) -> list[Stand]:
    """Say how each budget stands, in their order. Of a budget per session those of `sessions` are
    told and those of the live turns, or where that is None the one that is furthest along."""
    found: list[Stand] = []
    for budget in budgets:
        if budget.per is not Per.SESSION:
            found.append(_stand(costs, budget, now, lives))
        elif sessions is None:
            found.append(_worst_session(costs, budget))
        else:
            known = {*sessions, *(live.session for live in lives)} - {""}
            found += [_stand(costs, budget, now, lives, session) for session in sorted(known)]
    return found


def logged(
    costs: "Costs", budgets: Sequence[Budget], session: str, now: datetime
) -> dict[str, Spent]:
    """Give by budget what the log of a session shows now that tars has not counted itself."""
    if not session:
        return {}
    return {
        b.name: _report(costs, b, now, Only(session=session, origin=Origin.LOG)) for b in budgets
    }


def priced(lives: Sequence[Live], day: date, rates: Rates) -> list[Live]:
    """Say of each live turn what it has cost so far."""
    return [replace(live, spent=so_far(live.usage, live.model, day, rates)) for live in lives]


def so_far(usage: TurnUsage, model: str, day: date, rates: Rates) -> dict[str, Spent]:
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


def _stand(
    costs: "Costs", budget: Budget, now: datetime, lives: Sequence[Live], session: str = ""
) -> Stand:
    spent = _report(costs, budget, now, Only(session=session))
    for live in lives:
        if session in ("", live.session) and concerns(budget, live):
            spent = spent.plus(_beyond_log(costs, budget, now, live))
    return _judged(budget, spent, costs.zone, session, _window(budget, costs.zone, now).until)


def _judged(
    budget: Budget, spent: Spent, zone: Zone, session: str = "", until: datetime | None = None
) -> Stand:
    verdict = judge(budget, spent)
    if until is None:
        free = "A new conversation (`--new`) begins anew"
    else:
        free = f"It is free again {until.astimezone(zone.info):%Y-%m-%d %H:%M} ({zone.name})"
    return Stand(budget, spent, verdict, session, until, advice(budget, verdict, free))


def _beyond_log(costs: "Costs", budget: Budget, now: datetime, live: Live) -> Spent:
    used = Spent()
    for model, spent in live.spent.items():
        if is_meant(budget, model):
            used = used.plus(spent)
    if not live.session:
        return used
    only = Only(session=live.session, origin=Origin.LOG)
    shown = _report(costs, budget, now, only).beyond(live.logged.get(budget.name, Spent()))
    return used.beyond(shown)


def _worst_session(costs: "Costs", budget: Budget) -> Stand:
    by = [Dimension.SESSION, Dimension.MODEL] if budget.model else [Dimension.SESSION]
    report = costs.report(by, span=Span(), only=_only(budget, Only()))
    spent: dict[str, Spent] = {}
    for line in report.lines:
        if not budget.model or is_meant(budget, line.key[1]):
            spent[line.key[0]] = spent.get(line.key[0], Spent()).plus(_spent(line.figures))
    order = list(Standing)
    stands = [_judged(budget, s, costs.zone, name) for name, s in spent.items() if name]
    return max(
        stands,
        key=lambda s: (order.index(s.verdict.standing), s.verdict.share),
        default=_judged(budget, Spent(), costs.zone),
    )


def _report(costs: "Costs", budget: Budget, now: datetime, only: Only) -> Spent:
    by = [Dimension.MODEL] if budget.model else []
    span = _window(budget, costs.zone, now)
    report = costs.report(by, span=span, only=_only(budget, only))
    if not budget.model:
        return _spent(report.total)
    found = Spent()
    for line in report.lines:
        if is_meant(budget, line.key[0]):
            found = found.plus(_spent(line.figures))
    return found


def _only(budget: Budget, only: Only) -> Only:
    return replace(only, agent=budget.agent, project=budget.project)


def _window(budget: Budget, zone: Zone, now: datetime) -> Span:
    if budget.per is Per.SESSION:
        return Span()
    span = find_span(_WINDOWS[budget.per], zone, now)
    until = None if span.until is None else span.until.astimezone(UTC)
    return Span(span.since, until)


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
