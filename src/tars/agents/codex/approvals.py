"""What Codex asks of a person, and the answers. Every request is answered once.

A command's own offer (`availableDecisions`) leaves `decline` out, but Codex takes it: the
call fails and the turn goes on, while `cancel` ends the turn. Where an MCP server's tool
wants leave, it comes as an elicitation with an empty form.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from msgspec import Raw

from tars.agents.codex.messages import Message
from tars.conversation import shown
from tars.conversation.model import PermissionAsked, PermissionOption
from tars.protocols.jsonrpc import Id, decoded

#: How many requests may be open at once; more are declined.
MAX_OPEN = 64

_ACCEPT = PermissionOption("accept", "Allow once", "allow_once")
_SESSION = PermissionOption("acceptForSession", "Allow in this session", "allow_always")
_AMENDMENT = PermissionOption("acceptWithExecpolicyAmendment", "Always allow", "allow_always")
_DECLINE = PermissionOption("decline", "Refuse", "reject_once")


class _Command(Message, frozen=True):
    thread_id: str
    item_id: str = ""
    command: str | None = None
    reason: str | None = None
    available_decisions: tuple[str | dict[str, Any], ...] | None = None


class _Files(Message, frozen=True):
    thread_id: str
    item_id: str = ""
    reason: str | None = None
    grant_root: str | None = None


class _Permissions(Message, frozen=True):
    thread_id: str
    permissions: dict[str, Any]
    item_id: str = ""
    reason: str | None = None


class _Elicitation(Message, frozen=True):
    thread_id: str
    server_name: str = ""
    mode: str = ""
    message: str = ""
    requested_schema: dict[str, Any] = {}


#: Members of a request that say nothing of what would be done, and those that say most.
_UNTOLD = {
    "threadId",
    "turnId",
    "itemId",
    "approvalId",
    "environmentId",
    "startedAtMs",
    "kind",
    "commandActions",
    "availableDecisions",
    "requestedSchema",
}
_FIRST = ("command", "cwd", "permissions", "grantRoot", "serverName", "message", "_meta")

_MEMBERS = msgspec.json.Decoder(dict[str, Any])
_COMMAND = msgspec.json.Decoder(_Command)
_FILES = msgspec.json.Decoder(_Files)
_PERMISSIONS = msgspec.json.Decoder(_Permissions)
_ELICITATION = msgspec.json.Decoder(_Elicitation)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: what a person is asked, and the answer for each option. `declined` and
    `cancelled` are the answers that nobody gave."""

    thread_id: str
    title: str
    kind: str
    call_id: str
    answers: dict[PermissionOption, dict[str, Any]] = field(repr=False)
    declined: dict[str, Any] = field(repr=False)
    cancelled: dict[str, Any] = field(repr=False)
    details: str = field(default="", repr=False)

    def permission(self, name: str) -> PermissionAsked:
        title, options = shown.line(self.title), tuple(self.answers)
        return PermissionAsked(name, title, self.kind, options, self.call_id, self.details)


def read(method: str, params: Raw) -> Asked | None:
    """Understand a request of the app-server's, or give None where nobody can be asked it."""
    asked = _understood(method, params)
    return asked and replace(asked, details=_details(params))


def _details(params: Raw) -> str:
    members = decoded(params, _MEMBERS) or {}
    told = {k: v for k, v in members.items() if k not in _UNTOLD and v is not None}
    return shown.details(told, _FIRST)


def _understood(method: str, params: Raw) -> Asked | None:
    match method:
        case "item/commandExecution/requestApproval":
            return _command(params)
        case "item/fileChange/requestApproval":
            return _files(params)
        case "item/permissions/requestApproval":
            return _permissions(params)
        case "mcpServer/elicitation/request":
            return _elicitation(params)
        case _:
            return None


def refusal(method: str) -> dict[str, Any] | None:
    """How to refuse what nobody can be asked, where there is a better way than an error."""
    match method:
        case "item/tool/requestUserInput":
            return {"answers": {}}
        case "mcpServer/elicitation/request":
            return {"action": "decline"}
        case _:
            return None


