"""What sessions used within a span of time, quickly.

Of those that lie within it their own sums are taken, and only for those that reach beyond it
the ledger is asked.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    case,
    func,
    literal,
    not_,
    select,
    union_all,
)

from tars.accounting.usage import Ledger
from tars.store.finding import Wanted, conditions
from tars.store.rows import Role, SessionStatus, Spent
from tars.store.schema import (
    messages,
    session_files,
    session_tools,
    sessions,
    tool_calls,
    tool_files,
    turns,
)
from tars.store.tallies import MODIFYING

_KINDS = ("net_input", "cache_read", "cache_write", "output", "reasoning")
_SUMS = ("turns", "requests", *_KINDS, "cost_microusd", "costed_turns", "duration_ms")
#: What is in the sessions' own rows besides.
_COUNTS = ("messages", "tool_calls")


@dataclass(frozen=True, slots=True)
class Used:
    """What one session, or several, used. `costed_sessions` are those of the `sessions` of whose
    turns some have a cost."""

    sessions: int
    costed_sessions: int
    spent: Spent
    duration_ms: int
    messages: int = 0
    tool_calls: int = 0


@dataclass(frozen=True, slots=True)
class UsedIn:
    """What a session used in the span, and when the last turn of it ended."""

    seq: int
    status: SessionStatus
    last_at: datetime
    used: Used


def within(connection: Connection, wanted: Wanted) -> dict[SessionStatus, Used]:
    """Add up the sessions that lie within the span whole, by their status."""
    query = select(
        sessions.c.status,
        func.count().label("sessions"),
        func.sum(case((sessions.c.costed_turns > 0, 1), else_=0)).label("costed_sessions"),
        *(func.sum(sessions.c[name]).label(name) for name in (*_SUMS, *_COUNTS)),
    )
    query = query.where(*conditions(connection, wanted), *_inside(wanted))
    rows = connection.execute(query.group_by(sessions.c.status))
    return {SessionStatus(row.status): _used(row) for row in rows}


def newest_within(connection: Connection, wanted: Wanted, limit: int | None) -> list[UsedIn]:
    """Give the sessions that lie within the span whole, with the newest activity first."""
    at = sessions.c
    costed = case((at.costed_turns > 0, 1), else_=0).label("costed_sessions")
    columns = [at[name] for name in (*_SUMS, *_COUNTS)]
    query = select(
        at.seq, at.status, at.last_activity_at, literal(1).label("sessions"), costed, *columns
    )
    query = query.where(*conditions(connection, wanted), *_inside(wanted))
    newest = query.order_by(at.last_activity_at.desc(), at.seq.desc()).limit(limit)
    return [
        UsedIn(row.seq, SessionStatus(row.status), row.last_activity_at, _used(row))
        for row in connection.execute(newest)
    ]


def beyond(connection: Connection, wanted: Wanted) -> list[UsedIn]:
    """Give the sessions that reach beyond the span, with what their turns that ended in it used;
    those without such a turn are left out."""
    if wanted.since is None and wanted.until is None:
        return []
    at = turns.c
    reaching = _reaching(connection, wanted)
    query = (
        select(
            at.machine,
            at.agent,
            at.session,
            func.max(at.ended_at).label("last_at"),
            func.count().label("turns"),
            *(func.sum(at[name]).label(name) for name in ("requests", *_KINDS, "duration_ms")),
            func.coalesce(func.sum(at.cost_microusd), 0).label("cost_microusd"),
            func.count(at.cost_microusd).label("costed_turns"),
            func.sum(at.tool_calls).label("tool_calls"),
        )
        .where(at.session.in_(select(sessions.c.id).where(*reaching)), *_ended(wanted))
        .group_by(at.machine, at.agent, at.session)
    )
    place = select(
        sessions.c.machine, sessions.c.agent, sessions.c.id, sessions.c.seq, sessions.c.status
    ).where(*reaching)
    known = {(row.machine, row.agent, row.id): row for row in connection.execute(place)}
    said: dict[int, int] = {}
    if known:
        said = {row[0]: row[1] for row in connection.execute(_said(wanted, reaching))}
    found = []
    for row in connection.execute(query):
        session = known.get((row.machine, row.agent, row.session))
        if session is not None:
            used = _used(row, messages=said.get(session.seq, 0))
            status = SessionStatus(session.status)
            found.append(UsedIn(session.seq, status, row.last_at, used))
    return found


def top_tools(connection: Connection, wanted: Wanted, limit: int) -> list[tuple[str, int]]:
    """Give the kinds of tools that were used most, and how often."""
    used = select(session_tools.c.kind.label("name"), session_tools.c.calls.label("often"))
    once = select(tool_calls.c.kind.label("name"), literal(1).label("often"))
    return _top(connection, wanted, used, session_tools, once, limit)


def top_files(connection: Connection, wanted: Wanted, limit: int) -> list[tuple[str, int]]:
    """Give the files that were changed most, and how often."""
    used = select(session_files.c.path.label("name"), session_files.c.changes.label("often"))
    once = (
        select(tool_files.c.path.label("name"), literal(1).label("often"))
        .join_from(tool_calls, tool_files, tool_files.c.tool_call == tool_calls.c.seq)
        # By an expression: an index would give the calls of these kinds of all sessions.
        .where(func.coalesce(tool_calls.c.kind, "").in_(MODIFYING))
    )
    return _top(connection, wanted, used, session_files, once, limit)


def _top(
    connection: Connection,
    wanted: Wanted,
    used: Select[Any],
    tallied: Any,
    once: Select[Any],
    limit: int,
) -> list[tuple[str, int]]:
    """Add up what was tallied of the sessions within, and each use in those that reach beyond."""
    inside = [*conditions(connection, wanted), *_inside(wanted)]
    if inside:
        used = used.where(tallied.c.session.in_(select(sessions.c.seq).where(*inside)))
    parts = [used]
    if wanted.since is not None or wanted.until is not None:
        reaching = select(sessions.c.seq).where(*_reaching(connection, wanted))
        parts.append(
            once.join(turns, turns.c.id == tool_calls.c.turn).where(
                tool_calls.c.session.in_(reaching), *_ended(wanted)
            )
        )
    every = union_all(*parts).subquery() if len(parts) > 1 else used.subquery()
    often = func.sum(every.c.often)
    # By an expression where only some sessions count: for the sake of the order SQLite would go
    # through the index of all names instead of the rows of these sessions.
    name = func.coalesce(every.c.name, "") if inside else every.c.name
    query = select(name, often).group_by(name)
    rows = connection.execute(query.order_by(often.desc(), name).limit(limit))
    return [(name, int(number)) for name, number in rows]


def _said(wanted: Wanted, reaching: list[ColumnElement[bool]]) -> Select[Any]:
    """Count the messages of the turns that ended in the span."""
    return (
        select(messages.c.session, func.count())
        .join(turns, turns.c.id == messages.c.turn)
        .where(
            messages.c.session.in_(select(sessions.c.seq).where(*reaching)),
            messages.c.role != Role.THOUGHT.value,
            *_ended(wanted),
        )
        .group_by(messages.c.session)
    )


def _inside(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(sessions.c.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(sessions.c.last_activity_at < wanted.until)
    return found


def _reaching(connection: Connection, wanted: Wanted) -> list[ColumnElement[bool]]:
    return [*conditions(connection, wanted), not_(and_(*_inside(wanted)))]


def _ended(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [turns.c.outcome.is_not(None)]
    if wanted.since is not None:
        found.append(turns.c.ended_at >= wanted.since)
    if wanted.until is not None:
        found.append(turns.c.ended_at < wanted.until)
    return found


def _used(row: Row[Any], *, messages: int | None = None) -> Used:
    # Databases give sums of large integers as decimals.
    figures = {name: int(getattr(row, name)) for name in _SUMS}
    ledger = Ledger(**{name: figures[name] for name in _KINDS})
    known = figures["costed_turns"]
    return Used(
        sessions=int(getattr(row, "sessions", 1)),
        costed_sessions=int(getattr(row, "costed_sessions", known > 0)),
        spent=Spent(
            turns=figures["turns"],
            requests=figures["requests"],
            tokens=ledger,
            cost_microusd=figures["cost_microusd"],
            costed_turns=known,
        ),
        duration_ms=figures["duration_ms"],
        messages=int(row.messages) if messages is None else messages,
        tool_calls=int(row.tool_calls),
    )
