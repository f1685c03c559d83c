"""docs/claude-code.md is true: what it shows was typed, and is typed again here."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tars.home import Home
from tests.support.tars_home import TarsHome
from tests.support.walkthrough import Page

pytestmark = [pytest.mark.real_agent, pytest.mark.timeout(200)]

PAGE = Page((Path(__file__).parents[2] / "docs" / "claude-code.md").read_text())


@pytest.fixture
def person(claude_command: Path, claude_env: dict[str, str]) -> Iterator[TarsHome]:
    """Somebody with Claude Code, a key, and the page's configuration."""
    with tempfile.TemporaryDirectory(prefix="tars-") as folder:
        # The page says ~/.tars, and a socket's path has to be short.
        short = Path(folder) / "home"
        short.symlink_to(claude_env["HOME"])
        folders = (Path(sys.executable).parent, claude_command.parent, claude_env["PATH"])
        env = {**claude_env, "HOME": str(short), "PATH": os.pathsep.join(map(str, folders))}
        person = TarsHome(Home(short / ".tars"), {**env, "LANG": "C.UTF-8"})
        # What keeps it off the net, beside what the page shows.
        ours = (name for name in env if name not in PAGE.config and name not in ("HOME", "PATH"))
        person.configure(PAGE.config + "".join(f"{n} = {json.dumps(env[n])}\n" for n in ours))
        yield person
        person.drain()


def test_the_page_can_be_typed_from_top_to_bottom(person: TarsHome) -> None:
    """Every command gives what the page shows."""
    PAGE.type_out(person)
