"""Several agents under one daemon: who starts after whom, groups, and who stands in for whom."""

import json
import sys
from datetime import UTC, datetime

from tars.control.contract import FellBack, PromptRequest, TurnResult
from tars.core.agent import Outcome
from tars.errors import Fault, FaultKind
from tars.store.rows import PromptRow, TurnBegun, TurnRecord
from tests.support.tars_home import TarsHome

#: The built-in agent, but that it is out of quota where others say how many turns there
#: were, or where they hang; and where they state their mode it dies.
POOR = (
    "from tars.agents.echo import __main__, script as s; "
    "s.COMMANDS |= {'history': s.COMMANDS['quota'], 'hang': s.COMMANDS['quota'], "
    "'state': s.COMMANDS['kill']}; __main__.main()"
)
COMMAND = json.dumps([sys.executable, "-P", "-c", POOR])
CHAIN = f"""
default_agent = "poor"
[agents.poor]
kind = "echo"
command = {COMMAND}
fallback = ["missing", "rich"]
[agents.missing]
kind = "echo"
command = ["/does/not/exist"]
fallback = ["rich"]
[agents.rich]
kind = "echo"
autostart = false
fallback = ["poor"]
"""


def test_a_prompt_goes_to_whoever_can_answer_it(tars: TarsHome) -> None:
    """Out of quota, dead, or not installed: the next agent has it, and everybody is told."""
    tars.configure(CHAIN)
    tars.start()
    tars.until(lambda s: s.agents[1].state == "failed")

    said = tars.tars("prompt", "ECHO:history")
    assert (said.returncode, said.stdout) == (0, "turns=1")
    [line] = [line for line in said.stderr.splitlines() if "rich" in line]
    assert line.startswith("tars: poor: You have exhausted your daily quota")
    assert line.endswith("missing cannot take it now. Asking rich instead.")

    said = tars.tars("prompt", "--json", "ECHO:state")
    result = json.loads(said.stdout)
    assert (result["outcome"], result["agent"]) == ("ok", "rich")
    assert result["fellBackFrom"] == ["poor"]

    events = dict(tars.client.prompt(PromptRequest(text="hello", agent="missing")))
    told, result = events["fallback"], events["turn"]
    assert isinstance(told, FellBack)
    assert isinstance(result, TurnResult)
    assert (told.from_agent, told.to_agent, told.kind) == ("missing", "rich", "not_installed")
    assert (result.turn, result.text) == (told.turn, "echo: hello")

    # Everybody is asked once, although each points at the other.
    result = tars.prompt("ECHO:quota", agent="rich")
    assert (result.outcome, result.fell_back_from) == ("error", ["rich"])
    assert (result.agent, result.error and result.error.kind) == ("poor", "quota")

    rows = [(row.id.partition("-")[2], row.agent, row.outcome) for row in tars.ledger()]
    assert rows == [
        ("", "poor", "error"),
        ("2", "rich", "ok"),
        ("", "poor", "interrupted"),
        ("2", "rich", "ok"),
        ("", "missing", "refused"),
        ("2", "rich", "ok"),
        ("", "rich", "error"),
        ("2", "poor", "error"),
    ]


def test_what_a_person_wants_is_not_handed_on(tars: TarsHome) -> None:
    """A cancel finds the prompt wherever it is, and ends it; a session is one agent's own."""
    tars.configure(CHAIN)
    tars.start()
    stream = tars.client.prompt(PromptRequest(text="ECHO:hang"))
    accepted = next(event for name, event in stream if name == "accepted")
    assert next(name for name, _ in stream if name == "fallback")
    assert tars.client.cancel(turn=accepted.turn).turn == f"{accepted.turn}-2"  # type: ignore[attr-defined]
    result = tars.result(stream)
    assert (result.agent, result.outcome) == ("rich", "cancelled")
    stream = tars.under_way("ECHO:hang", sign="fallback")
    assert tars.tars("cancel").returncode == 0
    assert tars.result(stream).outcome == "cancelled"

    tars.client.reset("poor")
    session = tars.prompt("hello").session
    result = tars.prompt("ECHO:history", session=session)
    assert (result.agent, result.outcome, result.fell_back_from) == ("poor", "error", [])
    result = tars.prompt("ECHO:slow:9:60", timeout_seconds=0.2)
    assert (result.agent, result.outcome) == ("poor", "timeout")


