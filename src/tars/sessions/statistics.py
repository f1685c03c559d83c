"""Figures over many sessions, and which of them were in use in a span of time."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from tars.accounting.usage import Ledger
from tars.sessions.library import Library
from tars.sessions.listing import shortened
from tars.sessions.ranges import Span, Zone, find_span
from tars.store import figures, finding
from tars.store.figures import Used
from tars.store.finding import Wanted
from tars.store.rows import SessionRecord, SessionStatus, Spent

__all__ = [
    "NONE",
    "History",
    "SessionRecord",
    "Statistics",
    "Used",
    "Visit",
    "history",
    "nothing",
    "statistics",
]

#: How many tools and files are named.
TOP = 5

_NOTHING = Used(0, 0, Spent(), 0)


@dataclass(frozen=True, slots=True)
class Statistics:
    """`used` are the sums, of the span alone, and `week` those of this week. `top_tools` and
    `top_files` are names with how often, the most first."""

    used: Used
    statuses: dict[SessionStatus, int]
    week: Used
    top_tools: tuple[tuple[str, int], ...]
    top_files: tuple[tuple[str, int], ...]

    @property
    def average_duration_ms(self) -> int:
        return average(self.used.duration_ms, self.used.sessions) or 0

    @property
    def average_tokens(self) -> int:
        return average(self.used.spent.tokens.total, self.used.sessions) or 0

    @property
    def average_messages(self) -> float:
        """To a tenth."""
        return (average(self.used.messages * 10, self.used.sessions) or 0) / 10

    @property
    def average_cost_microusd(self) -> int | None:
        """Over the sessions whose cost is known; None where no session's is."""
        return average(self.used.spent.cost_microusd, self.used.costed_sessions)


@dataclass(frozen=True, slots=True)
class Visit:
    """A session that was in use in a span: what it used in it, and when it was last."""

    session: SessionRecord
    last_at: datetime
    used: Used


@dataclass(frozen=True, slots=True)
class History:
    """The newest `visits`, and the sums over all of them. `short` is as in `Listing`."""

    visits: tuple[Visit, ...]
    used: Used
    short: dict[int, str]


def statistics(
    library: Library, wanted: Wanted, span: Span, *, zone: Zone, now: datetime
) -> Statistics:
    """Add up what the sessions that are meant used in a span. Raises StoreError."""
    wanted = replace(wanted, since=span.since, until=span.until)
    week = find_span("week", zone, now)
    with library.reading() as connection:
        statuses = dict.fromkeys(SessionStatus, 0)
        parts = figures.within(connection, wanted)
        for status, part in parts.items():
            statuses[status] += part.sessions
        beyond = figures.beyond(connection, wanted)
        for each in beyond:
            statuses[each.status] += 1
        this_week = replace(wanted, since=week.since, until=week.until)
        return Statistics(
            used=added([*parts.values(), *(each.used for each in beyond)]),
            statuses=statuses,
            week=added(
                [
                    *figures.within(connection, this_week).values(),
                    *(each.used for each in figures.beyond(connection, this_week)),
                ]
            ),
            top_tools=tuple(figures.top_tools(connection, wanted, TOP)),
            top_files=tuple(figures.top_files(connection, wanted, TOP)),
        )


def history(library: Library, wanted: Wanted, span: Span, *, limit: int | None = None) -> History:
    """Give the sessions that were in use in a span, the newest first, with what they used in it;
    one that was only begun in it counts too. Raises StoreError."""
    wanted = replace(wanted, since=span.since, until=span.until)
    with library.reading() as connection:
        beyond = figures.beyond(connection, wanted)
        visits = [*figures.newest_within(connection, wanted, limit), *beyond]
        visits = sorted(visits, key=lambda each: (each.last_at, each.seq), reverse=True)[:limit]
        records = {s.seq: s for s in finding.by_seq(connection, [v.seq for v in visits])}
        whole = figures.within(connection, wanted).values()
        return History(
            tuple(Visit(records[v.seq], v.last_at, v.used) for v in visits),
            added([*whole, *(each.used for each in beyond)]),
            {
                seq: shortened(s.id, *finding.neighbours(connection, s.id))
                for seq, s in records.items()
            },
        )


def added(parts: Iterable[Used]) -> Used:
    """Add up what several used."""
    whole = _NOTHING
    for part in parts:
        whole = Used(
            whole.sessions + part.sessions,
            whole.costed_sessions + part.costed_sessions,
            _both(whole.spent, part.spent),
            whole.duration_ms + part.duration_ms,
            whole.messages + part.messages,
            whole.tool_calls + part.tool_calls,
        )
    return whole


#: The figures of nobody.
NONE = Statistics(_NOTHING, dict.fromkeys(SessionStatus, 0), _NOTHING, (), ())


def nothing() -> History:
    """The history of nobody."""
    return History((), _NOTHING, {})


def average(total: int, number: int) -> int | None:
    """Divide exactly and round halves up; None where there is nothing to divide by."""
    return None if not number else (2 * total + number) // (2 * number)


def _both(one: Spent, other: Spent) -> Spent:
    a, b = one.tokens, other.tokens
    return Spent(
        one.turns + other.turns,
        one.requests + other.requests,
        Ledger(
            a.net_input + b.net_input,
            a.cache_read + b.cache_read,
            a.cache_write + b.cache_write,
            a.output + b.output,
            a.reasoning + b.reasoning,
        ),
        one.cost_microusd + other.cost_microusd,
        one.costed_turns + other.costed_turns,
    )
