"""`tars status` and `tars agents`, where the hot path does not answer."""

from pathlib import Path

import msgspec
import pytest

from tars.cli.app import run
from tars.control import contract as c
from tars.control.status_text import render
from tests.support.command_line import OnTerminal, running
from tests.support.fake_daemon import AGENT, SESSION, STATUS, FakeDaemon


def write_session(home: Path, content: bytes) -> Path:
    path = home / "data" / "session.json"
    path.parent.mkdir()
    path.write_bytes(content)
    return path


def test_without_a_daemon_the_session_is_read_from_its_file(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`running` is false, the figures are there, and the exit status says 3."""
    write_session(home, msgspec.json.encode(SESSION))
    assert run(["status", "--json"]) == 3
    found = msgspec.json.decode(capsys.readouterr().out, type=c.Status)
    assert found.daemon.running is False
    assert found.session == SESSION
    assert run(["status"]) == 3
    assert capsys.readouterr().out == render(found)


def test_a_session_file_that_makes_no_sense_is_a_warning(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status tells, and leaves it to the daemon to set it aside."""
    path = write_session(home, b"{broken")
    assert run(["status", "--json"]) == 3
    found = msgspec.json.decode(capsys.readouterr().out, type=c.Status)
    assert found.session is None
    assert "could not be read" in found.warnings[0]
    assert path.read_bytes() == b"{broken"


def test_nothing_at_all_is_no_session(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A fresh machine; and looking makes no folders."""
    assert run(["status", "--json"]) == 3
    assert msgspec.json.decode(capsys.readouterr().out)["session"] is None
    assert list(home.iterdir()) == []


def test_a_running_daemon_is_shown_here_as_on_the_hot_path(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same renderer, and the same JSON."""
    assert run(["status"]) == 0
    assert capsys.readouterr().out == render(STATUS)
    assert run(["status", "--json"]) == 0
    assert capsys.readouterr().out == msgspec.json.encode(STATUS).decode() + "\n"


def test_watch_repeats_until_ctrl_c(home: Path) -> None:
    """On a terminal each look is drawn over the one before; it ends as cancelled."""
    with FakeDaemon(home):
        terminal = OnTerminal(home, "status", "--watch")
        terminal.expect("\x1b[H")
        terminal.seen = ""
        terminal.expect("\x1b[J")
        terminal.seen = ""
        terminal.expect("\x1b[H")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "Traceback" not in terminal.seen


def test_watch_into_a_pipe_is_lines(home: Path) -> None:
    """One line of JSON a second, whether it runs or not."""
    with running(home, "status", "--watch", "--json") as process:
        assert process.stdout is not None
        for _ in range(2):
            line = process.stdout.readline()
            assert msgspec.json.decode(line)["daemon"]["running"] is False


def test_agents_are_a_table(daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    """The default one has a star; JSON is the contract's."""
    other = c.AgentStatus(
        name="x\x1b[2J", kind="acp", protocol="acp", state="failed", version="2.1"
    )
    other.session = c.SessionRef(id="s1")
    answer = c.AgentList(agents=[AGENT, other], default="echo")
    daemon.answers["GET /v1/agents"] = answer
    assert run(["agents"]) == 0
    assert capsys.readouterr().out == (
        "   NAME  KIND  PROTOCOL  STATE   VERSION  PID   QUEUED  SESSION\n"
        "*  echo  echo  acp       ready   -        4242  0       -\n"
        "   x     acp   acp       failed  2.1      -     0       s1\n"
    )
    assert run(["agents", "--json"]) == 0
    assert msgspec.json.decode(capsys.readouterr().out, type=c.AgentList) == answer
