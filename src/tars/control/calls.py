"""One call of the daemon's control channel, or one stream of it: sent, bounded, understood."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec

from tars.control.contract import MAX_BODY, Error, ErrorBody, Wire
from tars.control.error_answers import ANSWERS
from tars.control.exchange import Exchange
from tars.errors import (
    AgentUnavailable,
    ConfigInvalid,
    Fault,
    FaultKind,
    RequestInvalid,
    TarsError,
)
from tars.protocols.sse import EventReader, EventTooLarge

#: For what the daemon answers at once.
QUICK_SECONDS = 5.0
#: For a prompt that is saved, which may wait for the disk; and for a stream to begin.
ACCEPT_SECONDS = 10.0
#: An answer that is not a stream is small; a stranger on the socket cannot fill memory.
LARGEST_ANSWER = 64 * 1024 * 1024

#: The server's table read backwards: a code that classes share is their parent's.
CLASSES: dict[str, type[TarsError]] = {
    **{code: kind for kind, (_, code) in reversed(ANSWERS.items())},
    "body_too_large": RequestInvalid,
}

Answer = TypeVar("Answer", bound=Wire)


def _just_wait() -> None:
    """Show nothing while waiting."""


class Calls:
    """What all calls of one daemon share. `on_wait` is called some ten times a second while an
    answer is awaited; `accept_seconds` bounds the wait for what has to be saved first."""

    def __init__(
        self,
        socket_path: Path,
        *,
        on_wait: Callable[[], None] = _just_wait,
        accept_seconds: float = ACCEPT_SECONDS,
    ) -> None:
        self._path = socket_path
        self._on_wait = on_wait
        self._accept_seconds = accept_seconds

    def _call(
        self,
        method: str,
        path: str,
        answer: type[Answer],
        request: Wire | None = None,
        *,
        seconds: float | None = QUICK_SECONDS,
    ) -> Answer:
        exchange = self._open(method, path, request, seconds)
        try:
            return _decoded(_whole(exchange), answer)
        finally:
            exchange.close()

    def _stream(
        self,
        method: str,
        path: str,
        types: dict[str, type[Wire]],
        request: Wire | None = None,
        *,
        begun: Callable[[], None] | None = None,
    ) -> Iterator[tuple[str, Wire]]:
        exchange = self._open(method, path, request, self._accept_seconds)
        try:
            if request is None:
                exchange.be_patient()  # what is only watched may be silent for hours
            if exchange.content_type != "text/event-stream":
                raise TarsError("The daemon answered with something other than a stream.")
            reader = EventReader()
            for piece in exchange.body():
                if begun is not None:
                    begun()
                    begun = None
                for name, data in reader.feed(piece):
                    exchange.be_patient()  # a turn takes as long as it takes
                    # A newer daemon may send events that this client does not know.
                    if name in types:
                        yield name, _decoded(data, types[name])
        except EventTooLarge as error:
            raise TarsError("The daemon sent an event that is far too large.") from error
        finally:
            exchange.close()

    def _open(
        self, method: str, path: str, request: Wire | None, seconds: float | None
    ) -> Exchange:
        exchange = Exchange(
            self._path,
            _request(method, path, request),
            answer_seconds=seconds,
            on_wait=self._on_wait,
        )
        if exchange.status < 400:
            return exchange
        try:
            raise _error(exchange.status, _whole(exchange))
        finally:
            exchange.close()


def _request(method: str, path: str, request: Wire | None) -> bytes:
    try:
        body = b"" if request is None else msgspec.json.encode(request)
    except UnicodeEncodeError:
        raise RequestInvalid("A text has half a character in it, which is no Unicode.") from None
    if len(body) > MAX_BODY:
        raise RequestInvalid(f"The prompt is larger than {MAX_BODY // 1024**2} MiB (as JSON).")
    lines = [f"{method} {path} HTTP/1.1", "Host: tars", "Connection: close"]
    if method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def with_query(path: str, **values: str | int | None) -> str:
    given = {name: value for name, value in values.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def quoted(word: str) -> str:
    """Make a word safe as a part of a path."""
    return quote(word, safe="")


def _whole(exchange: Exchange) -> bytes:
    body = bytearray()
    for piece in exchange.body():
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise TarsError("The daemon's answer is far too large.")
    return bytes(body)


def _decoded(data: bytes, answer: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(data, type=answer)
    except msgspec.MsgspecError as error:
        raise TarsError(
            "The daemon's answer makes no sense to this version of tars.",
            advice="`tars restart` makes the daemon the same version as this command.",
        ) from error


def _error(status: int, body: bytes) -> TarsError:
    try:
        said = msgspec.json.decode(body, type=Error).error
    except msgspec.MsgspecError:
        return TarsError(f"The daemon answered with HTTP status {status}.")
    return error_of(said)


def error_of(said: ErrorBody) -> TarsError:
    """Make the exception that the daemon raised from what it said of it."""
    kind = CLASSES.get(said.code, TarsError)
    if issubclass(kind, AgentUnavailable):
        # The wire does not say which fault it was; the sentence does.
        return AgentUnavailable(Fault(FaultKind.INTERNAL, said.message, said.advice))
    if issubclass(kind, ConfigInvalid):
        return ConfigInvalid("", tuple(said.message.splitlines()))
    return kind(said.message, advice=said.advice)
