"""What the service manager is told of the daemon: that it is ready, how it is, that it lives."""

from functools import partial
from typing import TYPE_CHECKING

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


async def tell_service_manager(
    notifier: Notifier, desk: "Desk", loop: Loop, assembly: Assembly, stop: anyio.Event
) -> None:
    """Ready once the default agent answered its handshake, or did not at its first attempt; then
    its heartbeat, and its state in words whenever that changes."""
    if notifier.address is None:
        return

    def settled() -> bool:
        # A reload may make another agent the default, and forget this one.
        agent = loop.fleet.agents.get(assembly.config.default_agent)
        waits = assembly.order.waits_for(assembly.config.default_agent)
        return agent is not None and agent.state in _SETTLED and not waits

    while not settled():
        # Agents start one after the other, and each has a deadline that the daemon keeps.
        notifier.extend(EXTENSION_SECONDS)
        notifier.status(sentence(desk))
        with anyio.move_on_after(SAY_SECONDS):
            await loop.reached(settled)
    if not stop.is_set():
        notifier.ready(sentence(desk))
    pause = min(SAY_SECONDS, (notifier.watchdog_seconds or SAY_SECONDS * 2) / 2)
    while True:
        states = _states(loop)
        # From the loop's own thread: a loop that hangs sends no heartbeat.
        notifier.watchdog()
        if stop.is_set() and not loop.is_down():
            notifier.extend(EXTENSION_SECONDS)
        notifier.status(sentence(desk))
        with anyio.move_on_after(pause):
            await loop.reached(partial(_differ, loop, states))


def sentence(desk: "Desk") -> str:
    """Say how each agent is."""
    return "; ".join(_words(agent) for agent in desk.agents().agents)


def _words(agent: AgentStatus) -> str:
    error = agent.last_error
    if error is None or agent.state not in (State.WAITING, State.FAILED):
        return f"{agent.name}: {agent.state}"
    state = "waits to be started again" if agent.state == State.WAITING else agent.state
    return f"{agent.name}: {state}: {error.message}"


def _states(loop: Loop) -> dict[str, State]:
    return {name: agent.state for name, agent in loop.fleet.agents.items()}


def _differ(loop: Loop, told: dict[str, State]) -> bool:
    return _states(loop) != told
