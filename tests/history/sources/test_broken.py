"""Whatever a log holds, reading it ends in a reading."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.history.sources.registry import SOURCES
from tests.support.agent_logs import database, golden, read, write

OF = {source.agent: source for source in SOURCES}


def _opencode(path: Path) -> Path:
    return database(path, "opencode/database.jsonl")


def _copilot(path: Path) -> Path:
    return database(path, "copilot/session-store.jsonl")


def _goose(path: Path) -> Path:
    with sqlite3.connect(path) as made:
        columns = "id, accumulated_input_tokens, accumulated_output_tokens, updated_at, name"
        made.execute(f"create table sessions ({columns})")
        made.execute("insert into sessions values ('a', 1, 2, '2026-11-21 02:35:16', 'x')")
    made.close()
    return path


def _log(name: str) -> Callable[[Path], Path]:
    return lambda path: write(path, golden(name))


def _amp(path: Path) -> Path:
    usage = {"usage": {"inputTokens": 1, "outputTokens": 2}, "messageId": 1}
    event = {"id": "e", "timestamp": "2026-11-21T02:35:16Z", "toMessageId": 1}
    thread = {"id": "T-1", "created": 5, "messages": [usage], "usageLedger": {"events": [event]}}
    return write(path, json.dumps(thread))


def _gemini_document(path: Path) -> Path:
    lines = [json.loads(line) for line in golden("gemini/headless.jsonl").splitlines()]
    messages = [line for line in lines if "type" in line]
    return write(path, json.dumps({**lines[0], "messages": messages}, indent=2))


LOGS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "amp": ("T-1.json", _amp),
    "copilot": ("events.jsonl", _log("copilot/events.jsonl")),
    "copilot store": ("session-store.db", _copilot),
    "gemini": ("session-a.jsonl", _log("gemini/headless.jsonl")),
    "gemini document": ("session-a.json", _gemini_document),
    "goose": ("sessions.db", _goose),
    "kimi": ("wire.jsonl", _log("kimi/wire.jsonl")),
    "opencode": ("opencode.db", _opencode),
    "qwen": ("a/b/chats/x.jsonl", _log("qwen/chat.jsonl")),
    "qwen usage": ("usage/token-usage-2026-11.jsonl", _log("qwen/token-usage-2026-11.jsonl")),
}


@pytest.mark.parametrize("log", LOGS)
def test_bytes_that_are_overwritten_never_end_a_reading(log: str) -> None:
    """A disk that failed, a file that is written meanwhile, and somebody who means harm."""
    name, make = LOGS[log]
    with TemporaryDirectory() as folder:
        path = make(Path(folder) / name)
        whole = path.read_bytes()
        assert read(OF[log.split()[0]], path).requests

        @settings(max_examples=15, deadline=None)
        @given(
            changes=st.lists(
                st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=12)), max_size=6
            ),
            end=st.floats(0.2, 1),
        )
        def broken(changes: list[tuple[float, bytes]], end: float) -> None:
            data = bytearray(whole)
            for where, what in changes:
                at = int(where * len(whole))
                data[at : at + len(what)] = what
            path.write_bytes(data[: int(end * len(data)) + 1])
            reading = read(OF[log.split()[0]], path)
            for request in reading.requests:
                counts = (request.net_input, request.cache_read, request.output, request.at)
                assert all(0 <= count < 2**62 for count in counts)
                assert request.key
                assert isinstance(request.session, str)

        broken()
