"""Who looks over the shoulder of agents at work: told all that turns say, and how they end."""

from collections.abc import Callable
from typing import Protocol

from tars.conversation.model import Said
from tars.errors import Fault
from tars.runtime.turn import LiveTurn, TurnReport

#: Before an agent is given a prompt that is on record: an agent, its turn, and what to call, at
#: once or later, to go on with it, or else to refuse it. One of them is called, once.
Gate = Callable[[str, LiveTurn, Callable[[], None], Callable[[Fault], None]], None]


class Watching(Protocol):
    """No method may wait. What is to happen is sent to the loop as an event."""

    def heard(self, agent: str, turn: LiveTurn, said: Said) -> None:
        """The agent said something in a turn; `turn` has it already."""

    def over(self, report: TurnReport) -> None:
        """A turn is over, and counted."""


def open_gate(
    _agent: str, _turn: LiveTurn, then: Callable[[], None], _refuse: Callable[[Fault], None]
) -> None:
    """Let everybody through."""
    then()
