"""Does a log of decisions agree with the core? The log of a life explains every restart."""

from collections.abc import Iterable
from dataclasses import dataclass

from tars.core.fleet import Fleet
from tars.errors import AgentNotFound
from tars.store.rows import Decision


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a log and the core part: at decision `number`, about `agent`. `what` is for a
    person."""

    number: int
    agent: str
    what: str


def verify(decisions: Iterable[Decision]) -> list[Difference]:
    """Feed one run's events to a fresh core, and give where its commands are others.

    A run can only be replayed from its beginning: where it was pruned, that is the one
    difference. A decision that is missing in the midst is a difference too.
    """
    found: list[Difference] = []
    fleet = Fleet()
    for place, decision in enumerate(decisions):
        number, agent = decision.number, decision.agent
        if number != place:
            what = f"decision {place} is missing: what follows cannot be replayed"
            return [*found, Difference(number, agent, what)]
        try:
            fleet, commands = fleet.step(agent, decision.event, decision.now)
        except AgentNotFound as error:
            found.append(Difference(number, agent, str(error)))
            continue
        if commands != decision.commands:
            what = f"the log has {decision.commands!r}, the core decides {commands!r}"
            found.append(Difference(number, agent, what))
    return found
