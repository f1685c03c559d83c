"""What is sent to Claude Code: JSON lines, made by an encoder, for another line ends it."""

import json
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder()


class Outbox:
    """The lines that wait to be written."""

    def __init__(self) -> None:
        self._out = bytearray()

    def take(self) -> bytes:
        """Give what waits, once."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def prompt(self, text: str, id: str) -> None:
        """Say something as the user; the turn's result will name the id."""
        self._send({"type": "user", "message": {"role": "user", "content": text}, "uuid": id})

    def ask(self, subtype: str, id: str) -> None:
        """Ask for something that is no prompt."""
        self._send({"type": "control_request", "request_id": id, "request": {"subtype": subtype}})

    def reply(self, id: str, response: dict[str, Any]) -> None:
        """Answer a question."""
        self._answer({"subtype": "success", "request_id": id, "response": response})

    def refuse(self, id: str, error: str) -> None:
        """Say that a question gets no answer."""
        self._answer({"subtype": "error", "request_id": id, "error": error})

    def _answer(self, answer: dict[str, Any]) -> None:
        self._send({"type": "control_response", "response": answer})

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._out += _ENCODER.encode(message) + b"\n"
        except UnicodeEncodeError:
            # Half a surrogate pair has no UTF-8, but JSON can escape it.
            self._out += json.dumps(message).encode() + b"\n"
