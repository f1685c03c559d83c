"""Which conversation of an agent a prompt goes to that names none: that of its project.

A conversation that was reset or lost is *left*: a project whose newest one it is begins anew,
until somebody goes back to it by its name.
"""

import json
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from tars.store.logged import SOURCE
from tars.store.rows import SessionStatus
from tars.store.schema import sessions
from tars.store.values import object_of

#: The key in a session's metadata by which it is known that it was left, and why.
LEFT = "left"

_OF_AGENT = (sessions.c.machine == bindparam("of_machine")) & (
    sessions.c.agent == bindparam("of_agent")
)
_NEWEST = (
    select(sessions.c.id, sessions.c.metadata)
    .where(
        _OF_AGENT,
        sessions.c.project == bindparam("of_project"),
        sessions.c.status != SessionStatus.ARCHIVED.value,
        # To go on with one that ran outside tars, somebody has to name it.
        sessions.c.source != SOURCE,
    )
    .order_by(sessions.c.last_activity_at.desc(), sessions.c.seq.desc())
    .limit(1)
)
_NAMED = select(sessions.c.agent, sessions.c.id).where(
    sessions.c.machine == bindparam("of_machine"), sessions.c.name == bindparam("known")
)
_THIS = _OF_AGENT & (sessions.c.id == bindparam("known"))
_PROJECT = select(sessions.c.project).where(_THIS)
_METADATA = select(sessions.c.metadata).where(_THIS)
_NOTE = update(sessions).where(_THIS)


def of_project(connection: Connection, machine: int, agent: str, project: str) -> str | None:
    """Give an agent's newest conversation of a project that is neither archived nor left."""
    this = {"of_machine": machine, "of_agent": agent, "of_project": project}
    newest = connection.execute(_NEWEST, this).first()
    return None if newest is None or LEFT in object_of(newest.metadata) else newest.id


def of_name(connection: Connection, machine: int, name: str) -> tuple[str, str] | None:
    """Give the agent and the id of a machine's session that has this name."""
    found = connection.execute(_NAMED, {"of_machine": machine, "known": name}).first()
    return None if found is None else (found.agent, found.id)


def is_of_no_project(connection: Connection, machine: int, agent: str, session: str) -> bool:
    """Whether nobody has said of which project a conversation is, or it is not known yet."""
    this = {"of_machine": machine, "of_agent": agent, "known": session}
    return not connection.scalar(_PROJECT, this)


def leave(connection: Connection, machine: int, agent: str, session: str, why: str) -> None:
    """Let no prompt go to a conversation any more that does not name it."""
    _change(connection, machine, agent, session, {LEFT: why})


def come_back(connection: Connection, machine: int, agent: str, session: str) -> None:
    """Somebody named a conversation: its project goes on in it."""
    _change(connection, machine, agent, session, {})


def _change(
    connection: Connection, machine: int, agent: str, session: str, now: dict[str, Any]
) -> None:
    this = {"of_machine": machine, "of_agent": agent, "known": session}
    text = connection.scalar(_METADATA, this)
    if text is None:
        return
    before = object_of(text)
    after = {key: value for key, value in before.items() if key != LEFT} | now
    if after != before:
        connection.execute(_NOTE, {**this, "metadata": json.dumps(after)})
