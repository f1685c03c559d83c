"""Who looks over the shoulder of agents at work: told all that turns say, and how they end."""

from typing import Protocol

from tars.conversation.model import Said
from tars.runtime.turn import LiveTurn, TurnReport


class Watching(Protocol):
    """No method may wait. What is to happen is sent to the loop as an event."""

    def heard(self, agent: str, turn: LiveTurn, said: Said) -> None:
        """The agent said something in a turn; `turn` has it already."""

    def over(self, report: TurnReport) -> None:
        """A turn is over, and counted."""
