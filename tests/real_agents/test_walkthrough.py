"""docs/gemini-cli.md is true: what it shows was typed, and is typed again here."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tars.home import Home
from tests.support.tars_home import TarsHome

pytestmark = [pytest.mark.real_agent, pytest.mark.timeout(200)]

PAGE = (Path(__file__).parents[2] / "docs" / "gemini-cli.md").read_text()


def blocks() -> list[tuple[str, str]]:
    """Every command of the page with the output that it shows."""
    shown = "".join(re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
    parts = re.split(r"^\$ ", shown, flags=re.MULTILINE)[1:]
    return [(command, output) for command, _, output in (p.partition("\n") for p in parts)]


def pattern(shown: str) -> str:
    """What `…` stands for may be anything within its line."""
    lines = [".*".join(map(re.escape, line.split("…"))) for line in shown.rstrip().split("\n")]
    return "\n".join(lines)


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
    toml = re.search(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert toml
    address = f"GOOGLE_GEMINI_BASE_URL = {json.dumps(gemini_env['GOOGLE_GEMINI_BASE_URL'])}\n"
    person.configure(toml[1] + address)
    home.workspace.mkdir(parents=True)
    (home.workspace / "hello.txt").write_text("hello\n")
    yield person
    person.drain()


def test_the_page_can_be_typed_from_top_to_bottom(person: TarsHome) -> None:
    """Every command gives what the page shows."""
    for command, shown in blocks():
        if command.startswith("tars permit"):
            # A person reads this in `tars status`.
            person.until(lambda status: bool(status.agents[0].permissions))
        done = subprocess.run(
            ["sh", "-c", command],
            env=person.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        # Errors are shown; progress, which is narrated on stderr too, is not.
        seen = (done.stdout.rstrip(), (done.stderr + done.stdout).rstrip())
        assert any(re.fullmatch(pattern(shown), text) for text in seen), f"$ {command}\n{seen}"
