"""How sessions look in a table: short ids, short times, short figures."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from tars.cli.tables import Column

if TYPE_CHECKING:
    from tars.sessions.listing import Listing, SessionRecord, Spent

#: What stands for a cost that nobody told.
UNKNOWN = "\u2013"


def session_columns(
    listing: "Listing", zone: tzinfo, now: datetime
) -> "Sequence[Column[SessionRecord]]":
    """The columns of a list. On a narrow terminal the duration leaves first."""
    machines = len({s.machine for s in listing.sessions}) > 1
    more: list[Column[SessionRecord]] = []
    if machines:
        more.append(Column("MACHINE", lambda s: s.machine, leaves=3))
    return (
        Column("ID", lambda s: listing.short[s.seq]),
        Column("NAME", lambda s: s.name or s.title or "-", flexible=True),
        Column("AGENT", lambda s: s.agent),
        *more,
        Column("STATUS", lambda s: s.status.value, leaves=1),
        Column("STARTED", lambda s: short_time(s.created_at, zone, now), leaves=2),
        Column("DURATION", _lasted, right=True, leaves=5),
        Column("TURNS", lambda s: f"{s.spent.turns:,}", right=True, leaves=4),
        Column("TOKENS", lambda s: tokens(s.spent, at_least=s.at_least), right=True),
        Column("COST", lambda s: cost(s.spent), right=True),
    )


def short_time(at: datetime, zone: tzinfo, now: datetime) -> str:
    """`11-20 14:30`, or `2024-11-20` where it is of another year."""
    here = at.astimezone(zone)
    if here.year == now.astimezone(zone).year:
        return f"{here:%m-%d %H:%M}"
    return f"{here:%Y-%m-%d}"


def whole_time(at: datetime, zone: tzinfo) -> str:
    """`2026-11-20 14:30:05`."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _lasted(session: "SessionRecord") -> str:
    # Logs tell of requests, not of turns.
    return duration(session.duration_ms) if session.spent.turns else "\u2013"


def duration(milliseconds: int) -> str:
    """`4.2 s`, `3 min`, `2 h 5 min`, `3 d 4 h`."""
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s" if milliseconds < 10_000 else _whole(milliseconds)
    minutes = milliseconds // 60_000
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    if hours < 48:
        return f"{hours} h {minutes % 60} min"
    return f"{hours // 24} d {hours % 24} h"


def _whole(milliseconds: int) -> str:
    return f"{milliseconds // 1000} s"


def short_count(number: int) -> str:
    """`950`, `12.3k`, `4.5M`; rounded down, so that it is never more than there is."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            tenths = number * 10 // size
            return f"{tenths / 10:.1f}{unit}" if tenths < 1000 else f"{tenths // 10}{unit}"
    return str(number)


def tokens(spent: "Spent", *, at_least: bool = False) -> str:
    """How many tokens; at least so many where a turn was cut short."""
    return f"{'≥' if at_least else ''}{short_count(spent.tokens.total)}"


def cost(spent: "Spent", *, places: int = 2) -> str:
    """What it cost as far as that is known: a dash is not known at all, `≥` not of every turn."""
    # What ran outside tars has requests, and no turns.
    of = spent.turns if spent.turns or spent.costed_turns else spent.requests
    return money(spent.cost_microusd, of=of, known=spent.costed_turns, places=places)


def money(microusd: int, *, of: int, known: int, places: int = 2) -> str:
    """Write an amount that is known for some of the turns. Halves are rounded up, exactly."""
    if not known:
        return UNKNOWN if of else "$0.00"
    unit = 10 ** (6 - places)
    whole = (microusd + unit // 2) // unit
    text = f"${whole // 10**places:,}.{whole % 10**places:0{places}d}"
    if not whole and microusd:
        text = f"<$0.{'0' * (places - 1)}1"
    return text if known >= of else f"≥{text}"
