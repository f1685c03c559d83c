"""A database of a program that runs is read as it is now, and nothing is made or locked."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tars.history.databases import Foreign, found, opened, rows

#: Leaves a database whose last row is in the file beside it, as a program that was killed does.
_KILLED = """
import os, sqlite3, sys
made = sqlite3.connect(sys.argv[1], isolation_level=None)
made.execute("pragma journal_mode = wal")
made.execute("create table t (a, b)")
made.execute("insert into t values (1, x'ff41')")
os._exit(0)
"""


def read(path: Path) -> list[object]:
    with opened(str(path)) as connection:
        return [row["a"] for row in rows(connection, "t", ("a",))]


def test_what_was_written_last_is_read_while_it_is_written(tmp_path: Path) -> None:
    """Of a database that is open, and in the midst of a transaction, which is not disturbed."""
    path = tmp_path / "x.db"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("pragma journal_mode = wal")
    writer.execute("create table t (a)")
    writer.execute("insert into t values (1)")
    before = found(path)
    writer.execute("begin immediate")
    writer.execute("insert into t values (2)")
    assert read(path) == [1]
    writer.execute("commit")
    assert read(path) == [1, 2]
    assert found(path) != before
    writer.close()
    assert read(path) == [1, 2]


def test_nothing_is_made_beside_a_database_that_nobody_uses(tmp_path: Path) -> None:
    """A reader of the usual kind would leave two files there."""
    path = tmp_path / "x.db"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("pragma journal_mode = wal")
    writer.execute("create table t (a)")
    writer.close()
    assert read(path) == []
    assert os.listdir(tmp_path) == ["x.db"]


def test_what_a_killed_program_left_is_read_and_stays(tmp_path: Path) -> None:
    """Its last rows are not yet in the file itself."""
    path = tmp_path / "x.db"
    subprocess.run([sys.executable, "-c", _KILLED, str(path)], check=True)
    left = {name: (tmp_path / name).stat().st_size for name in os.listdir(tmp_path)}
    assert read(path) == [1]
    assert {name: (tmp_path / name).stat().st_size for name in os.listdir(tmp_path)} == left


def test_columns_that_are_not_there_are_null(tmp_path: Path) -> None:
    """Older and newer programs have other columns; what is needed has to be there."""
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as made:
        made.execute("create table t (a, b)")
        made.execute("insert into t values (1, 2)")
    with opened(str(path)) as connection:
        (row,) = rows(connection, "t", ("a",), ("b", "c"))
        assert dict(row) == {"a": 1, "b": 2, "c": None}
    for table, needed, told in (("t", "d", "t: no column d"), ("u", "a", "u: no such table")):
        with pytest.raises(Foreign, match=told), opened(str(path)) as connection:
            list(rows(connection, table, (needed,)))


@pytest.mark.parametrize("data", [b"text " * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_database_is_foreign(data: bytes, tmp_path: Path) -> None:
    """And what is not there is an error of the file."""
    path = tmp_path / "x.db"
    path.write_bytes(data)
    with pytest.raises(Foreign, match="SQLite cannot read it"):
        read(path)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "y.db")
    assert found(tmp_path / "y.db") is None
    assert not (tmp_path / "y.db").exists()


def test_a_message_that_quotes_damage_is_told_too(tmp_path: Path) -> None:
    """SQLite names what is malformed in the file's own bytes, which need not be UTF-8."""
    path = tmp_path / "x.db"
    made = sqlite3.connect(path)
    made.execute("create table t (a)")
    made.close()
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE t (a)", b"CREATE \x80ABLE t (a)"))
    with pytest.raises(Foreign, match="malformed"):
        read(path)
