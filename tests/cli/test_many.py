"""One prompt to several agents: nothing is mixed up, nobody is waited for in vain."""

import io
import os
import signal
from pathlib import Path

import msgspec
import pytest

from tars.cli import exit_codes
from tars.cli.app import run
from tars.cli.screen import Lines, Screen
from tars.control import contract as c
from tars.control.permission_contract import Permitted
from tests.support.command_line import LONG_SECONDS, OnTerminal, running, tars
from tests.support.fake_daemon import Answer, Asked, Event, FakeDaemon, Gate

BOTH = ("prompt", "--agent", "a", "--agent", "b")


def text(piece: str) -> Event:
    return ("text", c.Text(text=piece))


def result(agent: str, answer: str = "", outcome: str = "ok", **more: object) -> Event:
    fields = {"turn": f"t-{agent}", "agent": agent, "text": answer, "outcome": outcome, **more}
    return ("turn", msgspec.convert(fields, c.TurnResult))


def turn(agent: str, *events: Event) -> list[Event]:
    return [("accepted", c.Accepted(turn=f"t-{agent}", agent=agent)), *events]


def agents(*names: str, group: str = "web") -> c.AgentList:
    listed = [
        c.AgentStatus(name=n, kind="echo", protocol="acp", state="ready", groups=[group])
        for n in names
    ]
    return c.AgentList(agents=listed, default=names[0])


def crowd(home: Path) -> FakeDaemon:
    """Make a daemon whose agents these tests ask."""
    daemon = FakeDaemon(home)
    daemon.answers["GET /v1/agents"] = agents("a", "b", "c", "one", "two", "three", group="crowd")
    return daemon


def refusing(agent: str) -> object:
    """Refuse the prompts for one agent."""
    error = c.Error(
        error=c.ErrorBody(code="agent_unavailable", message="It is down.", advice="Up.")
    )

    def answer(asked: Asked) -> Answer | None:
        return (503, error) if asked.body["agent"] == agent else None

    return answer


def test_a_pipe_gets_a_block_for_each_when_it_is_whole(home: Path) -> None:
    """In the order of their ends, under a heading; narration says whose it is; one that
    fails leaves the others, and its status is that of all."""
    gate = Gate()
    tool = c.Tool(id="1", title="Read", kind="read", status="failed")
    with crowd(home) as daemon:
        daemon.streams = {
            "a": turn("a", text("late"), gate, text("r\n"), result("a", "later\n")),
            "b": turn("b", text("s"), text("oon"), ("tool", tool), result("b", "soon")),
        }
        daemon.answers["POST /v1/prompt"] = refusing("c")  # type: ignore[assignment]
        with running(home, *BOTH, "--agent", "c", "--agent", "a", "hi") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"==> b <==\n"
            assert process.stdout.readline() == b"soon\n"
            gate.opened.set()
            rest, said = process.communicate(timeout=LONG_SECONDS)
        asked = [a.body["agent"] for a in daemon.asked if a.path == "/v1/prompt"]
    assert sorted(asked) == ["a", "b", "c"]
    assert rest == b"\n==> a <==\nlater\n"
    assert sorted(said.decode().splitlines()) == ["b: [Read: failed]", "c: It is down. Up."]
    assert process.returncode == 4


def test_json_is_a_line_for_each(home: Path) -> None:
    """Whoever has no turn has a line, too; the worst outcome is the status."""
    with crowd(home) as daemon:
        fault = c.FaultStatus(kind="model_error", message="It broke.")
        daemon.streams = {"a": turn("a", text("x"), result("a", "", "error", error=fault))}
        daemon.answers["POST /v1/prompt"] = refusing("b")  # type: ignore[assignment]
        done = tars(home, *BOTH, "--json", "hi")
    lines = [msgspec.json.decode(line, type=c.TurnResult) for line in done.stdout.splitlines()]
    found = {line.agent: (line.outcome, line.error and line.error.message) for line in lines}
    assert found == {"a": ("error", "It broke."), "b": ("refused", "It is down.")}
    assert done.returncode == 1
    assert sorted(done.stderr.splitlines()) == ["a: It broke.", "b: It is down. Up."]


