"""Tests of `tars.history.index` and the transactions in which it is written."""

import itertools
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.history import schema
from tars.history.index import Index
from tars.history.source import Limit, Request
from tests.support.index_checks import check, counted, packed
from tests.support.plain_logs import DAY

_QUARTER = 900_000


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index.open(tmp_path / "history.db") as index:
        yield index


def _take(index: Index, *rows: Request, **others: object) -> set[int]:
    with index.writing() as writer:
        writer.take(packed(*rows, **others), newest_wins=False)  # type: ignore[arg-type]
    return writer.sessions


def _request(key: str, session: str = "a", at: int = DAY, net: int = 1, rank: int = 0) -> Request:
    return Request(key, session, at, "m", net, rank=rank, project="/p", branch="main")


_ROWS = st.lists(
    st.builds(
        Request,
        key=st.sampled_from("klmnop"),
        session=st.sampled_from("ab"),
        at=st.integers(0, 12).map(lambda each: DAY + each * _QUARTER // 3),
        model=st.sampled_from(["m", "n"]),
        net_input=st.sampled_from([1, 5, 250_000]),
        output=st.integers(0, 5),
        cost=st.sampled_from([None, 7]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=25, deadline=None)
@given(rows=_ROWS, cuts=st.lists(st.integers(0, 25), max_size=3), seed=st.integers(0, 99))
def test_requests_count_once_and_slots_are_their_sums(
    rows: list[Request], cuts: list[int], seed: int
) -> None:
    """However rows are cut into transactions, and in whichever order they come, each key has one
    row, that with the highest rank, at its earliest time, and the slots are the sums."""
    rows = [row._replace(rank=number) for number, row in enumerate(rows)]
    best = {row.key: row for row in rows}
    first = {key: min(row.at for row in rows if row.key == key) for key in best}
    random.Random(seed).shuffle(rows)
    with TemporaryDirectory() as folder, Index.open(Path(folder) / "history.db") as index:
        edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
        for begin, end in itertools.pairwise(edges):
            _take(index, *rows[begin:end])
            check(index)
        found = index.connection.execute(
            "SELECT at, net_input, output, cost FROM requests ORDER BY 1, 2, 3, 4"
        ).fetchall()
    expected = [(first[key], row.net_input, row.output, row.cost) for key, row in best.items()]
    assert sorted(map(repr, found)) == sorted(map(repr, expected))


def test_the_same_again_changes_nothing(index: Index) -> None:
    """Reading a file again counts nothing twice, and says that nothing changed."""
    rows = [_request("k"), _request("l", net=5)]
    _take(index, *rows)
    with index.writing() as writer:
        writer.take(packed(*rows), newest_wins=False)
    assert writer.requests == 0
    assert counted(index) == {("a", DAY, 1), ("a", DAY, 5)}
    check(index)


@pytest.mark.parametrize("order", ["abc", "acb", "bac", "bca", "cab", "cba"])
def test_what_forks_repeat_counts_once_in_any_order(index: Index, order: str) -> None:
    """A fork of a fork repeats both; whichever of the three is read first, the result is the same,
    and each request is that of the conversation that made it."""
    told = {
        "a": ([_request("a|1"), _request("a|2", at=DAY + 1)], []),
        "b": (
            [_request("b|1", "b", DAY + 9, rank=-1), _request("b|3", "b", DAY + 10, net=3)],
            [("b", "a")],
        ),
        "c": (
            [
                _request("c|1", "c", DAY + 20, rank=-1),
                _request("c|3", "c", DAY + 20, net=3, rank=-1),
                _request("c|4", "c", DAY + 21, net=4),
            ],
            [("c", "b")],
        ),
    }
    for name in order:
        rows, forks = told[name]
        _take(index, *rows, forks=forks)
        check(index)
    assert counted(index) == {
        ("a", DAY, 1),
        ("a", DAY + 1, 1),
        ("b", DAY + 10, 3),
        ("c", DAY + 21, 4),
    }


def test_forks_that_are_read_at_once_count_once(index: Index) -> None:
    """The same where one transaction has all of it."""
    _take(index, _request("b|1", "b", DAY + 9, rank=-1), _request("a|1"), forks=[("b", "a")])
    assert counted(index) == {("a", DAY, 1)}
    check(index)


def test_what_the_ledger_has_is_not_in_the_slots(index: Index) -> None:
    """Requests of a covered time are left out of the sums until the coverage ends."""
    [session] = _take(index, _request("k"), _request("l", at=DAY + 10), _request("m", "b")) - {2}
    with index.writing() as writer:
        writer.cover(session, [(DAY - 5, DAY + 5), (DAY + 100, DAY + 200)], "stamp")
    check(index)
    covered = index.connection.execute("SELECT at FROM requests WHERE covered").fetchall()
    assert covered == [(DAY,)]
    assert index.connection.execute("SELECT * FROM settled").fetchall() == [(session, "stamp")]
    with index.writing() as writer:
        writer.cover(session, [], "later")
    check(index)
    assert index.connection.execute("SELECT sum(requests) FROM slots").fetchone() == (3,)


def test_a_covered_time_may_lie_in_another(index: Index) -> None:
    """Turns of a session that overlap cover what any of them does."""
    [session] = _take(index, _request("k", at=DAY + 50))
    with index.writing() as writer:
        writer.cover(session, [(DAY + 10, DAY + 20), (DAY, DAY + 90)], "stamp")
    assert index.connection.execute("SELECT covered FROM requests").fetchall() == [(1,)]


def test_coverage_is_found_anew_after_new_requests(index: Index) -> None:
    """A session that got requests, or better ones, is not settled any more; what was covered
    stays so meanwhile."""
    [session] = _take(index, _request("k"))
    with index.writing() as writer:
        writer.cover(session, [(DAY, DAY)], "stamp")
    assert _take(index, _request("k", net=9, rank=1)) == {session}
    assert index.connection.execute("SELECT count(*) FROM settled").fetchone() == (0,)
    assert index.connection.execute("SELECT net_input, covered FROM requests").fetchall() == [
        (9, 1)
    ]
    check(index)


def test_a_session_is_where_its_first_request_was(index: Index) -> None:
    """Its times span all that its log has; what is read later may have happened earlier."""
    later = _request("k", at=DAY + 60)._replace(project="/q", branch="work")
    _take(index, later, titles={"a": "Mend it"})
    _take(index, _request("l"))
    _take(index, titles={"b": "Nothing yet"})
    columns = "session, title, project, branch, first_at, last_at"
    assert index.connection.execute(f"SELECT {columns} FROM sessions").fetchall() == [
        ("a", "Mend it", "/p", "main", DAY, DAY + 60),
        ("b", "Nothing yet", "", "", 3, 3),
    ]


def test_the_newest_limit_is_kept(index: Index) -> None:
    """Of two that the server told, in whichever order they are read."""
    old, new = (Limit("plain", "week", used, 10_080, None, at) for used, at in ((0.1, 5), (0.2, 6)))
    _take(index, limits=[new])
    _take(index, limits=[old])
    assert index.connection.execute("SELECT used, at FROM limits").fetchall() == [(0.2, 6)]


def test_nonsense_is_bounded(index: Index) -> None:
    """Numbers and times that cannot be do not keep others from being counted."""
    _take(
        index,
        _request("k")._replace(net_input=10**30, output=-5, rank=10**40),
        _request("l", at=10**15),
        _request("m", session="\udcff"),
    )
    check(index)
    rows = index.connection.execute("SELECT at, net_input, output FROM requests ORDER BY at, 2")
    assert rows.fetchall() == [(3, 1, 0), (DAY, 1, 0), (DAY, 2**48, 0)]


def test_a_transaction_that_fails_leaves_nothing(index: Index) -> None:
    """Requests, sessions and files are written together or not at all."""
    with pytest.raises(ZeroDivisionError), index.writing() as writer:
        writer.take(packed(_request("k")), newest_wins=False)
        raise ZeroDivisionError
    tables = ("requests", "sessions", "files", "slots")
    counts = [
        index.connection.execute(f"SELECT count(*) FROM {each}").fetchone() for each in tables
    ]
    assert counts == [(0,)] * 4


def test_a_large_journal_gets_into_the_file(tmp_path: Path) -> None:
    """However much transactions write, all of it is in the one file that is left in the end, and
    who writes goes on while the journal is copied there."""
    path = tmp_path / "history.db"
    with Index.open(path) as index:
        index.connection.execute("CREATE TABLE much (number INTEGER, data BLOB)")
        for number in range(3):
            with index.transaction() as connection:
                rows = ((number, bytes(4000)) for _ in range(1500))
                connection.executemany("INSERT INTO much VALUES (?, ?)", rows)
    assert list(tmp_path.iterdir()) == [path]
    with Index.open(path) as index:
        counts = index.connection.execute("SELECT count(*) FROM much GROUP BY number").fetchall()
        assert counts == [(1500,)] * 3
        assert index.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_journal_that_was_copied_is_small_again(tmp_path: Path) -> None:
    """Then the next transactions need not copy it, which takes the disk's time."""
    others = set(threading.enumerate())
    with Index.open(tmp_path / "history.db") as index:
        index.connection.execute("CREATE TABLE much (data BLOB)")
        for size in (8_000_000, 1):
            with index.transaction() as connection:
                connection.execute("INSERT INTO much VALUES (?)", (bytes(size),))
            for thread in set(threading.enumerate()) - others:
                thread.join()
        assert (tmp_path / "history.db-wal").stat().st_size <= schema.JOURNAL
