"""The life of a session: opened, prompted, written to by one at a time, ended.

It is active while its agent's next prompt goes there: no other one of the agent is. It ends
as the last of its turns did.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    case,
    exists,
    select,
    update,
)

from tars.core.agent import Outcome
from tars.store import arrivals, locks, logged, managing, tallies
from tars.store.inserting import insert_new
from tars.store.rows import Named, SessionStatus, TurnBegun, TurnRecord, Wishes
from tars.store.schema import agents, sessions, turns
from tars.store.values import Utc, Words, object_of

#: How a session ended whose last turn had this outcome.
ENDINGS = {
    Outcome.OK: SessionStatus.COMPLETED,
    Outcome.CANCELLED: SessionStatus.COMPLETED,
    Outcome.ERROR: SessionStatus.FAILED,
    Outcome.TIMEOUT: SessionStatus.FAILED,
    Outcome.REFUSED: SessionStatus.FAILED,
    Outcome.INTERRUPTED: SessionStatus.INTERRUPTED,
}

_AGENTS = and_(
    sessions.c.machine == bindparam("of_machine"), sessions.c.agent == bindparam("of_agent")
)
_THIS = and_(_AGENTS, sessions.c.id == bindparam("known"))
_SEQ = sessions.c.seq == bindparam("this")
_FIND = select(
    sessions.c.seq, sessions.c.status, sessions.c.last_activity_at, sessions.c.source
).where(_THIS)
_INSERT = insert_new(sessions)
_CHANGE = update(sessions).where(_SEQ)
_BEGIN = (
    update(sessions)
    .where(_THIS, locks.FREE)
    .values(
        **locks.TAKEN,
        last_activity_at=bindparam("began", type_=Utc),
        title=case(
            (
                and_(sessions.c.title == "", ~sessions.c.titled),
                bindparam("new_title", type_=Words),
            ),
            else_=sessions.c.title,
        ),
    )
    .returning(
        *(
            sessions.c[name]
            for name in ("seq", "status", "task", "name", "project", "branch", "metadata", "source")
        )
    )
)
_MINE = sessions.c.writer == bindparam("who", type_=Words)
_FINISH = (
    update(sessions)
    .where(_SEQ)
    .values(
        messages=sessions.c.messages + arrivals.SPOKEN,
        writer=case((_MINE, None), else_=sessions.c.writer),
        writer_until=case((_MINE, None), else_=sessions.c.writer_until),
    )
    .returning(sessions.c.name, sessions.c.writer, arrivals.USED_TOOLS.label("used_tools"))
)
_ACTIVE = select(sessions.c.seq, sessions.c.id, sessions.c.last_activity_at).where(
    _AGENTS, sessions.c.status == SessionStatus.ACTIVE.value
)
_OUTCOME = (
    select(turns.c.outcome)
    .where(
        turns.c.machine == bindparam("of_machine"),
        turns.c.agent == bindparam("of_agent"),
        turns.c.session == bindparam("known"),
        turns.c.ended_at.is_not(None),
    )
    .order_by(turns.c.seq.desc())
    .limit(1)
)
_HAD_TURNS = select(
    exists().where(
        turns.c.machine == bindparam("of_machine"),
        turns.c.agent == bindparam("of_agent"),
        turns.c.session == bindparam("known"),
    )
)
_AGENT = update(agents).where(
    agents.c.machine == bindparam("of_machine"), agents.c.name == bindparam("of_agent")
)
_AGENT_TYPE = select(agents.c.kind).where(
    agents.c.machine == bindparam("of_machine"), agents.c.name == bindparam("of_agent")
)
_NAMES = select(sessions.c.name).where(_THIS)
_TAKEN_NAME = select(
    exists().where(
        sessions.c.machine == bindparam("of_machine"),
        sessions.c.name == bindparam("wanted", type_=Words),
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a turn takes place: the `seq` of its session, None where there is none, or none on
    record; and the task that it is part of. `refusal` says who else writes there now."""

    seq: int | None = None
    task: str | None = None
    refusal: str | None = None


def save(connection: Connection, machine: int, agent: str, session: str, at: datetime) -> None:
    """Make a session that was opened its agent's active one; one that is new is added.

    One that had turns, and is not on record, was left out of it, or deleted: it stays so.
    """
    this = _this(machine, agent, session)
    row = connection.execute(_FIND, this).first()
    if row is None:
        if not connection.execute(_HAD_TURNS, this).scalar_one():
            seq = _add(connection, this, at)
            _activate(connection, this, seq)
        return
    connection.execute(_CHANGE, {"this": row.seq, "last_activity_at": at})
    if row.source == logged.SOURCE:
        logged.adopt(connection, row.seq)
    if row.status != SessionStatus.ACTIVE:
        _activate(connection, this, row.seq)


def begin(connection: Connection, machine: int, turn: TurnBegun, who: str, now: datetime) -> Place:
    """Take the session of a turn for this process, and note what its prompt says of it.

    Nothing is changed where somebody else has it.
    """
    if turn.session is None:
        return Place(task=turn.wishes.task)
    this = _this(machine, turn.agent, turn.session)
    values = {
        **this,
        **locks.lease(who, now),
        "began": turn.began_at,
        "new_title": turn.title,
    }
    row = connection.execute(_BEGIN, values).first()
    if row is None:
        known = connection.execute(_FIND, this).first()
        if known is None and turn.wishes.unrecorded:
            return Place(task=turn.wishes.task)
        if known is None:
            # Another process may add it at the same moment, and have it.
            seq = _add(connection, this, turn.began_at, status=SessionStatus.COMPLETED)
        else:
            seq = known.seq
        if not locks.take(connection, seq, who, now):
            return Place(seq, refusal=locks.refusal(connection, seq, now))
        row = connection.execute(_BEGIN, values).one()
    if row.source == logged.SOURCE:
        logged.adopt(connection, row.seq)
    if row.status != SessionStatus.ACTIVE:
        _activate(connection, this, row.seq)
    changes = _changes(connection, this, row, turn.wishes)
    if changes:
        connection.execute(_CHANGE, {"this": row.seq, **changes})
    if turn.wishes.tags:
        managing.add_tags(connection, row.seq, turn.wishes.tags)
    return Place(row.seq, turn.wishes.task or row.task)


