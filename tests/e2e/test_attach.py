"""`tars attach` on a real terminal: keys, sizes, several viewers, and the way out."""

import os
import re
import signal
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pexpect
import pytest

from tests.support.processes import terminal_of
from tests.support.tars_home import TarsHome

SHELL = """
[agents.shell]
kind = "pty"
command = ["sh", "-c", "PS1='sh> ' exec sh -i"]
# An interactive shell ignores SIGTERM.
grace_seconds = 0
"""
#: What a terminal is told when it is given back: main screen, cursor, no paste mode, no mouse.
RESTORED = ("\x1b[?1049l", "\x1b[?25h", "\x1b[?2004l", "\x1b[?1000l", "\x1b[0m")


@contextmanager
def attached(
    tars: TarsHome, *words: str, rows: int = 24, columns: int = 80
) -> Iterator["pexpect.spawn[Any]"]:
    """A terminal with `tars attach` on it, from when it is attached."""
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "tars", "attach", *words],
        env={**tars.env, "TERM": "xterm-256color"},
        dimensions=(rows, columns),
        encoding="utf-8",
        timeout=20,
    )
    terminal.delaybeforesend = None
    try:
        terminal.expect([re.escape("\x1b[?1049h"), "Attached to "])
        yield terminal
    finally:
        terminal.close(force=True)


def ended(terminal: "pexpect.spawn[Any]") -> tuple[int | None, str]:
    """Wait for its end; give its exit status and what it showed since the last look."""
    terminal.expect(pexpect.EOF)
    shown = str(terminal.before)
    terminal.wait()
    return terminal.exitstatus, shown


@contextmanager
def looked_at(terminal: "pexpect.spawn[Any]") -> Iterator[Callable[[int], bool]]:
    """Have the terminal open too, so that it stays when the command is gone, and tell whether a
    flag of its line discipline is set."""
    descriptor = os.open(terminal_of(terminal.child_fd), os.O_RDWR | os.O_NOCTTY)
    try:
        yield lambda flag: bool(termios.tcgetattr(descriptor)[3] & flag)
    finally:
        os.close(descriptor)


@pytest.fixture
def shell(tars: TarsHome) -> TarsHome:
    """A daemon with a shell as its agent, which is ready."""
    tars.configure(SHELL)
    tars.start()
    tars.until(lambda status: status.agents[0].state == "ready")
    return tars


def test_keys_go_through_and_detaching_leaves_it_running(shell: TarsHome) -> None:
    """The screen is drawn, keys arrive, Ctrl-] gives the terminal back; tars' prompts go on."""
    pid = shell.agent_pid()
    with attached(shell) as terminal:
        terminal.expect("sh>")
        terminal.send("echo one-$((1 + 1))\r")
        terminal.expect("one-2")
        with looked_at(terminal) as has:
            assert not has(termios.ECHO), "it is raw meanwhile"
            terminal.send("\x1d")
            terminal.expect("\rDetached from shell, which goes on.")
            shown = str(terminal.before)
            assert terminal.wait() == 0
            assert has(termios.ECHO)
    assert [code for code in RESTORED if code not in shown] == []
    assert shell.agent_pid() == pid
    with attached(shell) as again:
        again.expect("one-2")  # the screen is drawn anew
    assert shell.prompt("echo tars-$((2 + 2))").text == "tars-4"


def test_several_watch_and_one_types(shell: TarsHome) -> None:
    """The smallest sets the size; the keyboard is passed on, or taken."""
    with attached(shell) as first, attached(shell, rows=20, columns=60) as second:
        first.expect("sh>")
        second.expect("sh>")
        first.send("stty size\r")
        first.expect("20 60")
        second.expect("20 60")
        second.send("x")
        second.expect("\a")
        second.setwinsize(15, 70)
        second.expect(re.escape("\x1b[2J"))  # all of it is drawn again
        first.send("stty size\r")
        first.expect("15 70")
        with attached(shell, "shell", "--take") as third:
            third.send("echo taken-$((3 + 3))\r")
            second.expect("taken-6")
            first.send("x")
            first.expect("\a")
        first.send("\x1d")
        assert ended(first)[0] == 0
        second.send("echo mine-$((4 + 4))\r")
        second.expect("mine-8")


