"""docs/gemini-cli.md is true: what it shows was typed, and is typed again here."""

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

PAGE = Page((Path(__file__).parents[2] / "docs" / "gemini-cli.md").read_text())


@pytest.fixture
def person(gemini_command: Path, gemini_env: dict[str, str]) -> Iterator[TarsHome]:
    """Somebody with Gemini CLI, a key, and the page's configuration."""
    with tempfile.TemporaryDirectory(prefix="tars-") as folder:
        # The page says ~/.tars, and a socket's path has to be short.
        short = Path(folder) / "home"
        short.symlink_to(gemini_env["HOME"])
        yield from configured({**gemini_env, "HOME": str(short)})


def configured(gemini_env: dict[str, str]) -> Iterator[TarsHome]:
    """Their home with the agent's key and address in it, drained at the end."""
    home = Home(Path(gemini_env["HOME"]) / ".tars")
    bin_folder = Path(sys.executable).parent
    path = f"{bin_folder}{os.pathsep}{gemini_env['PATH']}"
    person = TarsHome(home, {**gemini_env, "PATH": path, "LANG": "C.UTF-8"})
    address = f"GOOGLE_GEMINI_BASE_URL = {json.dumps(gemini_env['GOOGLE_GEMINI_BASE_URL'])}\n"
    person.configure(PAGE.config + address)
    home.workspace.mkdir(parents=True)
    (home.workspace / "hello.txt").write_text("hello\n")
    yield person
    person.drain()


def test_the_page_can_be_typed_from_top_to_bottom(person: TarsHome) -> None:
    """Every command gives what the page shows."""
    PAGE.type_out(person)
