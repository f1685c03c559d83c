"""What waits is kept in its order, in a file of its owner's alone, and is gone when it is done."""

import sqlite3
import stat
from pathlib import Path

import pytest

from tars.errors import StoreError
from tars.store.operations import Operation
from tars.store.spool import Spool, SpoolFull


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "spool.db"


def fill(spool: Spool, *words: str) -> None:
    for word in words:
        spool.append(Operation("say", word))


def words(spool: Spool) -> list[str]:
    return [entry.operation.arguments for entry in spool.all()]


def test_what_waits_outlives_its_program(path: Path) -> None:
    """In its order, with its numbers, and with how much it is, and since when."""
    spool = Spool.open(path)
    fill(spool, "one", "two")
    spool.append(Operation("say", "three"), number=7)
    since = spool.since
    other = Spool.open(path)  # the first one was never closed
    assert words(other) == ["one", "two", "three"]
    assert [entry.number for entry in other.first()] == [None, None, 7]
    assert (other.count, other.size, other.since) == (3, 11, since)
    for each in (spool, other):
        each.close()


def test_the_files_are_their_owners_alone(path: Path) -> None:
    """Prompts wait in them."""
    spool = Spool.open(path)
    fill(spool, "secret")
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    spool.close()


def test_nothing_stays_of_what_is_done(path: Path) -> None:
    """Not in the file, nor in its journal; and the file is small again."""
    spool = Spool.open(path)
    fill(spool, *("a secret " + "x" * 10_000 for _ in range(300)))
    large = path.stat().st_size + path.with_name("spool.db-wal").stat().st_size
    spool.drop(spool.first()[-1].seq)
    kept = b"".join(file.read_bytes() for file in path.parent.glob("spool.db*"))
    assert b"secret" not in kept
    assert len(kept) < large / 20
    assert (spool.count, spool.size, spool.since) == (0, 0, None)
    spool.close()


def test_a_place_is_never_given_twice(path: Path) -> None:
    """Also when nothing waited in between."""
    spool = Spool.open(path)
    fill(spool, "one")
    first = spool.first()[0].seq
    spool.drop(first)
    spool.close()
    spool = Spool.open(path)
    fill(spool, "two")
    assert spool.first()[0].seq > first
    spool.close()


def test_numbers_are_given_once(path: Path) -> None:
    """What was tried keeps its number; what follows gets the next ones, for good."""
    spool = Spool.open(path)
    spool.append(Operation("say", "tried"), number=5)
    fill(spool, "two", "three")
    numbered = spool.give_numbers(spool.first(2), 4)
    assert [entry.number for entry in numbered] == [5, 6]
    spool.close()
    spool = Spool.open(path)
    assert spool.last_number() == 6
    assert [entry.number for entry in spool.give_numbers(spool.first(), 6)] == [5, 6, 7]
    spool.drop_done(6)
    assert words(spool) == ["three"]
    spool.close()


def test_another_database_has_seen_nothing(path: Path) -> None:
    """The numbers of the one are not those of the other."""
    spool = Spool.open(path)
    spool.aim("one")
    spool.append(Operation("say", "tried"), number=5)
    spool.aim("one")
    assert spool.first()[0].number == 5
    spool.aim("other")
    assert spool.first()[0].number is None
    spool.close()


def test_no_more_waits_than_there_is_room_for(path: Path) -> None:
    """The one too many is refused; one alone always fits."""
    spool = Spool.open(path, capacity=100)
    fill(spool, "x" * 200)
    with pytest.raises(SpoolFull, match="1 writes wait already"):
        fill(spool, "y")
    spool.drop(1)
    fill(spool, "y" * 50, "z" * 50)
    with pytest.raises(SpoolFull):
        fill(spool, "y")
    assert words(spool) == ["y" * 50, "z" * 50]
    spool.close()


def test_what_no_database_takes_is_put_aside(path: Path) -> None:
    """It is not thrown away, and holds up nothing."""
    spool = Spool.open(path)
    fill(spool, "bad", "good")
    spool.refuse(spool.first()[0], "no such thing")
    assert words(spool) == ["good"]
    assert spool.refused == 1
    spool.close()


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_set_aside(path: Path, content: bytes) -> None:
    """It is kept, and it is said that writes may be lost."""
    path.parent.mkdir()
    path.write_bytes(content)
    spool = Spool.open(path)
    (aside,) = path.parent.glob("spool.db.corrupt-*Z")
    assert aside.read_bytes() == content
    assert spool.problem is not None
    assert aside.name in spool.problem
    fill(spool, "one")
    spool.close()
    assert Spool.open(path).problem is None


def test_another_programs_database_is_set_aside(path: Path) -> None:
    """Whatever stands in the place is never written to."""
    path.parent.mkdir()
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE photos (id)")
    theirs.close()
    Spool.open(path).close()
    assert len(list(path.parent.glob("spool.db.corrupt-*Z"))) == 1


def test_a_newer_file_is_refused(path: Path) -> None:
    """It is left as it is: what waits there is not ours to judge."""
    Spool.open(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 2")
    newer.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer"):
        Spool.open(path)
    assert path.read_bytes() == before
