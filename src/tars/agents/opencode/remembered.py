"""What of a server's sessions has to be known from one event to the next, within bounds."""

from collections.abc import Sequence
from typing import TypeVar

from tars.agents.opencode.messages import Message, Whole

#: How many of each are remembered; the oldest are forgotten first.
MAX_COUNTED = 20_000
MAX_MESSAGES = 1_000
MAX_CHILDREN = 1_000

V = TypeVar("V")


class Remembered:
    """`own` are the sessions that this process has opened."""

    def __init__(self) -> None:
        self.own: set[str] = set()
        self._children: dict[str, str] = {}
        self._models: dict[str, str] = {}
        self._users: dict[str, None] = {}
        self._counted: dict[str, None] = {}
        self._latest: dict[str, str] = {}

    def is_ours(self, session: str) -> bool:
        """Whether a session is one of ours, or a subagent's of ours."""
        return session in self.own or session in self._children

    def adopt(self, child: str, parent: str, name: str) -> None:
        """A session was made for a subagent."""
        if self.is_ours(parent) and child not in self.own:
            _add(self._children, child, name or "subagent", MAX_CHILDREN)

    def subagent(self, session: str) -> str:
        """The name of the subagent whose session it is; empty for a session of ours."""
        return self._children.get(session, "")

    @property
    def children(self) -> tuple[str, ...]:
        return tuple(self._children)

    def note(self, message: Message) -> None:
        if message.model:
            _add(self._models, message.id, message.model, MAX_MESSAGES)

    def model(self, message: str) -> str:
        return self._models.get(message, "")

    def is_new_user(self, message: str) -> bool:
        """Whether this message of a user's comes for the first time."""
        new = message not in self._users
        _add(self._users, message, None, MAX_MESSAGES)
        return new

    def counts(self, part: str) -> bool:
        """Whether what this part counts was not counted before; from now on it was."""
        new = part not in self._counted
        _add(self._counted, part, None, MAX_COUNTED)
        return new

    def ends_with(self, session: str, message: str) -> None:
        """What a session holds up to this message belongs to no later turn."""
        _add(self._latest, session, message, MAX_CHILDREN)

    def since(self, session: str, listed: Sequence[Whole]) -> Sequence[Whole]:
        """The messages of a list that came after those."""
        ids = [message.info.id for message in listed]
        latest = self._latest.get(session)
        return listed[ids.index(latest) + 1 :] if latest in ids else listed


def _add(known: dict[str, V], key: str, value: V, most: int) -> None:
    known.pop(key, None)
    known[key] = value
    if len(known) > most:
        del known[next(iter(known))]
