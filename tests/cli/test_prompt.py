"""`tars prompt`: the answer on stdout, the rest on stderr, Ctrl-C, and the exit status."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tars.cli.app import run
from tars.control import contract as c
from tars.control.permission_contract import Permitted
from tests.support.command_line import (
    LONG_SECONDS,
    TARS,
    OnTerminal,
    environment,
    running,
    tars,
)
from tests.support.fake_daemon import ACCEPTED, RESULT, Asked, FakeDaemon, Gate, Hangup

ASKED = c.PermissionStatus(
    id="p7",
    agent="echo",
    title="Run `rm \x1b[8m-rf` x",
    tool_kind="execute",
    options=[
        c.OptionStatus(id="once", name="Allow", kind="allow_once"),
        c.OptionStatus(id="no", name="Reject", kind="reject_once"),
    ],
    asked_at="2026-01-02T03:04:05Z",
    expires_in_seconds=300,
    details="command:\n  rm \x1b[8m-rf\n  x",
)
CANCELLED = c.TurnResult(turn="t1", agent="echo", outcome="cancelled")


def text(piece: str) -> tuple[str, c.Wire]:
    return ("text", c.Text(text=piece))


def test_only_the_answer_goes_to_stdout(home: Path) -> None:
    """To a pipe its bytes as they are, escape sequences too; thoughts are not shown, and
    tool calls are told on stderr, each step once."""
    tool = c.Tool(id="1", title="Read\x1b[2J file", kind="read", status="in_progress")
    with FakeDaemon(home) as daemon:
        daemon.stream = [
            ("accepted", ACCEPTED),
            ("thought", c.Text(text="hmm")),
            text("Hé\x1b[31m"),
            ("tool", tool),
            ("tool", tool),
            ("tool", msgspec.structs.replace(tool, status="completed")),
            text("llo\r\n"),
            ("turn", RESULT),
        ]
        done = tars(home, "prompt", "hi")
    assert (done.returncode, done.stdout) == (0, "Hé\x1b[31mllo\r\n")
    assert done.stderr == "[Read file: runs]\n[Read file: done]\n"


def test_json_is_one_line_and_no_stream(home: Path) -> None:
    """stdout is the turn's result as the contract has it."""
    with FakeDaemon(home) as daemon:
        daemon.stream = [("accepted", ACCEPTED), text("Hello"), ("turn", RESULT)]
        done = tars(home, "prompt", "--json", "hi")
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert msgspec.json.decode(done.stdout, type=c.TurnResult) == RESULT


def test_an_answer_without_text_is_told(home: Path) -> None:
    """It ends like a success, which an empty screen does not explain."""
    empty = c.TurnResult(turn="t1", agent="echo", outcome="ok")
    with FakeDaemon(home) as daemon:
        daemon.stream = [("accepted", ACCEPTED), ("turn", empty)]
        done = tars(home, "prompt", "hi")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no text" in done.stderr


