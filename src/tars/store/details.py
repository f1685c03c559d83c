"""What one session's rows tell besides its own: its tools, its files, its last words."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from tars.store.messages import message_of
from tars.store.rows import MessageRow, Role
from tars.store.schema import messages, session_files, session_tools, sessions, turns


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


def last_turn_at(connection: Connection, seq: int) -> datetime | None:
    """Say when its last turn ended; None where no turn of it did."""
    at = turns.c
    query = (
        select(at.ended_at)
        .join_from(
            sessions,
            turns,
            (at.session == sessions.c.id)
            & (at.agent == sessions.c.agent)
            & (at.machine == sessions.c.machine),
        )
        .where(sessions.c.seq == seq, at.ended_at.is_not(None))
        .order_by(at.ended_at.desc())
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