def test_a_terminal_gets_whole_lines_with_their_names(home: Path) -> None:
    """What two of them say at once is not mixed within a line, and cannot command it."""
    gate, other = Gate(), Gate()
    with crowd(home) as daemon:
        daemon.streams = {
            "a": turn("a", text("one\ntw"), gate, text("o\n"), result("a", "one\ntwo\n")),
            "b": turn("b", other, text("ei\x1b[2Jns"), result("b", "eins")),
        }
        terminal = OnTerminal(home, *BOTH, "hi", env={"NO_COLOR": "1"})
        terminal.expect("a │ one\r\n")
        other.opened.set()
        terminal.expect("b │ eins\r\n")
        gate.opened.set()
        assert terminal.end() == 0
    assert "a │ two\r\n" in terminal.seen
    assert "\x1b[2J" not in terminal.seen


def test_names_have_colours_only_on_a_terminal(home: Path) -> None:
    """Each its own."""
    with crowd(home) as daemon:
        daemon.streams = {n: turn(n, text(n), result(n, n)) for n in ("a", "b")}
        terminal = OnTerminal(home, *BOTH, "hi")
        assert terminal.end() == 0
        piped = tars(home, *BOTH, "hi")
    assert "\x1b[36ma │ \x1b[0ma\r\n" in terminal.seen
    assert "\x1b[32mb │ \x1b[0mb\r\n" in terminal.seen
    assert "\x1b" not in piped.stdout + piped.stderr


def test_ctrl_c_cancels_them_all(home: Path) -> None:
    """Those that have a turn, each once; it ends when they have."""
    gates = {name: Gate() for name in "ab"}
    with crowd(home) as daemon:
        daemon.streams = {
            n: turn(n, text("x"), gates[n], result(n, "x", "cancelled")) for n in gates
        }
        daemon.streams["c"] = turn("c", result("c", "done"))

        def cancel(asked: Asked) -> Answer:
            gates[asked.body["agent"]].opened.set()
            return c.Cancelled(turn=asked.body["turn"])

        daemon.answers["POST /v1/cancel"] = cancel
        with running(home, *BOTH, "--agent", "c", "hi") as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=LONG_SECONDS)
        cancels = [a.body for a in daemon.asked if a.path == "/v1/cancel"]
    assert process.returncode == 130
    assert sorted(x["turn"] for x in cancels) == ["t-a", "t-b"]
    assert said.count(b"Cancelling all turns") == 1


def test_a_question_has_the_line_to_itself(home: Path) -> None:
    """What the others say meanwhile is shown after the answer."""
    asked = c.PermissionStatus(
        id="p7",
        agent="a",
        title="Run it",
        tool_kind="execute",
        options=[],
        asked_at="2026-01-02T03:04:05Z",
        expires_in_seconds=300,
    )
    gate, other = Gate(), Gate()
    with crowd(home) as daemon:
        daemon.streams = {
            "a": turn("a", ("permission", asked), gate, result("a", "ran")),
            "b": turn("b", other, text("meanwhile\n"), result("b", "meanwhile\n")),
        }

        def permit(_asked: Asked) -> Answer:
            gate.opened.set()
            return Permitted(id="p7", option=None)

        daemon.answers["POST /v1/permit/p7"] = permit
        terminal = OnTerminal(home, *BOTH, "hi", env={"NO_COLOR": "1"})
        terminal.expect("a asks for permission: Run it\r\nAllow? y, n, a (always execute): ")
        other.opened.set()
        daemon.wait_for("POST", "/v1/prompt")
        terminal.type("y\n")
        assert terminal.end() == 0
    question = terminal.seen.index("Allow?")
    assert terminal.seen.index("meanwhile") > question
    assert "b │ meanwhile\r\n" in terminal.seen
    assert "a │ ran\r\n" in terminal.seen


