"""What a tool call gave, where its `content` does not say: agents have several places for it."""

from typing import Any

import msgspec
from msgspec import Raw

from tars.protocols.jsonrpc import decoded

#: What the members of a `rawOutput` are called that hold text (Copilot, Qwen, opencode).
_TEXTS = ("text", "output", "content")


class _Delta(msgspec.Struct):
    data: str


class _Terminal(msgspec.Struct):
    """Codex's adapter shows a terminal that no client has to offer."""

    terminal_output_delta: _Delta


_ANY = msgspec.json.Decoder(Any)
_TERMINAL = msgspec.json.Decoder(_Terminal)


def text_of(raw_output: Raw, meta: Raw) -> str:
    """Give the text in a tool call's `rawOutput`, or in its `_meta`, or nothing."""
    terminal = decoded(meta, _TERMINAL)
    if terminal is not None:
        return terminal.terminal_output_delta.data
    output = decoded(raw_output, _ANY)
    if isinstance(output, str):
        return output
    if not isinstance(output, dict):
        return ""
    return next((output[name] for name in _TEXTS if isinstance(output.get(name), str)), "")
