"""Kimi's requests are counted once each, by their usage records."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.accounting.rates import Tokens
from tars.history.sources.kimi import SOURCE
from tests.support.agent_logs import golden, read, read_all, read_in_pieces, tokens, write

SESSION = "session_67740ce3-ae89-49fb-b1c5-2da2fbc8bd6c"
#: Requests 448, 449, 450 and 452 of the server: prompt 5000 + n, of which cached 3000 + n, and
#: answer 40 + n; 451 was refused.
FOUR = Tokens(net_input=8000, cache_read=13799, output=1959, requests=4)


def wire(root: Path, session: str = SESSION, agent: str = "main") -> Path:
    path = root / "wd_shop_0" / session / "agents" / agent / "wire.jsonl"
    return write(path, golden("kimi/wire.jsonl"))


def test_what_the_real_program_wrote_is_counted_to_the_token(tmp_path: Path) -> None:
    """Once, though the end of each step and each message repeat the figures."""
    wire(tmp_path)
    rows = read_all(SOURCE, tmp_path)
    assert tokens(rows) == FOUR
    assert {(r.session, r.project, r.provider, r.model) for r in rows} == {
        (SESSION, "/home/dev/shop", "openai", "fake-model")
    }
    assert not any(r.sidechain for r in rows)


def test_a_copy_of_a_session_counts_once(tmp_path: Path) -> None:
    """A fork begins with what was said before."""
    wire(tmp_path)
    wire(tmp_path, session="session_a-fork")
    assert tokens(read_all(SOURCE, tmp_path)) == FOUR


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, 39_000), max_size=5))
def test_a_log_that_is_read_as_it_grows_ends_in_the_same(cuts: list[int]) -> None:
    """The model's own name is in a line that an earlier reading had."""
    data = golden("kimi/wire.jsonl")
    with TemporaryDirectory() as folder:
        path = wire(Path(folder))
        at_once = read(SOURCE, path).requests
        assert read_in_pieces(SOURCE, path, data, cuts) == at_once


def test_the_form_of_the_older_program_is_read(tmp_path: Path) -> None:
    """As its documentation has it: a status after each step."""
    usage = {"input_other": 5, "output": 7, "input_cache_read": 11, "input_cache_creation": 13}
    status = {"type": "StatusUpdate", "payload": {"token_usage": usage, "message_id": "m"}}
    line = json.dumps({"timestamp": 1795231974.436, "message": status})
    path = write(tmp_path / "hash" / "some-session" / "wire.jsonl", f"{line}\n{line}\n")
    (row,) = read_all(SOURCE, tmp_path)
    assert tokens([row]) == Tokens(5, 11, 13, 0, 7, 0, 1)
    assert (row.session, row.at, row.model) == ("some-session", 1795231974436, "unknown")
    assert read(SOURCE, path).garbled == 0


@pytest.mark.parametrize(
    "line",
    [
        '{"type":"usage.record","usage":{"inputOther":1,"out',
        '{"type":"usage.record","usage":{"inputOther":-1,"output":1},"time":1795231974436}',
        '{"type":"usage.record","time":1795231974436}',
        '{"type":"usage.record","usage":{"inputOther":1,"output":1}}',
        '{"timestamp":1.5,"message":{"type":"StatusUpdate","payload":7}}',
    ],
)
def test_a_line_that_cannot_be_read_is_told_and_the_others_count(line: str, tmp_path: Path) -> None:
    """Half of one, a negative count, none at all, no time, and another form."""
    path = wire(tmp_path)
    path.write_bytes(line.encode() + b"\n" + path.read_bytes())
    reading = read(SOURCE, path)
    assert (tokens(reading.requests), reading.garbled) == (FOUR, 1)


def test_its_folders_are_where_the_environment_says(tmp_path: Path) -> None:
    """The older program's only where there is one."""
    assert SOURCE.roots({}, tmp_path) == (tmp_path / ".kimi-code" / "sessions",)
    (tmp_path / ".kimi" / "sessions").mkdir(parents=True)
    assert SOURCE.roots({"KIMI_CODE_HOME": "/k"}, tmp_path) == (
        Path("/k/sessions"),
        tmp_path / ".kimi" / "sessions",
    )
