"""What an agent last told of itself, beside the conversation."""

from collections import Counter

from tars.conversation.model import (
    ContextTold,
    Garbled,
    Limit,
    LimitsTold,
    ModeChanged,
    Opened,
    Said,
    Unrecognised,
)
from tars.protocols.peer import ANSWER_TO_NOTHING

#: How many names of messages that nobody knows are counted apart.
MAX_UNRECOGNISED = 50


class Told:
    """`context` is how full its window is and `limits` how its account stands, by their names;
    `mode` is the one it works in, as far as it says; `unrecognised` counts the messages that
    tars does not know, by name."""

    def __init__(self) -> None:
        self.context: ContextTold | None = None
        self.mode = ""
        self.limits: dict[str, Limit] = {}
        self.unrecognised: Counter[str] = Counter()

    def note(self, said: Said) -> None:
        """Remember what was said, if it is one of these."""
        if isinstance(said, LimitsTold):
            self.limits |= {limit.name: limit for limit in said.limits}
        elif isinstance(said, ContextTold):
            self.context = said
        elif isinstance(said, Opened | ModeChanged):
            self.mode = said.mode or self.mode
        elif isinstance(said, Unrecognised):
            self._count(said.what)
        elif isinstance(said, Garbled) and said.reason == ANSWER_TO_NOTHING:
            self._count(said.reason)

    def _count(self, what: str) -> None:
        known = what in self.unrecognised or len(self.unrecognised) < MAX_UNRECOGNISED
        self.unrecognised[what if known else "others"] += 1
