"""The ledger beside the logs, session by session."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tars.accounting.rates import MICRODOLLAR, Tokens
from tars.costs.reconciling import reconcile
from tars.sessions.ranges import Span
from tests.support.spending import Spent, Turn, request

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_the_gap_is_told_by_kind_and_as_a_share(tmp_path: Path) -> None:
    """Within the turns alone; what the log has besides is told apart, and sessions without a log
    are counted."""
    spent = Spent.at(tmp_path / "tars")
    ledger = Tokens(20, 40, 8, 0, 12, 0, 2)
    spent.finish(
        Turn(NOON, "wide", tokens=ledger, cost=3),
        Turn(NOON, "same", tokens=Tokens(10, 20, 4, 0, 5, 0, 1)),
        Turn(NOON, "unlogged"),
        Turn(NOON - DAY, "before"),
    )
    spent.log(
        request(NOON, session="wide"),
        request(NOON, session="wide", output=6),
        request(NOON + DAY, session="wide"),
        request(NOON, session="same"),
        request(NOON - DAY, session="before"),
        request(NOON, session="elsewhere"),
    )
    with spent.costs() as costs:
        found = reconcile(costs, span=Span(NOON - timedelta(hours=1)))
        one = reconcile(costs, span=Span(), session="before")
    wide, same = found.matches
    assert (wide.session, wide.agent, wide.turns, wide.costed) == ("wide", "claude", 1, 1)
    assert (wide.cost, wide.ledger) == (3 * MICRODOLLAR, ledger)
    assert wide.log == Tokens(20, 40, 8, 0, 11, 0, 2)
    assert wide.gap == {
        "net_input": 0,
        "cache_read": 0,
        "cache_write": 0,
        "output": -1,
        "reasoning": 0,
    }
    assert wide.share == 1 / 80
    assert wide.outside.requests == 1
    assert (same.session, same.share, same.outside.total) == ("same", 0, 0)
    assert (found.alone, found.problems) == (1, ())
    assert [match.session for match in one.matches] == ["before"]
