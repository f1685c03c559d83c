"""Tests of `tars.history.merging`."""

from functools import reduce
from itertools import permutations

import pytest

from tars.history.merging import Row, merged, together
from tars.history.source import Request


def _row(*, session: int = 1, at: int = 10, rank: int = 0, covered: int = 0) -> Row:
    return Row(7, session, at, 1, 1, rank, 0, 0, 0, 0, 0, 1, 0, rank, 0, -1, covered)


def test_the_highest_rank_counts_in_any_order_at_the_earliest_time() -> None:
    """The result does not depend on which row was read first."""
    rows = [_row(at=30, rank=5), _row(at=10, rank=1), _row(at=20, rank=3, session=2)]
    found = {
        reduce(lambda old, new: merged(old, new, newest_wins=False), order)
        for order in permutations(rows)
    }
    assert found == {_row(at=10, rank=5)}


def test_copies_tell_no_times() -> None:
    """A row with a rank below 0 has the time of the copying, in any order."""
    rows = [_row(at=5, rank=-1, session=2), _row(at=20), _row(at=30)]
    found = {
        reduce(lambda old, new: merged(old, new, newest_wins=False), order)
        for order in permutations(rows)
    }
    assert found == {_row(at=20)}


@pytest.mark.parametrize(("newest_wins", "session"), [(False, 1), (True, 2)])
def test_of_equal_ranks_the_source_says_which_counts(newest_wins: bool, session: int) -> None:
    """The one that was read first, or the one that was read later; the time is the first."""
    result = merged(_row(session=1), _row(session=2, at=20), newest_wins=newest_wins)
    assert (result.session, result.at) == (session, 10)


def test_what_is_covered_stays_so_in_its_session() -> None:
    """A request that was finished later is still in the ledger; a copy elsewhere is not."""
    covered = _row(covered=1)
    assert merged(covered, _row(rank=9), newest_wins=False).covered
    assert not merged(covered, _row(rank=9, session=2), newest_wins=False).covered


def test_rows_of_one_reading_are_merged_the_same_way() -> None:
    """One row is left of each key, in the order of the keys."""
    rows = [
        Request("a", "s", 30, "m", 1),
        Request("b", "s", 5, "m"),
        Request("a", "s", 20, "m", 2, rank=1),
    ]
    assert list(together(rows, newest_wins=False)) == [
        Request("a", "s", 20, "m", 2, rank=1),
        Request("b", "s", 5, "m"),
    ]
