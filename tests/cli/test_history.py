"""`tars history sources` tells of every source where it is and how it stands with it."""

import json
import sqlite3
from pathlib import Path

import pytest

from tars.cli.app import run
from tars.history.sources.registry import SOURCES
from tests.support.agent_logs import database, golden, write


def some_logs(person: Path) -> None:
    """Leave what some agents write in a home folder, the database of one broken."""
    chats = person / ".gemini" / "tmp" / "shop" / "chats"
    write(chats / "session-2026-11-21T02-30-11111111.jsonl", golden("gemini/headless.jsonl"))
    database(person / ".local/share/opencode/opencode.db", "opencode/database.jsonl")
    write(person / ".copilot" / "session-store.db", "nothing " * 99)
    usage = golden("qwen/token-usage-2026-11.jsonl")
    write(person / ".qwen" / "usage" / "token-usage-2026-11.jsonl", b'{"sessionId":7}\n' + usage)
    write(person / ".qwen/projects/-home-dev-shop/chats/x.jsonl", golden("qwen/chat.jsonl"))
    store = person / ".cursor" / "chats" / "0a1b" / "3f2a9c01" / "store.db"
    store.parent.mkdir(parents=True)
    with sqlite3.connect(store) as made:
        made.execute("create table meta (value text)")
    made.close()


def test_every_source_is_told_of_as_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the order of the registry, with what its logs do not tell."""
    some_logs(home)
    assert run(["history", "sources", "--format", "json"]) == 0
    told = capsys.readouterr()
    rows = {row["agent"]: row for row in json.loads(told.out)}
    assert list(rows) == [source.agent for source in SOURCES]
    gemini = rows["gemini"]
    assert gemini["places"] == [str(home / ".gemini" / "tmp")]
    assert (gemini["health"], gemini["files"], gemini["requests"]) == ("fine", 1, 6)
    assert gemini["lastActivity"] == "2026-11-21T02:30:47Z"
    assert (rows["qwen"]["health"], rows["qwen"]["garbled"]) == ("1 garbled line", 1)
    assert rows["copilot"]["problem"].endswith("file is not a database.")
    assert "copilot" in told.err
    assert rows["cursor"]["health"] == "tokens not recorded"
    assert rows["amp"]["health"] == "not there"
    assert rows["amp"]["lastActivity"] is None


def test_sources_that_are_left_out_are_not_read(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the configuration: one of them, or all."""
    some_logs(home)
    told = []
    for config in ("[history.paths]\ngemini = []\n", "[history]\nenabled = false\n"):
        write(home / "config.toml", config)
        assert run(["history", "sources", "--format", "json"]) == 0
        rows = json.loads(capsys.readouterr().out)
        told.append({row["agent"] for row in rows if row["health"] == "not read"})
    assert told == [{"gemini"}, {source.agent for source in SOURCES}]


def test_a_folder_that_cannot_be_looked_into_is_unreadable(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are told of all the same."""
    some_logs(home)
    loop = home / ".kimi-code" / "sessions"
    loop.parent.mkdir()
    loop.symlink_to(loop)
    assert run(["history", "sources", "--format", "json"]) == 0
    rows = {row["agent"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["kimi"]["health"] == "unreadable"
    assert "symbolic links" in rows["kimi"]["problem"]
    assert rows["gemini"]["health"] == "fine"
