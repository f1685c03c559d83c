"""A link to an agent that serves HTTP on loopback: requests, and one stream of its events.

    child's stdout ─► "… listening on http://127.0.0.1:4096" ─► the event stream is opened
    codec's requests wait for that, so that no event is missed ─► a connection for each

A connection of its own for each request costs nothing on loopback, and leaves no doubt
whether the server got a request that a dying connection had taken. A stream of events that
breaks off is opened again, a few times; then the server counts as lost, the link ends, and
the channel ends the process. What the server says is held in bounded memory: while the codec
has not taken it, the server waits.
"""

import re
from base64 import b64encode
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import urlsplit

import anyio
import anyio.abc
import h11
import msgspec

from tars.agents.kind import HttpServer
from tars.protocols import http_frames as frames
from tars.protocols.lines import MEBIBYTE, Lines, TooLong
from tars.protocols.sse import EventReader, EventTooLarge
from tars.runtime import pipes
from tars.runtime.children import Child

#: How many requests are under way at once; the others wait.
CONNECTIONS = 4
#: How long a request may take, and the event stream to be opened.
ANSWER_SECONDS = 30.0
#: What is kept of one answer and of one event. More than that is a failure.
LARGEST_ANSWER = 32 * MEBIBYTE
LARGEST_EVENT = 32 * MEBIBYTE
#: What may wait for the codec, and in requests for the server.
INBOX_LIMIT = 4 * MEBIBYTE
OUTBOX_LIMIT = 64 * MEBIBYTE
#: How often in a row the event stream is opened again, and the pauses before; a stream that
#: lived this long was a good one.
EVENT_PAUSES = (0.0, 0.02, 0.05, 0.1, 0.3)
GOOD_STREAM_SECONDS = 5.0
#: The longest line of stdout in which the address is looked for.
LONGEST_LINE = 64 * 1024

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_REFUSED = (401, 403)


class _Trouble(Exception):
    """The server did not do what the protocol wants; the message is for a person."""


class _Refused(Exception):
    """The server will not have us, however often we come."""


#: What a server, or the way to it, can do to us.
_TROUBLE = (
    OSError,
    h11.ProtocolError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    EventTooLarge,
    _Trouble,
)


class _Named(msgspec.Struct):
    """An event, as far as the link reads it."""

    type: str = ""


