"""README.md is true: its commands are run as they stand there."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tars.home import Home
from tests.support.tars_home import TarsHome

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()

#: What the commands of the README use besides tars. `gemini` is not among them, so that
#: the built-in agent answers on every machine.
PROGRAMS = ("sh", "mkdir", "uname", "dirname")

#: Commands that a test cannot run, and what is tested in their place.
NOT_RUN = {
    "pipx install .": "needs a registry; tests/test_repository.py builds and reads the wheel",
    "tars service install": "needs systemd; tests/cli/test_service_page.py types it beside a"
    " stand-in for systemctl, and `make systemd` under a real one",
    "tars service status": "the same",
    "make demo": "installs; tests/examples/ runs what it runs",
    "make test": "is what runs this test",
}


def commands() -> list[str]:
    """Every line of every block that is marked as commands."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.fixture
def person(tmp_path: Path) -> Iterator[TarsHome]:
    """Somebody who has installed tars, and has not used it yet: ~/.tars is not there."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found, name
        (programs / name).symlink_to(found)
    (programs / "tars").symlink_to(Path(sys.executable).parent / "tars")
    root = tmp_path / ".tars"
    env = {"PATH": str(programs), "HOME": str(tmp_path), "TARS_HOME": str(root), "LANG": "C.UTF-8"}
    person = TarsHome(Home(root), env)
    yield person
    person.drain()


def typed(person: TarsHome, command: str) -> str:
    """Run one line in a shell, in the checkout; give what it printed."""
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=ROOT,
        env=person.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_every_command_works_in_the_order_of_the_page(person: TarsHome) -> None:
    """Somebody who types the page from top to bottom meets no error."""
    printed = {line: typed(person, line) for line in commands() if line not in NOT_RUN}
    assert "What does this folder hold?" in printed['tars prompt "What does this folder hold?"']
    assert "And in one word?" in printed['echo "And in one word?" | tars prompt -']
    assert "prompts     2," in printed["tars status"]
    assert person.home.config.exists()


def test_the_status_that_is_shown_is_the_status_that_is_printed(person: TarsHome) -> None:
    """Each line of the page's example begins as a line of the real one does."""
    shown = README.partition("$ tars status\n")[2].partition("```")[0].splitlines()
    labels = [line[:14].strip() for line in shown if line and not line.startswith("claude")]
    person.start()
    person.prompt("Is anybody there?")
    real = [line[:14].strip() for line in person.tars("status").stdout.splitlines()]
    person.stop()
    assert "context" in labels
    assert [label for label in labels if label not in real] == []


def test_what_is_not_run_stands_in_the_page() -> None:
    """An exception that outlived its command would hide the next one."""
    assert [line for line in NOT_RUN if line not in commands()] == []


@pytest.mark.parametrize("target", [c.split()[1] for c in NOT_RUN if c.startswith("make ")])
def test_a_make_target_that_is_named_exists(target: str) -> None:
    """`make demo` and `make test` are in the Makefile."""
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_page_is_short() -> None:
    """It is read whole by somebody who has never heard of tars."""
    assert len(README.splitlines()) <= 120
