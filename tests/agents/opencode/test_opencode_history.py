"""opencode's database as tars reads it: every request once, whoever writes beside it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tars.agents.opencode.history import OpencodeHistory, database, folder
from tars.conversation.model import RequestUsage

#: As opencode 1.18.33 makes them; columns that nobody reads are left out.
TABLES = """
create table session (id text primary key, parent_id text, agent text, title text not null);
create table message (
    id text primary key, session_id text not null, time_created integer not null,
    data text not null
);
create table part (
    id text primary key, message_id text not null, session_id text not null,
    time_created integer not null, data text not null
);
"""


class Log:
    """A database that opencode has open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("pragma journal_mode = wal")
        self._database.executescript(TABLES)

    def session(self, id: str, parent: str | None = None, agent: str | None = None) -> None:
        self._write("session", id, parent, agent, "a title")

    def request(self, id: str, at: int, session: str = "ses_1", **finish: Any) -> None:
        """A message with one part that counts."""
        author = {"role": "assistant", "providerID": "fake", "modelID": "m"}
        self._write("message", f"msg_{id}", session, at, json.dumps(author))
        tokens = {"input": 10, "output": 5, "reasoning": 2, "cache": {"read": 30, "write": 3}}
        data = {"type": "step-finish", "tokens": tokens, "cost": 0.0015, **finish}
        self._write("part", id, f"msg_{id}", session, at, json.dumps(data))
        text = json.dumps({"type": "text", "text": "step-finish"})
        self._write("part", f"{id}-t", f"msg_{id}", session, at, text)

    def close(self) -> None:
        self._database.close()

    def _write(self, table: str, *values: object) -> None:
        places = ", ".join("?" * len(values))
        self._database.execute(f"insert into {table} values ({places})", values)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with closing(Log(tmp_path / "opencode.db")) as log:
        log.session("ses_1")
        yield log


def ids(read: tuple[RequestUsage, ...] | None) -> list[str]:
    assert read is not None
    return [request.id for request in read]


def test_a_request_is_read_in_our_words(log: Log) -> None:
    """The same as the protocol tells: the id, the model, the figures, the cost."""
    log.request("prt_1", 1795250135062)
    (request,) = OpencodeHistory(log.path, "ses_1", "0").read() or ()
    assert (request.id, request.model, request.at) == (
        "prt_1",
        "fake/m",
        "2026-11-21T08:35:35.062Z",
    )
    assert (request.input, request.cached, request.cache_write) == (43, 30, 3)
    assert (request.output, request.thoughts, request.cost_microusd) == (5, 2, 1500)
    assert request.subagent == ""


def test_each_request_is_read_once(log: Log) -> None:
    """While opencode writes, and also one whose row comes a little late."""
    history = OpencodeHistory(log.path, "ses_1", "0")
    log.request("prt_1", 100_000)
    assert ids(history.read()) == ["prt_1"]
    log.request("prt_3", 100_050)
    assert ids(history.read()) == ["prt_3"]
    log.request("prt_2", 100_020)
    assert ids(history.read()) == ["prt_2"]
    assert ids(history.read()) == []


def test_reading_goes_on_from_a_mark(log: Log) -> None:
    """Of another process of ours; without one, what is there was read already."""
    log.request("prt_1", 100_000)
    history = OpencodeHistory(log.path, "ses_1", "0")
    history.read()
    log.request("prt_2", 100_000)
    assert ids(OpencodeHistory(log.path, "ses_1", history.mark()).read()) == ["prt_2"]
    fresh = OpencodeHistory(log.path, "ses_1")
    assert ids(fresh.read()) == []
    log.request("prt_3", 100_001)
    assert ids(fresh.read()) == ["prt_3"]
    assert ids(OpencodeHistory(log.path, "ses_1", "no mark of ours").read()) != []


def test_subagents_belong_to_their_parent(log: Log) -> None:
    """However deep, by name; another conversation does not, and a circle is no trap."""
    log.session("ses_2", "ses_1", "general")
    log.session("ses_3", "ses_2")
    log.session("ses_4")
    for n in (1, 2, 3, 4):
        log.request(f"prt_{n}", 100_000 + n, f"ses_{n}")
    read = OpencodeHistory(log.path, "ses_1", "0").read() or ()
    assert [(r.id, r.subagent) for r in read] == [
        ("prt_1", ""),
        ("prt_2", "general"),
        ("prt_3", "subagent"),
    ]


def test_what_does_not_fit_is_left_out(log: Log) -> None:
    """A form that is not understood is not guessed at."""
    log.request("prt_1", 1, tokens={"in": 3})
    log.request("prt_2", 2, tokens={"input": -1, "output": 3})
    log.request("prt_3", 3, tokens={"input": 1e300, "output": 3})
    log.request("prt_4", 4, cost=None)
    assert ids(OpencodeHistory(log.path, "ses_1", "0").read()) == ["prt_4"]


def test_a_database_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    """Not there, of another form, or no database at all; nothing is made of it."""
    missing = tmp_path / "missing.db"
    assert OpencodeHistory(missing, "ses_1").read() is None
    assert not missing.exists()
    other = tmp_path / "other.db"
    other.write_bytes(b"nothing of the kind" * 100)
    assert OpencodeHistory(other, "ses_1", "0").read() is None
    with closing(sqlite3.connect(tmp_path / "empty.db")) as empty:
        empty.execute("create table x (y)")
    assert OpencodeHistory(tmp_path / "empty.db", "ses_1", "0").read() is None


def test_it_is_read_after_opencode_was_killed(log: Log, tmp_path: Path) -> None:
    """What it had not yet written back from its WAL is there too."""
    log.request("prt_1", 1)
    left = tmp_path / "left"
    left.mkdir()
    for suffix in ("", "-wal"):
        name = f"opencode.db{suffix}"
        (left / name).write_bytes((tmp_path / name).read_bytes())
    assert ids(OpencodeHistory(left / "opencode.db", "ses_1", "0").read()) == ["prt_1"]


@pytest.mark.parametrize(
    ("env", "path"),
    [
        ({"HOME": "/h"}, "/h/.local/share/opencode/opencode.db"),
        ({"HOME": "/h", "XDG_DATA_HOME": "/d"}, "/d/opencode/opencode.db"),
        ({"HOME": "/h", "OPENCODE_DB": "/x/y.db"}, "/x/y.db"),
        ({"HOME": "/h", "OPENCODE_DB": "y.db"}, "/h/.local/share/opencode/y.db"),
    ],
)
def test_it_is_where_opencode_puts_it(env: dict[str, str], path: str) -> None:
    """By its variables and the desktop's."""
    assert database(env) == Path(path)
    assert folder({"HOME": "/h"}) == Path("/h/.local/share/opencode")


def test_nothing_has_to_be_guarded(log: Log) -> None:
    """Loading a session neither loses nor leaves anything."""
    history = OpencodeHistory(log.path, "ses_1")
    before = sorted(log.path.parent.iterdir())
    history.guard()
    history.tidy()
    assert sorted(log.path.parent.iterdir()) == before
