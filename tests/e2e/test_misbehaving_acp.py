"""An ACP agent that breaks the protocol: told clearly, in bounded memory, the others untouched."""

import sys
import threading
import time
from pathlib import Path

from tars.errors import AgentUnavailable
from tests.support.tars_home import TarsHome

CHILD = Path(__file__).parent.parent / "support" / "acp_child.py"


def configure(tars: TarsHome, *modes: str, **keys: object) -> None:
    """Give tars a well-behaved agent, which is the default, and one for each of these modes."""
    limits = {"cancel_seconds": 0.2, "grace_seconds": 0.2, "max_restarts": 0, **keys}
    lines = "\n".join(f"{key} = {value}" for key, value in limits.items())
    agents = ["[agents.good]\nkind = 'echo'"]
    for mode in modes:
        command = f"[{sys.executable!r}, '-S', '-E', '{CHILD}', '{mode}']"
        agents.append(f"[agents.{mode}]\nkind = 'acp'\ncommand = {command}\n{lines}")
    tars.configure("\n".join(agents) + "\n")


def test_it_fails_the_handshake(tars: TarsHome) -> None:
    """It dies, or speaks something else: failed, each with its reason; the other one works."""
    reasons = {
        "die": "status 3",
        "http": "does not speak the Agent Client Protocol",
        "version": "speaks version 2",
    }
    configure(tars, *reasons)
    tars.tars("start")
    status = tars.until(lambda s: [a.state for a in s.agents].count("failed") == len(reasons))
    for agent in status.agents[1:]:
        assert agent.last_error is not None
        assert agent.last_error.kind == "gave_up"
        assert reasons[agent.name] in agent.last_error.message
    assert tars.prompt("Hello").text == "echo: Hello"


def test_what_belongs_to_nothing_is_left_out(tars: TarsHome) -> None:
    """An answer to no request leaves the turn as silent as it was; the agent hears the cancel
    and stays. What it asks in a session that nobody knows is answered: it must not wait."""
    configure(tars, "wrong-ids", "strangers", silence_seconds=0.4)
    tars.start()
    pid = tars.agent_pid("wrong-ids")
    assert tars.prompt("x", agent="wrong-ids").outcome == "timeout"
    assert tars.agent_pid("wrong-ids") == pid
    assert "an answer to no request" in tars.tars("logs").stdout
    assert tars.prompt("x", agent="strangers").text == "answered cancelled"


def test_it_closes_one_pipe_and_keeps_the_other(tars: TarsHome) -> None:
    """Nobody can talk with it any more: it is ended, and the turn is told; a prompt that comes
    when that is known already is refused."""
    configure(tars, "no-stdin", "no-stdout", silence_seconds=0.5)
    tars.tars("start")
    for name in ("no-stdin", "no-stdout"):
        try:
            turn = tars.prompt("x", agent=name)
        except AgentUnavailable:
            continue
        assert turn.outcome in ("interrupted", "timeout", "error")
        assert turn.error is not None
        assert turn.error.message
    tars.until(lambda s: all(agent.pid is None for agent in s.agents[1:]))
    assert tars.prompt("Hello").outcome == "ok"


def test_a_flood_of_updates_costs_neither_memory_nor_the_others(tars: TarsHome) -> None:
    """60,000 at once, of all kinds: the answer is whole, and another agent answers meanwhile."""
    configure(tars, "flood")
    tars.start()
    tars.prompt("warm", agent="good")
    before = tars.status().daemon.rss_bytes
    answers = []
    flood = threading.Thread(target=lambda: answers.append(tars.prompt("x", agent="flood")))
    flood.start()
    slowest = 0.0
    while flood.is_alive():
        began = time.monotonic()
        assert tars.prompt("Hello", agent="good").text == "echo: Hello"
        slowest = max(slowest, time.monotonic() - began)
    flood.join()
    assert answers[0].outcome == "ok"
    assert answers[0].text.startswith("word 0 word 1 ")
    assert answers[0].text.endswith("word 14999 done")
    print(f"slowest {slowest:.2f} s, memory +{(_peak(tars.daemon_pid()) - before) / 2**20:.0f} MiB")
    assert slowest < 20.0  # alone on a machine it is 3; what is said is 45,000 rows in the store
    assert _peak(tars.daemon_pid()) < before + 96 * 2**20


def _peak(pid: int) -> int:
    with open(f"/proc/{pid}/status") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
