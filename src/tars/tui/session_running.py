"""What turns under way add to their sessions, before they are recorded. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from tars.control.contract import Status

#: An agent and the session that it is at.
At = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Running:
    """A turn that began at a time, in seconds since 1970, and has used so many tokens."""

    began: float
    tokens: int

    def lasts_ms(self, now: float) -> int:
        """Say for how long it has been under way."""
        return max(0, int((now - self.began) * 1000))


def running(status: Status, now: float) -> Mapping[At, Running]:
    """Give the turns under way by where they are."""
    return {
        (agent.name, agent.session.id): Running(
            now - agent.turn.elapsed_seconds, agent.turn.input_tokens + agent.turn.output_tokens
        )
        for agent in status.agents
        if agent.turn is not None and agent.session.id is not None
    }
