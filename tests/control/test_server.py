"""The server on the socket: who may connect, how it ends, and what clients cannot do."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from tars.control import contract as c
from tars.control.feed import MAX_BYTES
from tars.control.server import MAX_CONNECTIONS, MAX_HEAD
from tests.control.scripted import Client, Running

pytestmark = pytest.mark.anyio

MEBI = 1024**2


@pytest.fixture
async def server(short_path: Path) -> AsyncIterator[Running]:
    async with Running.at(short_path) as running:
        yield running


async def assert_serving(server: Running) -> None:
    assert (await server.ask("GET", "/v1/status")).status == 200


CONNECT_AS_NOBODY = """
import os, socket, sys
client = socket.socket(socket.AF_UNIX)
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
client.connect(sys.argv[1])
try:
    client.sendall(b"GET /v1/status HTTP/1.1\\r\\nhost: tars\\r\\n\\r\\n")
    answer = client.recv(1000)
except (BrokenPipeError, ConnectionResetError):
    answer = b""
print("answer:", answer)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can play another user")
async def test_another_user_is_refused(server: Running) -> None:
    """Even where the file's rights would let another user in, he gets no answer."""
    for folder in (server.socket.parent.parent, server.socket.parent):
        folder.chmod(0o711)
    server.socket.chmod(0o666)
    command = [sys.executable, "-c", CONNECT_AS_NOBODY, str(server.socket)]
    done = await anyio.run_process(command, check=False)
    assert (done.stdout, done.stderr) == (b"answer: b''\n", b"")
    await assert_serving(server)


# --- clients that misbehave -------------------------------------------------


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 1000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the start of TLS
        b"hello\r\n\r\n",
        b"GET /v1/status HTTP/9.9\r\n\r\n",
        b"GET \xff\xfe HTTP/1.1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\n\r\n",
        b"POST /v1/reload HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/reload HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST /v1/reload HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_garbage_costs_its_sender_the_connection(server: Running, garbage: bytes) -> None:
    """What is not HTTP gets at most a 4xx, and nobody else notices."""
    async with server.client() as client:
        await client.stream.send(garbage)
        await client.stream.send_eof()
        status = await first_status(client)
        assert status is None or 400 <= status < 500
    await assert_serving(server)


async def first_status(client: Client) -> int | None:
    """Give the status of the answer, or None when there is none."""
    try:
        return (await client.head())[0]
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return None


async def test_half_a_request_holds_nobody_up(server: Running) -> None:
    """Requests that stop in the middle keep no other from its answer."""
    async with server.client() as one, server.client() as two:
        await one.stream.send(b"GET /v1/sta")
        await two.stream.send(b"POST /v1/prompt HTTP/1.1\r\ncontent-length: 10\r\n\r\n{")
        await assert_serving(server)
        await one.stream.send(b"tus HTTP/1.1\r\n\r\n")
        assert (await one.answer()).status == 200


async def test_silence_is_not_waited_for_for_ever(short_path: Path) -> None:
    """A connection whose request does not go on is closed, with a 408 where it got so far."""
    async with Running.at(short_path, idle_seconds=0, body_seconds=0.01) as server:
        async with server.client() as client:
            await client.stream.send(b"GET /v1/sta")
            assert await client.closed()
        async with server.client() as client:
            await client.stream.send(b"POST /v1/prompt HTTP/1.1\r\ncontent-length: 10\r\n\r\n{")
            assert (await client.answer()).code == "request_timeout"


def exchange(path: Path, *parts: bytes, repeat: int = 0) -> tuple[int, bytes]:
    """Send the parts, and the last of them again and again, on a plain socket, until the
    server has had enough; give how many bytes it took, and what it said."""
    sent, said = 0, b""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(path))
        with suppress(BrokenPipeError, ConnectionResetError):
            for part in (*parts, *[parts[-1]] * repeat):
                client.sendall(part)
                sent += len(part)
        with suppress(ConnectionResetError):
            while data := client.recv(10_000):
                said += data
    return sent, said


async def test_an_announced_gigabyte_is_refused_unread(server: Running) -> None:
    """A body that is too large by its own account is refused before it is sent."""
    head = b"POST /v1/prompt HTTP/1.1\r\ncontent-length: 1073741824\r\n\r\n"
    _, said = await anyio.to_thread.run_sync(exchange, server.socket, head)
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"body_too_large" in said
    assert server.backend.turns == 0


@pytest.mark.parametrize("path", [b"/v1/prompt", b"/v1/reload", b"/v1/status", b"/v1/events"])
async def test_an_endless_body_is_cut_off(server: Running, path: bytes) -> None:
    """A chunked body is read as far as a body may go, whatever it is sent to."""
    head = b"POST %b HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" % path
    if path in (b"/v1/status", b"/v1/events"):
        head = head.replace(b"POST", b"GET")
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"

    def send() -> tuple[int, bytes]:
        return exchange(server.socket, head, chunk, repeat=64 * 16)

    sent, _ = await anyio.to_thread.run_sync(send)
    assert sent < c.MAX_BODY + 4 * MEBI
    assert server.backend.turns == 0
    await assert_serving(server)


async def test_the_largest_body_is_taken(server: Running) -> None:
    """A body of exactly the allowed size is a request like any other; one byte more is not."""
    frame = b'{"text": "", "wait": false}'
    body = frame.replace(b'""', b'"' + b"x" * (c.MAX_BODY - len(frame)) + b'"')
    assert len(body) == c.MAX_BODY
    assert (await server.ask("POST", "/v1/prompt", body)).status == 202
    head = b"POST /v1/prompt HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % (c.MAX_BODY + 1)
    _, said = await anyio.to_thread.run_sync(exchange, server.socket, head)
    assert said.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("part", [b"x", b"x-header: " + b"y" * 4096 + b"\r\n"])
