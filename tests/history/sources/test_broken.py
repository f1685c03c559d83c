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


_DEEP = "[" * 50_000 + "]" * 50_000
_TIME = '"timestamp":"2026-11-21T02:35:16Z"'


@pytest.mark.parametrize(
    ("agent", "name", "line"),
    [
        (
            "claude",
            "s.jsonl",
            f'{{"type":"assistant","message":{{"id":"x","model":"m","content":{_DEEP},"usage":'
            f'{{"input_tokens":1,"output_tokens":1,"cache_read_input_tokens":3}}}},{_TIME}}}',
        ),
        (
            "codex",
            "rollout-2026-11-21T02-35-16-01234567-0123-0123-0123-012345678901.jsonl",
            f'{{{_TIME},"type":"event_msg","payload":{{"x":{_DEEP},"type":"token_count","info":'
            '{"total_token_usage":{"input_tokens":1}}}}',
        ),
        ("copilot", "events.jsonl", f'{{"type":"session.usage_record",{_TIME},"data":{_DEEP}}}'),
        ("gemini", "session-a.jsonl", f'{{"id":"x","x":{_DEEP},{_TIME},"tokens":{{"input":1}}}}'),
        ("gemini", "session-a.json", f'{{"messages":[{{"id":"x","tokens":{_DEEP}}}]}}'),
        ("amp", "T-1.json", f'{{"messages":[{{"usage":{_DEEP}}}]}}'),
        ("opencode", "msg.json", f'{{"role":"assistant","x":{_DEEP}}}'),
        ("kimi", "wire.jsonl", f'{{"type":"usage.record","x":{_DEEP}}}'),
        ("qwen", "usage/token-usage-2026-11.jsonl", f'{{"sessionId":"x","x":{_DEEP}}}'),
    ],
)
def test_a_line_that_is_nested_too_deeply_never_ends_a_reading(
    agent: str, name: str, line: str, tmp_path: Path
) -> None:
    """Decoding it is an error of another kind than what is no JSON."""
    reading = read(OF[agent], write(tmp_path / name, f"{line}\n"))
    assert reading.requests == []
    assert reading.garbled or reading.problem
