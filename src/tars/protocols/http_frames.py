"""What the codec of an agent that serves HTTP and its link say to each other: lines of JSON.

    codec ► link    {"id": 1, "method": "POST", "path": "/session", "body": {}}
    link ► codec    {"id": 1, "status": 200, "body": …}    the answer to a request
                    {"id": 1, "failed": "…"}               that request got no answer
                    {"event": …}                           one event of the server's stream
                    {"failed": "…"}                        the server is lost for good

The link makes the connections; the codec knows no socket. The answers come in any order.
What the server sends as JSON is passed on as it is, so that what is broken there becomes
`Garbled` here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
from msgspec import Raw

from tars.conversation.model import Garbled
from tars.protocols.lines import DEFAULT_LIMIT, Lines, TooLong


@dataclass(frozen=True, slots=True)
class Request:
    """One request; without a `body` nothing is sent. The text of a prompt may be in it."""

    id: int
    method: str
    path: str
    body: Raw | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """The server's answer to a request; an empty body is `null`."""

    id: int
    status: int
    body: Raw = field(repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    """The data of one event of the server's stream."""

    data: Raw = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """A request got no answer; without an `id`, the server cannot be reached any more."""

    reason: str
    id: int | None = None


Frame = Answer | Event | Failed


#: A member that is not there: JSON is never empty.
_NOTHING = Raw(b"")


class _Line(msgspec.Struct):
    """Any frame for the codec."""

    id: int | None = None
    status: int | None = None
    body: Raw = Raw(b"null")
    event: Raw = _NOTHING
    failed: str | None = None


class _Asked(msgspec.Struct, omit_defaults=True):
    """A frame for the link."""

    id: int
    method: str
    path: str
    body: Raw = _NOTHING


_line = msgspec.json.Decoder(_Line)
_asked = msgspec.json.Decoder(_Asked)
_any = msgspec.json.Decoder(Raw)


class Frames:
    """The codec's reader: bytes that are cut anywhere in, frames out. It never raises."""

    def __init__(self, line_limit: int = DEFAULT_LIMIT) -> None:
        self._lines = Lines(line_limit)

    def feed(self, data: bytes) -> list[Frame | Garbled]:
        """Give the frames that end in this piece."""
        return [_read(line) for line in self._lines.feed(data)]


def asked(data: bytes) -> Iterator[Request]:
    """Give the requests in whole lines of the codec's."""
    for line in data.splitlines():
        said = _asked.decode(line)
        body = said.body if bytes(said.body) else None
        yield Request(said.id, said.method, said.path, body)


def request_line(request: Request) -> bytes:
    """Write a request, for the link."""
    body = _NOTHING if request.body is None else request.body
    asked = _Asked(request.id, request.method, request.path, body)
    return msgspec.json.encode(asked) + b"\n"


def answer_line(id: int, status: int, body: bytes) -> bytes:
    """Write an answer, for the codec. A body that is no JSON becomes a string."""
    return msgspec.json.encode({"id": id, "status": status, "body": _as_json(body)}) + b"\n"


def event_line(data: bytes) -> bytes:
    """Write an event, for the codec; its data is passed on unread."""
    return b'{"event":' + data.replace(b"\n", b" ") + b"}\n"


def failed_line(reason: str, id: int | None = None) -> bytes:
    """Write that a request, or the server itself, got lost."""
    frame = {"failed": reason} if id is None else {"id": id, "failed": reason}
    return msgspec.json.encode(frame) + b"\n"


def _read(line: bytes | TooLong) -> Frame | Garbled:
    if isinstance(line, TooLong):
        return Garbled("a message of the server is too long", line.size)
    try:
        said = _line.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Garbled("a message of the server is no JSON", len(line))
    if bytes(said.event):
        return Event(said.event)
    if said.failed is not None:
        return Failed(said.failed, said.id)
    if said.id is None or said.status is None:
        return Garbled("a frame that the link does not write", len(line))
    return Answer(said.id, said.status, said.body)


def _as_json(body: bytes) -> Raw | str | None:
    text = body.decode("utf-8", "replace").strip()
    if not text:
        return None
    try:
        # A line of ours ends with its newline: one inside is only between tokens.
        return _any.decode(text.replace("\n", " ").replace("\r", " "))
    except (msgspec.MsgspecError, RecursionError):
        return text
