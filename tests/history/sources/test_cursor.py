"""Of Cursor's conversations it is told that they are there, and that there are no tokens."""

import sqlite3
from pathlib import Path

import pytest

from tars.history.sources.cursor import SOURCE
from tests.support.agent_logs import read, write


def store(tmp_path: Path, value: object) -> Path:
    path = tmp_path / "0a1b" / "3f2a9c01" / "store.db"
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as connection:
        connection.execute("create table meta (key text, value text)")
        connection.execute("insert into meta values ('0', ?)", (value,))
    return path


@pytest.mark.parametrize(
    ("value", "titles"),
    [
        (b'{"agentId": "x", "name": "Mend the login"}'.hex(), {"3f2a9c01": "Mend the login"}),
        (b'{"agentId": "x"}'.hex(), {}),
        (b"{".hex(), {}),
        ("no hexadecimal", {}),
        (None, {}),
    ],
)
def test_a_conversation_has_a_name_and_no_requests(
    value: object, titles: dict[str, str], tmp_path: Path
) -> None:
    """Whatever its meta data holds."""
    reading = read(SOURCE, store(tmp_path, value))
    assert (reading.requests, reading.titles, reading.problem) == ([], titles, "")
    assert "Tokens not recorded" in SOURCE.note


def test_what_is_no_database_is_a_problem(tmp_path: Path) -> None:
    """And both its places are looked at, the newer one where it is."""
    write(tmp_path / ".config" / "cursor" / "chats" / "a" / "b" / "store.db", "nothing " * 99)
    usual, newer = SOURCE.roots({}, tmp_path)
    assert (list(SOURCE.find(usual)), usual) == ([], tmp_path / ".cursor" / "chats")
    (found,) = SOURCE.find(newer)
    assert read(SOURCE, Path(found.path)).problem
