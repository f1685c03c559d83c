"""The server on TCP: as bounded as the one on the socket, and closed as cleanly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import anyio
import pytest
from starlette.types import Receive, Scope, Send

from tars.control.server import MAX_HEAD, MAX_WAITING, serve_loopback
from tars.web.listening import Listening, listen

pytestmark = pytest.mark.anyio


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers everything with the path that was asked for, and /wait never."""
    while scope["path"] == "/wait":
        if (await receive())["type"] == "http.disconnect":
            return
    body = scope["path"].encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(idle_seconds: int = 60) -> AsyncIterator[Listening]:
    listening = listen(0)
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        serve = partial(serve_loopback, hello, listening.sockets, stop=stop, grace_seconds=0)
        tasks.start_soon(partial(serve, idle_seconds=idle_seconds))
        yield listening
        stop.set()


async def exchange(listening: Listening, sent: bytes, *, until_closed: bool = False) -> bytes:
    """Send this on a connection of its own, and give what comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
    try:
        writer.write(sent)
        return await (reader.read() if until_closed else reader.readuntil(b"/x"))
    finally:
        writer.close()


async def test_it_answers_on_every_address_of_loopback() -> None:
    """IPv4, and IPv6 where there is one."""
    async with serving() as listening:
        for sock in listening.sockets:
            host, port = sock.getsockname()[:2]
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await reader.readuntil(b"/x")).startswith(b"HTTP/1.1 200")
            writer.close()


async def test_a_head_without_an_end_is_refused() -> None:
    """Nobody fills the daemon's memory with it."""
    async with serving() as listening:
        head = b"GET /x HTTP/1.1\r\nx: " + b"y" * MAX_HEAD
        assert (await exchange(listening, head, until_closed=True)).startswith(b"HTTP/1.1 400")
        assert await exchange(listening, b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n")


async def test_who_reads_no_answers_is_not_listened_to_for_ever() -> None:
    """Requests that wait are memory, and anybody on this machine can send them."""
    async with serving() as listening:
        with suppress(ConnectionResetError):
            waiting = b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n" * (MAX_WAITING + 2)
            assert await exchange(listening, waiting, until_closed=True) == b""
        assert await exchange(listening, b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n")


async def test_who_says_nothing_is_not_waited_for() -> None:
    """A browser opens connections that it may never use."""
    async with serving(idle_seconds=0) as listening:
        assert await exchange(listening, b"GET /x HT", until_closed=True) == b""


async def test_nothing_listens_after_the_end() -> None:
    """The port is free again at once."""
    async with serving() as listening:
        assert await exchange(listening, b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n")
    listen(listening.port).close()
