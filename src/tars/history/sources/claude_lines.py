"""One line of Claude Code's log → what it says of a request to the model.

A line is mostly `content`, which says nothing of what was used: what stands before and behind it
is decoded alone where it can be told apart, which is ten times faster. Whatever that does not fit
is decoded in full, and what even that does not fit is read as leniently as JSON can be.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from tars.history.decoding import UNDECODABLE

#: Every line with figures has it. In a text its quotes would be escaped.
MARK = b'"output_tokens"'
_TIME = re.compile(rb'"timestamp": ?"([0-9T:.-]{19,26}Z)"')
#: How far from the beginning of a file it is looked for.
NEAR = 16 * 1024
#: What a line says that the model did not write, and how far from its beginning.
USER = b'"type":"user","message":{"role":"user",'
SOON = 512
OPEN = b'"content":['
CLOSE = b'],"stop_reason":'
#: No count of tokens is larger, and what has more bits could not be stored.
_MOST = 2**40
#: No request costs so many dollars.
DEAREST = 1_000_000
_Count = Annotated[int, Meta(ge=0, le=_MOST)] | None


class Written(Struct, frozen=True, gc=False):
    ephemeral_5m_input_tokens: _Count = None
    ephemeral_1h_input_tokens: _Count = None


class _Details(Struct, frozen=True, gc=False):
    thinking_tokens: _Count = None


class Usage(Struct, frozen=True, gc=False):
    input_tokens: _Count = None
    output_tokens: _Count = None
    cache_read_input_tokens: _Count = None
    cache_creation_input_tokens: _Count = None
    cache_creation: Written | None = None
    output_tokens_details: _Details | None = None


_NO_USAGE = Usage()


class _Message(Struct, frozen=True, gc=False):
    id: str | None = None
    model: str | None = None
    usage: Usage = _NO_USAGE


_NO_MESSAGE = _Message()


class _Origin(Struct, frozen=True, gc=False):
    session: str | None = field(default=None, name="sessionId")


UNKNOWN = _Origin()


class Told(Struct, gc=False):
    """The members of a line that are read; the others are skipped undecoded."""

    type: str | None = None
    timestamp: str | None = None
    message: _Message = _NO_MESSAGE
    session: str | None = field(default=None, name="sessionId")
    request: str | None = field(default=None, name="requestId")
    uuid: str | None = None
    cwd: str | None = None
    branch: str | None = field(default=None, name="gitBranch")
    sidechain: bool | None = field(default=None, name="isSidechain")
    origin: _Origin | None = field(default=None, name="forkedFrom")
    #: What the request cost, as older versions told it.
    dollars: float | None = field(default=None, name="costUSD")


_told = msgspec.json.Decoder(Told)


def began(data: bytes | bytearray, end: int) -> str:
    """Give the time that the first line with one tells; empty where there is none nearby."""
    found = _TIME.search(data, 0, min(end, NEAR))
    return found[1].decode() if found else ""


def without_content(data: bytes | bytearray, begin: int, end: int) -> bytes | bytearray:
    """Give a line without what is in its content; empty where that cannot be told."""
    opened = data.find(OPEN, begin, end)
    closed = data.rfind(CLOSE, opened, end) if opened >= 0 else -1
    return data[begin : opened + len(OPEN)] + data[closed:end] if closed >= 0 else b""


def told_by(cut: list[bytes | bytearray], count: int) -> list[Told]:
    """Decode so many lines, each with its newline, all at once: that takes half the time. One
    that cannot be decoded tells nothing."""
    lines = b"".join(cut)
    try:
        told = _told.decode_lines(lines)
    except UNDECODABLE:
        told = []
    # Nothing says that two objects are not on one line.
    return told if len(told) == count else [_told_by(line) for line in lines.split(b"\n")[:-1]]


def full(line: bytes) -> Told | None:
    """Decode a whole line; None where it is no JSON object."""
    try:
        return _told.decode(line)
    except UNDECODABLE:
        return _lenient(line)


def _told_by(line: bytes) -> Told:
    try:
        return _told.decode(line)
    except UNDECODABLE:
        return Told()


def _lenient(line: bytes) -> Told | None:
    """Read a line in which something has another type than it should, or bytes that are no
    text; what does not fit is as if it were not there."""
    try:
        told = _object(json.loads(line.decode("utf-8", "replace"), strict=False))
    except (ValueError, RecursionError):
        return None
    if not told:
        return None
    message = _object(told.get("message"))
    usage = _object(message.get("usage"))
    written = _object(usage.get("cache_creation"))
    return Told(
        _text(told, "type"),
        _text(told, "timestamp"),
        _Message(
            _text(message, "id"),
            _text(message, "model"),
            Usage(
                _number(usage, "input_tokens"),
                _number(usage, "output_tokens"),
                _number(usage, "cache_read_input_tokens"),
                _number(usage, "cache_creation_input_tokens"),
                Written(
                    _number(written, "ephemeral_5m_input_tokens"),
                    _number(written, "ephemeral_1h_input_tokens"),
                ),
                _Details(_number(_object(usage.get("output_tokens_details")), "thinking_tokens")),
            ),
        ),
        _text(told, "sessionId"),
        _text(told, "requestId"),
        _text(told, "uuid"),
        _text(told, "cwd"),
        _text(told, "gitBranch"),
        told.get("isSidechain") is True,
        _origin(_text(_object(told.get("forkedFrom")), "sessionId")),
        _number_of_dollars(told.get("costUSD")),
    )


def _origin(session: str | None) -> _Origin | None:
    return None if session is None else _Origin(session)


def _number_of_dollars(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < DEAREST else None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) else None


def _number(members: Mapping[str, Any], name: str) -> int | None:
    value = members.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value:
        return None
    return int(min(max(value, 0), _MOST))
