"""Tests of what `tars.history.writing` does where it knows all keys of an index."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tars.history.index import Index
from tars.history.packing import FileRow, Packed, Packer
from tars.history.source import Mark, Reading, Request
from tars.history.writing import Known
from tests.support.index_checks import check, counted
from tests.support.plain_logs import DAY

#: More than are inserted at once, and no multiple of that.
_MANY = 53


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index.open(tmp_path / "history.db") as index:
        yield index


def _rows(first: int, count: int = _MANY, *, net: int = 1, session: str = "a") -> list[Request]:
    return [
        Request(f"{session}|{n}", session, DAY + n, "m", net) for n in range(first, first + count)
    ]


def _packed(*files: list[Request], forks: tuple[tuple[str, str], ...] = ()) -> Packed:
    packer = Packer("plain", newest_wins=False)
    for number, rows in enumerate(files):
        row = FileRow(f"/{number}.log", 1, 2, 3_000_000, 4, b"", b"")
        packer.add(row, Reading(Mark(), rows, forks=list(forks)), latest=2**62)
    return packer.packed()


def _write(index: Index, known: Known | None, *parts: Packed) -> int:
    with index.writing(known) as writer:
        for part in parts:
            writer.take(part, newest_wins=False)
    check(index)
    return writer.requests


@pytest.mark.parametrize("is_known", [True, False])
def test_what_comes_twice_counts_once(index: Index, is_known: bool) -> None:
    """Within a part, within a transaction and in the next one; in whichever way it is inserted."""
    known = Known() if is_known else None
    assert _write(index, known, _packed(_rows(0), _rows(50)), _packed(_rows(100))) == 153
    assert _write(index, known, _packed(_rows(150, 10), _rows(140))) == 40
    assert counted(index) == {("a", DAY + n, 1) for n in range(193)}


def test_keys_are_known_of_an_index_that_was_empty(index: Index) -> None:
    """One that had anything is asked for each key."""
    _write(index, None, _packed(_rows(0, 1)))
    known = Known()
    assert known.keys(index.connection) is None
    assert _write(index, known, _packed(_rows(0))) == _MANY - 1


def test_keys_are_forgotten_when_somebody_else_writes(index: Index) -> None:
    """Where there are no locks, another process may read the same logs."""
    known = Known()
    _write(index, known, _packed(_rows(0)))
    assert known.keys(index.connection) is not None
    with Index.open(index.path) as other:
        _write(other, None, _packed(_rows(100)))
    assert _write(index, known, _packed(_rows(100, _MANY + 1))) == 1
    assert known.keys(index.connection) is None


def test_a_conversation_that_turns_out_to_be_a_fork_moves(index: Index) -> None:
    """Its requests get other keys, and what has their old ones is new."""
    known = Known()
    _write(index, known, _packed(_rows(0)), _packed(_rows(0, session="b")))
    _write(index, known, _packed([], forks=(("b", "a"),)))
    assert {session for session, _, _ in counted(index)} == {"a"}
    assert len(counted(index)) == _MANY
    assert _write(index, known, _packed(_rows(0, session="b"))) == 0


def test_copying_the_journal_is_no_writing(index: Index) -> None:
    """What happens between the transactions of a first reading leaves the keys known."""
    known = Known()
    _write(index, known, _packed(_rows(0)))
    index.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    with Index.open(index.path) as other:
        other.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    assert known.keys(index.connection) is not None
