"""The daemon, from a screen: each call waits in a thread, and the loop goes on meanwhile.

What the daemon pushes (events, an agent's conversation, a log) is heard in the loop, piece by
piece. A thread that nobody waits for any more ends by itself within a tenth of a second.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from tars.control.client import Client
from tars.errors import TarsError

T = TypeVar("T")

#: How many calls wait for the daemon at once; a screen asks little, and streams stay open.
AT_ONCE = 16


class Link:
    """One daemon, by its socket. Nothing is connected before something is asked."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._waiting: anyio.CapacityLimiter | None = None

    async def ask(self, do: Callable[[Client], T]) -> T:
        """Make one call of the client. Raises what it raises: NotRunning, TarsError."""
        left = threading.Event()
        client = Client(self._socket, on_wait=partial(_leave_if, left))
        return await self._in_thread(partial(do, client), left)

    async def follow(
        self, open: Callable[[Client], Iterator[T]], hear: Callable[[T], None]
    ) -> None:
        """Hear what a stream of the client brings, until the daemon ends it. Raises as `ask`."""
        left = threading.Event()
        client = Client(self._socket, on_wait=partial(_leave_if, left))
        loop = asyncio.get_running_loop()

        def read() -> None:
            stream = open(client)
            with closing(stream):  # type: ignore[type-var]  # every stream is a generator
                for piece in stream:
                    _leave_if(left)
                    loop.call_soon_threadsafe(_unless_left, left, hear, piece)

        await self._in_thread(read, left)

    async def _in_thread(self, do: Callable[[], T], left: threading.Event) -> T:
        if self._waiting is None:
            self._waiting = anyio.CapacityLimiter(AT_ONCE)
        try:
            return await anyio.to_thread.run_sync(do, abandon_on_cancel=True, limiter=self._waiting)
        finally:
            left.set()


class _Left(Exception):
    """Nobody waits for this call any more."""


def _leave_if(left: threading.Event) -> None:
    if left.is_set():
        raise _Left


def _unless_left(left: threading.Event, hear: Callable[[T], None], piece: T) -> None:
    if not left.is_set():
        hear(piece)


def sentence(error: TarsError) -> str:
    """Say an error in one line, with what to do about it."""
    text = str(error)
    stop = "" if text.endswith((".", "?", "!")) or not error.advice else "."
    return f"{text}{stop} {error.advice}".strip()
