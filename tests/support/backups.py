"""Homes to back up and to restore, with something of everything in them."""

import json
import os
from pathlib import Path
from typing import Any

from tars.home import Home
from tars.sessions.backup import Made, back_up
from tars.sessions.library import Library
from tars.sessions.restoring import Fate, restoring
from tests.support.exports import AT, LATER, NOW, library, take, written

CONFIG = """\
# an old key: sk-1234567890abcdefgh
env_file = "{home}/my.env"
[agents.echo]
kind = "echo"
env = {{ TOKEN = "hunter2" }}
"""
FIELDS = {
    "sessionId": "s1",
    "createdAt": AT,
    "totalInputTokens": 1,
    "totalOutputTokens": 1,
    "totalCachedTokens": 0,
    "totalNetTokens": 1,
    "interactionCount": 1,
    "lastInteractionAt": "2026-01-01T00:00:00Z",
    "lastInputTokens": 1,
}


def session(id: str = "s1", last: str = LATER) -> dict[str, Any]:
    return {"type": "session", "id": id, "agent": "a", "createdAt": AT, "lastActivityAt": last}


def furnished(root: Path) -> Home:
    """A home with something of everything in it."""
    with library(root) as opened:
        take(opened, written(session()))
    made = Home(root)
    made.config.write_text(CONFIG.format(home=root))
    (root / "my.env").write_text("KEY=secret\n")
    made.choices.write_text("{}")
    (made.data / "session.json").write_text(json.dumps(FIELDS))
    made.agent_data("other").mkdir()
    (made.agent_data("other") / "session.json").write_text(json.dumps(FIELDS))
    for path in (made.config, made.choices):
        os.utime(path, (1, 1))
    return made


def save(home: Home, path: Path, **how: Any) -> Made:
    with Library.open(home) as opened:
        return back_up(opened, path, NOW, **how)


def restore(home: Home, path: Path, **how: Any) -> dict[str, Fate]:
    with restoring(home, path, NOW, **how) as plan:
        return {item.name: item.fate for item in plan.items}


def contents(home: Home) -> dict[str, bytes]:
    """Every file of a home but what SQLite keeps beside the store."""
    return {
        str(path.relative_to(home.root)): path.read_bytes()
        for path in sorted(home.root.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }
