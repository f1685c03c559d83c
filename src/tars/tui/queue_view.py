"""What waits, on the screen: the requests for permission, and the prompts. Pure."""

from rich.text import Text

from tars.control.contract import PermissionStatus, Status
from tars.control.queue_contract import QueuedPrompt
from tars.control.shown_text import duration
from tars.tui.days import since
from tars.tui.foreign_text import clean


def asked(status: Status) -> list[PermissionStatus]:
    """Give the open requests of all agents; the one that expires first comes first."""
    found = [permission for agent in status.agents for permission in agent.permissions]
    return sorted(found, key=lambda permission: permission.expires_in_seconds)


def permission_line(permission: PermissionStatus) -> Text:
    """Say who asks what, and for how much longer."""
    left = duration(permission.expires_in_seconds)
    return Text.assemble(
        (f"{clean(permission.agent):<14.14} ", "bold"),
        (f"{clean(permission.tool_kind):<9.9} ", "yellow"),
        (f"{left:>7} left  ", "dim"),
        clean(permission.title),
        no_wrap=True,
        overflow="ellipsis",
    )


def prompt_line(prompt: QueuedPrompt, now: float) -> Text:
    """Say whose prompt it is, its place, since when it waits and for what, and how it begins."""
    parts: list[tuple[str, str] | str] = [
        (f"{clean(prompt.agent):<14.14} ", "bold"),
        f"{prompt.position:>3}  ",
        (f"{duration(since(prompt.asked_at, now)):>7}  ", "dim"),
    ]
    if prompt.waits_for:
        parts.append((f"{clean(prompt.waits_for)}  ", "yellow"))
    parts.append(
        clean(prompt.preview) if prompt.preview else (f"{prompt.size:,} characters", "dim")
    )
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")
