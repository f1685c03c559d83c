"""The agents' own limits: as they were told, how old that is, and what nobody told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tars.costs.limits import limits
from tars.history.source import Limit
from tests.support.spending import Spent, request

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def test_what_was_told_is_known_until_its_window_ends(tmp_path: Path) -> None:
    """After that nobody has told how much of the next one is used; nor of an agent without any."""
    spent = Spent.at(tmp_path / "tars")
    told = ms(NOON - HOUR)
    spent.log(
        request(NOON),
        agent="codex",
        limits=[
            Limit("codex", "primary", 0.5, 300, ms(NOON + HOUR), told, "plus"),
            Limit("codex", "secondary", 0.25, 30, None, told),
        ],
    )
    spent.log(request(NOON), agent="gemini")
    with spent.costs() as costs:
        found = limits(costs, now=NOON)
        later = limits(costs, now=NOON + HOUR)
        nobody = limits(costs, now=NOON, agent="claude")
    (second, first), none = found.known, found.unknown
    assert (first.name, first.used, first.over, first.plan) == ("primary", 0.5, False, "plus")
    assert (first.window, first.resets_at, first.told_at) == (5 * HOUR, NOON + HOUR, NOON - HOUR)
    assert (second.name, second.used, second.over) == ("secondary", None, True)
    assert none == ("gemini",)
    assert [each.over for each in later.known] == [True, True]
    assert (nobody.known, nobody.unknown) == ((), ("claude",))


def test_without_logs_nothing_is_known(tmp_path: Path) -> None:
    """And nothing is wrong with that."""
    with Spent.at(tmp_path / "tars").costs() as costs:
        assert limits(costs, now=NOON).known == ()
        assert limits(costs, now=NOON).problems == ()
