"""Reports add up whole days of UTC where these are summed up already, and else quarters of an hour:
nobody can tell the difference."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tars.costs.engine import Costs
from tars.costs.facts import Dimension, Only, Report
from tars.costs.grouping import whole_days
from tars.history import days
from tars.history.days import DAY
from tars.history.index import Index
from tars.sessions.ranges import Span, find_zone
from tests.support.index_checks import check
from tests.support.spending import Spent, request

BEGIN = datetime(2026, 3, 20, tzinfo=UTC)
SPANS = [
    Span(),
    Span(BEGIN + timedelta(days=2, hours=7, minutes=5), BEGIN + timedelta(days=8, minutes=50)),
    Span(BEGIN + timedelta(days=3), BEGIN + timedelta(days=4)),
    Span(BEGIN + timedelta(days=3, hours=1), BEGIN + timedelta(days=3, hours=5)),
    Span(None, BEGIN + timedelta(days=5)),
]
BY = [(), (Dimension.AGENT, Dimension.MODEL), (Dimension.DAY,), (Dimension.MONTH, Dimension.AGENT)]
ONLY = [Only(), Only(agent="codex"), Only(agent="codex", model="flash"), Only(agent="nobody")]
ZONES = [find_zone(name) for name in ("UTC", "Europe/Berlin", "Asia/Kathmandu")]


def reports(costs: Costs) -> list[Report]:
    return [
        costs.report(by, span=span, zone=zone, only=only)
        for by in BY
        for span in SPANS
        for zone in ZONES
        for only in ONLY
    ]


def spoil(spent: Spent, chosen: set[int]) -> None:
    """Have these days be inexact, and wrong to look at."""
    with Index.open(spent.home.history) as index:
        with index.transaction() as connection:
            days.add_up(connection)
            days.spoil(connection, chosen)
            inexact = "slot IN (SELECT slot FROM stale_days)"
            connection.execute(f"UPDATE days SET requests = 999 WHERE {inexact}")
        check(index)


def test_reports_are_the_same_whichever_days_are_added_up(tmp_path: Path) -> None:
    """In any zone, span and restriction, for any days that are not."""
    spent, chosen = Spent.at(tmp_path), random.Random(1)
    for agent in ("claude", "codex"):
        spent.log(
            *(
                request(
                    BEGIN + timedelta(minutes=chosen.randrange(11 * 24 * 60)),
                    session=chosen.choice(["s", "t"]),
                    model=chosen.choice(["opus", "flash"]),
                    used=(chosen.randrange(300_000), 1, 1),
                )
                for _ in range(60)
            ),
            agent=agent,
        )
    first = int(BEGIN.timestamp()) // 900
    every = {first + DAY * day for day in range(11)}
    with spent.costs() as costs:
        spoil(spent, every)
        expected = reports(costs)
        assert any(report.total.tokens.requests for report in expected)
        for some in (set[int](), {first}, {first + DAY * day for day in (2, 3, 8)}):
            spoil(spent, some)
            assert reports(costs) == expected, some


@pytest.mark.parametrize(
    ("spans", "stale", "whole", "rest"),
    [
        ([(0, 0, 96)], [], [(0, 0, 96)], []),
        ([(0, 1, 96)], [], [], [(0, 1, 96)]),
        ([(0, 5, 200)], [], [(0, 96, 192)], [(0, 5, 96), (0, 192, 200)]),
        ([(7, 0, 288)], [96, 384], [(7, 0, 288)], [(7, 96, 192)]),
        (
            [(1, 90, 100), (2, 100, 300)],
            [0],
            [(2, 192, 288)],
            [(1, 90, 100), (2, 100, 192), (2, 288, 300)],
        ),
        ([], [0], [], []),
    ],
)
def test_spans_are_cut_into_whole_days_and_the_rest(
    spans: list[tuple[int, int, int]],
    stale: list[int],
    whole: list[tuple[int, int, int]],
    rest: list[tuple[int, int, int]],
) -> None:
    """A day that is not exact belongs to both: its sums are left out of the days."""
    assert whole_days(spans, stale) == (whole, rest)
