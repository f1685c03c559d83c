"""JSON-RPC 2.0, one message per line: https://www.jsonrpc.org/specification.

Decoding never raises: what is no message is `Malformed`, with a reason that quotes
nothing of the bytes. Ids are integers or strings, and 0 is one like any other. A batch
(an array) is no message here: no agent protocol uses it. Members that JSON-RPC does not
name are ignored. `params` and `result` stay raw JSON for the protocol above to decode.
`bare` is the dialect whose messages leave the "jsonrpc" member out.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

Id = int | str

INVALID_PARAMS = -32602
METHOD_NOT_FOUND = -32601

#: What msgspec raises on bytes from outside: malformed JSON or a wrong type, bytes that are
#: not UTF-8, and nesting deeper than the interpreter's stack.
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_NULL = Raw(b"null")


@dataclass(frozen=True, slots=True)
class RpcError:
    """An error as the agent reports it. `details` is what its `data` says in words, or empty."""

    code: int
    message: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """The other side asks and waits for an answer with this id."""

    id: Id
    method: str
    params: Raw


@dataclass(frozen=True, slots=True)
class Notification:
    """The other side tells something."""

    method: str
    params: Raw


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to a request of ours. `id` is None where the other side could not read it."""

    id: Id | None
    result: Raw | RpcError


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no message. `reason` quotes nothing of it."""

    reason: str


Message = Request | Notification | Response | Malformed


class _Error(msgspec.Struct):
    code: int
    message: str = ""
    data: Raw = _NULL


class _Line(msgspec.Struct):
    id: Id | UnsetType | None = UNSET
    method: str | UnsetType = UNSET
    params: Raw = _NULL
    result: Raw | UnsetType = UNSET
    error: _Error | None = None


class _VersionedLine(_Line, kw_only=True):
    jsonrpc: Literal["2.0"]


class _Detailed(msgspec.Struct):
    details: str = ""


_LINE = msgspec.json.Decoder(_VersionedLine)
_BARE_LINE = msgspec.json.Decoder(_Line)
_DATA = msgspec.json.Decoder(str | _Detailed | None)
_ENCODER = msgspec.json.Encoder()

_T = TypeVar("_T")


def decode(line: bytes, *, bare: bool = False) -> Message:
    """Read one line."""
    try:
        wire = _BARE_LINE.decode(line) if bare else _LINE.decode(line)
    except msgspec.ValidationError:
        return Malformed("not a JSON-RPC 2.0 message")
    except _UNREADABLE:
        return Malformed("not JSON")
    if wire.method is not UNSET:
        return _call(wire, wire.method)
    return _answer(wire)


def decoded(raw: bytes | Raw, decoder: msgspec.json.Decoder[_T]) -> _T | None:
    """Read raw JSON with a typed decoder, or give None where it has another form."""
    try:
        return decoder.decode(raw)
    except _UNREADABLE:
        return None


def request(id: Id, method: str, params: Any, *, bare: bool = False) -> bytes:
    """Make the line that asks."""
    return _line({"id": id, "method": method, "params": params}, bare)


def notification(method: str, params: Any, *, bare: bool = False) -> bytes:
    """Make the line that tells."""
    return _line({"method": method, "params": params}, bare)


def response(id: Id, result: Any, *, bare: bool = False) -> bytes:
    """Make the line that answers."""
    return _line({"id": id, "result": result}, bare)


def error(id: Id, code: int, message: str, *, bare: bool = False) -> bytes:
    """Make the line that refuses to answer."""
    return _line({"id": id, "error": {"code": code, "message": message}}, bare)


def _call(wire: _Line, method: str) -> Message:
    if wire.result is not UNSET or wire.error is not None:
        return Malformed("both a call and an answer")
    if wire.id is UNSET:
        return Notification(method, wire.params)
    if wire.id is None:
        return Malformed("a request whose id is null")
    return Request(wire.id, method, wire.params)


def _answer(wire: _Line) -> Message:
    if wire.id is UNSET:
        return Malformed("neither a call nor an answer")
    if wire.error is not None:
        if wire.result is not UNSET:
            return Malformed("both a result and an error")
        return Response(wire.id, _said(wire.error))
    if wire.result is UNSET:
        return Malformed("neither a result nor an error")
    return Response(wire.id, wire.result)


def _said(wire: _Error) -> RpcError:
    data = decoded(wire.data, _DATA)
    details = data.details if isinstance(data, _Detailed) else data
    return RpcError(wire.code, wire.message, details or "")


def _line(members: dict[str, Any], bare: bool) -> bytes:
    message = members if bare else {"jsonrpc": "2.0", **members}
    try:
        return _ENCODER.encode(message) + b"\n"
    except UnicodeEncodeError:
        # Half a surrogate pair has no UTF-8, but JSON can escape it.
        return json.dumps(message).encode() + b"\n"