def _command(params: Raw) -> Asked | None:
    asked = decoded(params, _COMMAND)
    if asked is None:
        return None
    answers = {_ACCEPT: _decision("accept")}
    offered = asked.available_decisions
    if offered is None or "acceptForSession" in offered:
        answers[_SESSION] = _decision("acceptForSession")
    for offer in offered or ():
        if isinstance(offer, dict) and _AMENDMENT.id in offer:
            answers[_AMENDMENT] = {"decision": offer}
    answers[_DECLINE] = _decision("decline")
    title = asked.command or asked.reason or "a command"
    return _decided(asked.thread_id, title, "execute", asked.item_id, answers)


def _files(params: Raw) -> Asked | None:
    asked = decoded(params, _FILES)
    if asked is None:
        return None
    answers = {option: _decision(option.id) for option in (_ACCEPT, _SESSION, _DECLINE)}
    title = f"change files in {asked.grant_root}" if asked.grant_root else "change files"
    title += f" ({asked.reason})" if asked.reason else ""
    return _decided(asked.thread_id, title, "edit", asked.item_id, answers)


def _permissions(params: Raw) -> Asked | None:
    asked = decoded(params, _PERMISSIONS)
    if asked is None:
        return None
    nothing: dict[str, Any] = {"permissions": {}, "scope": "turn"}
    answers = {
        _ACCEPT: {"permissions": asked.permissions, "scope": "turn"},
        _SESSION: {"permissions": asked.permissions, "scope": "session"},
        _DECLINE: nothing,
    }
    title = f"more permissions: {shown.compact(asked.permissions)}"
    return Asked(asked.thread_id, title, "other", asked.item_id, answers, nothing, nothing)


def _elicitation(params: Raw) -> Asked | None:
    asked = decoded(params, _ELICITATION)
    if asked is None or not asked.mode.lower().endswith("form"):
        return None
    if asked.requested_schema.get("properties"):
        return None  # A form with fields: a yes alone does not fill it in.
    answers: dict[PermissionOption, dict[str, Any]] = {
        _ACCEPT: {"action": "accept", "content": {}},
        _DECLINE: {"action": "decline"},
    }
    title = f"{asked.server_name}: {asked.message}"
    declined, cancelled = {"action": "decline"}, {"action": "cancel"}
    return Asked(asked.thread_id, title, "other", "", answers, declined, cancelled)


def _decided(
    thread_id: str,
    title: str,
    kind: str,
    call_id: str,
    answers: dict[PermissionOption, dict[str, Any]],
) -> Asked:
    declined, cancelled = _decision("decline"), _decision("cancel")
    return Asked(thread_id, title, kind, call_id, answers, declined, cancelled)


def _decision(word: str) -> dict[str, Any]:
    return {"decision": word}


class OpenApprovals:
    """What Codex waits for. 0 and "0" are two ids, so that each request has a name of its own."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Id, Asked]] = {}

    @property
    def full(self) -> bool:
        return len(self._open) >= MAX_OPEN

    def __contains__(self, id: Id) -> bool:
        return any(_same(id, other) for other, _ in self._open.values())

    def add(self, id: Id, asked: Asked) -> PermissionAsked:
        name = str(id)
        while name in self._open:
            name += "'"
        self._open[name] = id, asked
        return asked.permission(name)

    def take(self, name: str, option_id: str | None) -> tuple[Id, dict[str, Any]] | None:
        """Give the answer to a request, which is open no longer. None as the option says that
        the turn was cancelled; an option that was not offered refuses."""
        if (found := self._open.pop(name, None)) is None:
            return None
        id, asked = found
        if option_id is None:
            return id, asked.cancelled
        chosen = (answer for option, answer in asked.answers.items() if option.id == option_id)
        return id, next(chosen, asked.declined)

    def forget(self, id: Id) -> None:
        """Codex has answered it by itself."""
        for name, (other, _) in tuple(self._open.items()):
            if _same(id, other):
                del self._open[name]

    def names(self) -> tuple[str, ...]:
        return tuple(self._open)


def _same(one: Id, other: Id) -> bool:
    return type(one) is type(other) and one == other
