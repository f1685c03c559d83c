"""Another model or mode while an agent runs: from the next turn on, in the same session."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tars.errors import AgentNotFound, RequestInvalid
from tests.support.tars_home import TarsHome, tars_home

#: Claude Code as far as its handshake; it knows one mode.
PICKY = """
import json, sys
mode = sys.argv[sys.argv.index("--permission-mode") + 1] if "--permission-mode" in sys.argv else ""
if mode not in ("", "plan"):
    sys.exit(f"no such mode: {mode}")
for line in sys.stdin:
    id = json.loads(line).get("request_id")
    answer = {"subtype": "success", "request_id": id, "response": {"models": []}}
    print(json.dumps({"type": "control_response", "response": answer}), flush=True)
"""


@pytest.fixture
def tars(tmp_path: Path) -> Iterator[TarsHome]:
    """A daemon with the built-in agent."""
    with tars_home(tmp_path) as tars:
        tars.configure_echo(queue_limit=10)
        tars.start()
        yield tars


def test_a_mode_is_chosen_and_given_back(tars: TarsHome) -> None:
    """In the process that runs, and back to the agent's own choice in another one; the
    conversation is the same throughout."""
    tars.prompt("hello")
    before = tars.agent()
    assert tars.client.settings("echo").modes == ["default", "autoEdit", "yolo"]
    changed = tars.client.change_settings("echo", mode="yolo")
    assert (changed.agent, changed.mode) == ("echo", "yolo")
    told = tars.agent()
    assert (told.mode, told.pid, told.session.id) == ("yolo", before.pid, before.session.id)
    assert tars.prompt("ECHO:state").text == "mode=yolo model=echo-1"
    assert tars.prompt("ECHO:state", new=True).text == "mode=yolo model=echo-1"
    assert tars.prompt("ECHO:state", session=before.session.id).text == "mode=yolo model=echo-1"
    done = tars.tars("agents", "set", "echo", "--mode", "")
    assert (done.returncode, done.stdout) == (0, "echo: model its own, mode its own.\n")
    after = tars.agent()
    assert (after.mode, after.state) == ("default", "ready")
    assert after.pid not in (None, before.pid)
    assert after.session.id == before.session.id
    assert tars.prompt("ECHO:state").text == "mode=default model=echo-1"
    assert tars.prompt("ECHO:history").text == "turns=5"


def test_what_is_not_offered_is_refused(tars: TarsHome) -> None:
    """The answer names what is; nothing is changed."""
    with pytest.raises(RequestInvalid, match=r"no mode 'plan'; it offers default, autoEdit, yolo"):
        tars.client.change_settings("echo", mode="plan")
    with pytest.raises(RequestInvalid, match=r"no model 'large'; it offers echo-1\."):
        tars.client.change_settings("echo", model="large")
    with pytest.raises(RequestInvalid, match="Neither"):
        tars.client.change_settings("echo")
    with pytest.raises(AgentNotFound):
        tars.client.change_settings("nobody", model="large")
    assert tars.tars("agents", "set", "echo").returncode == 2
    assert tars.prompt("ECHO:state").text == "mode=default model=echo-1"


def test_a_turn_under_way_is_left_alone(tars: TarsHome) -> None:
    """What is chosen meanwhile holds for the prompt that waits behind it; another configuration
    ends the choice, one that is the same does not."""
    running = tars.under_way("ECHO:slow:1:60")
    stream = tars.under_way("ECHO:state", sign="accepted")
    tars.client.change_settings("echo", mode="autoEdit")
    assert tars.agent().state == "busy"
    tars.client.cancel()
    assert tars.result(running).outcome == "cancelled"
    assert tars.result(stream).text == "mode=autoEdit model=echo-1"
    tars.client.reload()
    assert tars.prompt("ECHO:state").text == "mode=autoEdit model=echo-1"
    tars.tars("restart", "echo")
    assert tars.prompt("ECHO:state").text == "mode=autoEdit model=echo-1"
    tars.configure_echo(queue_limit=11)
    tars.client.reload()
    tars.until(lambda status: status.agents[0].state == "ready")
    assert tars.prompt("ECHO:state").text == "mode=default model=echo-1"


def test_a_choice_with_which_it_does_not_come_up_is_taken_back(tmp_path: Path) -> None:
    """Nobody could know beforehand: the agent says so when it starts, and starts again without."""
    program = tmp_path / "claude.py"
    program.write_text(PICKY)
    with tars_home(tmp_path) as tars:
        command = json.dumps([sys.executable, "-S", str(program)])
        tars.configure(f'[agents.picky]\nkind = "claude"\ncommand = {command}\nmax_restarts = 0\n')
        tars.start()
        tars.until(lambda status: status.agents[0].state == "ready")
        tars.client.change_settings("picky", mode="plan")
        assert (tars.agent().mode, tars.agent().state) == ("plan", "ready")
        with pytest.raises(RequestInvalid, match=r"did not take it: .*no such mode"):
            tars.client.change_settings("picky", mode="dance")
        tars.until(lambda status: status.agents[0].state == "ready")
        assert tars.agent().mode == "plan"
