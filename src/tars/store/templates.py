"""Templates of sessions by their names; what is in one is `sessions.templates`' matter."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from tars.store.schema import messages, sessions, templates, turns


@dataclass(frozen=True, slots=True)
class SavedTemplate:
    """A template; `body` is JSON and may hold a prompt."""

    name: str
    saved_at: datetime
    body: str = field(repr=False)


def saved(connection: Connection, name: str | None = None) -> list[SavedTemplate]:
    """Give the templates, or the one of this name, by their names."""
    query = select(templates).order_by(templates.c.name)
    if name is not None:
        query = query.where(templates.c.name == name)
    return [SavedTemplate(row.name, row.saved_at, row.body) for row in connection.execute(query)]


def save(connection: Connection, template: SavedTemplate) -> None:
    """Add a template, or replace the one of its name."""
    remove(connection, template.name)
    row = {"name": template.name, "saved_at": template.saved_at, "body": template.body}
    connection.execute(insert(templates), row)


def remove(connection: Connection, name: str) -> bool:
    """Delete a template. False when there is none."""
    return bool(connection.execute(delete(templates).where(templates.c.name == name)).rowcount)


def first_prompt(connection: Connection, session: int) -> tuple[str, bool] | None:
    """Give what a session's first prompt was, and whether all of it is kept."""
    row = connection.execute(
        select(messages.c.text, messages.c.size)
        .outerjoin(turns, turns.c.id == messages.c.turn)
        .where(messages.c.session == session, messages.c.role == "user")
        .order_by(turns.c.seq, messages.c.number, messages.c.seq)
        .limit(1)
    ).first()
    return None if row is None else (row.text, row.size == len(row.text))


def name_is_free(connection: Connection, machine: int, name: str) -> bool:
    """Say whether no session of a machine has this name."""
    held = select(sessions.c.seq).where(sessions.c.machine == machine, sessions.c.name == name)
    return connection.execute(held.limit(1)).first() is None
