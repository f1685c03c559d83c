"""Copilot's requests are counted once each, from its events and from its database."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.accounting.rates import Tokens
from tars.history.source import Found, Mark
from tars.history.sources.copilot import SOURCE
from tests.support.agent_logs import (
    database,
    golden,
    read,
    read_all,
    read_in_pieces,
    tokens,
    write,
)

SESSION = "4140bf0d-af08-4beb-b97f-d8a947ab5f29"
#: Requests 1 to 4 of the server: prompt 5000 + n, cached 3000 + n, answer 40 + n, 8 of it thoughts.
FOUR = Tokens(net_input=8000, cache_read=12010, output=170, reasoning=32, requests=4)


def events(root: Path, session: str = SESSION, data: bytes | None = None) -> Path:
    data = golden("copilot/events.jsonl") if data is None else data
    return write(root / "session-state" / session / "events.jsonl", data)


def store(root: Path) -> Path:
    return database(root / "session-store.db", "copilot/session-store.jsonl")


@pytest.mark.parametrize("logs", ["events", "store", "both"])
def test_what_the_real_program_wrote_is_counted_to_the_token(logs: str, tmp_path: Path) -> None:
    """From either file and from both; the sums at the ends of its two runs are not counted."""
    if logs != "store":
        events(tmp_path)
    if logs != "events":
        store(tmp_path)
    rows = read_all(SOURCE, tmp_path)
    assert tokens(rows) == FOUR
    assert {(r.session, r.project, r.model) for r in rows} == {
        (SESSION, "/home/dev/shop", "fake-model")
    }


def test_a_fork_of_a_session_begins_with_requests_that_were_counted(tmp_path: Path) -> None:
    """They name the session that they came from."""
    events(tmp_path)
    events(tmp_path, "a-fork")
    assert tokens(read_all(SOURCE, tmp_path)) == FOUR


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, 19_000), max_size=5))
def test_a_log_that_is_read_as_it_grows_ends_in_the_same(cuts: list[int]) -> None:
    """Wherever a reading found the end of the file."""
    data = golden("copilot/events.jsonl")
    with TemporaryDirectory() as folder:
        path = events(Path(folder))
        at_once = read(SOURCE, path).requests
        assert read_in_pieces(SOURCE, path, data, cuts) == at_once


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"session.usage_record","data":{"usage":{"inputTo',
        b'{"type":"session.usage_record","data":{"usage":{"inputTokens":-1,"outputTokens":1}}}',
        b'{"type":"session.usage_record","data":{"usage":{"inputTokens":1,"outputTokens":1}}}',
    ],
)
def test_a_line_that_cannot_be_read_is_told_and_the_others_count(
    line: bytes, tmp_path: Path
) -> None:
    """Half of one, a negative count, and one without a time."""
    reading = read(SOURCE, events(tmp_path, data=line + b"\n" + golden("copilot/events.jsonl")))
    assert (tokens(reading.requests), reading.garbled) == (FOUR, 1)


@pytest.mark.parametrize("data", [b"", b"no database " * 100])
def test_a_database_of_somebody_else_is_a_problem(data: bytes, tmp_path: Path) -> None:
    """One without its tables, and what is none at all."""
    path = write(tmp_path / "session-store.db", data)
    reading = read(SOURCE, path)
    assert reading.requests == []
    assert reading.problem


def test_a_log_that_is_gone_is_an_error(tmp_path: Path) -> None:
    """Whoever reads the logs tells it."""
    for name in ("events.jsonl", "session-store.db"):
        with pytest.raises(FileNotFoundError):
            SOURCE.read(Found(str(tmp_path / name), 1, 1, 1), Mark())
    assert list(SOURCE.find(tmp_path / "nowhere")) == []
    assert SOURCE.roots({"COPILOT_HOME": "/c"}, tmp_path) == (Path("/c"),)
