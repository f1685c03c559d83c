"""What an agent's error means, where its own package does not know better."""

from collections.abc import Callable
from typing import Any

import msgspec

from tars.errors import Fault, FaultKind
from tars.protocols.jsonrpc import RpcError

#: An agent package's reading of its errors.
Classify = Callable[[RpcError], Fault]

# https://agentclientprotocol.com/protocol/schema: the two codes that ACP adds to JSON-RPC.
AUTH_REQUIRED = -32000
RESOURCE_NOT_FOUND = -32002
TOO_MANY_REQUESTS = 429
SERVER_ERRORS = range(500, 600)

#: What to do about a failure of the model's server.
IN_A_MINUTE = "Wait a minute and send the prompt again."
LATER = "Send the prompt again later."
AGAIN = "Send the prompt again."

_TOO_LONG = 300
_EMPTY_WORDS = ("", "Internal error", "Invalid params")
_UNKNOWN_SESSION = ("not found", "unknown session", "no such session", "invalid session")


def classify(error: RpcError) -> Fault:
    """Turn any agent's error into a fault, by its code and the words for an unknown session."""
    said = plain(_said(error)) or f"error {error.code}"
    if error.code == AUTH_REQUIRED:
        return Fault(FaultKind.NOT_SIGNED_IN, f"The agent is not signed in: {said}")
    if error.code == RESOURCE_NOT_FOUND or _names_an_unknown_session(error):
        return Fault(FaultKind.SESSION_UNKNOWN, f"The agent does not know this session: {said}")
    if error.code == TOO_MANY_REQUESTS:
        return Fault(FaultKind.RATE_LIMIT, f"The model's rate limit was reached: {said}")
    if error.code in SERVER_ERRORS:
        return Fault(FaultKind.OVERLOADED, f"The model's server failed: {said}")
    return Fault(FaultKind.MODEL_ERROR, f"The agent reported an error: {said}")


def broken(message: str) -> Fault:
    """Say that the agent does not keep to its protocol."""
    return Fault(FaultKind.PROTOCOL, message)


def plain(message: str) -> str:
    """Give the first line of an error's own words, at most 300 characters.

    Model servers answer `{"error": {"message": …}}`, and agents pass that on as it is.
    """
    line = _unwrapped(message.strip()).strip().partition("\n")[0].rstrip()
    return line if len(line) <= _TOO_LONG else line[: _TOO_LONG - 1] + "…"


def _said(error: RpcError) -> str:
    """JSON-RPC's "Internal error" says nothing; the agent's own words are in the details then."""
    return error.details if error.details and error.message in _EMPTY_WORDS else error.message


def _names_an_unknown_session(error: RpcError) -> bool:
    text = f"{error.message} {error.details}".lower()
    return "session" in text and any(words in text for words in _UNKNOWN_SESSION)


def _unwrapped(message: str) -> str:
    if not message.startswith("{"):
        return message
    try:
        body: Any = msgspec.json.decode(message)
        return str(body["error"]["message"])
    except (msgspec.MsgspecError, KeyError, TypeError, RecursionError, UnicodeEncodeError):
        return message
