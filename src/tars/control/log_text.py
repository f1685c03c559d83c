"""A line of the daemon's log for a person: when, how grave, who, what happened. Pure.

The log is JSON lines (structlog): `timestamp` in ISO 8601, `level`, `event`, often `agent`, and
whatever else belongs to the event. A line that is something else is shown as it is.
"""

from dataclasses import dataclass

import msgspec

from tars.control.shown_text import printable
from tars.conversation.plain import plain

#: From what concerns nobody to what concerns everybody.
LEVELS = ("debug", "info", "warning", "error", "critical")
#: The daemon's every decision: one line for each event of an agent, and most of the log.
STEP = "decided"
_HEAD = ("timestamp", "level", "event", "agent")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line. `at` is the time of day in UTC, `facts` are `name=value`, in the log's order; all
    of it is safe for a terminal. `level` is empty for a line that is no entry of ours."""

    text: str
    at: str = ""
    level: str = ""
    agent: str = ""
    facts: str = ""

    @property
    def rank(self) -> int:
        """How grave it is, by its place in LEVELS; a foreign line counts as info."""
        return LEVELS.index(self.level) if self.level in LEVELS else 1


def entry(line: str) -> LogEntry:
    """Understand a line of the log."""
    try:
        found = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return LogEntry(printable(plain(line)))
    if not isinstance(found, dict) or "event" not in found:
        return LogEntry(printable(plain(line)))
    at = str(found.get("timestamp", ""))
    return LogEntry(
        text=printable(str(found["event"])),
        at=printable(at[11:19] if at[10:11] == "T" else at),
        level=printable(str(found.get("level", ""))),
        agent=printable(str(found.get("agent", ""))),
        facts=" ".join(
            f"{printable(name)}={_value(v)}" for name, v in found.items() if name not in _HEAD
        ),
    )


def told(line: str) -> str:
    """Give a line of the log in words: `12:30:01 info    gemini  state_changed now=ready`."""
    found = entry(line)
    if not found.level:
        return found.text
    who = f"{found.agent or 'tars':<10}"
    return f"{found.at} {found.level:<8}{who} {found.text} {found.facts}".rstrip()


def _value(value: object) -> str:
    if isinstance(value, str):
        text = printable(value)
        return text if text and " " not in text else f'"{text}"'
    if isinstance(value, float):
        return f"{value:g}"
    return printable(msgspec.json.encode(value).decode())
