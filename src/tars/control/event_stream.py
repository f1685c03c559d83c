"""Answers that go on: Server-Sent Events over one HTTP response."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tars.control.feed import Frame

#: After this much silence a comment is sent: a connection whose other end is gone shows
#: itself only when something is written to it.
HEARTBEAT_SECONDS = 15.0
HEARTBEAT = b":\n\n"

Write = Callable[[bytes], Awaitable[None]]
Answer = Callable[[Write, anyio.Event], Awaitable[None]]


class Source(Protocol):
    """What brings messages: a subscription, or what somebody is attached to."""

    async def batch(self) -> list[Frame]:
        """Wait for messages; none says that it has ended."""

    def close(self) -> None:
        """Bring nothing more."""


_HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]


class EventStream(Response):
    """Runs `source(write, stopping)` until it returns or the client is gone.

    `write` waits while the client does not read. `stopping` is set when the server
    begins to stop: a source without an end of its own then returns.
    """

    def __init__(self, source: Answer) -> None:
        super().__init__(media_type="text/event-stream")
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def write(data: bytes) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": True})

        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        stopping = scope.get("state", {}).get("stopping") or anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_cancel_when_gone, receive, tasks.cancel_scope)
            await self._source(write, stopping)
            await send({"type": "http.response.body", "body": b""})
            tasks.cancel_scope.cancel()


def encode(frames: Iterable[Frame]) -> bytes:
    """Give messages their form on the wire (WHATWG HTML, "Server-sent events")."""
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (frame.name.encode(), frame.data) for frame in frames
    )


async def relay(subscription: Source, write: Write) -> None:
    """Write what a subscription brings until it ends."""
    while True:
        frames: list[Frame] | None = None
        with anyio.move_on_after(HEARTBEAT_SECONDS):
            frames = await subscription.batch()
        if frames is None:
            await write(HEARTBEAT)
        elif frames:
            await write(encode(frames))
        else:
            return


async def relay_until(subscription: Source, write: Write, stopping: anyio.Event) -> None:
    """Write what a subscription brings until it ends or the server stops."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_close_at, stopping, subscription)
        await relay(subscription, write)
        tasks.cancel_scope.cancel()


async def _close_at(stopping: anyio.Event, subscription: Source) -> None:
    await stopping.wait()
    subscription.close()


async def _cancel_when_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