def test_a_group_is_all_of_its_agents(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each once, whatever it is named by; a group of one is a single prompt."""
    daemon.answers["GET /v1/agents"] = agents("a", "b")
    daemon.streams = {n: turn(n, result(n, n)) for n in "ab"}
    assert run(["prompt", "-a", "web", "-a", "b", "--json", "hi"]) == 0
    assert capsys.readouterr().out.count("\n") == 2
    daemon.answers["GET /v1/agents"] = agents("b")
    assert run(["prompt", "-a", "web", "hi"]) == 0
    assert daemon.asked[-1].body["agent"] == "b"


def test_no_wait_prints_every_turn(daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    """Behind its agent's name."""
    daemon.answers["GET /v1/agents"] = agents("a", "b")
    daemon.answers["POST /v1/prompt"] = refusing("b")  # type: ignore[assignment]
    assert run([*BOTH, "--no-wait", "hi"]) == 4
    said = capsys.readouterr()
    assert (said.out, said.err) == ("a t1\n", "tars: b: It is down. Up.\n")


def test_a_session_is_one_agents(daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is sent."""
    daemon.answers["GET /v1/agents"] = agents("a", "b")
    assert run([*BOTH, "--session", "s", "hi"]) == 2
    assert "--session" in capsys.readouterr().err
    assert [a.path for a in daemon.asked] == ["/v1/agents"]


def test_nobody_is_asked_where_one_name_is_wrong(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typo is told before anybody's tokens are spent."""
    daemon.answers["GET /v1/agents"] = agents("a", "b", group="all")
    assert run(["prompt", "-a", "all", "-a", "nope", "hi"]) == 1
    assert "no agent and no group 'nope'" in capsys.readouterr().err
    assert [a.path for a in daemon.asked] == ["/v1/agents"]


FELL = ("fallback", c.FellBack(from_agent="a", to_agent="b", turn="t-2", reason="No\x1b[2J quota."))


def test_an_answer_that_fell_back_says_whose_it_is(home: Path) -> None:
    """In its heading; and a single prompt's answer begins on a line of its own."""
    with crowd(home) as daemon:
        fallen = turn("a", text("half"), FELL, text("whole"), result("b", "whole"))
        daemon.streams = {"a": fallen, "c": turn("c", result("c", "mine"))}
        several = tars(home, "prompt", "-a", "a", "-a", "c", "hi")
        one = tars(home, "prompt", "-a", "a", "hi")
    assert "==> a, answered by b <==\nwhole\n" in several.stdout
    assert "a: No quota. Asking b instead.\n" in several.stderr
    assert (one.stdout, one.stderr) == (
        "half\nwhole",
        "tars: a: No quota. Asking b instead.\n",
    )


def test_a_fallback_that_lagged_is_made_good(home: Path) -> None:
    """The event was dropped: the whole answer of the agent that answered is shown."""
    with crowd(home) as daemon:
        lagged = ("lagged", c.Lagged(dropped=3))
        daemon.stream = turn("a", text("half"), lagged, result("b", "whole", fellBackFrom=["a"]))
        done = tars(home, "prompt", "hi")
    assert (done.returncode, done.stdout) == (0, "half\nwhole")


def test_a_cancel_after_a_fallback_means_the_new_turn(home: Path) -> None:
    """Ctrl-C reaches the agent that has the prompt now."""
    gate = Gate()
    with crowd(home) as daemon:
        daemon.stream = turn("a", FELL, text("x"), gate, result("b", "x", "cancelled"))

        def cancel(asked: Asked) -> Answer:
            gate.opened.set()
            return c.Cancelled(turn=asked.body["turn"])

        daemon.answers["POST /v1/cancel"] = cancel
        with running(home, "prompt", "hi") as process:
            assert process.stdout is not None
            assert os.read(process.stdout.fileno(), 10) == b"x"
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=LONG_SECONDS)
        [asked] = [a.body for a in daemon.asked if a.path == "/v1/cancel"]
    assert asked == {"agent": "b", "turn": "t-2"}


def test_the_worst_status_is_that_of_all() -> None:
    """Cancelled before failed before unavailable before refused before done."""
    ranks = [130, 1, 2, 3, 4, 5, 0]
    for number, status in enumerate(ranks):
        assert exit_codes.worst(ranks[number:][::-1]) == status
    assert exit_codes.worst([]) == 0


def test_lines_are_broken_where_the_terminal_ends() -> None:
    """Between words where there are any; nothing is lost, and a rest waits for its line."""
    out = io.StringIO()
    lines = Lines(Screen(), out, "a: ", columns=10)
    lines.write(b"one two three four")
    assert out.getvalue() == "a: one two\n"
    lines.write("\n" + "x" * 25 + "\n\n")
    assert out.getvalue().splitlines()[1:] == [
        "a: three four"[:13],
        "a: " + "x" * 10,
        "a: " + "x" * 10,
        "a: " + "x" * 5,
        "a:",
    ]
