"""Publish and subscribe: what happens, told to whoever listens at that moment.

Publishing is synchronous and never waits, so that the daemon's loop cannot be held up
by a reader. A reader that falls behind loses the oldest messages and is told how many.
One thread, one event loop; asyncio and trio alike.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Self

import anyio
import msgspec

from tars.control.contract import FeedEvent, Lagged, Wire

#: What waits for one subscriber, at the most. The newest message is kept whatever its size.
MAX_MESSAGES = 2_000
MAX_BYTES = 8 * 1024 * 1024

#: The event that ends a prompt's stream. It holds the whole answer and is never dropped.
FINAL = "turn"


@dataclass(frozen=True, slots=True)
class Frame:
    """One message, encoded once for all its readers."""

    name: str
    message: Wire
    data: bytes

    @classmethod
    def of(cls, name: str, message: Wire) -> "Frame":
        return cls(name, message, msgspec.json.encode(message))


class Subscription(AsyncIterator[tuple[str, Wire]]):
    """What one reader has not read yet, oldest first; for one task at a time.

    Where messages were dropped stands one `lagged` with their number. Iteration ends
    after a `turn` event, or after `close` once what is there was read.
    """

    def __init__(self, leave: Callable[["Subscription"], None], *, lasting: bool = False) -> None:
        self._leave = leave
        self._lasting = lasting
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._dropped = 0
        self._ended = False
        self._wake: anyio.Event | None = None

    def put(self, frame: Frame) -> None:
        """Take a message; make room by dropping the oldest. Called by the feed."""
        if self._ended:
            return
        self._frames.append(frame)
        self._bytes += len(frame.data)
        while len(self._frames) > 1 and self._full:
            self._bytes -= len(self._frames.popleft().data)
            self._dropped += 1
        if frame.name == FINAL and not self._lasting:
            self.close()
        self._notify()

    def close(self) -> None:
        """Unsubscribe. Nothing more comes; what is there can still be read."""
        if not self._ended:
            self._ended = True
            self._leave(self)
            self._notify()

    async def batch(self, most_bytes: int = 64 * 1024) -> list[Frame]:
        """Wait for a message, and give all that are there up to about `most_bytes`.

        An empty list says that the subscription has ended. Nothing is lost when the
        wait is cancelled.
        """
        await self._something()
        frames: list[Frame] = []
        while most_bytes > 0 and (frame := self._take()) is not None:
            frames.append(frame)
            most_bytes -= len(frame.data)
        return frames

    async def __anext__(self) -> tuple[str, Wire]:
        await self._something()
        frame = self._take()
        if frame is None:
            raise StopAsyncIteration
        return frame.name, frame.message

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _full(self) -> bool:
        # A final message counts for nothing: it must fit beside a full load.
        final = self._frames[-1].name == FINAL
        messages = len(self._frames) - final
        size = self._bytes - (len(self._frames[-1].data) if final else 0)
        return messages > MAX_MESSAGES or size > MAX_BYTES

    async def _something(self) -> None:
        """Wait until there is something to take, or nothing will come."""
        while not (self._frames or self._dropped or self._ended):
            self._wake = anyio.Event()
            await self._wake.wait()

    def _take(self) -> Frame | None:
        if self._dropped:
            lagged = Lagged(dropped=self._dropped)
            self._dropped = 0
            return Frame.of("lagged", lagged)
        if not self._frames:
            return None
        frame = self._frames.popleft()
        self._bytes -= len(frame.data)
        return frame

    def _notify(self) -> None:
        if self._wake is not None:
            self._wake.set()
            self._wake = None


class Feed:
    """Where the daemon publishes. Without a listener nothing is encoded or kept."""

    def __init__(self) -> None:
        self._turns: dict[str, list[Subscription]] = {}
        self._followed: dict[Subscription, str] = {}
        self._events: list[tuple[str | None, Subscription]] = []
        self._talks: list[tuple[str, Subscription]] = []
        self._speaking: dict[str, str] = {}

    def publish_turn(self, turn: str, name: str, message: Wire) -> None:
        """Tell whoever follows this turn. `name` is one of routes.PROMPT_STREAM."""
        readers = [*self._turns.get(turn, ()), *self._listening(turn)]
        if readers:
            frame = Frame.of(name, message)
            for reader in readers:
                reader.put(frame)

    def turn_begins(self, agent: str, turn: str, name: str, message: Wire) -> None:
        """Tell those who follow this agent, and let them hear what is published of the turn."""
        self._speaking[agent] = turn
        listening = self._listening(turn)
        if listening:
            frame = Frame.of(name, message)
            for reader in listening:
                reader.put(frame)

    def publish_event(self, event: FeedEvent) -> None:
        """Tell whoever follows the events of this agent, or of all."""
        readers = [s for agent, s in self._events if agent in (None, event.agent)]
        if readers:
            frame = Frame.of("event", event)
            for reader in readers:
                reader.put(frame)

    def follow_turn(self, turn: str) -> Subscription:
        """Listen to one turn from now on. A turn that is over already never ends it."""
        subscription = Subscription(self._leave_turn)
        self._turns.setdefault(turn, []).append(subscription)
        self._followed[subscription] = turn
        return subscription

    def hand_over(self, turn: str, following: str) -> None:
        """Let whoever follows a turn follow another one instead: their prompt goes on there."""
        readers = self._turns.pop(turn, [])
        if readers:
            self._turns.setdefault(following, []).extend(readers)
            self._followed |= dict.fromkeys(readers, following)

    def follow_events(self, agent: str | None = None) -> Subscription:
        """Listen to everything that happens from now on, to one agent or to all."""
        subscription = Subscription(self._leave_events)
        self._events.append((agent, subscription))
        return subscription

    def follow_agent(self, agent: str) -> Subscription:
        """Listen to the turns of an agent: the one under way, and those to come."""
        subscription = Subscription(self._leave_talks, lasting=True)
        self._talks.append((agent, subscription))
        return subscription

    @property
    def listeners(self) -> int:
        """How many subscriptions are open."""
        following = sum(len(readers) for readers in self._turns.values())
        return len(self._events) + len(self._talks) + following

    def _listening(self, turn: str) -> list[Subscription]:
        """Who follows the agent that has this turn."""
        return [s for agent, s in self._talks if self._speaking.get(agent) == turn]

    def _leave_talks(self, subscription: Subscription) -> None:
        self._talks = [(a, s) for a, s in self._talks if s is not subscription]

    def _leave_turn(self, subscription: Subscription) -> None:
        turn = self._followed.pop(subscription)
        readers = self._turns[turn]
        readers.remove(subscription)
        if not readers:
            del self._turns[turn]

    def _leave_events(self, subscription: Subscription) -> None:
        self._events = [(a, s) for a, s in self._events if s is not subscription]