class HttpLink:
    """A child that serves HTTP, and tells on its stdout where."""

    def __init__(self, child: Child, server: HttpServer) -> None:
        self._child = child
        self._server = server
        secret = b64encode(f"{server.user}:{server.password}".encode()).decode()
        self._headers = [("Authorization", f"Basic {secret}"), ("Connection", "close")]
        self._address = ("", 0)
        self._found = anyio.Event()
        self._listening = anyio.Event()
        self._inbox = _Inbox()
        self._requests: deque[frames.Request] = deque()
        self._waiting = 0
        self._filled = anyio.Event()
        self._slots = anyio.Semaphore(CONNECTIONS)
        self._finished = False

    # --- the channel's side ---------------------------------------------------

    def send(self, data: bytes) -> None:
        """Take the codec's requests. What goes beyond OUTBOX_LIMIT fails at once."""
        for request in frames.asked(data):
            size = len(bytes(request.body or b""))
            if self._waiting + size > OUTBOX_LIMIT:
                self._inbox.add(frames.failed_line("too much waits for the server", request.id))
                continue
            self._waiting += size
            self._requests.append(request)
        self._filled.set()

    def finish(self) -> None:
        """Close the child's stdin once everything is sent: an HTTP server reads none."""
        self._finished = True
        self._filled.set()

    async def write(self) -> None:
        """Find the server, hear its events and send it what waits, until it is lost."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._read_stdout)
                await self._found.wait()
                tasks.start_soon(self._hear_events, tasks.cancel_scope)
                await self._listening.wait()
                await self._send_requests(tasks)
        finally:
            self._inbox.close()

    async def read(self, exited: anyio.Event) -> AsyncGenerator[bytes, None]:
        """Give what the server said, in frames, until it is lost or gone."""
        while (data := await self._inbox.take(exited)) is not None:
            yield data

    # --- where it is ------------------------------------------------------------

    async def _read_stdout(self) -> None:
        """Look for the address; what follows is read, lest the child waits, and dropped."""
        assert self._child.stdout is not None
        lines = Lines(LONGEST_LINE)
        pattern = re.compile(self._server.listening.encode())
        async with aclosing(pipes.chunks(self._child.stdout)) as source:
            async for data in source:
                for line in () if self._found.is_set() else lines.feed(data):
                    told = None if isinstance(line, TooLong) else pattern.search(line)
                    if told is not None:
                        self._note_address(told[1].decode("utf-8", "replace"))
                # A sign of life that says nothing.
                self._inbox.add(b"")
        if not self._found.is_set():
            # Why, its exit and its stderr say.
            self._inbox.close()

    def _note_address(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or 80
        except ValueError:
            return
        if parts.scheme != "http" or host not in _LOOPBACK:
            self._inbox.add(frames.failed_line("it does not serve on this machine's loopback"))
            self._inbox.close()
            return
        self._address = host, port
        self._found.set()

    # --- requests -----------------------------------------------------------------

    async def _send_requests(self, tasks: anyio.abc.TaskGroup) -> None:
        while self._requests or not self._finished:
            if not self._requests:
                self._filled = anyio.Event()
                await self._filled.wait()
                continue
            await self._slots.acquire()
            request = self._requests.popleft()
            self._waiting -= len(bytes(request.body or b""))
            tasks.start_soon(self._perform, request)
        for _ in range(CONNECTIONS):
            # Those that are under way still want their answers.
            await self._slots.acquire()
        self._child.close_stdin()

    async def _perform(self, request: frames.Request) -> None:
        try:
            with anyio.fail_after(ANSWER_SECONDS):
                line = await self._ask(request)
        except _TROUBLE as error:
            line = frames.failed_line(_why(error), request.id)
        finally:
            self._slots.release()
        await self._inbox.put(line)

    async def _ask(self, request: frames.Request) -> bytes:
        async with await anyio.connect_tcp(*self._address) as stream:
            exchange = _Exchange(stream)
            body = None if request.body is None else bytes(request.body)
            status = await exchange.ask(request.method, request.path, self._to_server(), body)
            answer = bytearray()
            while (data := await exchange.data()) is not None:
                answer += data
                if len(answer) > LARGEST_ANSWER:
                    raise _Trouble(f"its answer is larger than {LARGEST_ANSWER // MEBIBYTE} MiB")
            return frames.answer_line(request.id, status, bytes(answer))

    def _to_server(self) -> list[tuple[str, str]]:
        host, port = self._address
        named = f"[{host}]" if ":" in host else host
        return [("Host", f"{named}:{port}"), *self._headers]

    # --- events -------------------------------------------------------------------

    async def _hear_events(self, everything: anyio.CancelScope) -> None:
        """Keep the stream of events open; when that cannot be done, end the link."""
        pauses = iter(EVENT_PAUSES)
        while True:
            began = anyio.current_time()
            try:
                reason = await self._hear_stream()
            except _Refused as error:
                reason, pauses = str(error), iter(())
            except _TROUBLE as error:
                reason = _why(error)
            if anyio.current_time() - began > GOOD_STREAM_SECONDS:
                pauses = iter(EVENT_PAUSES)
            pause = next(pauses, None)
            if pause is None:
                break
            await anyio.sleep(pause)
        await self._inbox.put(frames.failed_line(f"its stream of events is lost: {reason}"))
        everything.cancel()

    async def _hear_stream(self) -> str:
        """Give the events of one connection; returns why it ended. Raises what _TROUBLE names."""
        with anyio.fail_after(ANSWER_SECONDS):
            stream = await anyio.connect_tcp(*self._address)
        async with stream:
            exchange = _Exchange(stream)
            headers = [*self._to_server(), ("Accept", "text/event-stream")]
            with anyio.fail_after(ANSWER_SECONDS):
                status = await exchange.ask("GET", self._server.events, headers, None)
            if status in _REFUSED:
                raise _Refused("it refuses our password")
            if status != 200:
                raise _Trouble(f"it gives none (status {status})")
            self._listening.set()
            events = EventReader(LARGEST_EVENT)
            while (data := await exchange.data()) is not None:
                for _, event in events.feed(data):
                    if not self._says_nothing(event):
                        await self._inbox.put(frames.event_line(event))
        return "the server closed it"

    def _says_nothing(self, event: bytes) -> bool:
        """A server that only says that it is there may hang all the same."""
        heartbeat = self._server.heartbeat
        if not heartbeat or heartbeat.encode() not in event:
            return False
        try:
            return msgspec.json.decode(event, type=_Named).type == heartbeat
        except (msgspec.MsgspecError, RecursionError):
            return False


class _Exchange:
    """One request and its answer, on a connection of its own. Raises what _TROUBLE names."""

    def __init__(self, stream: anyio.abc.ByteStream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT)

    async def ask(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes | None
    ) -> int:
        """Send the request and give the answer's status."""
        if body is not None:
            headers = [*headers, ("Content-Type", "application/json")]
        headers = [*headers, ("Content-Length", str(len(body or b"")))]
        sent = self._http.send(h11.Request(method=method, target=path, headers=headers)) or b""
        sent += (self._http.send(h11.Data(data=body)) or b"") if body else b""
        await self._stream.send(sent + (self._http.send(h11.EndOfMessage()) or b""))
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event.status_code
            if not isinstance(event, h11.InformationalResponse):
                raise _Trouble("it closed the connection without an answer")

    async def data(self) -> bytes | None:
        """Give the next piece of the answer's body; None at its end."""
        event = await self._next()
        return bytes(event.data) if isinstance(event, h11.Data) else None

    async def _next(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                assert not isinstance(event, type) or event is h11.PAUSED
                return event
            try:
                self._http.receive_data(await self._stream.receive())
            except anyio.EndOfStream:
                self._http.receive_data(b"")


class _Inbox:
    """What the server said, until the codec takes it; whoever puts waits while it is full."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._closed = False
        self._filled = anyio.Event()
        self._taken = anyio.Event()

    def add(self, piece: bytes) -> None:
        """Take a small piece, full or not; an empty one only says that there is life."""
        if self._closed or (self._pieces and not piece):
            return
        self._pieces.append(piece)
        self._size += len(piece)
        self._filled.set()

    async def put(self, piece: bytes) -> None:
        while self._size > INBOX_LIMIT and not self._closed:
            await self._taken.wait()
        self.add(piece)

    def close(self) -> None:
        """Nothing more comes; what is there is still given."""
        self._closed = True
        self._filled.set()

    async def take(self, exited: anyio.Event) -> bytes | None:
        """Give all there is, or wait for it; None when nothing comes any more."""
        while not self._pieces:
            if self._closed or exited.is_set():
                return None
            self._filled = anyio.Event()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_cancel_when, exited, tasks.cancel_scope)
                await self._filled.wait()
                tasks.cancel_scope.cancel()
        data, self._size = b"".join(self._pieces), 0
        self._pieces.clear()
        self._taken.set()
        self._taken = anyio.Event()
        return data


async def _cancel_when(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def _why(error: Exception) -> str:
    """Name the trouble in words that quote nothing of what was said."""
    if isinstance(error, _Trouble):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"it did not answer within {ANSWER_SECONDS:g} s"
    if isinstance(error, EventTooLarge):
        return f"an event is larger than {LARGEST_EVENT // MEBIBYTE} MiB"
    if isinstance(error, h11.ProtocolError):
        return "it broke off, or does not speak HTTP"
    return "the connection failed"