def finish(connection: Connection, turn: TurnRecord, session: int | None, who: str) -> Named | None:
    """Write down the rest of what was said in a turn; count it, and let go of its session, which
    is given by its `seq`. Gives what that is called."""
    arrivals.end(connection, turn.id, session, turn.said, turn.ended_at)
    if session is None or turn.session is None:
        arrivals.end_calls(connection, turn.id, None, turn.ended_at)
        return None
    row = connection.execute(_FINISH, {"this": session, "of_turn": turn.id, "who": who}).one()
    if row.writer is not None:
        # The daemon that began the turn is gone, if it was this machine's.
        locks.sweep(connection, session, who)
    if row.used_tools:
        arrivals.end_calls(connection, turn.id, session, turn.ended_at)
        tallies.add_turn(connection, session, turn.id)
    return Named(turn.agent, turn.session, row.name)


def hold(connection: Connection, machine: int, turn: TurnRecord, who: str) -> None:
    """Write down what was said until a turn was held, and let go of its session meanwhile."""
    seq = None
    if turn.session is not None:
        seq = find(connection, machine, turn.agent, turn.session)
    arrivals.end(connection, turn.id, seq, turn.said, turn.ended_at)
    arrivals.end_calls(connection, turn.id, seq, turn.ended_at)
    if seq is not None:
        locks.free(connection, seq, who)


def end(connection: Connection, machine: int, agent: str, session: str, at: datetime) -> None:
    """End a session that is its agent's active one no longer, as its last turn ended."""
    this = _this(machine, agent, session)
    row = connection.execute(_FIND, this).first()
    if row is not None and row.status == SessionStatus.ACTIVE:
        _end(connection, this, row.seq, min(row.last_activity_at, at))
    connection.execute(
        _AGENT.where(agents.c.session == bindparam("known")), {**this, "session": None}
    )


def find(connection: Connection, machine: int, agent: str, session: str) -> int | None:
    """Give the `seq` of a session, or None."""
    row = connection.execute(_FIND, _this(machine, agent, session)).first()
    return None if row is None else row.seq


def name(connection: Connection, machine: int, agent: str, session: str) -> str | None:
    """Give the name of a session, or None."""
    known: str | None = connection.scalar(_NAMES, _this(machine, agent, session))
    return known


def _this(machine: int, agent: str, session: str) -> dict[str, object]:
    return {"of_machine": machine, "of_agent": agent, "known": session}


def _add(
    connection: Connection,
    this: dict[str, object],
    at: datetime,
    status: SessionStatus = SessionStatus.ACTIVE,
) -> int:
    new = {
        "machine": this["of_machine"],
        "agent": this["of_agent"],
        "id": this["known"],
        "agent_type": connection.scalar(_AGENT_TYPE, this) or "",
        "status": status.value,
        "created_at": at,
        "last_activity_at": at,
    }
    connection.execute(_INSERT, new)
    # Another process may have been as quick: then it is that row.
    seq: int = connection.execute(_FIND, this).one().seq
    return seq


def _activate(connection: Connection, this: dict[str, object], seq: int) -> None:
    """Make a session its agent's active one; the one before ends."""
    for row in connection.execute(_ACTIVE, this).all():
        if row.seq != seq:
            _end(connection, {**this, "known": row.id}, row.seq, row.last_activity_at)
    active = {"status": SessionStatus.ACTIVE.value, "ended_at": None, "archived_at": None}
    connection.execute(_CHANGE, {"this": seq, **active})
    connection.execute(_AGENT, {**this, "session": this["known"]})


def _end(connection: Connection, this: dict[str, object], seq: int, at: datetime) -> None:
    outcome = connection.scalar(_OUTCOME, this)
    status = SessionStatus.COMPLETED if outcome is None else ENDINGS[Outcome(outcome)]
    connection.execute(_CHANGE, {"this": seq, "status": status.value, "ended_at": at})


def _changes(
    connection: Connection, this: dict[str, object], row: Row[tuple[object, ...]], wishes: Wishes
) -> dict[str, object]:
    """Tell what a prompt's wishes change in its session. A session stays in its project, and
    takes no name that another one has by now."""
    changes: dict[str, object] = {}
    if wishes.project and not row.project:
        changes["project"] = wishes.project
    if wishes.branch not in ("", row.branch) and row.project in ("", wishes.project):
        changes["branch"] = wishes.branch
    if wishes.task not in (None, row.task):
        changes["task"] = wishes.task
    if wishes.name not in (None, row.name):
        wanted = {**this, "wanted": wishes.name}
        if not connection.execute(_TAKEN_NAME, wanted).scalar_one():
            changes["name"] = wishes.name
    if wishes.metadata:
        noted = {**object_of(row.metadata), **wishes.metadata}
        changes["metadata"] = json.dumps(noted, ensure_ascii=False)
    return changes
