"""docs/history.md is true: its commands are typed, and give what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.cli.test_history import some_logs
from tests.support.command_line import LONG_SECONDS, environment
from tests.support.walkthrough import Page, pattern

PAGE = Page((Path(__file__).parents[2] / "docs" / "history.md").read_text())


def test_the_page_shows_what_is_printed(home: Path) -> None:
    """Every command in order, on the logs of some agents, of which one is broken."""
    some_logs(home)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = environment(home, {"PATH": path, "COLUMNS": "90", "TZ": "UTC"})
    assert len(PAGE.commands()) > 1
    for command, shown in PAGE.commands():
        done = subprocess.run(
            ["sh", "-c", command], env=env, capture_output=True, text=True, timeout=LONG_SECONDS
        )
        text = (done.stdout + done.stderr).rstrip()
        assert re.fullmatch(pattern(shown), text), f"$ {command}\n{text}"
