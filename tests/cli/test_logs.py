"""`tars logs`: the daemon's words, or the file's when there is no daemon."""

from pathlib import Path

import pytest

from tars.cli.app import run
from tests.support.command_line import OnTerminal
from tests.support.fake_daemon import FakeDaemon


def test_lines_come_from_the_daemon(daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    """What is asked for is passed on."""
    daemon.lines = ["one", "two"]
    assert run(["logs", "--agent", "echo", "-n", "2", "-f"]) == 0
    assert capsys.readouterr().out == "one\ntwo\n"
    assert daemon.asked[0].path == "/v1/logs?agent=echo&lines=2&follow=1"


def test_without_a_daemon_its_last_log_is_shown(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is when one wants it most."""
    (home / "logs" / "agents").mkdir(parents=True)
    (home / "logs" / "tars.log").write_text("a\nb\nc\n")
    (home / "logs" / "agents" / "echo.log").write_text("agent\n")
    assert run(["logs", "-n", "2"]) == 0
    assert run(["logs", "--agent", "echo"]) == 0
    assert capsys.readouterr().out == "b\nc\nagent\n"
    assert run(["logs", "--follow"]) == 3


def test_a_terminal_is_not_commanded_by_a_log(home: Path) -> None:
    """An agent's stderr may hold anything."""
    with FakeDaemon(home) as daemon:
        daemon.lines = ["a\x1b[2Jb\x1b]0;x\x07"]
        terminal = OnTerminal(home, "logs")
        assert terminal.end() == 0
    assert terminal.seen == "ab\r\n"
