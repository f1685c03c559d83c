"""The items of a turn: what Codex says, thinks and does, each begun and completed.

https://github.com/openai/codex, `codex-rs/app-server-protocol`: ThreadItem. Text and
reasoning come as deltas of their own, so that of these only what had none is read here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from tars.agents.codex.messages import Message
from tars.conversation import shown
from tars.conversation.model import Garbled, ToolCallChanged, ToolStatus, Unrecognised
from tars.protocols.jsonrpc import decoded

_STATUSES = {
    "inProgress": ToolStatus.RUNNING,
    "completed": ToolStatus.COMPLETED,
    "failed": ToolStatus.FAILED,
    "declined": ToolStatus.FAILED,
    "interrupted": ToolStatus.FAILED,
}

#: Items that are no tool calls and say nothing that has not been said.
_SILENT = frozenset(
    {
        "userMessage",
        "hookPrompt",
        "functionCallOutput",
        "reasoning",
        "subAgentActivity",
        "enteredReviewMode",
        "exitedReviewMode",
        "contextCompaction",
    }
)


class Item(Message, frozen=True):
    """What every item has."""

    type: str
    id: str


class _Text(Message, frozen=True):
    text: str = ""


class _Action(Message, frozen=True):
    type: str = ""
    path: str | None = None


class _Command(Message, frozen=True):
    command: str = ""
    process_id: str | None = None
    status: str = ""
    command_actions: tuple[_Action, ...] = ()
    aggregated_output: str | None = None


class _ChangeKind(Message, frozen=True):
    type: str = ""
    move_path: str | None = msgspec.field(name="move_path", default=None)


class _Change(Message, frozen=True):
    path: str
    diff: str = ""
    kind: _ChangeKind = _ChangeKind()


class _FileChange(Message, frozen=True):
    status: str = ""
    changes: tuple[_Change, ...] = ()


class _ToolError(Message, frozen=True):
    message: str = ""


class _ToolResult(Message, frozen=True):
    content: tuple[Any, ...] = ()


class _Tool(Message, frozen=True):
    """An MCP server's tool, a client's, or one for subagents."""

    tool: str = ""
    server: str | None = None
    namespace: str | None = None
    status: str = ""
    result: _ToolResult | None = None
    content_items: tuple[Any, ...] | None = None
    error: _ToolError | None = None
    receiver_thread_ids: tuple[str, ...] = ()


class _Search(Message, frozen=True):
    query: str = ""


class _Image(Message, frozen=True):
    path: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole piece of the answer, for those whose deltas did not come."""

    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """An item that says nothing to tars. `subagents` are the threads that it names."""


Read = ToolCallChanged | Answer | Nothing | Unrecognised | Garbled

_ITEM = msgspec.json.Decoder(Item)
_TEXT = msgspec.json.Decoder(_Text)
_COMMAND = msgspec.json.Decoder(_Command)
_FILE_CHANGE = msgspec.json.Decoder(_FileChange)
_TOOL = msgspec.json.Decoder(_Tool)
_SEARCH = msgspec.json.Decoder(_Search)
_IMAGE = msgspec.json.Decoder(_Image)


def read(raw: Raw, *, completed: bool) -> Read:
    """Say what an item means that began, or is completed."""
    item = decoded(raw, _ITEM)
    if item is None:
        return Garbled("a malformed item", len(bytes(raw)))
    if item.type in _SILENT:
        return Nothing()
    reader = _READERS.get(item.type)
    if reader is None:
        return Unrecognised(f"item {item.type}"[:100])
    return reader(item, raw, completed) or Garbled("a malformed item", len(bytes(raw)))


def subagents(raw: Raw) -> tuple[str, ...]:
    """Give the threads of the subagents that an item was sent to."""
    item = decoded(raw, _ITEM)
    tool = decoded(raw, _TOOL) if item and item.type == "collabAgentToolCall" else None
    return tool.receiver_thread_ids if tool else ()


def process(raw: Raw) -> tuple[str, str] | None:
    """Give the ids of a command's item and of its process, if it is one."""
    item = decoded(raw, _ITEM)
    command = decoded(raw, _COMMAND) if item and item.type == "commandExecution" else None
    return (item.id, command.process_id) if item and command and command.process_id else None


