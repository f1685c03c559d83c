"""What the ledger covers is found where something changed, and is the same whenever it is asked."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tars.costs.settling import settle, state_of
from tars.history.index import Index
from tars.home import Home
from tars.store import quick
from tars.store.quick import Quick
from tests.support.spending import Spent, Turn, request

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATER = NOON.timestamp() + 10**9


@pytest.fixture
def spent(tmp_path: Path) -> Spent:
    return Spent.at(tmp_path / "tars")


@pytest.fixture
def index(spent: Spent) -> Iterator[Index]:
    with Index.open(spent.home.history) as index:
        yield index


def opened(spent: Spent) -> Quick:
    store = quick.opened(spent.home)
    assert store is not None
    return store


def covered(index: Index) -> list[int]:
    return [c for (c,) in index.connection.execute("SELECT covered FROM requests ORDER BY at")]


def test_only_what_changed_is_looked_at_again(spent: Spent, index: Index) -> None:
    """A session whose log or whose turns are others; once it is settled it stays."""
    store = opened(spent)
    spent.log(request(NOON, session="a"), request(NOON + MINUTE, session="b"))
    assert settle(index, store, "one") == 2
    assert settle(index, store, "one") == settle(index, store, "") == 0
    spent.finish(Turn(NOON, "a"))
    assert settle(index, store, "one") == 0
    assert (settle(index, store, "two"), covered(index)) == (1, [1, 0])
    spent.log(request(NOON, session="a"))
    assert (settle(index, store, "two"), covered(index)) == (1, [1, 1, 0])
    assert settle(index, store, "two") == 0
    assert (settle(index, None, "none"), covered(index)) == (1, [0, 0, 0])
    store.close()


def test_turns_of_other_machines_cover_nothing_here(spent: Spent, index: Index) -> None:
    """An id that counts up on each machine would be theirs as well as ours."""
    spent.log(request(NOON, session="20260328_1"))
    spent.finish(Turn(NOON, "20260328_1"))
    (spent.home.data / "machine-id").write_text("0" * 32)
    store = opened(spent)
    settle(index, store, "")
    assert covered(index) == [0]
    store.close()


def test_the_state_of_a_store_changes_with_what_is_written(spent: Spent) -> None:
    """Nobody knows it while something is just being written, or where it is a server's; a home
    without a store has one too."""
    before = state_of(spent.home, "", LATER)
    assert before == state_of(spent.home, "", LATER) != ""
    spent.finish(Turn(NOON))
    assert state_of(spent.home, "", LATER) != before
    assert state_of(spent.home, "", 0) == ""
    assert state_of(spent.home, "postgresql://there", LATER) == ""
    assert state_of(Home(spent.home.root / "none"), "", 0) == "none, none"


def test_a_turn_during_which_the_clock_was_set_covers_what_it_asked(
    spent: Spent, index: Index
) -> None:
    """It was set back by an hour: what was asked before that is later than the turn's end, and
    what was asked after it earlier than its beginning."""
    hour = timedelta(hours=1)
    spent.log(request(NOON - hour), request(NOON), request(NOON + 4 * MINUTE))
    spent.log(request(NOON + 6 * MINUTE - hour), request(NOON + 9 * MINUTE - hour))
    turn = Turn(NOON + 10 * MINUTE - hour, took=10 * MINUTE - hour, lasted=10 * MINUTE)
    spent.finish(turn)
    store = opened(spent)
    settle(index, store, "")
    assert covered(index) == [1] * 5
    spent.log(request(NOON + 11 * MINUTE), request(NOON - hour - MINUTE))
    settle(index, store, "")
    assert covered(index) == [0, *[1] * 5, 0]
    store.close()


times = st.integers(0, 600).map(lambda tenths: NOON + tenths * timedelta(seconds=0.1))


@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(times, st.booleans()), max_size=5), times, times)
def test_slots_are_what_is_not_covered(
    spent: Spent, index: Index, logged: list[tuple[datetime, bool]], end: datetime, begin: datetime
) -> None:
    """In whatever order turns and logs come."""
    store = opened(spent)
    for at, first in logged:
        spent.log(request(at))
        if first:
            settle(index, store, "")
    spent.finish(Turn(max(end, begin), took=abs(end - begin)))
    settle(index, store, "")
    expected = [int(spent.is_covered(each.session, each.at)) for _, each in spent.requests]
    times = sorted(each.at for _, each in spent.requests)
    found = dict(zip(times, covered(index), strict=True))
    assert [found[each.at] for _, each in spent.requests] == expected
    sums = "SELECT ifnull(SUM(requests), 0) FROM "
    kept, counted = (
        index.connection.execute(sums + table).fetchone()
        for table in ("slots", "requests WHERE NOT covered")
    )
    assert kept == counted
    store.close()
