"""Which row of the index a request belongs to: a number made of what identifies it.

A key that begins with its session's id and a bar belongs to a conversation that may go on from
another one, whose requests its log repeats. Such a key counts under the conversation that it all
began with, its root: then the repetitions fall on what they repeat. Both halves are hashed
singly, so that a root that becomes known later changes the number without the words that it was
made of.
"""

from collections.abc import Iterable
from hashlib import blake2b

#: Between a session's id and the rest of a key.
BAR = "|"


def key_of(agent: str, session: str, key: str) -> int:
    """Give the number of a request, as if its conversation were its own root."""
    if key.startswith(session) and key.startswith(BAR, len(session)):
        return thread(agent, session) ^ hashed(f"{agent}\0{key[len(session) :]}")
    return hashed(f"{agent}\0{key}")


def moved(agent: str, before: str, after: str) -> int:
    """Give what a number has to be combined with (`^`) where its root is another one now."""
    return thread(agent, before) ^ thread(agent, after)


def thread(agent: str, session: str) -> int:
    """Give a conversation's half of the numbers of its requests."""
    return hashed(f"{agent}\0{session}\0")


def hashed(words: str) -> int:
    """Give 64 bits, signed as SQLite's integers are."""
    digest = blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


class Forks:
    """Which conversations go on from which, of one agent."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._parents: dict[str, str] = {}
        self._children: dict[str, list[str]] = {}
        for child, parent in pairs:
            self.add(child, parent)

    def __bool__(self) -> bool:
        return bool(self._parents)

    def add(self, child: str, parent: str) -> bool:
        """Remember a fork, and say whether it was news. What was told first counts, and no
        conversation goes on from itself, by whatever way round."""
        if child in self._parents or self.root(parent) == child:
            return False
        self._parents[child] = parent
        self._children.setdefault(parent, []).append(child)
        return True

    def root(self, session: str) -> str:
        """Give the conversation that another one began with."""
        while (parent := self._parents.get(session)) is not None:
            session = parent
        return session

    def below(self, session: str) -> list[str]:
        """Give a conversation and all that go on from it."""
        found = [session]
        for each in found:
            found += self._children.get(each, ())
        return found
