"""A daemon of paper: a real HTTP server on a real Unix socket, with scripted answers.

Nothing is decided here. A test says what each route answers, and afterwards looks at
what was asked. Prompts wait at `gates` where a test wants to look around in between.
"""

import itertools
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self, cast

import msgspec

from tars.control.contract import (
    Accepted,
    AgentList,
    AgentStatus,
    Cancelled,
    DaemonStatus,
    Error,
    ErrorBody,
    SessionFields,
    Status,
    TurnResult,
    Usage,
    Wire,
)

#: A bound for what never happens, so that a broken test ends.
LONG_SECONDS = 20.0

SESSION = SessionFields(
    session_id="s1",
    created_at="2026-01-02T03:04:05Z",
    total_input_tokens=1200,
    total_output_tokens=60,
    total_cached_tokens=1000,
    total_net_tokens=1400,
    interaction_count=1,
    last_interaction_at="2026-01-02T03:05:05Z",
    last_input_tokens=3300,
)
AGENT = AgentStatus(name="echo", kind="echo", protocol="acp", state="ready", pid=4242)
STATUS = Status(
    daemon=DaemonStatus(running=True, pid=1, version="0.1.0", uptime_seconds=5.0),
    agents=[AGENT],
    session=SESSION,
)
USAGE = Usage(
    input_tokens=3300, output_tokens=60, cached_tokens=1900, requests=3, source="official"
)
RESULT = TurnResult(
    turn="t1", agent="echo", outcome="ok", session="s1", text="Hello, world", usage=USAGE
)
ACCEPTED = Accepted(turn="t1", agent="echo")


@dataclass(frozen=True)
class Gate:
    """Stands in a stream where it waits until the test opens it, or until `cancel`."""

    opened: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        assert self.opened.wait(LONG_SECONDS), "nobody opened the gate"


class Hangup:
    """Stands in a stream where the daemon dies."""


@dataclass
class Asked:
    """One request that came in."""

    method: str
    path: str
    body: dict[str, Any]


Answer = Wire | bytes | tuple[int, Wire]
Event = tuple[str, Wire] | Gate | Hangup


class FakeDaemon:
    """`answers` maps "METHOD /path" (without its query) to what is answered: a message,
    bytes as plain text, or a status and a message. `stream` is the answer to prompts,
    `streams` that to the prompts for one agent, and `lines` to logs."""

    def __init__(self, home: Path) -> None:
        self.socket = home / "run" / "tars.sock"
        self.answers: dict[str, Answer | Callable[[Asked], Answer | None]] = {
            "GET /v1/status": STATUS,
            "GET /v1/agents": AgentList(agents=[AGENT], default="echo"),
            "POST /v1/cancel": Cancelled(turn="t1"),
        }
        self.stream: list[Event] = [
            ("accepted", ACCEPTED),
            ("turn", RESULT),
        ]
        self.streams: dict[str, list[Event]] = {}
        self.lines: Iterable[str] = ()
        self.asked: list[Asked] = []
        self._arrived = threading.Condition()
        self.socket.parent.mkdir(parents=True, exist_ok=True)
        self._server = _Server(str(self.socket), _Handler)
        self._server.fake = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def refuse(self, route: str, status: int, code: str, message: str, advice: str = "") -> None:
        """Answer a route with an error."""
        body = Error(error=ErrorBody(code=code, message=message, advice=advice))
        self.answers[route] = (status, body)

    def wait_for(self, method: str, path: str) -> Asked:
        """Wait until such a request has come, and give it."""

        def found() -> Asked | None:
            matching = (a for a in self.asked if (a.method, a.path) == (method, path))
            return next(matching, None)

        with self._arrived:
            assert self._arrived.wait_for(found, LONG_SECONDS), f"no {method} {path} came"
        asked = found()
        assert asked is not None
        return asked

    def note(self, asked: Asked) -> None:
        with self._arrived:
            self.asked.append(asked)
            self._arrived.notify_all()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for event in itertools.chain(self.stream, *self.streams.values()):
            if isinstance(event, Gate):
                event.opened.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(LONG_SECONDS)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = False
    fake: FakeDaemon

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is part of many tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def address_string(self) -> str:
        return "unix"

    def _answer(self, body: bytes) -> None:
        fake = cast("_Server", self.server).fake
        asked = Asked(self.command, self.path, msgspec.json.decode(body or b"{}"))
        fake.note(asked)
        path = self.path.partition("?")[0]
        answer = fake.answers.get(f"{self.command} {path}")
        if callable(answer):
            answer = answer(asked)
        if answer is not None:
            as_text = "format=text" in self.path and isinstance(answer, Status)
            self._send(b"as text: " + self.path.encode() if as_text else answer)
        elif path == "/v1/prompt" and asked.body.get("wait") is False:
            self._send((202, ACCEPTED))
        elif path == "/v1/prompt":
            self._stream(fake.streams.get(asked.body.get("agent") or "", fake.stream))
        elif path == "/v1/logs":
            self._stream([("line", msgspec.convert({"line": n}, _Line)) for n in fake.lines])
        else:
            body_404 = Error(error=ErrorBody(code="not_found", message="There is no such route."))
            self._send((404, body_404))

    def _send(self, answer: Answer) -> None:
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        data = content if isinstance(content, bytes) else msgspec.json.encode(content)
        self.send_response(status)
        kind = "text/plain" if isinstance(content, bytes) else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    def _stream(self, events: Iterable[Event]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        for event in events:
            if isinstance(event, Gate):
                event.wait()
            elif isinstance(event, Hangup):
                return
            else:
                name, message = event
                data = b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(message))
                self._chunk(data)
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()


class _Line(Wire):
    line: str


@contextmanager
def answering_once(path: Path, answer: bytes) -> Iterator[None]:
    """Something on this socket that answers the first connection with these bytes, and goes."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)
            path.unlink()

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join(LONG_SECONDS)
