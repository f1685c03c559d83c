"""One line of Claude Code's log → what it says of a request to the model.

A line is mostly `content`, which says nothing of what was used: what stands before and behind it
is decoded alone where it can be told apart, which is ten times faster. Whatever that does not fit
is decoded in full, and what even that does not fit is read as leniently as JSON can be.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct, field

from tars.accounting.rates import DOLLAR
from tars.history.decoding import UNDECODABLE
from tars.history.source import Request
from tars.history.timestamps import milliseconds

#: Every line with figures has it. In a text its quotes would be escaped.
MARK = b'"output_tokens"'
_TIME = re.compile(rb'"timestamp": ?"([0-9T:.-]{19,26}Z)"')
#: How far from the beginning of a file it is looked for.
NEAR = 16 * 1024
#: What a line says that the model did not write, and how far from its beginning.
USER = b'"type":"user","message":{"role":"user",'
SOON = 512
_OPEN = b'"content":['
_CLOSE = b'],"stop_reason":'
#: What Claude Code says itself, an error mostly.
_SYNTHETIC = "<synthetic>"
#: No count of tokens is larger, and what has more bits could not be stored.
_MOST = 2**40
#: No request costs so many dollars.
_DEAREST = 1_000_000
_Count = Annotated[int, Meta(ge=0, le=_MOST)] | None
#: Of the rows of one message, a main conversation's beats the copy of a branch of it, and that
#: beats what a subagent's log repeats; only then the one with the most output.
_OWN, _COPIED, _REPEATED = 2 << 42, 1 << 42, 0


class _Written(Struct, frozen=True, gc=False):
    ephemeral_5m_input_tokens: _Count = None
    ephemeral_1h_input_tokens: _Count = None


_NOTHING_WRITTEN = _Written()


class _Details(Struct, frozen=True, gc=False):
    thinking_tokens: _Count = None


class _Usage(Struct, frozen=True, gc=False):
    input_tokens: _Count = None
    output_tokens: _Count = None
    cache_read_input_tokens: _Count = None
    cache_creation_input_tokens: _Count = None
    cache_creation: _Written | None = None
    output_tokens_details: _Details | None = None


_NO_USAGE = _Usage()


class _Message(Struct, frozen=True, gc=False):
    id: str | None = None
    model: str | None = None
    usage: _Usage = _NO_USAGE


_NO_MESSAGE = _Message()


class _Origin(Struct, frozen=True, gc=False):
    session: str | None = field(default=None, name="sessionId")


_UNKNOWN = _Origin()


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


class File(NamedTuple):
    """What stands in for what a line leaves out: the session that the file is named for, and
    when it was written last."""

    session: str
    at: int


_told = msgspec.json.Decoder(Told)


def began(data: bytes | bytearray, end: int) -> str:
    """Give the time that the first line with one tells; empty where there is none nearby."""
    found = _TIME.search(data, 0, min(end, NEAR))
    return found[1].decode() if found else ""


def without_content(data: bytes | bytearray, begin: int, mark: int, end: int) -> bytes | bytearray:
    """Give a line without what is in its content; empty where that cannot be told. `mark` is
    where its figures are: what closes the content before them is no part of it."""
    opened = data.find(_OPEN, begin, mark)
    if opened < 0:
        return b""
    closed = data.rfind(_CLOSE, opened, mark)
    return data[begin : opened + len(_OPEN)] + data[closed:end] if closed >= 0 else b""


def quick(line: bytes | bytearray) -> Told | None:
    """Decode a line that was cut; None unless it is all there, and as Claude Code writes it."""
    try:
        told = _told.decode(line)
    except UNDECODABLE:
        return None
    message = told.message
    return told if message.id and message.model and message.usage is not _NO_USAGE else None


def full(line: bytes) -> Told | None:
    """Decode a whole line; None where it is no JSON object."""
    try:
        return _told.decode(line)
    except UNDECODABLE:
        return _lenient(line)


def key(told: Told, began: str) -> str:
    """Give what identifies the request that a line tells of; empty for one that counts nothing.
    A line is a copy if it is older than the file, which `began` then."""
    message = told.message
    if told.type != "assistant" or message.model == _SYNTHETIC:
        return ""
    if not message.usage.output_tokens and _nothing(message.usage):
        return ""
    if told.timestamp and told.timestamp < began:
        # `--fork-session` begins a file, and then copies what was before.
        told.origin = told.origin or _UNKNOWN
    return message.id or _own_key(told)


def better(known: Told, told: Told) -> Told:
    """Give which of two rows of one request counts, with the earlier time of both."""
    better, other = (told, known) if _rank(told) > _rank(known) else (known, told)
    if better.timestamp != other.timestamp:
        better.timestamp = _earlier(better.timestamp, other.timestamp)
    return better


def request(key: str, told: Told, file: File) -> Request:
    """Give the request that a line tells of."""
    message = told.message
    usage = message.usage
    output, written, hour, reasoning = usage.output_tokens or 0, 0, 0, 0
    if (parts := usage.cache_creation) is not None:
        hour = parts.ephemeral_1h_input_tokens or 0
        written = hour + (parts.ephemeral_5m_input_tokens or 0)
    if (details := usage.output_tokens_details) is not None:
        reasoning = min(details.thinking_tokens or 0, output)
    model = (message.model or "").removesuffix("[1m]")
    origin = told.origin.session if told.origin is not None else None
    return Request(
        key,
        origin or told.session or file.session,
        milliseconds(told.timestamp or "") or file.at,
        model,
        usage.input_tokens or 0,
        usage.cache_read_input_tokens or 0,
        max(written, usage.cache_creation_input_tokens or 0),
        hour,
        output,
        reasoning,
        "anthropic" if model.startswith("claude") else "",
        told.cwd or "",
        told.branch or "",
        _rank(told),
        _cost(told.dollars),
        bool(told.sidechain),
    )


def _cost(dollars: float | None) -> int | None:
    """Give picodollars; 0 is no price, and neither is what no request costs."""
    return round(dollars * DOLLAR) if dollars is not None and 0 < dollars < _DEAREST else None


def _nothing(usage: _Usage) -> bool:
    inputs = usage.input_tokens or usage.cache_read_input_tokens
    parts = usage.cache_creation or _NOTHING_WRITTEN
    return not (
        inputs
        or usage.cache_creation_input_tokens
        or parts.ephemeral_5m_input_tokens
        or parts.ephemeral_1h_input_tokens
    )


def _rank(told: Told) -> int:
    output = told.message.usage.output_tokens or 0
    if told.sidechain:
        return _REPEATED + output
    return (_OWN if told.origin is None else _COPIED) + output


def _earlier(one: str | None, other: str | None) -> str | None:
    if not one or not other:
        return one or other
    if len(one) == len(other):
        return min(one, other)
    return one if (milliseconds(one) or 0) <= (milliseconds(other) or 0) else other


def _own_key(told: Told) -> str:
    """What identifies a row whose message has no id: some gateways give none."""
    if told.request:
        return f"request:{told.request}"
    return f"uuid:{told.uuid}" if told.uuid else f"at:{told.session}:{told.timestamp}"


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
            _Usage(
                _number(usage, "input_tokens"),
                _number(usage, "output_tokens"),
                _number(usage, "cache_read_input_tokens"),
                _number(usage, "cache_creation_input_tokens"),
                _Written(
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
    return float(value) if is_number and abs(value) < _DEAREST else None


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
