"""Which row of the index a request belongs to: a number made of what identifies it.

A key that begins with its session's id and a bar belongs to a conversation that may go on from
another one, whose requests its log repeats. Such a key counts under the conversation that it all
began with, its root: then the repetitions fall on what they repeat. Both halves are hashed
singly, so that a root that becomes known later changes the number without the words that it was
made of.
"""

import sys
from array import array
from collections.abc import Iterable, Sequence
from operator import xor

try:
    # The same, without all that `hashlib` imports besides.
    from _blake2 import blake2b as blake2b
except ImportError:
    from hashlib import blake2b as blake2b

#: Between a session's id and the rest of a key.
BAR = "|"


def numbers(agent: str, sessions: Sequence[str], keys: Sequence[str]) -> "array[int]":
    """Give the numbers of requests, as if each one's conversation were its own root."""
    before = f"{agent}\0"
    if any(map(str.startswith, keys, sessions)):
        halves = _Halves(agent)
        words, roots = [], []
        for session, key in zip(sessions, keys, strict=True):
            own = key.startswith(session) and key.startswith(BAR, len(session))
            words.append(before + key[len(session) :] if own else before + key)
            roots.append(halves[session] if own else 0)
        return array("q", map(xor, _hashed(words), roots))
    return _hashed([before + key for key in keys])


def moved(agent: str, before: str, after: str) -> int:
    """Give what a number has to be combined with (`^`) where its root is another one now."""
    halves = _Halves(agent)
    return halves[before] ^ halves[after]


class _Halves(dict[str, int]):
    """What conversations contribute to the numbers of their requests."""

    def __init__(self, agent: str) -> None:
        self._agent = agent

    def __missing__(self, session: str) -> int:
        half: int = _hashed([f"{self._agent}\0{session}\0"])[0]
        self[session] = half
        return half


def _hashed(words: Iterable[str]) -> "array[int]":
    """Give 64 bits of each, signed as SQLite's integers are."""
    whole = [word.encode("utf-8", "surrogatepass") for word in words]
    # To ask for a shorter digest takes longer than to make all of its eight numbers.
    hashes = array("q", b"".join([blake2b(word).digest() for word in whole]))[::8]
    if sys.byteorder == "big":
        hashes.byteswap()
    return hashes


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
