"""The real Gemini CLI on its own screen, as a person sees it, driven by tars."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tars_home import TarsHome, tars_home

pytestmark = pytest.mark.real_agent


@pytest.fixture
def tars(tmp_path: Path, gemini_command: Path, gemini_env: dict[str, str]) -> Iterator[TarsHome]:
    """A daemon whose agent is Gemini CLI's screen, which may write nothing."""
    folder = tmp_path / "work"
    folder.mkdir()
    with tars_home(tmp_path, gemini_env) as tars:
        keys = {"command": [str(gemini_command)], "cwd": str(folder), "model": "gemini-2.5-flash"}
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in keys.items())
        tars.configure(
            f'[agents.gemini]\nkind = "gemini"\nprotocol = "pty"\npermissions = "deny"\n{lines}\n'
        )
        tars.start()
        yield tars


def test_its_screen_is_read_and_its_log_counts(tars: TarsHome, tmp_path: Path) -> None:
    """Exact tokens, the same conversation after a kill -9, a refused write, and an error."""
    counted = tars.prompt("hello FAKE:usage:10000:50:8000:25")
    usage = counted.usage
    assert (counted.outcome, counted.text) == ("ok", "Hello from the fake model.")
    assert (usage.input_tokens, usage.output_tokens, usage.thought_tokens) == (10000, 50, 25)
    assert (usage.cached_tokens, usage.source) == (8000, "log")
    pid, session = tars.agent_pid(), tars.agent().session.id
    tars.kill(pid)
    tars.until(lambda s: s.agents[0].pid not in (None, pid) and s.agents[0].state == "ready")
    again = tars.prompt("once more FAKE:echo")
    assert again.session == session
    assert "FAKE:usage:10000:50:8000:25" in again.text
    refused = tars.prompt("write it\nplease FAKE:write:new.txt")
    assert (refused.outcome, refused.text) == ("refused", ""), "refusing ends its turn"
    assert refused.error is not None
    assert "not allowed" in refused.error.message
    assert not (tmp_path / "work" / "new.txt").exists()
    failed = tars.prompt("wrong FAKE:400")
    assert failed.error is not None
    assert (failed.outcome, failed.error.kind) == ("error", "model_error")
