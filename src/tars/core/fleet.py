"""All agents of one daemon: every event goes to the agent it names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tars.core.agent import Agent
from tars.core.commands import Command
from tars.core.events import Configured, Event
from tars.core.lifecycle import step
from tars.errors import AgentNotFound


@dataclass(frozen=True, slots=True)
class Fleet:
    """The agents by name, in the order in which they were configured."""

    agents: Mapping[str, Agent] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Agent:
        try:
            return self.agents[name]
        except KeyError:
            raise AgentNotFound(f"No agent is called {name!r}.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.agents)

    def step(self, name: str, event: Event, now: float) -> "tuple[Fleet, tuple[Command, ...]]":
        """Decide what one event means; `Configured` makes an agent that is new.

        Raises AgentNotFound for any other event to a name that is not configured.
        """
        if isinstance(event, Configured) and name not in self.agents:
            return self._with(name, Agent.new(event.spec, now)), ()
        agent, commands = step(self[name], event, now)
        return self._with(name, agent), commands

    def without(self, name: str) -> "Fleet":
        return Fleet({n: a for n, a in self.agents.items() if n != name})

    def due(self, now: float) -> tuple[str, ...]:
        """The names of the agents whose deadline has passed."""
        return tuple(
            name
            for name, agent in self.agents.items()
            if (deadline := agent.next_deadline) is not None and deadline <= now
        )

    @property
    def next_deadline(self) -> float | None:
        deadlines = [a.next_deadline for a in self.agents.values()]
        return min((d for d in deadlines if d is not None), default=None)

    def _with(self, name: str, agent: Agent) -> "Fleet":
        return Fleet({**self.agents, name: agent})