async def test_an_endless_head_is_cut_off(server: Running, part: bytes) -> None:
    """The request line and the headers are bounded, together and each."""
    first = b"GET /" if part == b"x" else b"GET / HTTP/1.1\r\n"
    piece = part * (4096 // len(part) + 1)

    def send() -> tuple[int, bytes]:
        return exchange(server.socket, first, piece, repeat=20_000)

    sent, said = await anyio.to_thread.run_sync(send)
    assert sent < MAX_HEAD + 2 * MEBI  # what the kernel's buffers hold is sent, too
    assert said.startswith(b"HTTP/1.1 400 ")
    await assert_serving(server)


async def test_a_body_in_one_piece_with_its_head_is_no_large_head(server: Running) -> None:
    """Only the head counts towards the bound of heads, on every request of a connection."""
    async with server.client() as client:
        for _ in range(3):
            body = {"text": "x" * 3 * MAX_HEAD, "wait": False}
            assert (await client.ask("POST", "/v1/prompt", body)).status == 202


async def test_a_client_that_never_reads_is_bounded(server: Running) -> None:
    """64 MiB for a client that does not read cost no more than its bound, nobody else
    waits, and once it does read it gets the whole answer."""
    words = 64 * 16
    async with server.client() as sleeper:
        await sleeper.send_request("POST", "/v1/prompt", {"text": "hold"})
        while not server.backend.feed.listeners:
            await anyio.lowlevel.checkpoint()
        for _ in range(words):
            text = c.Text(text="x" * 0x10000)
            server.backend.feed.publish_turn("t-1", "text", text)
            await anyio.lowlevel.checkpoint()
        await assert_serving(server)
        server.backend.finish("t-1", "ok", "the whole answer")
        answer = await sleeper.answer()
    lagged = [data["dropped"] for name, data in answer.events if name == "lagged"]
    texts = [name for name, _ in answer.events].count("text")
    others = 1 - [name for name, _ in answer.events].count("started")  # dropped, or not
    assert sum(lagged) + texts == words + others
    assert texts * 0x10000 < MAX_BYTES + 2 * MEBI
    assert answer.events[-1][1]["text"] == "the whole answer"


async def test_many_requests_at_once_are_answered_in_turn(server: Running) -> None:
    """Requests that are sent without waiting are answered in their order."""
    async with server.client() as client:
        for _ in range(50):
            await client.send_request("GET", "/v1/status")
            await client.send_request("GET", "/v1/nothing")
        answers = [(await client.answer()).status for _ in range(100)]
    assert answers == [200, 404] * 50


async def test_two_hundred_clients(server: Running) -> None:
    """Each of many clients at once gets its own answer."""
    answers: list[str] = []

    async def one(number: int) -> None:
        async with server.client() as client:
            assert (await client.ask("GET", "/v1/status")).status == 200
            answer = await client.ask("POST", "/v1/prompt", {"text": str(number)})
            answers.append(answer.events[-1][1]["text"])

    async with anyio.create_task_group() as tasks:
        for number in range(200):
            tasks.start_soon(one, number)
    assert sorted(map(int, answers)) == list(range(200))


async def test_an_idle_connection_makes_room(server: Running) -> None:
    """However many connections are held open for nothing, the next one is served."""
    sockets = [socket.socket(socket.AF_UNIX) for _ in range(MAX_CONNECTIONS)]
    try:
        for sock in sockets:
            sock.setblocking(False)
            await retry_connect(sock, server.socket)
        assert await ask_once(server) == 200
    finally:
        for sock in sockets:
            sock.close()


async def test_connections_are_bounded(server: Running) -> None:
    """Where all wait for something, one more is closed, and room made is room used."""
    sockets = [socket.socket(socket.AF_UNIX) for _ in range(MAX_CONNECTIONS)]
    try:
        for sock in sockets:
            sock.setblocking(False)
            await retry_connect(sock, server.socket)
            sock.send(b"GET /v1/events HTTP/1.1\r\nHost: tars\r\n\r\n")
            await anyio.wait_readable(sock)
        async with server.client() as client:
            assert await client.closed()
    finally:
        for sock in sockets:
            sock.close()
    while (await ask_once(server)) is None:
        await anyio.lowlevel.checkpoint()


async def retry_connect(sock: socket.socket, path: Path) -> None:
    """Connect as soon as the server has taken enough of those that wait."""
    while sock.connect_ex(str(path)) == 11:  # EAGAIN: its backlog is full
        await anyio.lowlevel.checkpoint()


async def ask_once(server: Running) -> int | None:
    async with server.client() as client:
        try:
            await client.send_request("GET", "/v1/status")
        except anyio.BrokenResourceError:
            return None
        return await first_status(client)


# --- the end, and idleness --------------------------------------------------


async def test_an_idle_server_has_no_timer(short_path: Path) -> None:
    """Once its clients are gone, nothing wakes the server up."""
    async with Running.at(short_path) as server:
        for path in ("/v1/status", "/v1/agents"):
            await server.ask("GET", path)
        async with server.client() as client:
            await client.send_request("GET", "/v1/events")
            await client.head()
        # The one that remains is the time limit of this test itself.
        while len(timers()) > 1:
            await anyio.lowlevel.checkpoint()
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        assert len(timers()) == 1


def timers() -> list[asyncio.TimerHandle]:
    scheduled: list[asyncio.TimerHandle] = vars(asyncio.get_running_loop())["_scheduled"]
    return [timer for timer in scheduled if not timer.cancelled()]


async def test_streams_without_an_end_end_with_the_server(short_path: Path) -> None:
    """Followed events and logs end in order; idle connections are closed."""
    async with (
        Running.at(short_path, grace_seconds=30) as server,
        server.client() as idle,
        server.client() as events,
        server.client() as logs,
    ):
        await idle.ask("GET", "/v1/status")
        await events.send_request("GET", "/v1/events")
        await logs.send_request("GET", "/v1/logs?follow=1")
        for client in (events, logs):
            await client.head()
        server.stop.set()
        for client in (events, logs):
            assert [event async for event in client.events() if event is not None] == []
        assert await idle.closed()


async def test_a_request_under_way_is_finished(short_path: Path) -> None:
    """A prompt whose result comes within the grace gets it after the stop."""
    async with Running.at(short_path, grace_seconds=30) as server, server.client() as client:
        await client.send_request("POST", "/v1/prompt", {"text": "hold"})
        await client.head()
        server.stop.set()
        server.backend.finish("t-1", "interrupted")
        names = [event[0] async for event in client.events() if event is not None]
        assert names == ["accepted", "started", "turn"]


async def test_the_end_is_bounded(short_path: Path) -> None:
    """A stream that does not end, and one that is not read, are cut off after the grace."""
    async with (
        Running.at(short_path, grace_seconds=0.05) as server,
        server.client() as waiter,
        server.client() as sleeper,
    ):
        for client in (waiter, sleeper):
            await client.send_request("POST", "/v1/prompt", {"text": "hold"})
            await client.head()
        for _ in range(64):
            server.backend.feed.publish_turn("t-2", "text", c.Text(text="x" * 0x10000))
        server.stop.set()
        assert await waiter.closed()
    assert server.backend.feed.listeners == 0


async def test_no_new_connection_after_the_stop(short_path: Path) -> None:
    """Once the server has ended, its socket answers nobody."""
    async with Running.at(short_path) as server:
        path = server.socket
    with pytest.raises(ConnectionRefusedError):
        await anyio.connect_unix(path)


async def test_a_cancelled_server_closes_everything(short_path: Path) -> None:
    """A server that is cancelled instead of stopped leaves no connection and no socket open."""
    with anyio.CancelScope() as scope:
        async with Running.at(short_path) as server, server.client() as client:
            await client.ask("GET", "/v1/status")
            scope.cancel()
    assert scope.cancelled_caught
    with pytest.raises(ConnectionRefusedError):
        await anyio.connect_unix(server.socket)


IMPORTS = """
import sys
import tars.control.app, tars.control.feed, tars.control.status_text
print([name for name in sys.modules if name.partition(".")[0] in ("uvicorn", "httptools")])
"""


def test_only_the_server_imports_uvicorn() -> None:
    """What the server serves can be imported, and tested, without it."""
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, check=True)
    assert done.stdout == b"[]\n"
