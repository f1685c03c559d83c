"""Figures, times and signs of sessions, as short as they are told in a list. Pure."""

from datetime import datetime, timedelta, tzinfo

from tars.control.shown_text import duration
from tars.tui.session_pieces import Piece, Tone

#: One cell wide in every terminal, and told apart without colours by the name beside it.
_ICONS = {"claude": "✻", "codex": "❖", "gemini": "✦", "opencode": "◧", "echo": "↻"}
_ICON = "⬢"

_STATUSES: dict[str, tuple[str, Tone]] = {
    "active": ("●", "good"),
    "completed": ("✓", ""),
    "failed": ("✗", "bad"),
    "interrupted": ("!", "warn"),
    "archived": ("▪", "dim"),
}
#: The source of a session that ran outside tars: its log tells of requests, and not of turns,
#: tools and files.
LOG = "log"
#: A cost that is not told yet.
ASKED = "…"


def icon(agent_type: str) -> str:
    """Give the sign of a kind of agent."""
    return _ICONS.get(agent_type, _ICON)


def status(word: str) -> Piece:
    """Give a status with its sign, in its tone."""
    sign, tone = _STATUSES.get(word, ("?", ""))
    return Piece(f"{sign} {word}", tone)


def short_id(id: str) -> str:
    """Give 8 characters of an id, and … where there are more."""
    return id if len(id) <= 8 else f"{id[:8]}…"


def lasted(milliseconds: int) -> str:
    """Give a duration as everywhere; what took less than a second took more than none."""
    return "<1s" if 0 < milliseconds < 1000 else duration(milliseconds / 1000)


def bytes_of(number: int) -> str:
    """Give a length of text: `310 characters`, `12.5 KB`, `9.9 MB`; rounded down."""
    for size, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "KB")):
        if number >= size:
            return f"{number * 10 // size / 10:.1f} {unit}"
    return f"{number} character{'' if number == 1 else 's'}"


def moment(iso: str) -> datetime | None:
    """Read a time of the wire."""
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def started(iso: str, now: datetime, zone: tzinfo | None = None) -> str:
    """Say when it was, as shortly as it is clear: `14:30`, `Mon 14:30`, `11-20 14:30`, a date.
    No zone is the machine's own."""
    at = moment(iso)
    if at is None:
        return ""
    here, today = at.astimezone(zone), now.astimezone(zone)
    if here.date() == today.date():
        return f"{here:%H:%M}"
    if timedelta() <= today.date() - here.date() < timedelta(days=7):
        return f"{here:%a %H:%M}"
    return f"{here:%m-%d %H:%M}" if here.year == today.year else f"{here:%Y-%m-%d}"


def whole_time(iso: str, zone: tzinfo | None = None) -> str:
    """Give a time to the second. No zone is the machine's own."""
    at = moment(iso)
    return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
