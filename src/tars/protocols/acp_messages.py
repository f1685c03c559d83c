"""What an ACP agent sends, typed, and what it means: https://agentclientprotocol.com/protocol/schema.

Only what tars uses is decoded; other members are ignored. A message is read in steps (whose
session, which update, then its content), so that an unknown update is harmless whatever
it holds. Agents may send null for an optional member.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from tars.conversation import shown
from tars.conversation.model import (
    Garbled,
    ModeChanged,
    ModelTokens,
    PermissionOption,
    ReportedUsage,
    Stop,
    TextSaid,
    ThoughtSaid,
    ToolStatus,
    Unrecognised,
)
from tars.protocols import acp_usage
from tars.protocols.acp_tools import text_of
from tars.protocols.acp_usage import Filled
from tars.protocols.counts import Count
from tars.protocols.jsonrpc import decoded

#: What an agent's own names are cut to.
_LONGEST_NAME = 80


_NULL = Raw(b"null")

# Gemini CLI tells a change of mode as a piece of the answer, not as `current_mode_update`.
_MODE_UPDATE = "[MODE_UPDATE] "

STOPS: Mapping[str, Stop] = {
    "end_turn": Stop.DONE,
    "cancelled": Stop.CANCELLED,
    "refusal": Stop.REFUSED,
    "max_tokens": Stop.LIMIT,
    "max_turn_requests": Stop.LIMIT,
}


class _Wire(msgspec.Struct, rename="camel"):
    """A message on the wire: `tool_call_id` is `toolCallId` there."""


class SessionUpdate(_Wire):
    session_id: str
    update: Raw


class _Option(_Wire):
    option_id: str
    name: str
    kind: str


class _AskedFor(_Wire):
    tool_call_id: str = ""
    title: str | None = None
    kind: str | None = None
    raw_input: Any = None
    content: Any = None
    locations: Any = None

    def headline(self) -> str:
        """Say in a line what is asked for. Some agents give the model's own description of a
        command as the title: the command goes before it."""
        given = self.raw_input if isinstance(self.raw_input, dict) else {}
        command, title = given.get("command"), self.title or ""
        if isinstance(command, str) and command and command not in title:
            title = command
        return shown.line(title)

    def details(self) -> str:
        given = self.raw_input
        members = given if isinstance(given, dict) else {"input": given} if given else {}
        more = {"content": self.content, "locations": self.locations}
        return shown.details({**members, **{k: v for k, v in more.items() if v}}, ("command",))


class PermissionRequest(_Wire):
    session_id: str
    tool_call: _AskedFor
    options: list[_Option]

    def offered(self) -> tuple[PermissionOption, ...]:
        return tuple(PermissionOption(o.option_id, o.name, o.kind) for o in self.options)


class PromptEnded(_Wire):
    """The result of session/prompt; the usage is read apart, so that it cannot spoil the end."""

    stop_reason: str
    meta: Raw = msgspec.field(default=_NULL, name="_meta")
    usage: Raw = _NULL


SESSION_UPDATE = msgspec.json.Decoder(SessionUpdate)
PERMISSION_REQUEST = msgspec.json.Decoder(PermissionRequest)
PROMPT_ENDED = msgspec.json.Decoder(PromptEnded)


@dataclass(frozen=True, slots=True)
class ToolReport:
    """What one update says of a tool call; `status` is None where it leaves it unchanged."""

    call_id: str
    status: ToolStatus | None
    title: str
    kind: str
    paths: tuple[str, ...]
    output: str


@dataclass(frozen=True, slots=True)
class CommandsListed:
    """The agent's slash commands. After a session/load: the mark that its replay is over."""


@dataclass(frozen=True, slots=True)
class Unused:
    """An update that says nothing to tars."""


Update = (
    TextSaid
    | ThoughtSaid
    | ModeChanged
    | ToolReport
    | CommandsListed
    | Filled
    | Unused
    | Unrecognised
    | Garbled
)


def read_update(raw: Raw) -> Update:
    """Read the `update` of a session/update."""
    tagged = decoded(raw, _TAGGED)
    if tagged is None:
        return Garbled("a session/update without its kind", len(bytes(raw)))
    reader = _READERS.get(tagged.session_update)
    if reader is None:
        return unrecognised(f"session/update {tagged.session_update}")
    update = reader(raw)
    return update or Garbled(f"a malformed {tagged.session_update}", len(bytes(raw)))


