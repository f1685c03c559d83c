"""The screen in a real terminal: tmux, real keys, a real daemon, and how the terminal is left."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.support.tars_home import PATIENCE, TarsHome, tars_home

pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None and not os.environ.get("CI"), reason="there is no tmux"
)


#: What the page on the screen has people type.
PAGE = (Path(__file__).parents[2] / "docs" / "tui.md").read_text()
[COMMAND] = re.findall(r"^```sh\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)


@dataclass
class Tmux:
    """One terminal of 80 columns and 24 lines, in a tmux server of its own."""

    socket: Path
    env: dict[str, str]

    def run(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self.socket), "-f", "/dev/null", *words],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def type(self, *keys: str) -> None:
        self.run("send-keys", *keys)

    def shown(self) -> str:
        return self.run("capture-pane", "-p")

    def until(self, claim: Callable[[str], object]) -> str:
        """Look until the terminal shows this. Each look is a process: nothing spins."""
        shown = ""
        for _ in range(2_000):
            shown = self.shown()
            if claim(shown):
                return shown
        raise AssertionError(shown)

    def modes(self) -> str:
        """Alternate screen, cursor, mouse: `0 1 0` is a terminal as a shell wants it."""
        return self.run("display", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}").strip()


@pytest.fixture
def home(short_path: Path) -> Iterator[TarsHome]:
    with tars_home(short_path, {"TERM": "tmux-256color"}) as home:
        home.configure_echo()
        yield home


@pytest.fixture
def terminal(home: TarsHome, short_path: Path) -> Iterator[Tmux]:
    path = f"{Path(sys.executable).parent}:{home.env['PATH']}"
    env = {**home.env, "PATH": path, "PS1": "$ "}
    tmux = Tmux(short_path / "tmux", env)
    tmux.run("new-session", "-d", "-x", "80", "-y", "24", "sh")
    try:
        yield tmux
    finally:
        with suppress(AssertionError):
            tmux.run("kill-server")


def screen_of(home: TarsHome) -> psutil.Process:
    """The process that draws."""
    [screen] = [found for found in home.processes() if found.cmdline()[-1:] == ["tui"]]
    return screen


def test_everything_is_steered_by_real_keys(home: TarsHome, terminal: Tmux) -> None:
    """Start the daemon, prompt, see the answer and the session, lose the daemon, leave."""
    terminal.type(f"{COMMAND}; echo left with $?", "Enter")
    terminal.until(lambda shown: "S  starts it" in shown)
    terminal.type("S")
    terminal.until(lambda shown: "● running" in shown and "echo" in shown)
    terminal.type("2")
    terminal.until(lambda shown: "process" in shown)
    terminal.type("p")
    terminal.until(lambda shown: "Enter sends it" in shown)
    terminal.type("Is anybody there?", "Enter")
    terminal.until(lambda shown: "─ ok" in shown and "Is anybody there?" in shown)
    terminal.type("3")
    terminal.until(lambda shown: "Is anybody" in shown and "Session" in shown)
    home.kill(home.daemon_pid())
    terminal.until(lambda shown: "○ not running" in shown)
    terminal.run("resize-window", "-x", "60", "-y", "15")
    terminal.type("1")
    terminal.until(lambda shown: "○ not running" in shown)
    terminal.type("q")
    terminal.until(lambda shown: "left with 0" in shown)
    assert terminal.modes() == "0 1 0"


def test_a_signal_leaves_the_terminal_as_it_was(home: TarsHome, terminal: Tmux) -> None:
    """Suspended, and ended from outside, it clears up; the exit status says by what."""
    terminal.type(f"{COMMAND}; echo left with $?", "Enter")
    terminal.until(lambda shown: "S  starts it" in shown)
    assert terminal.modes() == "1 0 1"
    terminal.type("C-z")
    terminal.until(lambda _: terminal.modes() == "0 1 0")
    terminal.type("fg; echo left with $?", "Enter")
    terminal.until(lambda shown: "1 Overview" in shown and "S  starts it" in shown)
    screen = screen_of(home)
    # One that it was not stopped for, as from a terminal that is closed, leaves no thread behind.
    screen.send_signal(signal.SIGCONT)
    screen.send_signal(signal.SIGTERM)
    terminal.until(lambda shown: "left with 143" in shown)
    assert terminal.modes() == "0 1 0"
    terminal.type("stty -a | tr ' ;' '\\n' | grep -x -e icanon -e echo", "Enter")
    terminal.until(lambda shown: shown.split()[-3:-1] == ["icanon", "echo"])


def test_a_terminal_that_was_closed_leaves_nothing_running(home: TarsHome) -> None:
    """Even where nobody sends SIGHUP, or it is ignored."""
    import pexpect

    child = pexpect.spawn(
        "sh",
        ["-c", f"trap '' HUP; exec {shlex.quote(sys.executable)} -m tars tui"],
        env={**home.env, "TERM": "xterm-256color"},
        dimensions=(24, 80),
        timeout=PATIENCE,
    )
    child.expect("starts it")
    screen = screen_of(home)
    child.close(force=False)
    screen.wait(PATIENCE)


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_be_drawn_on_is_told_what_can(home: TarsHome, term: str) -> None:
    """And so is a pipe."""
    import pexpect

    child = pexpect.spawn(
        sys.executable, ["-m", "tars", "tui"], env={**home.env, "TERM": term}, timeout=PATIENCE
    )
    child.expect_exact("TERM is dumb")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 2
    done = home.tars("tui")
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
