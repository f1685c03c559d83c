"""opencode's tools and permissions in the words of the Agent Client Protocol."""

from typing import Any

from tars.agents.opencode.messages import Part, ToolState
from tars.conversation import shown
from tars.conversation.model import ToolCallChanged, ToolStatus

#: How many paths of one call are told.
MAX_PATHS = 50

_KINDS = {
    "bash": "execute",
    "shell": "execute",
    "edit": "edit",
    "write": "edit",
    "patch": "edit",
    "apply_patch": "edit",
    "multiedit": "edit",
    "read": "read",
    "list": "read",
    "lsp": "read",
    "grep": "search",
    "glob": "search",
    "codesearch": "search",
    "webfetch": "fetch",
    "websearch": "fetch",
    "task": "think",
    "todowrite": "think",
    "todoread": "think",
    "plan_exit": "switch_mode",
    "plan_enter": "switch_mode",
}
_STATUS = {
    "pending": ToolStatus.PENDING,
    "running": ToolStatus.RUNNING,
    "completed": ToolStatus.COMPLETED,
    "error": ToolStatus.FAILED,
}
#: The members of a tool's input that say what it is about; the first that is there. A
#: description is the model's own word for it: it never stands for a command.
_SUBJECTS = ("command", "filePath", "path", "pattern", "url", "query", "description")


def kind(name: str) -> str:
    """The protocol's word for a tool or a permission of this name."""
    return _KINDS.get(name, "other")


def changed(part: Part) -> ToolCallChanged | None:
    """Say how a call is now, or give None where the part does not tell."""
    state = part.state
    status = None if state is None else _STATUS.get(state.status)
    if state is None or status is None:
        return None
    return ToolCallChanged(
        part.id,
        status,
        title=shortened(_subject(state.input) or state.title or part.tool),
        kind=kind(part.tool),
        paths=_paths(state),
        output=state.output or state.error,
    )


def shortened(title: str) -> str:
    """Make one line for a person to read at a glance."""
    return shown.line(title)


def details(input: dict[str, Any]) -> str:
    """Give all of a call's input, for who has to allow it."""
    return shown.details(input, _SUBJECTS)


def _subject(input: dict[str, Any]) -> str:
    told = (input.get(name) for name in _SUBJECTS)
    return next((value for value in told if isinstance(value, str) and value), "")


def _paths(state: ToolState) -> tuple[str, ...]:
    found = [state.input.get("filePath"), state.input.get("path"), state.metadata.get("filepath")]
    files = state.metadata.get("files")
    if isinstance(files, list):
        # A patch names every file that it touches.
        found += [f.get("filePath") for f in files[:MAX_PATHS] if isinstance(f, dict)]
    return tuple(dict.fromkeys(path for path in found if isinstance(path, str) and path))
