"""The words of the shell: its first line, the row of views, and how it changes. Pure."""

from rich.text import Text
from textual.widgets import Static

from tars.control.contract import Status
from tars.control.shown_text import duration
from tars.tui.foreign_text import clean
from tars.tui.panes import PANES


def plain(text: str) -> Text:
    """Show a text as it is: no markup, nothing that commands a terminal."""
    return Text(clean(text), no_wrap=False, overflow="fold")


def put(widget: Static, text: Text) -> None:
    """Change what is shown only where it is different: an update draws anew."""
    if widget.content != text:
        widget.update(text)


def top(status: Status | None, why: str = "not running") -> Text:
    """Give the first line: whether the daemon runs, since when, and what waits for a person; why
    it cannot be asked, where there is no status."""
    if status is None or not status.daemon.running:
        return Text.assemble(("tars ", "bold"), (f"○ {why}", "bold red"))
    parts: list[tuple[str, str]] = [
        ("tars ", "bold"),
        ("● running", "green"),
        (f" · up {duration(status.daemon.uptime_seconds)}", ""),
    ]
    busy = sum(agent.state == "busy" for agent in status.agents)
    queued = sum(agent.queued for agent in status.agents)
    asking = sum(len(agent.permissions) for agent in status.agents)
    count = len(status.agents)
    parts.append((f" · {count:,} agent{'' if count == 1 else 's'}, {busy:,} busy", ""))
    if queued:
        parts.append((f" · {queued:,} queued", ""))
    if asking:
        parts.append((f" · {asking:,} ask{'s' if asking == 1 else ''} you", "bold yellow"))
    warnings = len(status.warnings) + len(status.budgets)
    if warnings:
        parts.append((f" · {warnings:,} warning{'' if warnings == 1 else 's'}", "yellow"))
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def tabs(current: str) -> str:
    """Give the row of views, in Textual's markup: each can be clicked."""
    shown = []
    for number, (name, heading) in enumerate(PANES.items(), 1):
        style = "bold reverse" if name == current else "none"
        shown.append(f"[{style}][@click=app.open('{name}')] {number} {heading} [/][/]")
    return "".join(shown)
