"""How it stands with a source is said by the worst of what is known."""

from pathlib import Path

import pytest

from tars.config_costs import HistoryConfig
from tars.history.health import healths
from tars.history.index import Index
from tars.history.looking import Logs
from tars.history.scan import refresh
from tars.history.sources.registry import SOURCES
from tests.support.agent_logs import golden, write


@pytest.mark.parametrize(
    ("files", "state"),
    [
        ({}, "not there"),
        ({"session-a.jsonl": b""}, "fine"),
        ({"session-a.jsonl": golden("gemini/acp.jsonl")}, "fine"),
        ({"session-a.jsonl": b'{"tokens":{\n' * 2}, "2 garbled lines"),
        ({"session-a.json": b'{"half'}, "unreadable"),
        ({"session-a.json": b'{"half', "session-b.jsonl": b'{"tokens":{\n'}, "1 unreadable"),
    ],
)
def test_the_worst_is_said(files: dict[str, bytes], state: str, tmp_path: Path) -> None:
    """Of one agent's logs; and without an index, what the folders alone tell."""
    for name, data in files.items():
        write(tmp_path / ".gemini" / "tmp" / "shop" / "chats" / name, data)
    logs = Logs({}, tmp_path, HistoryConfig())
    with Index.open(tmp_path / "history.db") as index:
        refresh(index, env={}, home=tmp_path, config=logs.config, processes=1)
        told = {each.agent: each for each in healths(index.connection, SOURCES, logs)}
    assert told["gemini"].state == state
    assert told["gemini"].files == len(files)
    assert {each.state for agent, each in told.items() if agent != "gemini"} == {"not there"}
    before = {each.agent: each.state for each in healths(None, SOURCES, logs)}
    assert before["gemini"] == ("fine" if files else "not there")
