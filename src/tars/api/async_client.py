"""The daemon, from a program of asyncio, trio or anyio: `Client` with `await` before it.

Each call waits in a worker thread. One that is cancelled lets its thread go, which ends by
itself within a tenth of a second, and leaves the turn running, as closing a terminal does.
"""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, Unpack

import anyio
import anyio.to_thread

from tars.api.client import Client, Event, PromptOptions
from tars.control.contract import (
    AgentList,
    Cancelled,
    PromptRequest,
    ResetDone,
    Status,
    TurnResult,
)
from tars.control.session_contract import MessageList, SearchHits, Session
from tars.errors import TarsError
from tars.home import Home, find_home

T = TypeVar("T")

#: How many calls of one client may wait for the daemon at once; more stand in line.
AT_ONCE = 100


class AsyncClient:
    """One daemon, by its home; the methods are those of `Client`, and raise what those raise.

    Nothing needs to be closed: ``async with`` is there for symmetry.
    """

    def __init__(self, home: str | Path | None = None) -> None:
        self.home = find_home() if home is None else Home(Path(home).expanduser().absolute())
        self._waiting: anyio.CapacityLimiter | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        return None

    # --- conversations ------------------------------------------------------

    async def prompt(self, text: str, **options: Unpack[PromptOptions]) -> TurnResult:
        """Send a prompt and wait for its answer; see `Client.prompt`."""
        async with self.stream(text, **options) as events:
            return await events.result()

    def stream(self, text: str, **options: Unpack[PromptOptions]) -> "EventStream":
        """Send a prompt and give what happens as it happens; see `Client.stream`.

        Used as ``async with client.stream(…) as events: async for event in events: …``.
        """
        return self.stream_request(PromptRequest(text=text, **options))

    def stream_request(self, asked: PromptRequest) -> "EventStream":
        """Send a request of one's own making and give what happens."""
        left = threading.Event()
        client = Client(self.home.root, on_wait=partial(_leave_if, left))
        return EventStream(client.stream_request(asked), left, self._limiter)

    async def cancel(self, *, agent: str | None = None, turn: str | None = None) -> Cancelled:
        """Cancel the turn under way, or withdraw a prompt that waits."""
        return await self._call(lambda client: client.cancel(agent=agent, turn=turn))

    async def reset(self, agent: str | None = None) -> ResetDone:
        """End the current session of an agent; its next prompt begins a new one."""
        return await self._call(lambda client: client.reset(agent))

    # --- looking ------------------------------------------------------------

    async def status(self) -> Status:
        """Ask how everything is: the daemon, its agents, the tokens."""
        return await self._call(Client.status)

    async def agents(self) -> AgentList:
        """Ask which agents are configured."""
        return await self._call(Client.agents)

    async def sessions(
        self,
        *,
        agent: str | None = None,
        project: str | Path | None = None,
        status: str | None = None,
        tag: str | None = None,
        limit: int | None = None,
    ) -> list[Session]:
        """Give the sessions that are remembered, the newest activity first."""
        return await self._call(
            lambda client: client.sessions(
                agent=agent, project=project, status=status, tag=tag, limit=limit
            )
        )

    async def session(self, reference: str = "last") -> Session:
        """Give one session; see `Client.session`."""
        return await self._call(lambda client: client.session(reference))

    async def messages(
        self, reference: str = "last", *, after: int = 0, limit: int | None = None
    ) -> MessageList:
        """Give what was said in a session, in its order, a part at a time."""
        return await self._call(lambda client: client.messages(reference, after=after, limit=limit))

    async def search(self, text: str, *, limit: int | None = None) -> SearchHits:
        """Find the messages that hold these words."""
        return await self._call(lambda client: client.search(text, limit=limit))

    async def rename_session(self, reference: str, name: str | None) -> Session:
        """Give a session a name, or take it away. Raises NameInvalid."""
        return await self._call(lambda client: client.rename_session(reference, name))

    @property
    def _limiter(self) -> anyio.CapacityLimiter:
        # One needs a running event loop, which there need not be when the client is made.
        if self._waiting is None:
            self._waiting = anyio.CapacityLimiter(AT_ONCE)
        return self._waiting

    async def _call(self, do: Callable[[Client], T]) -> T:
        left = threading.Event()
        client = Client(self.home.root, on_wait=partial(_leave_if, left))
        return await _in_thread(partial(do, client), left, self._limiter)


class EventStream:
    """What happens to a prompt, as an async iterator of `Event`. To leave it leaves the turn
    running."""

    def __init__(
        self, events: Iterator[Event], left: threading.Event, limiter: anyio.CapacityLimiter
    ) -> None:
        self._events = events
        self._left = left
        self._limiter = limiter

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        event: Event | None = await _in_thread(
            partial(next, self._events, None), self._left, self._limiter
        )
        if event is None:
            raise StopAsyncIteration
        return event

    async def result(self) -> TurnResult:
        """Wait for the end of the turn, and give how it ended."""
        async for event in self:
            if isinstance(event.data, TurnResult):
                return event.data
        raise TarsError("The daemon ended the stream before the turn had ended.")

    async def aclose(self) -> None:
        """Close the connection. Twice is once."""
        if self._left.is_set():
            return  # a thread that was let go closes it itself
        self._left.set()
        close = getattr(self._events, "close", None)
        if close is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(close, limiter=self._limiter)


class _Left(Exception):
    """Nobody waits for this call any more."""


def _leave_if(left: threading.Event) -> None:
    if left.is_set():
        raise _Left


async def _in_thread(
    do: Callable[[], T], left: threading.Event, limiter: anyio.CapacityLimiter
) -> T:
    try:
        return await anyio.to_thread.run_sync(do, abandon_on_cancel=True, limiter=limiter)
    except anyio.get_cancelled_exc_class():
        left.set()
        raise
