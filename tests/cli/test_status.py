"""`tars status` and `tars agents`, where the hot path does not answer."""

from pathlib import Path

import msgspec
import pytest

from tars.cli.app import run
from tars.cli.status_format import Template, names
from tars.cli.status_watch import ENTER, LEAVE, REST, REST_OF_LINE, TOP, Screen
from tars.control import contract as c
from tars.control.status_text import render
from tests.support.command_line import OnTerminal, running
from tests.support.fake_daemon import AGENT, SESSION, STATUS, FakeDaemon

TERM = {"TERM": "xterm-256color"}


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
    """On a terminal each look is drawn over the one before, on a screen of its own, which is given
    back; it ends as cancelled."""
    with FakeDaemon(home):
        terminal = OnTerminal(home, "status", "--watch", "0.1", env=TERM)
        terminal.expect(ENTER)
        for _ in range(2):
            terminal.expect(TOP)
            terminal.expect(REST)
            terminal.seen = ""
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "Traceback" not in terminal.seen
    assert LEAVE in terminal.seen


def test_watch_outlives_the_daemon(home: Path) -> None:
    """It says that there is none, and goes on when one is back; q leaves, and is no failure."""
    with FakeDaemon(home):
        terminal = OnTerminal(home, "status", "-w", "0.1", env=TERM)
        terminal.expect("pid 1")
    terminal.seen = ""
    terminal.expect("`tars start` starts it")
    terminal.seen = ""
    (home / "run" / "tars.sock").unlink(missing_ok=True)
    with FakeDaemon(home) as daemon:
        terminal.expect("pid 1")
        daemon.refuse("GET /v1/status", 500, "internal", "The daemon\x1b[2J failed.")
        terminal.expect("The daemon\ufffd[2J failed.")
        terminal.type("q")
        assert terminal.end() == 0
    assert terminal.seen.endswith(LEAVE)


@pytest.mark.parametrize("term", ["dumb", ""])
def test_watch_on_a_dumb_terminal_draws_nothing(home: Path, term: str) -> None:
    """One look follows the other, without a code."""
    with FakeDaemon(home):
        terminal = OnTerminal(home, "status", "--watch=0.1", env={**TERM, "TERM": term})
        terminal.expect("pid 1")
        terminal.seen = ""
        terminal.expect("pid 1")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert REST not in terminal.seen
    assert ENTER not in terminal.seen


def test_a_window_that_is_too_small_says_what_is_missing(capfd: pytest.CaptureFixture[str]) -> None:
    """The last line is for that; nothing scrolls."""
    Screen().draw("".join(f"line {number}\n" for number in range(30)))
    drawn = capfd.readouterr().out
    assert drawn.count("\n") == 23
    assert drawn.endswith(f"(7 more lines; a larger window shows them){REST_OF_LINE}{REST}")


def test_watch_into_a_pipe_is_lines(home: Path) -> None:
    """One line of JSON each time, whether it runs or not."""
    with running(home, "status", "--watch", "0.1", "--json") as process:
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


FULL = c.AgentStatus(
    name="claude\x1b[2J",
    kind="claude",
    protocol="stream-json",
    state="busy",
    queued=2,
    turn=c.TurnStatus(id="t-1", started_at="2026-03-01T10:00:00Z", elapsed_seconds=1.5),
    context=c.ContextStatus(used=86_000, size=200_000),
    groups=["web", "all"],
)


@pytest.mark.parametrize(
    ("template", "lines"),
    [
        ("{agent} {state} {context.percent}", ["claude\ufffd[2J busy 43", "echo ready "]),
        (r"{name}\t{turn.id}\t{turn.elapsedSeconds}", ["claude\ufffd[2J\tt-1\t1.5", "echo\t\t"]),
        ("{{{ queued }}} {groups}", ["{2} 2", "{0} 0"]),
        ("{pid}|{session.name}|{defaultAgent}", ["||echo", "4242||echo"]),
        ("{daemon.running} {today.costUsd} {warnings}", ["true 1.5 1", "true 1.5 1"]),
        ("", ["", ""]),
    ],
)
def test_a_template_makes_a_line_for_each_agent(template: str, lines: list[str]) -> None:
    """With the names of the JSON: what is not there is empty, a list is how many it has, and
    nothing of it is obeyed by a terminal."""
    status = c.Status(
        daemon=STATUS.daemon,
        agents=[FULL, AGENT],
        default_agent="echo",
        warnings=["one"],
        today=c.TodayStatus(cost_usd=1.5, tokens=10),
    )
    assert Template.read(template).lines(status).split("\n")[:-1] == lines


def test_every_field_can_be_asked_for() -> None:
    """All that an unknown field is answered with is known, whatever an agent has."""
    for agent in (AGENT, FULL):
        status = msgspec.structs.replace(STATUS, agents=[agent])
        for name in names():
            assert Template.read(f"{{{name}}}").lines(status).endswith("\n")
    assert {"state", "turn.elapsedSeconds", "lastError.message", "today.costUsd"} <= {*names()}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "{agnet}"], "there is no field 'agnet'; there are agent, condition.evidence"),
        (["--format", "{agent"], "a { stands alone; {{ is one"),
        (["--format", "a}"], "a } stands alone"),
        (["--format", "{state}", "--json"], "--json and --format exclude each other"),
        (["--every", "2"], "--every goes with --watch"),
        (["--watch", "0"], "0.1"),
        (["--watch", "2", "line"], "options go behind `line`"),
    ],
)
def test_what_makes_no_sense_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """As wrong usage, before anybody is asked."""
    assert run(["status", *words]) == 2
    assert said in capsys.readouterr().err
    assert list(home.iterdir()) == []


def test_a_template_is_for_scripts(
    home: Path, daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each agent; none, and the exit status of not running, without a daemon."""
    assert run(["status", "--format", "{agent}: {state}"]) == 0
    assert capsys.readouterr().out == "echo: ready\n"
    daemon.socket.unlink()
    assert run(["status", "--format", "{agent}: {state}"]) == 3
    assert capsys.readouterr().out == ""
