"""Sessions that a program keeps here by itself, message by message (`sessions.source` is `api`).

Every function is part of the caller's transaction.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from tars.store import messages, searching
from tars.store.rows import MessageRow, SessionStatus
from tars.store.schema import messages as message_table
from tars.store.schema import sessions

#: What `sessions.source` says of them.
SOURCE = "api"


@dataclass(frozen=True, slots=True)
class Authored:
    """A session as its program has it. `metadata` is JSON."""

    agent: str
    id: str
    name: str | None
    title: str
    metadata: str
    created_at: datetime
    last_activity_at: datetime


def add(connection: Connection, machine: int, session: Authored) -> int:
    """Add a session, and give its `seq`."""
    own = {"machine": machine, "agent": session.agent, "id": session.id, "source": SOURCE}
    values = {**own, "created_at": session.created_at, **_changing(session)}
    added: int = connection.execute(insert(sessions).returning(sessions.c.seq), values).scalar_one()
    return added


def change(connection: Connection, seq: int, session: Authored) -> None:
    """Bring a session's row up to date. A title that a person set stays."""
    connection.execute(update(sessions).where(sessions.c.seq == seq).values(**_changing(session)))
    untitled = update(sessions).where(sessions.c.seq == seq, sessions.c.titled.is_(False))
    connection.execute(untitled.values(title=session.title))


def append(connection: Connection, seq: int, rows: list[MessageRow]) -> None:
    """Add messages behind those that the session has."""
    for added in messages.add(connection, seq, rows):
        searching.index(connection, added)


def erase(connection: Connection, seq: int) -> None:
    """Delete a session's messages."""
    its = message_table.c.session == seq
    searching.unindex(connection, list(connection.scalars(select(message_table.c.seq).where(its))))
    connection.execute(delete(message_table).where(its))
    messages.recount(connection, seq)


def _changing(session: Authored) -> dict[str, object]:
    return {
        "name": session.name,
        "title": session.title,
        "metadata": session.metadata,
        "status": SessionStatus.COMPLETED.value,
        "ended_at": session.last_activity_at,
        "last_activity_at": session.last_activity_at,
    }
