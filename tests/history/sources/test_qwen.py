"""Qwen Code's requests are counted once each, though two files have them."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.accounting.rates import Tokens
from tars.history.sources.qwen import SOURCE
from tests.support.agent_logs import (
    golden,
    read,
    read_all,
    read_in_pieces,
    tokens,
    write,
)

SESSION = "43ef7409-b7d6-456a-80c4-7f85743c6f88"
#: Requests 5 to 8 of the server: prompt 5000 + n, cached 3000 + n, answer 40 + n, 8 of it thoughts.
FOUR = Tokens(net_input=8000, cache_read=12026, output=186, reasoning=32, requests=4)


@pytest.fixture(autouse=True)
def in_utc() -> Iterator[None]:
    """The recorded files are named for the month where they were written."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def usage(root: Path, data: bytes | str | None = None) -> Path:
    data = golden("qwen/token-usage-2026-11.jsonl") if data is None else data
    return write(root / "usage" / "token-usage-2026-11.jsonl", data)


def chat(root: Path, data: bytes | str | None = None) -> Path:
    data = golden("qwen/chat.jsonl") if data is None else data
    return write(root / "projects" / "-home-dev-shop" / "chats" / f"{SESSION}.jsonl", data)


def test_what_the_real_program_wrote_is_counted_to_the_token(tmp_path: Path) -> None:
    """From the usage file, with the hidden request, and the folder that the conversation says."""
    usage(tmp_path)
    chat(tmp_path)
    rows = read_all(SOURCE, tmp_path)
    assert tokens(rows) == FOUR
    assert {(r.session, r.project, r.model) for r in rows} == {
        (SESSION, "/home/dev/shop", "fake-model")
    }
    assert [r.sidechain for r in rows] == [False, False, False, True]


def test_without_usage_statistics_the_conversations_count(tmp_path: Path) -> None:
    """Their events have the same requests; the messages' own figures repeat them."""
    write(
        tmp_path / "projects" / "x" / "chats" / "y.jsonl",
        golden("qwen/chat-without-usage-file.jsonl"),
    )
    rows = read_all(SOURCE, tmp_path)
    # Requests 9 to 12.
    assert tokens(rows) == Tokens(8000, 12042, 0, 0, 202, 32, 4)
    assert {r.project for r in rows} == {"/home/dev/shop"}


def test_what_was_before_the_first_line_of_a_usage_file_is_of_the_conversation(
    tmp_path: Path,
) -> None:
    """The statistics were turned on, or came with a new version, in the middle of a session."""
    lines = golden("qwen/token-usage-2026-11.jsonl").splitlines(keepends=True)
    usage(tmp_path, b"".join(lines[2:]))
    chat(tmp_path)
    assert tokens(read_all(SOURCE, tmp_path)) == FOUR


def test_a_usage_file_with_a_broken_first_line_still_counts_instead_of_the_conversation(
    tmp_path: Path,
) -> None:
    """It begins where its first line that can be read says."""
    usage(tmp_path, b'{"sessionId":7}\n' + golden("qwen/token-usage-2026-11.jsonl"))
    chat(tmp_path)
    assert tokens(read_all(SOURCE, tmp_path)) == FOUR


@pytest.mark.parametrize("name", ["token-usage-2026-11.jsonl", "chat.jsonl"])
@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, 8_000), max_size=5))
def test_a_log_that_is_read_as_it_grows_ends_in_the_same(name: str, cuts: list[int]) -> None:
    """Wherever a reading found the end of the file."""
    data = golden(f"qwen/{name}")
    with TemporaryDirectory() as folder:
        path = (chat if name == "chat.jsonl" else usage)(Path(folder), data)
        at_once = read(SOURCE, path).requests
        assert len(at_once) == 4
        assert read_in_pieces(SOURCE, path, data, cuts) == at_once


@pytest.mark.parametrize(
    ("told", "output"),
    [
        ({"inputTokens": 10, "outputTokens": 5, "thoughtsTokens": 3, "totalTokens": 15}, 5),
        ({"inputTokens": 10, "outputTokens": 5, "thoughtsTokens": 3, "totalTokens": 18}, 8),
        ({"inputTokens": 10, "outputTokens": 5}, 5),
    ],
)
def test_thoughts_are_in_the_output_or_beside_it_as_the_total_says(
    told: dict[str, int], output: int, tmp_path: Path
) -> None:
    """Providers count them differently; either way they are billed as output once."""
    base = {"id": "a", "timestamp": "2026-11-21T14:46:15Z", "sessionId": "s", "model": "m"}
    path = usage(tmp_path, json.dumps({**base, **told, "authType": "gemini"}) + "\n")
    (row,) = read(SOURCE, path).requests
    assert (row.output, row.provider) == (output, "google")


@pytest.mark.parametrize(
    "line",
    ['{"sessionId": 7}', '{"id":"a","sessionId":"s","inp', '{"sessionId":"s","inputTokens":-1}'],
)
def test_a_line_that_cannot_be_read_is_told_and_the_others_count(line: str, tmp_path: Path) -> None:
    """Half of one, another form, and a negative count."""
    lines = golden("qwen/token-usage-2026-11.jsonl").decode()
    reading = read(SOURCE, usage(tmp_path, f"{line}\n\n{lines}"))
    assert (tokens(reading.requests), reading.garbled) == (FOUR, 1)


def test_its_folder_is_where_the_environment_says() -> None:
    """As Qwen Code itself looks for it."""
    home = Path("/home/dev")
    assert SOURCE.roots({}, home) == (home / ".qwen",)
    assert SOURCE.roots({"QWEN_HOME": "/a"}, home) == (Path("/a"),)
    assert SOURCE.roots({"QWEN_HOME": "/a", "QWEN_RUNTIME_DIR": "/b"}, home) == (Path("/b"),)
    assert list(SOURCE.find(Path("/nowhere/at/all"))) == []
