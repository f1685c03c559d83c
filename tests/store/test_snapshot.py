"""A copy of the store's file is whole, and what is no store is told apart from one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tars.errors import StoreError
from tars.store import snapshot
from tests.support.exports import LATER, library, take, written


def test_a_copy_says_what_is_in_it(tmp_path: Path) -> None:
    """Its format and its newest activity; it is one file, and its owner's alone."""
    session = {"type": "session", "id": "s", "agent": "a", "createdAt": LATER}
    with library(tmp_path / "home") as opened:
        take(opened, written({**session, "lastActivityAt": LATER}))
        found = snapshot.take(opened.home.store, tmp_path / "copy")
    assert found.newest == LATER
    assert snapshot.standing(tmp_path / "copy") == found
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "home"]


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    """A text, another program's database, a damaged store, none at all."""
    text, other, none = tmp_path / "text", tmp_path / "other", tmp_path / "none"
    text.write_text("hello" * 500)
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE t (x)")
    with library(tmp_path / "home") as opened:
        snapshot.take(opened.home.store, tmp_path / "copy")
    whole = bytearray((tmp_path / "copy").read_bytes())
    whole[4096 * 3 : 4096 * 6] = bytes(4096 * 3)
    (tmp_path / "copy").write_bytes(whole)
    for path in (text, other, none, tmp_path / "copy"):
        with pytest.raises(StoreError):
            snapshot.standing(path)
    assert not none.exists()