def unrecognised(name: str) -> Unrecognised:
    """A message of this name says nothing to this version of tars."""
    return Unrecognised(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…")


def ends_replay(raw: Raw) -> bool:
    tagged = decoded(raw, _TAGGED)
    return tagged is not None and tagged.session_update == "available_commands_update"


def reported_usage(ended: PromptEnded) -> ReportedUsage | None:
    """Give what the turn used: Gemini CLI's `_meta.quota`, else ACP's own `usage`, as it stands."""
    if (meta := decoded(ended.meta, _META)) is not None:
        return _of_quota(meta.quota)
    if (usage := decoded(ended.usage, _USAGE)) is not None:
        return ReportedUsage(
            usage.input_tokens, usage.output_tokens, usage.cached_read_tokens, usage.thought_tokens
        )
    return None


class _Tagged(_Wire):
    session_update: str


class _Block(_Wire):
    type: str
    text: str = ""


class _Chunk(_Wire):
    content: _Block


class _Content(_Wire):
    """One of a tool call's contents: `content` (a block), `diff` (a path), or `terminal`."""

    type: str
    content: _Block | None = None
    path: str = ""


class _Location(_Wire):
    path: str


class _ToolCall(_Wire):
    tool_call_id: str
    status: str | None = None
    title: str | None = None
    kind: str | None = None
    content: list[_Content] | None = None
    locations: list[_Location] | None = None
    raw_output: Raw = _NULL
    meta: Raw = msgspec.field(default=_NULL, name="_meta")


class _CurrentMode(_Wire):
    current_mode_id: str


# Gemini CLI writes its own extension in snake case.
class _TokenCount(msgspec.Struct):
    input_tokens: Count
    output_tokens: Count


class _ModelUsage(msgspec.Struct):
    model: str
    token_count: _TokenCount


class _Quota(msgspec.Struct):
    token_count: _TokenCount
    model_usage: list[_ModelUsage] = []


class _QuotaMeta(msgspec.Struct):
    quota: _Quota


class _Usage(_Wire):
    input_tokens: Count
    output_tokens: Count
    cached_read_tokens: Count | None = None
    thought_tokens: Count | None = None


_TAGGED = msgspec.json.Decoder(_Tagged)
_CHUNK = msgspec.json.Decoder(_Chunk)
_TOOL_CALL = msgspec.json.Decoder(_ToolCall)
_CURRENT_MODE = msgspec.json.Decoder(_CurrentMode)
_META = msgspec.json.Decoder(_QuotaMeta)
_USAGE = msgspec.json.Decoder(_Usage)

_STATUSES: Mapping[str | None, ToolStatus] = {status.value: status for status in ToolStatus}


def _message(raw: Raw) -> Update | None:
    if (chunk := decoded(raw, _CHUNK)) is None:
        return None
    if chunk.content.type != "text":
        return Unused()
    text = chunk.content.text
    mode = text.removeprefix(_MODE_UPDATE).strip()
    if text.startswith(_MODE_UPDATE) and len(mode.split()) == 1:
        return ModeChanged(mode)
    return TextSaid(text)


def _thought(raw: Raw) -> Update | None:
    if (chunk := decoded(raw, _CHUNK)) is None:
        return None
    return ThoughtSaid(chunk.content.text) if chunk.content.type == "text" else Unused()


def _tool_call(raw: Raw) -> Update | None:
    if (call := decoded(raw, _TOOL_CALL)) is None:
        return None
    contents = call.content or []
    located = [location.path for location in call.locations or []]
    changed = [content.path for content in contents if content.path]
    return ToolReport(
        call_id=call.tool_call_id,
        status=_STATUSES.get(call.status),
        title=call.title or "",
        kind=call.kind or "",
        paths=tuple(dict.fromkeys((*located, *changed))),
        output="".join(content.content.text for content in contents if content.content)
        or text_of(call.raw_output, call.meta),
    )


def _mode(raw: Raw) -> Update | None:
    mode = decoded(raw, _CURRENT_MODE)
    return None if mode is None else ModeChanged(mode.current_mode_id)


def _unused(_raw: Raw) -> Update:
    return Unused()


def _commands(_raw: Raw) -> Update:
    return CommandsListed()


_READERS: Mapping[str, Callable[[Raw], Update | None]] = {
    "agent_message_chunk": _message,
    "agent_thought_chunk": _thought,
    "tool_call": _tool_call,
    "tool_call_update": _tool_call,
    "current_mode_update": _mode,
    "available_commands_update": _commands,
    "usage_update": acp_usage.of_update,
    # What the protocol has besides says nothing to tars.
    **dict.fromkeys(
        ("user_message_chunk", "plan", "session_info_update", "config_option_update"), _unused
    ),
}


def _of_quota(quota: _Quota) -> ReportedUsage:
    total = quota.token_count
    return ReportedUsage(
        total.input_tokens,
        total.output_tokens,
        models=tuple(
            ModelTokens(used.model, used.token_count.input_tokens, used.token_count.output_tokens)
            for used in quota.model_usage
        ),
    )
