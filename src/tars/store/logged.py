"""Sessions that ran outside tars, as their agents' logs tell of them (`sessions.source` is `log`).

Their agent is the name of its kind. One that tars itself ran is never among them, be it on record
or not; and one that was deleted comes back only when it is used again. Every function is part of
the caller's transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from tars.store.rows import SessionStatus
from tars.store.schema import agents, deleted_sessions, session_models, sessions, turns
from tars.store.values import clean

#: What `sessions.source` says of them.
SOURCE = "log"
_KINDS = ("net_input", "cache_read", "cache_write", "output")
_SUMS = ("requests", *_KINDS, "reasoning", "cost_microusd")


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """What a model used in a session. `cost_microusd` is what the agent's log says that it cost,
    or None where it does not say."""

    model: str
    requests: int
    net_input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    cost_microusd: int | None = None


@dataclass(frozen=True, slots=True)
class LoggedSession:
    """A session in the logs of a kind of agent. `id` is the agent's own."""

    agent: str
    id: str
    title: str
    project: str
    branch: str
    created_at: datetime
    last_activity_at: datetime
    models: tuple[LoggedModel, ...]


def keep(connection: Connection, machine: int, found: Iterable[LoggedSession]) -> None:
    """Add sessions of this machine's logs, and bring those up to date that are there."""
    wanted = [session for session in found if session.id]
    ids = sorted({session.id for session in wanted})
    rows = _rows(connection, machine, ids)
    ran = _ran(connection, machine, ids)
    gone = _deleted(connection, machine, ids)
    for session in wanted:
        own = [row for row in rows.get(session.id, ()) if _is_of(row, session.agent)]
        mine = next((row for row in own if row.source == SOURCE), None)
        if (session.agent, session.id) in ran or any(row.source != SOURCE for row in own):
            if mine is not None:
                connection.execute(delete(sessions).where(sessions.c.seq == mine.seq))
            continue
        deleted_at = gone.get((session.agent, session.id))
        if deleted_at is not None and session.last_activity_at <= deleted_at:
            continue
        _write(connection, machine, session, mine)


def known(
    connection: Connection, machine: int, since: datetime | None = None
) -> dict[tuple[str, str], datetime]:
    """Give by kind of agent and id when the sessions that are kept here were in use last, all or
    those that were since then; of those that were deleted, when they were until then."""
    at = sessions.c
    query = select(at.agent_type, at.id, at.last_activity_at)
    query = query.where(at.machine == machine, at.source == SOURCE)
    recent = query if since is None else query.where(at.last_activity_at >= since)
    kept = connection.execute(recent).all()
    its = deleted_sessions.c
    query = select(its.agent_type, its.id, its.last_activity_at).where(its.machine == machine)
    return {(r.agent_type, r.id): r.last_activity_at for r in (*connection.execute(query), *kept)}


def adopt(connection: Connection, seq: int) -> None:
    """tars goes on with a session that it knew from a log: from now on it is its own, and has
    the figures of its own turns. What was used before is in the index of the logs."""
    zero = dict.fromkeys((*_SUMS, "tokens", "costed_turns"), 0)
    this = update(sessions).where(sessions.c.seq == seq)
    connection.execute(this.values(source="tars", **zero))
    connection.execute(delete(session_models).where(session_models.c.session == seq))


def note_deleted(connection: Connection, seq: int) -> None:
    """Remember of a session that it is deleted now."""
    at = sessions.c
    row = connection.execute(
        select(at.machine, at.agent, at.agent_type, at.id, at.last_activity_at).where(at.seq == seq)
    ).first()
    if row is None:
        return
    kind = row.agent_type or row.agent
    its = deleted_sessions.c
    this = and_(its.machine == row.machine, its.agent_type == kind, its.id == row.id)
    connection.execute(delete(deleted_sessions).where(this))
    new = {"machine": row.machine, "agent_type": kind, "id": row.id}
    connection.execute(insert(deleted_sessions), {**new, "last_activity_at": row.last_activity_at})


def _write(
    connection: Connection, machine: int, session: LoggedSession, known: Row[Any] | None
) -> None:
    values = _values(session)
    if known is None:
        new = {
            "machine": machine,
            "agent": session.agent,
            "id": session.id,
            "agent_type": session.agent,
            "status": SessionStatus.COMPLETED.value,
            "source": SOURCE,
        }
        added = connection.execute(insert(sessions).returning(sessions.c.seq), {**new, **values})
        seq = int(added.scalar_one())
    elif all(known._mapping[name] == value for name, value in values.items()):
        return
    else:
        seq = known.seq
        if known.titled:
            del values["title"]
        connection.execute(update(sessions).where(sessions.c.seq == seq).values(**values))
        connection.execute(delete(session_models).where(session_models.c.session == seq))
    if each := [_model(seq, model) for model in _by_name(session.models)]:
        connection.execute(insert(session_models), each)


def _values(session: LoggedSession) -> dict[str, Any]:
    sums = {name: sum(getattr(m, name) or 0 for m in session.models) for name in _SUMS}
    return {
        "created_at": session.created_at,
        "ended_at": session.last_activity_at,
        "last_activity_at": session.last_activity_at,
        "title": clean(session.title),
        "project": clean(session.project),
        "branch": clean(session.branch),
        **sums,
        "tokens": sum(sums[name] for name in _KINDS),
        "costed_turns": int(any(m.cost_microusd is not None for m in session.models)),
    }


def _model(seq: int, model: LoggedModel) -> dict[str, Any]:
    sums = {name: getattr(model, name) or 0 for name in _SUMS}
    costed = int(model.cost_microusd is not None)
    return {"session": seq, "model": model.model, **sums, "costed_turns": costed}


def _by_name(models: Sequence[LoggedModel]) -> list[LoggedModel]:
    """Two names that are one to the database, or of two providers, are one model."""
    found: dict[str, LoggedModel] = {}
    for model in models:
        name = clean(model.model)
        other = found.get(name)
        costs = [m.cost_microusd for m in (model, other) if m and m.cost_microusd is not None]
        counts = {
            each: getattr(model, each) + (getattr(other, each) if other else 0)
            for each in ("requests", *_KINDS, "reasoning")
        }
        found[name] = LoggedModel(name, **counts, cost_microusd=sum(costs) if costs else None)
    return list(found.values())


def _rows(connection: Connection, machine: int, ids: list[str]) -> dict[str, list[Row[Any]]]:
    query = select(sessions).where(sessions.c.machine == machine, sessions.c.id.in_(ids))
    found: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.id, []).append(row)
    return found


def _is_of(row: Row[Any], kind: str) -> bool:
    # What was kept before kinds were has none; an agent is mostly named as its kind.
    return kind in (row.agent_type, row.agent)


def _ran(connection: Connection, machine: int, ids: list[str]) -> set[tuple[str, str]]:
    """Give the kinds of agents and the ids of the sessions that tars ran, on record or not."""
    query = (
        select(agents.c.kind, turns.c.session)
        .join(agents, and_(agents.c.machine == turns.c.machine, agents.c.name == turns.c.agent))
        .where(turns.c.machine == machine, turns.c.session.in_(ids))
        .distinct()
    )
    return {(row.kind, row.session) for row in connection.execute(query)}


def _deleted(
    connection: Connection, machine: int, ids: list[str]
) -> dict[tuple[str, str], datetime]:
    its = deleted_sessions.c
    query = select(deleted_sessions).where(its.machine == machine, its.id.in_(ids))
    return {(r.agent_type, r.id): r.last_activity_at for r in connection.execute(query)}
