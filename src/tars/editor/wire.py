"""JSON-RPC 2.0 over lines, from the agent's side: https://www.jsonrpc.org/specification.

What makes no sense is a value too (`Malformed`), for it has to be answered.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

Id = int | str | None
Json = dict[str, Any]

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
#: https://agentclientprotocol.com/protocol/schema: what ACP adds to JSON-RPC.
AUTH_REQUIRED = -32000
NOT_FOUND = -32002

#: A longer line is not read: a prompt may be 16 MiB at most, as JSON.
LONGEST_LINE = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Request:
    """The editor asks, and waits for an answer with this id."""

    id: Id
    method: str
    params: Json


@dataclass(frozen=True, slots=True)
class Notification:
    """The editor tells something."""

    method: str
    params: Json


@dataclass(frozen=True, slots=True)
class Response:
    """The editor answers; `result` is None where it refuses."""

    id: Id
    result: Json | None


@dataclass(frozen=True, slots=True)
class Malformed:
    """No message. `code` is the error to answer with, under this id."""

    code: int
    message: str
    id: Id = None


Message = Request | Notification | Response | Malformed


class Lines:
    """Splits what comes in into lines, in bounded memory. None stands for a line that was
    too long and is gone."""

    def __init__(self, limit: int = LONGEST_LINE) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._dropping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        lines: list[bytes | None] = []
        *finished, rest = data.split(b"\n")
        for piece in finished:
            self._keep(piece)
            line, self._rest = bytes(self._rest), bytearray()
            if self._dropping:
                lines.append(None)
            elif line.strip():
                lines.append(line)
            self._dropping = False
        self._keep(rest)
        return lines

    def _keep(self, piece: bytes) -> None:
        if self._dropping or len(self._rest) + len(piece) > self._limit:
            self._dropping = True
            self._rest = bytearray()
        else:
            self._rest += piece


def read(line: bytes) -> Message:
    """Read one line."""
    try:
        message = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Malformed(PARSE_ERROR, "This line is not JSON.")
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return Malformed(INVALID_REQUEST, "This is not a JSON-RPC 2.0 message.")
    id = message.get("id")
    if not isinstance(id, int | str | None) or isinstance(id, bool):
        return Malformed(INVALID_REQUEST, "The id is neither a number nor a string.")
    if "method" in message:
        return _call(message, id)
    result = message.get("result")
    return Response(id, result if isinstance(result, dict) else None)


def request(id: int, method: str, params: Json) -> bytes:
    return _line({"id": id, "method": method, "params": params})


def notification(method: str, params: Json) -> bytes:
    return _line({"method": method, "params": params})


def answer(id: Id, result: Json) -> bytes:
    return _line({"id": id, "result": result})


def refusal(id: Id, code: int, message: str, data: Json | None = None) -> bytes:
    error: Json = {"code": code, "message": message}
    return _line({"id": id, "error": error if data is None else {**error, "data": data}})


def _call(message: Json, id: Id) -> Message:
    method, params = message["method"], message.get("params")
    if not isinstance(method, str) or not isinstance(params, dict | None):
        return Malformed(INVALID_REQUEST, "A method is a word, and its parameters an object.", id)
    if "id" not in message:
        return Notification(method, params or {})
    return Request(id, method, params or {})


def _line(message: Json) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", **message}) + b"\n"
