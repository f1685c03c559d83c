"""What one session's rows tell besides its own: its tools, its files, its last words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from tars.accounting.usage import Ledger
from tars.store.messages import message_of
from tars.store.rows import MessageRow, Role
from tars.store.schema import messages, session_files, session_tools, sessions, turns

#: All that `TurnDetail` has of turns.
_ITS_TURNS = select(
    turns.c.id,
    turns.c.began_at,
    turns.c.ended_at,
    turns.c.duration_ms,
    turns.c.outcome,
    turns.c.fault_message,
    turns.c.model,
    turns.c.net_input,
    turns.c.cache_read,
    turns.c.cache_write,
    turns.c.output,
    turns.c.reasoning,
    turns.c.cost_microusd,
).join_from(
    sessions,
    turns,
    (turns.c.session == sessions.c.id)
    & (turns.c.agent == sessions.c.agent)
    & (turns.c.machine == sessions.c.machine),
)


def tools(connection: Connection, seq: int) -> list[tuple[str, int]]:
    """Give how often each kind of tool was used, the most first."""
    query = (
        select(session_tools.c.kind, session_tools.c.calls)
        .where(session_tools.c.session == seq)
        .order_by(session_tools.c.calls.desc(), session_tools.c.kind)
    )
    return [(row.kind, row.calls) for row in connection.execute(query)]


def files(connection: Connection, seq: int, limit: int) -> list[tuple[str, int]]:
    """Give how often each file was changed, the most first."""
    query = (
        select(session_files.c.path, session_files.c.changes)
        .where(session_files.c.session == seq)
        .order_by(session_files.c.changes.desc(), session_files.c.path)
        .limit(limit)
    )
    return [(row.path, row.changes) for row in connection.execute(query)]


def changed_files(connection: Connection, seq: int) -> int:
    """Count the files that were changed."""
    query = select(func.count()).where(session_files.c.session == seq)
    return connection.execute(query).scalar_one()


@dataclass(frozen=True, slots=True)
class TurnDetail:
    """A turn of a session. `outcome` and `ended_at` are None while it is under way; `fault` says
    what went wrong."""

    id: str
    began_at: datetime
    ended_at: datetime | None
    duration_ms: int
    outcome: str | None
    fault: str
    model: str
    tokens: Ledger
    cost_microusd: int | None


def newest_turns(
    connection: Connection, seq: int, *, after: int, limit: int
) -> tuple[list[TurnDetail], int]:
    """Give the turns of a session, the newest first, `limit` of them behind the first `after`;
    and how many it has."""
    its = _ITS_TURNS.where(sessions.c.seq == seq)
    total = connection.scalar(its.with_only_columns(func.count())) or 0
    rows = connection.execute(its.order_by(turns.c.seq.desc()).offset(after).limit(limit))
    return [_turn(row) for row in rows], total


def _turn(row: Any) -> TurnDetail:
    return TurnDetail(
        id=row.id,
        began_at=row.began_at,
        ended_at=row.ended_at,
        duration_ms=row.duration_ms,
        outcome=row.outcome,
        fault=row.fault_message or "",
        model=row.model,
        tokens=Ledger(row.net_input, row.cache_read, row.cache_write, row.output, row.reasoning),
        cost_microusd=row.cost_microusd,
    )


def last_turn_at(connection: Connection, seq: int) -> datetime | None:
    """Say when its last turn ended; None where no turn of it did."""
    ended = turns.c.ended_at
    query = (
        _ITS_TURNS.with_only_columns(ended)
        .where(sessions.c.seq == seq, ended.is_not(None))
        .order_by(ended.desc())
        .limit(1)
    )
    return connection.scalar(query)


def last_message(connection: Connection, seq: int, role: Role) -> MessageRow | None:
    """Give the last message of this role that has a text which was kept."""
    at = messages.c
    query = (
        select(messages)
        .where(at.session == seq, at.role == role.value, at.text != "")
        .order_by(at.seq.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else message_of(row)
