"""What a month comes to in the end: as its days were, whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tars.accounting.rates import Tokens
from tars.costs.facts import Figures
from tars.costs.projection import projection, reckon
from tars.sessions.ranges import find_zone, midnight
from tests.support.spending import Spent, request


def used(*days: tuple[date, int]) -> dict[date, Figures]:
    return {day: Figures(Tokens(net_input=tokens), cost=10 * tokens) for day, tokens in days}


END = date(2026, 4, 30)
#: What was used by day, today, the first day of all, and what the month comes to; of which days.
CASES = [
    # Half of the month at 10 a day, and nothing yet today.
    ([(date(2026, 4, n), 10) for n in range(1, 16)], date(2026, 4, 16), date(2026, 1, 1), 300, 15),
    # Today is ahead of the others already.
    (
        [(date(2026, 4, 29), 10), (date(2026, 4, 30), 90)],
        date(2026, 4, 30),
        date(2026, 4, 29),
        100,
        1,
    ),
    # The first day: as the seven days before it, of which two had something.
    ([(date(2026, 3, 30), 7), (date(2026, 3, 31), 14)], date(2026, 4, 1), date(2026, 1, 1), 90, 7),
    # The first day of all: every day is as this one was so far.
    ([(date(2026, 4, 21), 5)], date(2026, 4, 21), date(2026, 4, 21), 50, 0),
    # Nothing was ever used.
    ([], date(2026, 4, 1), date(2026, 4, 1), 0, 0),
]


@pytest.mark.parametrize(("days", "today", "since", "tokens", "of"), CASES)
def test_a_month_goes_on_as_it_did(
    days: list[tuple[date, int]], today: date, since: date, tokens: int, of: int
) -> None:
    """Money and tokens alike, each day as the whole days were on the average."""
    found = reckon(used(*days), today, since)
    assert (found.tokens, found.cost, found.days) == (tokens, 10 * tokens, of)
    assert found.days_left == 30 - today.day


def test_a_day_is_a_day_where_the_clocks_change(tmp_path: Path) -> None:
    """Ten a day come to as much in a month that is an hour shorter: 39 per day and request."""
    spent, berlin = Spent.at(tmp_path / "tars"), find_zone("Europe/Berlin")
    noons = [midnight(date(2026, 3, day), berlin) + timedelta(hours=12) for day in range(1, 30)]
    spent.log(*(request(noon) for noon in noons))
    with spent.costs() as costs:
        found = projection(costs, now=noons[-1] + timedelta(hours=1), zone=berlin)
    assert (found.month, found.tokens, found.days, found.days_left) == ("2026-03", 39 * 31, 28, 2)
    assert found.so_far.tokens.total == 39 * 29


def test_a_month_begins_in_its_zone(tmp_path: Path) -> None:
    """Where it is April already, March does not count."""
    spent = Spent.at(tmp_path / "tars")
    spent.log(request(datetime(2026, 3, 31, 23, tzinfo=UTC)))
    now = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
    with spent.costs() as costs:
        here = projection(costs, now=now, zone=find_zone("UTC"))
        there = projection(costs, now=now, zone=find_zone("Asia/Tokyo"))
    assert (here.month, here.tokens, here.days_left) == ("2026-03", 39, 0)
    assert (there.month, there.tokens, there.days_left) == ("2026-04", 39 * 30, 29)
