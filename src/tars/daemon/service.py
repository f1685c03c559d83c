"""What the service manager is told of the daemon: that it is ready, how it is, that it lives."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol

import anyio

from tars.control.contract import AgentStatus
from tars.core.agent import State
from tars.daemon.assembly import Assembly
from tars.runtime.loop import Loop
from tars.service.notify import Notifier

if TYPE_CHECKING:
    from tars.daemon.backend import Desk

#: How often the manager hears a sentence although nothing changed.
SAY_SECONDS = 20.0
#: An agent that waits for others longer than this is no reason to hold up the machine's start,
#: nor to be ended by its manager: the daemon works.
START_SECONDS = 180.0
#: How much longer a start or an end may take from now on, said again every `SAY_SECONDS`.
EXTENSION_SECONDS = 60.0
#: An agent's states in which the daemon has done what it could for its start.
_SETTLED = (
    State.READY,
    State.BUSY,
    State.LIMITED,
    State.WAITING,
    State.FAILED,
    State.STOPPED,
)


class Told(Protocol):
    """What of the daemon is told."""

    def settled(self) -> bool:
        """Whether the default agent is ready, or was tried in vain."""

    def states(self) -> object:
        """Something that is another one when an agent's state is."""

    def sentence(self) -> str:
        """How each agent is, in words."""

    def is_down(self) -> bool:
        """Whether no agent has a process any more."""

    async def reached(self, claim: Callable[[], bool]) -> None:
        """Wait until this holds."""


class Agents:
    """The agents of a running daemon, as they are told."""

    def __init__(self, desk: "Desk", loop: Loop, assembly: Assembly) -> None:
        self._desk = desk
        self._loop = loop
        self._assembly = assembly
        self.reached = loop.reached
        self.is_down = loop.is_down

    def settled(self) -> bool:
        # A reload may make another agent the default, and forget this one.
        name = self._assembly.config.default_agent
        agent = self._loop.fleet.agents.get(name)
        waits = self._assembly.order.waits_for(name)
        return agent is not None and agent.state in _SETTLED and not waits

    def states(self) -> object:
        return {name: agent.state for name, agent in self._loop.fleet.agents.items()}

    def sentence(self) -> str:
        return "; ".join(_words(agent) for agent in self._desk.agents().agents)


async def tell_service_manager(notifier: Notifier, told: Told, stop: anyio.Event) -> None:
    """Ready once the default agent answered its handshake, or did not at its first attempt or
    within `START_SECONDS`; then its heartbeat, and its state in words whenever that changes."""
    if notifier.address is None:
        return
    with anyio.move_on_after(START_SECONDS):
        while not told.settled():
            # Agents start one after the other, and each has a deadline that the daemon keeps.
            notifier.extend(EXTENSION_SECONDS)
            notifier.status(told.sentence())
            with anyio.move_on_after(SAY_SECONDS):
                await told.reached(told.settled)
    if not stop.is_set():
        notifier.ready(told.sentence())
    pause = min(SAY_SECONDS, (notifier.watchdog_seconds or SAY_SECONDS * 2) / 2)
    while True:
        states = told.states()
        # From the loop's own thread: a loop that hangs sends no heartbeat.
        notifier.watchdog()
        if stop.is_set() and not told.is_down():
            notifier.extend(EXTENSION_SECONDS)
        notifier.status(told.sentence())
        with anyio.move_on_after(pause):
            await told.reached(partial(_differ, told, states))


def _differ(told: Told, states: object) -> bool:
    return told.states() != states


def _words(agent: AgentStatus) -> str:
    error = agent.last_error
    if error is None or agent.state not in (State.WAITING, State.FAILED):
        return f"{agent.name}: {agent.state}"
    state = "waits to be started again" if agent.state == State.WAITING else agent.state
    return f"{agent.name}: {state}: {error.message}"
