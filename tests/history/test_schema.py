"""Tests of `tars.history.schema`."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from tars.errors import StoreError
from tars.history import schema
from tars.history.index import Index

#: The tables that the first format had not.
ADDED = ("walks", "days", "stale_days")


def test_an_index_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """The file and what SQLite puts beside it are 0600, and folders that were not there 0700,
    whatever the umask."""
    folder = tmp_path / "tars" / "data"
    before = os.umask(0)
    try:
        with Index.open(folder / "history.db") as index:
            index.connection.execute("INSERT INTO settled VALUES (1, '')")
            files = list(folder.iterdir())
            modes = {stat.S_IMODE(file.stat().st_mode) for file in files}
    finally:
        os.umask(before)
    assert len(files) == 3
    assert modes == {0o600}
    assert {stat.S_IMODE(each.stat().st_mode) for each in (folder, folder.parent)} == {0o700}


def test_two_may_have_it_open(tmp_path: Path) -> None:
    """Who reads is not kept waiting by who writes."""
    path = tmp_path / "history.db"
    with Index.open(path) as one, Index.open(path) as other:
        one.connection.execute("BEGIN IMMEDIATE")
        assert other.connection.execute("SELECT count(*) FROM requests").fetchone() == (0,)
        one.connection.execute("ROLLBACK")


def test_what_is_no_index_is_set_aside(tmp_path: Path) -> None:
    """A file full of something else is kept under another name, and a new one is begun."""
    path = tmp_path / "history.db"
    path.write_bytes(b"something else" * 500)
    with Index.open(path) as index:
        assert index.connection.execute("SELECT count(*) FROM files").fetchone() == (0,)
    [aside] = tmp_path.glob("history.db.corrupt-*")
    assert aside.read_bytes() == b"something else" * 500


def test_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    """What a newer tars wrote is neither read nor set aside."""
    path = tmp_path / "history.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {schema.FORMAT + 1}")
    connection.close()
    with pytest.raises(StoreError, match="newer tars"):
        Index.open(path)
    assert os.listdir(tmp_path) == ["history.db"]


def test_an_index_of_before_is_brought_up_to_date(tmp_path: Path) -> None:
    """What it has stays: rows whose logs have vanished cannot be read again."""
    path = tmp_path / "history.db"
    with Index.open(path) as index:
        index.connection.execute("INSERT INTO settled VALUES (1, 'kept')")
        for table in ADDED:
            index.connection.execute(f"DROP TABLE {table}")
        index.connection.execute("PRAGMA user_version = 1")
    with Index.open(path) as index, Index.open(path):
        assert index.connection.execute("SELECT stamp FROM settled").fetchall() == [("kept",)]
        for table in ADDED:
            assert index.connection.execute(f"SELECT * FROM {table}").fetchall() == []
        assert index.connection.execute("PRAGMA user_version").fetchone() == (schema.FORMAT,)


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    """The error says what to do."""
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreError) as told:
        Index.open(tmp_path / "data" / "history.db")
    assert "writable" in told.value.advice