def test_a_viewer_that_stalls_harms_nobody(shell: TarsHome) -> None:
    """He does not read; the agent, the others and tars' prompts go on; then he sees the end."""
    with attached(shell) as stalled, attached(shell, "--take") as typist:
        typist.send("seq 1 60000\r")
        typist.expect("59999\r\n60000")
        typist.send("echo all-$((5 + 5))\r")
        typist.expect("all-10")
        assert shell.status().agents[0].state == "ready"
        stalled.expect("all-10")


def test_a_signal_gives_the_terminal_back(shell: TarsHome) -> None:
    """Raw mode is left, and so is every mode that a program switched on."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        with attached(shell) as terminal:
            terminal.expect("sh>")
            with looked_at(terminal) as has:
                assert not has(termios.ICANON)
                terminal.kill(number)
                terminal.expect(f"Detached from shell by {number.name}; the agent goes on.")
                shown = str(terminal.before) + str(terminal.after)
                status = terminal.wait()
                assert has(termios.ICANON)
                assert has(termios.ECHO)
        assert status == 128 + number
        assert [code for code in RESTORED if code not in shown] == []


def test_the_death_of_the_daemon_gives_the_terminal_back(shell: TarsHome) -> None:
    """And says what happened, on a terminal that a person can read."""
    with attached(shell) as terminal:
        terminal.expect("sh>")
        with looked_at(terminal) as has:
            assert not has(termios.ICANON)
            shell.kill(shell.daemon_pid())
            terminal.expect("The daemon went away")
            terminal.wait()
            assert has(termios.ICANON)
            assert has(termios.ECHO)
        assert terminal.exitstatus == 1


def test_the_end_of_the_program_is_told(shell: TarsHome) -> None:
    """Who watches is told how, and what becomes of the agent."""
    with attached(shell) as terminal:
        terminal.expect("sh>")
        shell.kill(shell.agent_pid())
        status, shown = ended(terminal)
    assert status == 1
    assert "The program of the agent shell was ended by SIGKILL. It is started again" in shown
    shell.until(lambda status: status.agents[0].state == "ready")
    with attached(shell) as terminal:
        terminal.expect("sh>")
        terminal.send("exit 0\r")
        _, shown = ended(terminal)
    assert "The program of the agent shell has ended." in shown


def test_a_conversation_is_followed_and_led(tars: TarsHome) -> None:
    """Lines are prompts; what others ask is shown; Ctrl-C cancels, Ctrl-] leaves."""
    tars.start()
    with attached(tars) as terminal:
        terminal.expect("Ctrl-] detaches")
        terminal.send("hello from here\r")
        terminal.expect("hello from here\r\n.*hello from here")
        tars.until(lambda status: status.agents[0].turn is None)
        assert "over there" in tars.prompt("and over there").text
        terminal.expect("> and over there.*over there")
        terminal.send("\x03")
        terminal.expect("Nothing to cancel")
        terminal.send("\x1d")
        status, shown = ended(terminal)
    assert (status, "which goes on" in shown) == (0, True)


def test_what_becomes_of_an_agent_that_failed_is_not_said_to_go_on(tars: TarsHome) -> None:
    """Its conversation may be looked at all the same."""
    tars.configure_echo(more='[agents.gone]\nkind = "acp"\ncommand = ["/nonexistent/agent"]\n')
    tars.tars("start")
    tars.until(lambda status: status.agents[1].state == "failed")
    with attached(tars, "gone") as terminal:
        terminal.expect("Ctrl-] detaches")
        terminal.send("\x1d")
        _, shown = ended(terminal)
    assert "Detached from gone, which is failed." in shown


def test_without_a_terminal_it_is_refused(tars: TarsHome) -> None:
    """Wrong usage: pipes and scripts have `tars prompt`."""
    done = tars.tars("attach")
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
