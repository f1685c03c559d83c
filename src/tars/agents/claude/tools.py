"""Claude Code's tools, in the words of the Agent Client Protocol."""

from typing import Any

import msgspec

from tars.agents.claude.messages import Block
from tars.conversation import shown
from tars.conversation.model import ToolCallChanged, ToolStatus
from tars.protocols.jsonrpc import decoded

_KINDS = {
    "Read": "read",
    "NotebookRead": "read",
    "Edit": "edit",
    "MultiEdit": "edit",
    "Write": "edit",
    "NotebookEdit": "edit",
    "Glob": "search",
    "Grep": "search",
    "LS": "search",
    "ToolSearch": "search",
    "Bash": "execute",
    "BashOutput": "execute",
    "KillShell": "execute",
    "Monitor": "execute",
    "WebFetch": "fetch",
    "WebSearch": "fetch",
    "Task": "think",
    "Agent": "think",
    "TodoWrite": "think",
    "EnterPlanMode": "switch_mode",
    "ExitPlanMode": "switch_mode",
}
#: Members of a tool's input that are a path.
_PATHS = ("file_path", "notebook_path", "path")
#: Members that say best what is done, the best first. A description is the model's own word
#: for it: it never stands for a command.
_WORDS = ("command", *_PATHS, "url", "pattern", "query", "description", "prompt")
#: How much of a tool's output is told, in characters.
OUTPUT_LIMIT = 200_000

_INPUT = msgspec.json.Decoder(dict[str, Any])
_CONTENT = msgspec.json.Decoder(str | list[Block])


def kind(name: str) -> str:
    """Give ACP's kind of a tool; one of an MCP server is of no known kind."""
    return _KINDS.get(name, "other")


def called(block: Block) -> ToolCallChanged:
    """Read a `tool_use` block: the call is about to run, or to be asked for."""
    return ToolCallChanged(
        block.id,
        ToolStatus.RUNNING,
        title(block.name, bytes(block.input)),
        kind(block.name),
        paths(bytes(block.input)),
    )


def returned(block: Block) -> ToolCallChanged:
    """Read a `tool_result` block."""
    status = ToolStatus.FAILED if block.is_error else ToolStatus.COMPLETED
    return ToolCallChanged(block.tool_use_id, status, output=_output(bytes(block.content)))


def title(name: str, input: bytes) -> str:
    """Say in a line what a tool does: its name, and what its input says best."""
    members = decoded(input, _INPUT) or {}
    words = next((w for m in _WORDS if isinstance(w := members.get(m), str) and w), "")
    if name not in _KINDS and members:
        # What matters in the input of an MCP server's tool is not known.
        words = shown.compact(members)
    line = shown.line(words)
    return f"{shown.line(name)}: {line}" if line else shown.line(name)


def details(input: bytes) -> str:
    """Give all of a tool's input, for who has to allow it."""
    members = decoded(input, _INPUT)
    return shown.details(members or {}, _WORDS)


def paths(input: bytes) -> tuple[str, ...]:
    """Give the files that a tool's input names."""
    members = decoded(input, _INPUT) or {}
    return tuple(p for m in _PATHS if isinstance(p := members.get(m), str) and p)


def _output(content: bytes) -> str:
    told = decoded(content, _CONTENT)
    if isinstance(told, list):
        told = "\n".join(block.text for block in told if block.type == "text")
    return (told or "")[:OUTPUT_LIMIT]