def edit(raw: Raw) -> tuple[str, str, str] | None:
    """Give the id of a change of files, its title and its diffs, if it is one."""
    item = decoded(raw, _ITEM)
    call = decoded(raw, _FILE_CHANGE) if item and item.type == "fileChange" else None
    if item is None or call is None or not call.changes:
        return None
    diffs = shown.details({change.path: change.diff for change in call.changes})
    return item.id, _changed(call)[0], diffs


def _answer(item: Item, raw: Raw, completed: bool) -> Read | None:
    said = decoded(raw, _TEXT)
    if said is None:
        return None
    return Answer(item.id, said.text) if completed and said.text else Nothing()


def _command(item: Item, raw: Raw, completed: bool) -> Read | None:
    call = decoded(raw, _COMMAND)
    if call is None:
        return None
    return ToolCallChanged(
        item.id,
        _status(call.status, completed),
        call.command,
        _command_kind(call.command_actions),
        tuple(action.path for action in call.command_actions if action.path),
        call.aggregated_output or "",
    )


def _command_kind(actions: tuple[_Action, ...]) -> str:
    """Codex parses commands that only look at something."""
    kinds = {action.type for action in actions}
    if kinds == {"read"}:
        return "read"
    return "search" if kinds and kinds <= {"read", "listFiles", "search"} else "execute"


def _file_change(item: Item, raw: Raw, completed: bool) -> Read | None:
    call = decoded(raw, _FILE_CHANGE)
    if call is None:
        return None
    paths = tuple(change.path for change in call.changes)
    title, kind = _changed(call)
    diffs = "\n".join(change.diff for change in call.changes) if completed else ""
    return ToolCallChanged(item.id, _status(call.status, completed), title, kind, paths, diffs)


def _changed(call: _FileChange) -> tuple[str, str]:
    """Say in a line what is changed, and give the kind of the change."""
    kinds = {"move" if c.kind.move_path else c.kind.type for c in call.changes}
    kind = kinds.pop() if kinds in ({"delete"}, {"move"}) else "edit"
    paths = (f"{c.path} → {c.kind.move_path}" if c.kind.move_path else c.path for c in call.changes)
    named = ", ".join(paths)
    return f"{kind} {named}".rstrip(), kind


def _tool(item: Item, raw: Raw, completed: bool) -> Read | None:
    call = decoded(raw, _TOOL)
    if call is None:
        return None
    title = ".".join(word for word in (call.server or call.namespace, call.tool) if word)
    return ToolCallChanged(
        item.id, _status(call.status, completed), title, "other", output=_output(call)
    )


def _search(item: Item, raw: Raw, completed: bool) -> Read | None:
    call = decoded(raw, _SEARCH)
    if call is None:
        return None
    title = f"web search: {call.query}"
    return ToolCallChanged(item.id, _status("", completed), title, "fetch")


def _image(item: Item, raw: Raw, completed: bool) -> Read | None:
    call = decoded(raw, _IMAGE)
    if call is None:
        return None
    paths = (call.path,) if call.path else ()
    return ToolCallChanged(item.id, _status("", completed), f"view {call.path}", "read", paths)


def _plain(item: Item, _: Raw, completed: bool) -> Read:
    return ToolCallChanged(item.id, _status("", completed), item.type, "other")


def _status(word: str, completed: bool) -> ToolStatus:
    """Items of some types have no status, and one that is new counts by how it came."""
    over = ToolStatus.COMPLETED if completed else ToolStatus.RUNNING
    return _STATUSES.get(word, over)


def _output(call: _Tool) -> str:
    if call.error is not None:
        return call.error.message
    content = call.result.content if call.result else call.content_items or ()
    texts = (piece.get("text") for piece in content if isinstance(piece, dict))
    return "\n".join(text for text in texts if isinstance(text, str))


_READERS: dict[str, Callable[[Item, Raw, bool], Read | None]] = {
    "agentMessage": _answer,
    "plan": _answer,
    "commandExecution": _command,
    "fileChange": _file_change,
    "mcpToolCall": _tool,
    "dynamicToolCall": _tool,
    "collabAgentToolCall": _tool,
    "webSearch": _search,
    "imageView": _image,
    "imageGeneration": _plain,
    "sleep": _plain,
}
