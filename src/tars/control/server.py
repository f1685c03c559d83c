"""uvicorn on the Unix socket and on the page's TCP port, and how it ends.

The only module that knows uvicorn. An idle server costs nothing: no timer runs while nobody is
connected.
"""

import asyncio
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import anyio
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server

from tars.control.unix_socket import peer_pid, peer_uid

#: The request line and all headers, in bytes.
MAX_HEAD = 64 * 1024
#: Beyond these an idle connection makes room, so that descriptors remain for the agents; where
#: none is idle, the newcomer is closed without an answer.
MAX_CONNECTIONS = 256
#: Beyond these requests that wait on one connection, whoever sends more without reading what was
#: answered is closed.
MAX_WAITING = 128
#: How long a connection may be silent between requests, or within the head of one.
IDLE_SECONDS = 60
BACKLOG = 512


async def serve(
    app: ASGIApp,
    sock: socket.socket,
    *,
    stop: anyio.Event,
    grace_seconds: float = 5.0,
    idle_seconds: int = IDLE_SECONDS,
) -> None:
    """Serve until `stop` is set, then let requests under way finish for `grace_seconds`.

    Takes over the socket and closes it, but leaves its file to the caller. Answers
    accept connections from the first checkpoint on. Runs on asyncio only.
    """
    await _serve(_config(app, _Owned, idle_seconds), [sock], stop, grace_seconds)


async def serve_loopback(
    app: ASGIApp,
    socks: Sequence[socket.socket],
    *,
    stop: anyio.Event,
    grace_seconds: float = 1.0,
    idle_seconds: int = IDLE_SECONDS,
) -> None:
    """Serve TCP sockets that listen on loopback, as `serve` does its one.

    Who is at the other end is not known there: `app` has to ask who may.
    """
    await _serve(_config(app, _Visiting, idle_seconds), list(socks), stop, grace_seconds)


def _config(app: ASGIApp, connection: type["_Bounded"], idle_seconds: int) -> Config:
    return Config(
        app,
        http=connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        # Garbage from a client is the client's affair; faults of the app are errors.
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=idle_seconds,
    )


async def _serve(
    config: Config, socks: list[socket.socket], stop: anyio.Event, grace_seconds: float
) -> None:
    server = _Server(config, stop, grace_seconds)
    try:
        await server.serve(sockets=socks)
    finally:
        with anyio.CancelScope(shield=True):
            await server.close()
        for sock in socks:
            sock.close()


class _Server(Server):
    """uvicorn without its tick (ten wake-ups a second) and without its signal handlers."""

    def __init__(self, config: Config, stop: anyio.Event, grace_seconds: float) -> None:
        super().__init__(config)
        self._stop = stop
        self._grace_seconds = grace_seconds
        self._closed = False

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.lifespan.state["stopping"] = self._stop  # for the streams without an end
        await super().startup(sockets)

    async def main_loop(self) -> None:
        await self._stop.wait()

    async def shutdown(
        self,
        sockets: list[socket.socket] | None = None,  # noqa: ARG002  uvicorn passes it by name
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop listening, let what is under way finish in its time, then cut it off."""
        if self._closed:
            return
        self._closed = True
        await self._close_listeners()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._tasks_end(self._grace_seconds)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        # A request whose client is gone ends by itself; the rest is cancelled.
        await self._tasks_end(0.5)
        for task in list(self.server_state.tasks):
            task.cancel()
        await self._tasks_end(0.5)
        await _loop_rounds()  # the aborted transports close

    async def _close_listeners(self) -> None:
        # asyncio fails (`Server._attach`, an assertion) on a connection that it accepted
        # just before `close`: so accept no more first, and let it make the last ones.
        listeners: list[asyncio.Server] = getattr(self, "servers", [])
        for listener in listeners:
            for sock in listener.sockets:
                asyncio.get_running_loop().remove_reader(sock.fileno())
        await _loop_rounds()
        for listener in listeners:
            listener.close()

    async def _tasks_end(self, seconds: float) -> None:
        if self.server_state.tasks:
            await asyncio.wait(list(self.server_state.tasks), timeout=seconds)


async def _loop_rounds() -> None:
    """Let asyncio finish with connections what it has begun: that takes it three rounds."""
    for _ in range(5):
        await asyncio.sleep(0)


class _Bounded(HttpToolsProtocol):
    """One connection with a bounded head, never silent for long, and one of so many at most."""

    _in_head = True
    _head_bytes = 0
    _peer_pid: int | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        crowded = len(self.connections) > MAX_CONNECTIONS and not self._make_room()
        if crowded or not self._welcomes(transport.get_extra_info("socket")):
            transport.abort()
        else:
            self._arm()

    def _welcomes(self, peer: socket.socket) -> bool:
        """Say whether whoever is at the other end may connect."""
        raise NotImplementedError

    def _make_room(self) -> bool:
        """Close a connection that nobody waits on, if there is one."""
        for other in self.connections:
            if other is not self and isinstance(other, _Bounded) and other._idle:
                other.transport.abort()
                return True
        return False

    @property
    def _idle(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def connection_lost(self, exc: Exception | None) -> None:
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            if self._head_bytes > MAX_HEAD:
                self.send_400_response("The request's head is too large.")
            else:
                self._arm()

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self.pipeline) >= MAX_WAITING:
            self.transport.abort()
        if self.transport.is_closing():
            return
        self.scope["state"]["peer_pid"] = self._peer_pid  # for who answers a permission
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:
            # It was answered unread: what still comes would only be thrown away.
            self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        super().on_message_complete()

    def _arm(self) -> None:
        """Close the connection when no request is under way and none comes in time."""
        if self._idle and self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )


class _Owned(_Bounded):
    """A connection of our own user, or of root."""

    def _welcomes(self, peer: socket.socket) -> bool:
        self._peer_pid = peer_pid(peer)
        try:
            return peer_uid(peer) in (os.geteuid(), 0)
        except OSError:
            return False


class _Visiting(_Bounded):
    """A connection of anybody on this machine: what it may see, its requests have to show."""

    def _welcomes(self, peer: socket.socket) -> bool:  # noqa: ARG002
        return True
