"""What a month comes to in the end, if it goes on as it did.

A day's usual use is that of the whole days of this month so far, and of at least the last seven;
days before anything was ever used do not count, and where there is no whole day yet it is what
today has come to. Today comes to that, or to what it has used already if that is more, and each
day after it to that. Days are counted, not hours: one in which the clocks change is a day.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from tars.costs.engine import Costs
from tars.costs.facts import Dimension, Figures, Only
from tars.costs.grouping import Asked
from tars.costs.pricing import total
from tars.costs.spans import cut, moment
from tars.sessions.ranges import Span, Zone, day_of, midnight

#: How many whole days tell what is usual, at least.
_DAYS = 7


class Projection(NamedTuple):
    """`month` is as 2026-11, `so_far` what it has come to. `tokens` and `cost`, in picodollars, are
    the whole month's in the end: in `cost` nothing is of what has no known price. `days` are the
    whole days of which it was reckoned, and `days_left` those after today. `used` is what was used
    on each day of this month so far, and of the last seven at least."""

    month: str
    so_far: Figures
    tokens: int
    cost: int
    days: int
    days_left: int
    used: Mapping[date, Figures] = {}


def projection(
    costs: Costs, *, now: datetime, zone: Zone | None = None, only: Only | None = None
) -> Projection:
    """Reckon the month that it is now."""
    where = zone or costs.zone
    today = day_of(now, where)
    first = today.replace(day=1)
    begin = min(first, today - timedelta(_DAYS))
    span = Span(midnight(begin, where), midnight(today + timedelta(1), where))
    asked = Asked((Dimension.DAY,), cut(span), where, Only() if only is None else only)
    with costs.sources.moment() as at:
        begun = costs.first_slot(at, asked)
        report = costs.priced(at, asked)
    since = today if begun is None else day_of(moment(begun), where)
    used = {date.fromisoformat(line.key[0]): line.figures for line in report.lines}
    return reckon(used, today, since)._replace(used=used)


def reckon(used: Mapping[date, Figures], today: date, since: date) -> Projection:
    """Reckon a month of what was used on its days so far, and on the seven before today. `since`
    is the day on which anything was used first."""
    first = today.replace(day=1)
    end = (first + timedelta(31)).replace(day=1)
    begin = max(min(first, today - timedelta(_DAYS)), since)
    days = max(0, (today - begin).days)
    so_far = total(each for day, each in used.items() if first <= day <= today)
    whole = total(each for day, each in used.items() if begin <= day < today)
    now = used.get(today, Figures())
    left = (end - today).days - 1

    def of(so_far: int, whole: int, now: int) -> int:
        """Money and tokens alike, in whole units, rounded once."""
        if not days:
            return so_far + now * left
        rest_of_today = max(0, whole - now * days)
        return so_far + (2 * (rest_of_today + whole * left) + days) // (2 * days)

    return Projection(
        month=f"{today:%Y-%m}",
        so_far=so_far,
        tokens=of(so_far.tokens.total, whole.tokens.total, now.tokens.total),
        cost=of(so_far.cost, whole.cost, now.cost),
        days=days,
        days_left=left,
    )
