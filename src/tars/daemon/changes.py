"""Starting, stopping and restarting agents because somebody asked."""

from collections.abc import Iterable

from tars.control import contract as w
from tars.control.backend import AgentAction
from tars.core import events as e
from tars.core.agent import Agent, State
from tars.core.order import waves
from tars.daemon import status
from tars.daemon.assembly import Assembly
from tars.daemon.order import UNSETTLED
from tars.errors import AgentNotFound, Fault
from tars.runtime.loop import Loop


class Changes:
    """Every method waits for the state that was asked for, or for failed."""

    def __init__(self, loop: Loop, assembly: Assembly) -> None:
        self._loop = loop
        self._assembly = assembly

    async def one(self, name: str, action: AgentAction) -> w.AgentChanged:
        """Change one agent, whoever it starts after. Raises AgentNotFound."""
        self._loop.agent(name)
        self._assembly.order.forget(name)
        match action:
            case "start":
                self._loop.send(name, e.StartAsked())
                await self.settled(name)
            case "stop":
                self._loop.send(name, e.StopAsked())
                await self._loop.reached(lambda: self._state(name) is State.STOPPED)
            case "restart":
                await self._restarted(name, self._begin_restart(name))
        return self._changed(name)

    async def several(self, named: Iterable[str], action: AgentAction) -> w.AgentsChanged:
        """Change agents and groups of them, in their order. Raises AgentNotFound."""
        names = self._members(named)
        done: tuple[str, ...]
        match action:
            case "start":
                done = await self._start(names)
            case "stop":
                done = await self._assembly.order.stop(names)
            case "restart":  # pragma: no branch
                done = await self._restart_all(names)
        known = self._loop.fleet.agents
        return w.AgentsChanged(agents=[self._changed(n) for n in done if n in known])

    async def _start(self, names: tuple[str, ...]) -> tuple[str, ...]:
        order = self._assembly.order.start(names)
        for name in order:
            await self._assembly.order.started(name)
        return order

    async def _restart_all(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Each when those are back that it starts after; those beside it go with it."""
        done: list[str] = []
        for wave in waves(names, self._assembly.after()):
            before = {name: self._begin_restart(name) for name in wave}
            for name, was in before.items():
                await self._restarted(name, was)
            done += wave
        return tuple(done)

    async def settled(self, name: str) -> None:
        """Wait until a start has come to its end."""
        await self._loop.reached(lambda: self._state(name) not in UNSETTLED)

    def _members(self, named: Iterable[str]) -> tuple[str, ...]:
        """Put the agents of a group in its place, each agent once."""
        found: dict[str, None] = {}
        for name in named:
            members = self._assembly.members(name)
            if not members:
                raise AgentNotFound(f"No agent and no group is called {name!r}.")
            found |= dict.fromkeys(members)
        return tuple(found)

    def _begin_restart(self, name: str) -> int | None:
        """Give the process that is to be another one."""
        was = self._loop.agent(name).pid
        self._assembly.order.forget(name)
        self._assembly.refresh_environment(name)
        self._loop.send(name, e.RestartAsked())
        return was

    async def _restarted(self, name: str, was: int | None) -> None:
        await self._loop.reached(
            lambda: (
                self._state(name) not in (*UNSETTLED, State.STOPPED)
                and (self._loop.agent(name).pid != was or was is None)
            )
        )

    def _changed(self, name: str) -> w.AgentChanged:
        agent = self._loop.agent(name)
        fault = status.fault_status(_present_fault(agent))
        return w.AgentChanged(agent=name, state=agent.state.value, error=fault)

    def _state(self, name: str) -> State:
        return self._loop.agent(name).state


def _present_fault(agent: Agent) -> Fault | None:
    """The fault, as long as it still keeps the agent from working."""
    return agent.fault if agent.state in (State.FAILED, State.WAITING) else None