def test_everything_asked_for_is_passed_on(
    daemon: FakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Agent, session and time-out are the request's; where it comes from is told."""
    monkeypatch.chdir(tmp_path)
    words = ["prompt", "--agent", "a", "--session", "s", "--timeout", "1.5", "--json", "hi"]
    assert run([*words, "--name", "n", "--task", "T1", "--tag", "x", "--tag", "y"]) == 0
    assert daemon.asked[-1].body == {
        "text": "hi",
        "agent": "a",
        "session": "s",
        "wait": True,
        "timeoutSeconds": 1.5,
        "refuseIfBusy": False,
        "new": False,
        "record": True,
        "project": str(tmp_path),
        "branch": "",
        "name": "n",
        "task": "T1",
        "tags": ["x", "y"],
        "metadata": {},
        "despiteBudget": False,
    }


def test_no_wait_prints_the_turn(daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    """Its id on stdout, for a later `tars cancel --turn`."""
    assert run(["prompt", "--no-wait", "hi"]) == 0
    assert capsys.readouterr().out == "t1\n"
    assert daemon.asked[-1].body["wait"] is False


def test_stdin_is_the_prompt(home: Path) -> None:
    """`tars prompt -` sends what it reads, byte for byte."""
    with FakeDaemon(home) as daemon:
        assert tars(home, "prompt", "-", given="zwei\nZeilen é\n".encode()).returncode == 0
        assert daemon.asked[-1].body["text"] == "zwei\nZeilen é\n"


@pytest.mark.parametrize(("given", "line"), [(b"  \n", "empty"), (b"a\xff", "not UTF-8")])
def test_stdin_that_is_no_prompt_is_wrong_usage(home: Path, given: bytes, line: str) -> None:
    """Nothing is sent, and the daemon is not even needed to say so."""
    done = tars(home, "prompt", "-", given=given)
    assert done.returncode == 2
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


def test_far_too_much_stdin_is_refused(home: Path) -> None:
    """It is neither cut nor sent, and the limit is told as it is."""
    done = tars(home, "prompt", "-", given=b"x" * (c.MAX_BODY + 10))
    assert done.returncode == 2
    assert done.stderr == "tars: The prompt is larger than 16 MiB.\n"


def test_a_closed_stdin_is_wrong_usage(home: Path) -> None:
    """`tars prompt - <&-` has nothing to read: one line, and no traceback."""
    done = subprocess.run(
        ["sh", "-c", '"$@" <&-', "sh", *TARS, "prompt", "-"],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=LONG_SECONDS,
    )
    assert done.returncode == 2
    assert done.stderr == "tars: There is no stdin to read the prompt from: it is closed.\n"


@pytest.mark.parametrize(("title", "shown"), [("Read it", "Read it"), ("", "read")])
def test_a_tool_that_ends_without_its_title_is_told_by_what_it_had(
    home: Path, title: str, shown: str
) -> None:
    """The end of a call may bring neither title nor kind; the line names it all the same."""
    tool = c.Tool(id="1", title=title, kind="read", status="in_progress")
    with FakeDaemon(home) as daemon:
        daemon.stream = [
            ("accepted", ACCEPTED),
            ("tool", tool),
            ("tool", c.Tool(id="1", title="", kind="", status="completed")),
            ("turn", RESULT),
        ]
        done = tars(home, "prompt", "hi")
    assert done.stderr == f"[{shown}: runs]\n[{shown}: done]\n"


@pytest.mark.parametrize(
    ("outcome", "kind", "status"),
    [
        ("error", "model_error", 1),
        ("error", "not_signed_in", 4),
        ("refused", "queue_full", 5),
        ("timeout", "timeout", 1),
        ("interrupted", "crashed", 1),
    ],
)
def test_a_turn_that_failed_says_why(
    daemon: FakeDaemon,
    capsys: pytest.CaptureFixture[str],
    outcome: str,
    kind: str,
    status: int,
) -> None:
    """One line on stderr, and the exit status of its kind of fault."""
    fault = c.FaultStatus(kind=kind, message="It went wrong.", advice="Mend it.")
    result = c.TurnResult(turn="t1", agent="echo", outcome=outcome, error=fault)
    daemon.stream = [("accepted", ACCEPTED), ("turn", result)]
    assert run(["prompt", "hi"]) == status
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "tars: It went wrong. Mend it.\n")


def test_what_lagged_is_made_good(daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    """After a gap the rest comes from the final event: nothing is missing or doubled."""
    daemon.stream = [
        ("accepted", ACCEPTED),
        text("Hel"),
        ("lagged", c.Lagged(dropped=2)),
        text("wor"),
        ("turn", RESULT),
    ]
    assert run(["prompt", "hi"]) == 0
    assert capsys.readouterr().out == "Hello, world"


def test_a_daemon_that_dies_is_told(daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    """What came is kept, and the exit status says that it is not all."""
    daemon.stream = [("accepted", ACCEPTED), text("Hel"), Hangup()]
    assert run(["prompt", "hi"]) == 1
    said = capsys.readouterr()
    assert said.out == "Hel"
    assert said.err.startswith("tars: The daemon went away")


def test_a_wait_is_told_in_plain_lines(home: Path) -> None:
    """Without a terminal nothing turns; a wait of more than a second is a line."""
    gate = Gate()
    line = b"Waiting for the answer: the model is overloaded\n"
    with FakeDaemon(home) as daemon:
        waiting = ("waiting", c.Waiting(reason="the model is overloaded"))
        daemon.stream = [("accepted", ACCEPTED), waiting, gate, ("turn", RESULT)]
        with running(home, "prompt", "hi") as process:
            assert process.stderr is not None
            assert process.stderr.readline() == line
            gate.opened.set()
            assert process.communicate(timeout=LONG_SECONDS) == (b"Hello, world", b"")


def test_a_permission_is_a_line_with_its_command(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal: what to type elsewhere, without hidden words."""
    daemon.stream = [("accepted", ACCEPTED), ("permission", ASKED), ("turn", RESULT)]
    assert run(["prompt", "hi"]) == 0
    said = (
        "echo asks for permission: Run `rm -rf` x. `tars status` shows all of it. "
        "Answer with: tars permit p7  (or --deny, --always)\n"
    )
    assert capsys.readouterr().err == said


def opening(gate: Gate, answer: c.Wire, asked: Asked) -> c.Wire:
    """Answer a request, and let the stream go on."""
    gate.opened.set()
    return answer


def test_ctrl_c_cancels_the_turn_and_waits_for_its_end(home: Path) -> None:
    """One cancel of this very turn; the stream's end is awaited; exit status 130."""
    gate = Gate()
    with FakeDaemon(home) as daemon:
        daemon.stream = [("accepted", ACCEPTED), text("Hel"), gate, ("turn", CANCELLED)]
        daemon.answers["POST /v1/cancel"] = lambda a: opening(gate, c.Cancelled(turn="t1"), a)
        with running(home, "prompt", "hi") as process:
            assert process.stdout is not None
            assert os.read(process.stdout.fileno(), 100) == b"Hel"
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=LONG_SECONDS)
        cancels = [a.body for a in daemon.asked if a.path == "/v1/cancel"]
    assert process.returncode == 130
    assert cancels == [{"agent": "echo", "turn": "t1"}]
    assert said == b"Cancelling the turn; Ctrl-C again leaves without waiting.\n"


def test_a_second_ctrl_c_leaves(home: Path) -> None:
    """An agent that does not obey the cancel does not keep the person."""
    with FakeDaemon(home) as daemon:
        daemon.stream = [("accepted", ACCEPTED), text("Hel"), Gate(), ("turn", CANCELLED)]
        with running(home, "prompt", "hi") as process:
            assert process.stdout is not None
            os.read(process.stdout.fileno(), 100)
            process.send_signal(signal.SIGINT)
            daemon.wait_for("POST", "/v1/cancel")
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=LONG_SECONDS)
    assert process.returncode == 130
    assert b"Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_leave_the_turn_running(home: Path, number: signal.Signals) -> None:
    """The client goes; nothing is cancelled."""
    with FakeDaemon(home) as daemon:
        daemon.stream = [("accepted", ACCEPTED), text("Hel"), Gate(), ("turn", CANCELLED)]
        with running(home, "prompt", "hi") as process:
            assert process.stdout is not None
            os.read(process.stdout.fileno(), 100)
            process.send_signal(number)
            process.wait(LONG_SECONDS)
        assert [a.path for a in daemon.asked] == ["/v1/prompt"]
    assert process.returncode == -number


def test_an_ignored_sigint_stays_ignored(home: Path) -> None:
    """A job that a script put into the background is not for this terminal's Ctrl-C."""
    gate = Gate()
    with FakeDaemon(home) as daemon:
        daemon.stream = [("accepted", ACCEPTED), text("Hel"), gate, ("turn", RESULT)]
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with running(home, "prompt", "hi") as process:
                assert process.stdout is not None
                os.read(process.stdout.fileno(), 100)
                process.send_signal(signal.SIGINT)
                gate.opened.set()
                process.communicate(timeout=LONG_SECONDS)
        finally:
            signal.signal(signal.SIGINT, before)
        assert [a.path for a in daemon.asked] == ["/v1/prompt"]
    assert process.returncode == 0


def test_a_terminal_gets_a_clean_answer_and_a_summary(home: Path) -> None:
    """Sequences are taken out, the line is ended, and the figures follow."""
    with FakeDaemon(home) as daemon:
        daemon.stream = [
            ("accepted", ACCEPTED),
            text("Hello, \x1b]0;own"),
            text("ed\x07world"),
            ("turn", RESULT),
        ]
        terminal = OnTerminal(home, "prompt", "hi")
        assert terminal.end() == 0
    assert terminal.seen == ("Hello, world\r\necho · 3,300 in (1,900 cached) · 60 out · 0.0 s\r\n")


def test_a_terminal_shows_progress_and_wipes_it(home: Path) -> None:
    """After a second a line turns, with what it waits for; the answer stands alone."""
    gate = Gate()
    with FakeDaemon(home) as daemon:
        waiting = ("waiting", c.Waiting(reason="a rate limit"))
        daemon.stream = [("accepted", ACCEPTED), waiting, gate, text("Hi\n"), ("turn", RESULT)]
        terminal = OnTerminal(home, "prompt", "hi")
        terminal.expect("Waiting for the answer · 1 s · a rate limit")
        gate.opened.set()
        assert terminal.end() == 0
    assert "\r\x1b[KHi\r\n" in terminal.seen
    assert "\x1b[?25l" not in terminal.seen


@pytest.mark.parametrize(
    ("keys", "body"),
    [
        ("y\n", {}),
        ("n\n", {"deny": True}),
        ("a\n", {"remember": True}),
        ("2\n", {"option": "no"}),
        ("what?\ny\n", {}),
    ],
)
def test_a_terminal_is_asked_for_permission(home: Path, keys: str, body: dict[str, object]) -> None:
    """The options are listed, the answer is passed on, and the stream goes on."""
    gate = Gate()
    with FakeDaemon(home) as daemon:
        daemon.stream = [
            ("accepted", ACCEPTED),
            text("I need"),
            ("permission", ASKED),
            gate,
            text("Done.\n"),
            ("turn", RESULT),
        ]
        permitted = Permitted(id="p7", option="once")
        daemon.answers["POST /v1/permit/p7"] = lambda a: opening(gate, permitted, a)
        terminal = OnTerminal(home, "prompt", "hi")
        terminal.expect("  2  Reject\r\nAllow? y, n, a (always execute), or 1 to 2: ")
        terminal.type(keys)
        assert terminal.end() == 0
        usual = {"option": None, "deny": False, "remember": False, "face": "cli"}
        assert daemon.wait_for("POST", "/v1/permit/p7").body == usual | body
    assert "echo asks for permission: Run `rm -rf` x\r\n" in terminal.seen
    assert "  | command:\r\n  |   rm \ufffd[8m-rf\r\n  |   x\r\n" in terminal.seen
    assert "Done.\r\n" in terminal.seen


def test_a_question_answered_elsewhere_does_not_hold_the_turn(home: Path) -> None:
    """The stream goes on while the question stands; the turn's end ends it."""
    gate = Gate()
    with FakeDaemon(home) as daemon:
        daemon.stream = [
            ("accepted", ACCEPTED),
            ("permission", ASKED),
            gate,
            text("Done."),
            ("turn", RESULT),
        ]
        terminal = OnTerminal(home, "prompt", "hi")
        terminal.expect("1 to 2: ")
        gate.opened.set()
        assert terminal.end() == 0
    assert "1 to 2: \r\nDone.\r\n" in terminal.seen


def test_ctrl_d_leaves_the_question_to_others(home: Path) -> None:
    """Nobody answers here, so the command to answer elsewhere is shown."""
    gate = Gate()
    with FakeDaemon(home) as daemon:
        daemon.stream = [("accepted", ACCEPTED), ("permission", ASKED), gate, ("turn", RESULT)]
        terminal = OnTerminal(home, "prompt", "hi")
        terminal.expect("1 to 2: ")
        terminal.type("\x04")
        terminal.expect("Answer with: tars permit p7")
        gate.opened.set()
        assert terminal.end() == 0


def test_ctrl_c_on_a_terminal_leaves_it_as_it_was(home: Path) -> None:
    """The turning line is wiped, and the answer's line is ended."""
    gate = Gate()
    with FakeDaemon(home) as daemon:
        daemon.stream = [("accepted", ACCEPTED), text("Hel"), gate, ("turn", CANCELLED)]
        daemon.answers["POST /v1/cancel"] = lambda a: opening(gate, c.Cancelled(turn="t1"), a)
        terminal = OnTerminal(home, "prompt", "hi")
        terminal.expect("Hel")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "Cancelling the turn" in terminal.seen


def test_a_reader_that_leaves_leaves_the_turn(home: Path) -> None:
    """`tars prompt … | head -c 3`: quiet, and the turn is not cancelled."""
    gate = Gate()
    with FakeDaemon(home) as daemon:
        daemon.stream = [("accepted", ACCEPTED), text("Hel"), gate, text("lo"), ("turn", RESULT)]
        with running(home, "prompt", "hi") as process:
            assert process.stdout is not None
            os.read(process.stdout.fileno(), 100)
            process.stdout.close()
            gate.opened.set()
            assert process.stderr is not None
            assert process.stderr.read() == b""
            assert process.wait(LONG_SECONDS) == 0
            process.stdout = None
        assert [a.path for a in daemon.asked] == ["/v1/prompt"]


def over(asked: Asked) -> Any:
    """A budget that asks: only a yes is let through."""
    if asked.body["despiteBudget"]:
        return None
    body = c.ErrorBody(code="budget_asks", message="Budget it: all is used.", advice="Wait.")
    return 409, c.Error(error=body)


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 5)])
def test_on_a_terminal_a_budget_asks(home: Path, answer: str, status: int) -> None:
    """A yes sends the prompt after all; anything else is a refusal."""
    with FakeDaemon(home) as daemon:
        daemon.answers["POST /v1/prompt"] = over
        command = OnTerminal(home, "prompt", "hi")
        command.expect("tars: Budget it: all is used.\r\nSend it all the same? y, n: ")
        command.type(f"{answer}\n")
        assert command.end() == status
        assert len(daemon.asked) == (2 if status == 0 else 1)


def test_elsewhere_a_budget_that_asks_refuses(home: Path) -> None:
    """In a pipe nobody can be asked; the option says yes."""
    with FakeDaemon(home) as daemon:
        daemon.answers["POST /v1/prompt"] = over
        done = tars(home, "prompt", "hi")
        assert (done.returncode, done.stderr) == (5, "tars: Budget it: all is used. Wait.\n")
        assert tars(home, "prompt", "--over-budget", "hi").returncode == 0


def test_what_looks_wrong_is_told_on_stderr(home: Path) -> None:
    """Beside the answer, which stays alone on stdout."""
    notice = c.Notice(kind="runaway", subject="errors", severity="low", message="12 calls failed.")
    with FakeDaemon(home) as daemon:
        daemon.stream = [("accepted", ACCEPTED), ("notice", notice), ("turn", RESULT)]
        done = tars(home, "prompt", "hi")
    assert (done.stdout, done.stderr) == (RESULT.text, "tars: 12 calls failed.\n")
