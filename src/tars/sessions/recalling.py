"""How a turn ended, for who was not there: with its answer, as far as that is kept."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tars.sessions.library import Library

if TYPE_CHECKING:
    from tars.store.rows import TurnRow

#: How many turns back it is looked for.
_TURNS_BACK = 200


@dataclass(frozen=True, slots=True)
class Ended:
    """A turn that is over."""

    turn: "TurnRow"
    text: str = field(repr=False)


def ended(library: Library, turn: str) -> Ended | None:
    """Give a turn of this machine; None while it is not over, or where it is unknown. Raises
    StoreError."""
    from tars.store import messages
    from tars.store.rows import MessageRow, Role

    row = next((row for row in library.store.turns(_TURNS_BACK) if row.id == turn), None)
    if row is None or row.outcome is None:
        return None
    with library.reading() as connection:
        said = messages.of_turn(connection, turn)
    words = [m.text for m in said if isinstance(m, MessageRow) and m.role is Role.ASSISTANT]
    return Ended(row, "".join(words))
