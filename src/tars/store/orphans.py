"""Rows that hang on others which are gone: what they hung on is put in place of it again.

What was said is never thrown away for that: a session is told of again by its turns, or takes
the place of a lost one without a word of it; a turn that is lost counts as one of which nobody
knows what it used. Only figures that are counted anew from other rows go.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    select,
    union,
    update,
)

from tars.store.schema import (
    agents,
    machines,
    messages,
    metadata,
    model_requests,
    notes,
    session_files,
    session_models,
    session_tags,
    session_tools,
    sessions,
    tasks,
    tool_calls,
    tool_files,
    turn_models,
    turns,
)

#: What a lost session's agent is called, and how its id begins.
LOST_AGENT, LOST_ID = "recovered", "recovered"
#: Why a turn failed of which only what hangs on it is left.
LOST_TURN = "The row of this turn was damaged; what it used is not known."


def adopt(
    connection: Connection, machine: int, at: datetime, *, damaged: bool = False
) -> dict[str, int]:
    """Mend every row that has lost another, and count what was done, by what it was. `machine`
    is the one on which it is done.

    Turns without a word are those of a conversation that was not to be remembered, unless the
    store was `damaged`.
    """
    done = {
        "machines_recovered": _machines(connection, at),
        "figures_dropped": _figures(connection),
        "sessions_recovered": _sessions_of_turns(connection, damaged=damaged)
        + _sessions_of_rows(connection, machine, at),
        "turns_recovered": _turns(connection, machine),
    }
    gone = tasks.c.session.not_in(_SESSIONS)
    connection.execute(update(tasks).where(gone).values(session=None))
    return {name: count for name, count in done.items() if count}


_SESSIONS = select(sessions.c.seq)
_TURNS = select(turns.c.id)
#: What was said, or is known of it, by session and by turn.
_SAID = (messages, tool_calls)
_HANG_ON_SESSIONS = (*_SAID, notes, session_tags)
_HANG_ON_TURNS = (*_SAID, model_requests)


def _machines(connection: Connection, at: datetime) -> int:
    """Put a machine where rows speak of one that has none."""
    named = [t.c.machine for t in metadata.sorted_tables if "machine" in t.c]
    spoken = union(*(select(column.label("machine")) for column in named)).subquery()
    lost = connection.scalars(
        select(spoken.c.machine).where(spoken.c.machine.not_in(select(machines.c.seq)))
    ).all()
    for seq in lost:
        known = {"seq": seq, "id": f"{LOST_ID}-{seq}", "name": f"{LOST_ID}-{seq}"}
        connection.execute(insert(machines), {**known, "first_seen_at": at, "last_seen_at": at})
    return len(lost)


def _figures(connection: Connection) -> int:
    """Delete sums and lists of what is gone."""
    gone = 0
    of_session = (session_models, session_tools, session_files)
    for table in of_session:
        gone += _delete(connection, table, table.c.session.not_in(select(sessions.c.seq)))
    gone += _delete(connection, turn_models, turn_models.c.turn.not_in(select(turns.c.seq)))
    calls = select(tool_calls.c.seq)
    return gone + _delete(connection, tool_files, tool_files.c.tool_call.not_in(calls))


def _delete(connection: Connection, table: Table, which: ColumnElement[bool]) -> int:
    return connection.execute(delete(table).where(which)).rowcount


def _sessions_of_turns(connection: Connection, *, damaged: bool) -> int:
    """Add the sessions that turns name, and that have no row: under the key by which what was
    said in them names them, if it does."""
    same = and_(
        sessions.c.machine == turns.c.machine,
        sessions.c.agent == turns.c.agent,
        sessions.c.id == turns.c.session,
    )
    lost = connection.execute(
        select(
            turns.c.machine,
            turns.c.agent,
            turns.c.session,
            func.min(turns.c.began_at).label("began"),
            func.max(func.coalesce(turns.c.ended_at, turns.c.began_at)).label("last"),
        )
        .select_from(turns.outerjoin(sessions, same))
        .where(turns.c.session.is_not(None), sessions.c.seq.is_(None))
        .group_by(turns.c.machine, turns.c.agent, turns.c.session)
    ).all()
    added = 0
    for row in lost:
        known = {"machine": row.machine, "agent": row.agent, "id": row.session}
        its = and_(
            turns.c.machine == row.machine,
            turns.c.agent == row.agent,
            turns.c.session == row.session,
        )
        ids = select(turns.c.id).where(its)
        if not damaged and not _was_heard(connection, ids):
            continue
        _add_session(connection, _key(connection, ids), known, row.began, row.last)
        added += 1
    return added


def _was_heard(connection: Connection, its_turns: Select[tuple[str]]) -> bool:
    """Whether anything that was said in these turns is kept, be it without its words."""
    return any(
        connection.scalar(select(exists().where(table.c.turn.in_(its_turns)))) for table in _SAID
    )


def _key(connection: Connection, its_turns: Select[tuple[str]]) -> int | None:
    """Give the key by which what was said in these turns names their lost session."""
    for table in _SAID:
        query = select(table.c.session).where(
            table.c.turn.in_(its_turns), table.c.session.not_in(_SESSIONS)
        )
        found: int | None = connection.scalar(query.limit(1))
        if found is not None:
            return found
    return None


def _sessions_of_rows(connection: Connection, machine: int, at: datetime) -> int:
    """Add a session for each that rows name by a key which is nobody's, and of which no turn
    tells."""
    keys = union(*(select(t.c.session.label("session")) for t in _HANG_ON_SESSIONS)).subquery()
    lost = connection.scalars(
        select(keys.c.session).where(keys.c.session.is_not(None), keys.c.session.not_in(_SESSIONS))
    ).all()
    for seq in lost:
        times = connection.execute(
            select(func.min(messages.c.began_at), func.max(messages.c.began_at)).where(
                messages.c.session == seq
            )
        ).one()
        known = {"machine": machine, "agent": LOST_AGENT, "id": f"{LOST_ID}-{seq}"}
        _add_session(connection, seq, known, times[0] or at, times[1] or at)
    return len(lost)


def _add_session(
    connection: Connection,
    seq: int | None,
    known: dict[str, object],
    began: datetime,
    last: datetime,
) -> None:
    current = select(agents.c.session).where(
        agents.c.machine == known["machine"], agents.c.name == known["agent"]
    )
    active = connection.scalar(current) == known["id"]
    row = {
        **known,
        "created_at": began,
        "last_activity_at": last,
        "ended_at": None if active else last,
        "status": "active" if active else "interrupted",
    }
    connection.execute(insert(sessions), row if seq is None else {**row, "seq": seq})


def _turns(connection: Connection, machine: int) -> int:
    """Add a turn for each that rows name and that is gone."""
    ids = union(*(select(t.c.turn.label("turn")) for t in _HANG_ON_TURNS)).subquery()
    lost = connection.scalars(
        select(ids.c.turn).where(ids.c.turn.is_not(None), ids.c.turn.not_in(_TURNS))
    ).all()
    found = sorted((_lost_turn(connection, turn, machine) for turn in lost), key=_began)
    for row in found:
        connection.execute(insert(turns), row)
    return len(found)


def _began(row: dict[str, object]) -> str:
    return str(row["began_at"])


def _lost_turn(connection: Connection, turn: str, machine: int) -> dict[str, object]:
    """Give the row of a turn of which only what was said, or what it asked for, is left."""
    said = messages.c.turn == turn
    row = connection.execute(
        select(
            func.min(messages.c.began_at).label("began"),
            func.max(messages.c.began_at).label("ended"),
            func.max(messages.c.session).label("session"),
        ).where(said)
    ).one()
    session = row.session or connection.scalar(
        select(func.max(tool_calls.c.session)).where(tool_calls.c.turn == turn)
    )
    whose = connection.execute(select(sessions).where(sessions.c.seq == session)).first()
    asked = connection.execute(
        select(model_requests).where(model_requests.c.turn == turn).limit(1)
    ).first()
    began = row.began or (whose.last_activity_at if whose is not None else _EPOCH)
    counts = ("duration_ms", "input", "net_input", "cache_read", "cache_write", "output",
              "reasoning", "context", "context_cached", "requests", "tool_calls",
              "subagent_tokens")  # fmt: skip
    return {
        **dict.fromkeys(counts, 0),
        "machine": whose.machine if whose is not None else machine,
        "id": turn,
        "agent": whose.agent if whose is not None else asked.agent if asked else LOST_AGENT,
        "session": whose.id if whose is not None else (asked.session or None) if asked else None,
        "outcome": "interrupted",
        "fault_kind": "internal",
        "fault_message": LOST_TURN,
        "fault_advice": "",
        "began_at": began,
        "ended_at": row.ended or began,
        "model": asked.model if asked else "",
        "context_is_sum": False,
        "source": "estimate",
        "models": "[]",
        "log_mark": "",
        "at_least": True,
    }


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
