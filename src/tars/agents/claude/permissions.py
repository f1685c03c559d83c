"""The permission requests of one turn, from the question to the answer."""

from typing import Any

import msgspec
from msgspec import Raw

from tars.agents.claude import tools
from tars.agents.claude.messages import CONTROL_CANCEL, CONTROL_REQUEST, Asked
from tars.agents.claude.outbox import Outbox
from tars.conversation.model import (
    Garbled,
    PermissionAsked,
    PermissionOption,
    Said,
    Unrecognised,
)
from tars.protocols.jsonrpc import decoded

#: How many questions may be open at once; more are refused.
MAX_OPEN = 64

ONCE, ALWAYS, REFUSE = "allow", "allow_always", "reject"
REFUSED = "The user does not allow this."

_SUGGESTIONS = msgspec.json.Decoder(list[dict[str, Any]])


class OpenPermissions:
    """What the agent waits for, by its own ids. Every question is answered once."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._open: dict[str, Asked] = {}

    def asked(self, line: bytes, *, wanted: bool) -> list[Said] | None:
        """Read a question; None where it makes no sense. One that nobody would answer is
        refused at once, as is what tars does not offer."""
        question = decoded(line, CONTROL_REQUEST)
        if question is None:
            return None
        id, asked = question.request_id, question.request
        if asked.subtype != "can_use_tool":
            self._outbox.refuse(id, "tars does not offer this.")
            return [Unrecognised(f"control_request/{asked.subtype[:80]}")]
        if id in self._open:
            return [Garbled("a question whose id is in use", len(line))]
        if not wanted or len(self._open) >= MAX_OPEN:
            self._outbox.reply(id, {"behavior": "deny", "message": REFUSED})
            return []
        self._open[id] = asked
        return [_in_words(id, asked)]

    def answer(self, id: str, option_id: str | None) -> None:
        """Answer a question, or with None say that the turn was cancelled. One that is not
        open, or no longer, is left alone."""
        asked = self._open.pop(id, None)
        if asked is not None:
            self._outbox.reply(id, _answer(asked, option_id))

    def withdrawn(self, line: bytes) -> list[Said] | None:
        """The agent no longer wants to know."""
        withdrawn = decoded(line, CONTROL_CANCEL)
        if withdrawn is None:
            return None
        self._open.pop(withdrawn.request_id, None)
        return []

    def forget_all(self) -> None:
        """The turn is over, and with it its questions."""
        self._open.clear()


def _in_words(id: str, asked: Asked) -> PermissionAsked:
    return PermissionAsked(
        id,
        tools.title(asked.tool_name, bytes(asked.input)),
        tools.kind(asked.tool_name),
        _options(asked.permission_suggestions),
        asked.tool_use_id,
        tools.details(bytes(asked.input)),
    )


def _answer(asked: Asked, option_id: str | None) -> dict[str, Any]:
    if option_id == ONCE:
        return {"behavior": "allow", "updatedInput": asked.input}
    if option_id == ALWAYS:
        return {
            "behavior": "allow",
            "updatedInput": asked.input,
            "updatedPermissions": asked.permission_suggestions,
        }
    refusal = {"behavior": "deny", "message": REFUSED}
    return {**refusal, "interrupt": True} if option_id is None else refusal


def _options(suggestions: Raw) -> tuple[PermissionOption, ...]:
    """What may be chosen. For good is offered only where the agent says what that would be."""
    for_good = PermissionOption(ALWAYS, "Always allow", "allow_always")
    return (
        PermissionOption(ONCE, "Allow once", "allow_once"),
        *([for_good] if decoded(suggestions, _SUGGESTIONS) else []),
        PermissionOption(REFUSE, "Reject", "reject_once"),
    )
