"""What the service manager hears while time passes; tests/e2e has a real daemon tell it."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest
import trio.testing

from tars.daemon.service import START_SECONDS, tell_service_manager
from tars.service.notify import Notifier


class Agents:
    """Agents whose state a test sets. Nothing is reached but by time."""

    def __init__(self, state: str) -> None:
        self.state = state
        self.down = False

    def settled(self) -> bool:
        return self.state == "ready"

    def states(self) -> object:
        return self.state

    def sentence(self) -> str:
        return f"echo: {self.state}"

    def is_down(self) -> bool:
        return self.down

    async def reached(self, claim: Callable[[], bool]) -> None:
        while not claim():
            await anyio.sleep(1)


@pytest.fixture
def manager(short_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(short_path / "notify"))
        receiver.setblocking(False)
        yield receiver


def heard(manager: socket.socket) -> list[str]:
    """Every message since this was asked last."""
    messages = []
    while True:
        try:
            messages.append(manager.recv(65536).decode())
        except BlockingIOError:
            return messages


def tell(
    manager: socket.socket, agents: Agents, seconds: float, *, stopping: bool = False
) -> list[str]:
    """Let so much time pass, and give what was said meanwhile."""

    async def live() -> None:
        stop = anyio.Event()
        if stopping:
            stop.set()
        notifier = Notifier(manager.getsockname(), watchdog_seconds=60)
        with anyio.move_on_after(seconds):
            await tell_service_manager(notifier, agents, stop)

    clock = trio.testing.MockClock(autojump_threshold=0)
    anyio.run(live, backend="trio", backend_options={"clock": clock})
    return heard(manager)


def test_a_start_asks_for_time_and_says_what_it_does(manager: socket.socket) -> None:
    """Every 20 seconds, for the manager's patience is not the agent's deadline."""
    said = tell(manager, Agents("starting"), 50)
    assert said == ["EXTEND_TIMEOUT_USEC=60000000", "STATUS=echo: starting"] * 3


def test_an_agent_that_waits_for_ever_is_no_start_that_failed(manager: socket.socket) -> None:
    """After three minutes the daemon is ready, and says how its agent is."""
    said = tell(manager, Agents("starting"), START_SECONDS + 1)
    assert "READY=1\nSTATUS=echo: starting" in said
    assert said[-2:] == ["WATCHDOG=1", "STATUS=echo: starting"]


def test_the_heartbeat_goes_on(manager: socket.socket) -> None:
    """Three times in the minute that the manager waits; no more time is asked for."""
    said = tell(manager, Agents("ready"), 59)
    assert said.count("WATCHDOG=1") == 3
    assert not [each for each in said if each.startswith("EXTEND")]


def test_an_end_asks_for_time_while_agents_live(manager: socket.socket) -> None:
    """And is not ready any more. Once they are gone, the manager's own patience counts."""
    agents = Agents("ready")
    said = tell(manager, agents, 30, stopping=True)
    assert said.count("EXTEND_TIMEOUT_USEC=60000000") == 2
    assert not [each for each in said if each.startswith("READY")]
    agents.down = True
    assert "EXTEND_TIMEOUT_USEC=60000000" not in tell(manager, agents, 30, stopping=True)