def test_a_crash_between_two_attempts_loses_nothing(tars: TarsHome) -> None:
    """The failed attempt and the next one are saved as one; the next daemon runs that one."""
    tars.configure(CHAIN)
    at = datetime.now(UTC)
    tars.home.prepare()
    with tars.store() as store:
        asked = PromptRow(id="ab", agent="poor", text="ECHO:history", asked_at=at)
        store.begin_prompt(asked, TurnBegun("ab", "poor", at))
        failed = TurnRecord(
            "ab", "poor", Outcome.ERROR, at, at, 5, fault=Fault(FaultKind.QUOTA, "No quota.")
        )
        following = PromptRow(id="ab-2", agent="missing", text="ECHO:history", asked_at=at)
        store.finish_turn(failed, following)
        [waiting] = store.waiting_prompts()
        assert (waiting.id, waiting.fell_back_from) == ("ab-2", ("poor",))
    tars.start()
    tars.until(lambda s: s.agents[2].state == "ready")
    tars.stop()
    # It never goes back to the agent that failed it before the crash.
    assert [(row.id, row.agent, row.outcome) for row in tars.ledger()] == [
        ("ab", "poor", "error"),
        ("ab-2", "missing", "refused"),
        ("ab-3", "rich", "ok"),
    ]
    with tars.store() as store:
        assert store.waiting_prompts() == []


ORDER = """
default_agent = "broken"
[agents.base]
kind = "echo"
group = "web"
env = { TARS_ECHO_FAIL = "slow-handshake" }
[agents.top]
kind = "echo"
after = "base"
group = ["web", "all"]
[agents.broken]
kind = "echo"
command = ["/does/not/exist"]
autostart = false
[agents.last]
kind = "echo"
after = ["top", "broken"]
group = "all"
"""


def states(tars: TarsHome) -> dict[str, str]:
    return {agent.name: agent.state for agent in tars.status().agents}


def test_agents_start_in_their_order_and_stop_in_reverse(tars: TarsHome) -> None:
    """One that does not come up holds up the others until it settles, and no longer. A
    prompt does not wait for that."""
    tars.configure(ORDER)
    with tars.foreground() as daemon:
        assert states(tars) == {
            "base": "starting",
            "top": "stopped",
            "broken": "stopped",
            "last": "stopped",
        }
        assert tars.agent("top").waits_for == ["base"]
        assert tars.agent("last").waits_for == ["top"]
        assert "waits for base" in tars.tars("status").stdout
        assert tars.prompt("Hello", agent="top").outcome == "ok"
        tars.until(lambda s: s.agents[1].state == "ready")
        assert states(tars)["last"] == "stopped"
        stopped = tars.tars("stop", "base")
        assert stopped.stdout == "base is stopped.\n"
        tars.until(lambda s: s.agents[3].state == "ready")

        stopped = tars.tars("stop", "all", "base")
        assert (stopped.returncode, stopped.stdout) == (
            0,
            "last is stopped.\ntop is stopped.\nbase is stopped.\n",
        )
        started = tars.tars("start", "last", "broken", "top")
        assert started.returncode == 4
        assert "top is ready.\nbroken is failed.\nlast is ready.\n" in started.stdout
        assert "tars: broken: " in started.stderr
        pids = [tars.agent_pid("top"), tars.agent_pid("last")]
        assert tars.tars("restart", "all").returncode == 0
        assert not {*pids} & {tars.agent_pid("top"), tars.agent_pid("last")}
        unknown = tars.tars("stop", "top", "nobody")
        assert unknown.returncode == 1
        assert "nobody" in unknown.stderr
        assert states(tars)["top"] == "ready"

        tars.stop()
        assert daemon.wait(30) == 0
    log = [json.loads(line) for line in tars.home.log.read_text().splitlines()]
    changes = [(e["agent"], e["now"]) for e in log if e.get("event") == "state_changed"]
    changes = changes[::-1]
    assert changes.index(("top", "stopping")) < changes.index(("last", "stopped"))
