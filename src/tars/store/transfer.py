"""Whole sessions out of the store and into it: every row of one, a page at a time.

Every function is part of the caller's transaction. What no turn brought stands in the place that
`messages.PLACE` gives it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    func,
    insert,
    select,
    update,
)

from tars.store import slots
from tars.store.messages import PLACE, add_files
from tars.store.schema import (
    machines,
    messages,
    model_requests,
    notes,
    session_models,
    session_tags,
    sessions,
    tasks,
    tool_calls,
    tool_files,
    turn_models,
    turns,
)

#: Rows in memory at a time: a text may be long.
_PAGE = 100
#: More than this can be bound in one statement nowhere.
_BATCH = 500

#: The columns of a share, whose sums make those of a turn and of a session.
SHARED = (
    "requests",
    "net_input",
    "cache_read",
    "cache_write",
    "output",
    "reasoning",
    "cost_microusd",
    "costed_turns",
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A session's row, the name of its machine, and what hangs on it."""

    row: Row[Any]
    machine: str
    tags: tuple[str, ...]
    notes: Sequence[Row[Any]]
    tasks: Sequence[Row[Any]]
    models: Sequence[Row[Any]]


@dataclass(frozen=True, slots=True)
class Said:
    """A row of `messages`, or one of `tool_calls` with the files that it names. `place` is the
    `seq` of the turn after which it came, where no turn brought it."""

    row: Row[Any]
    called: bool
    files: tuple[str, ...] = ()

    @property
    def place(self) -> int:
        return int(self.row.number) // PLACE


# --- out ------------------------------------------------------------------------


def every(connection: Connection) -> list[int]:
    """Give the keys of all sessions, in the order in which they came."""
    return list(connection.scalars(select(sessions.c.seq).order_by(sessions.c.seq)))


def stored(connection: Connection, seq: int) -> Stored | None:
    """Give a session, or None when it is gone."""
    found = connection.execute(
        select(sessions, machines.c.name.label("machine_name"))
        .join(machines, machines.c.seq == sessions.c.machine)
        .where(sessions.c.seq == seq)
    ).first()
    if found is None:
        return None
    tag = select(session_tags.c.tag).where(session_tags.c.session == seq)
    return Stored(
        found,
        found.machine_name,
        tuple(sorted(connection.scalars(tag))),
        _of(connection, notes, seq, notes.c.seq),
        _of(connection, tasks, seq, tasks.c.seq),
        _of(connection, session_models, seq, session_models.c.model),
    )


def turns_of(
    connection: Connection, session: Row[Any]
) -> Iterator[tuple[Row[Any], list[Row[Any]]]]:
    """Give the turns of a session in their order, each with its split by model."""
    its = and_(
        turns.c.machine == session.machine,
        turns.c.agent == session.agent,
        turns.c.session == session.id,
    )
    for turn in _paged(connection, select(turns).where(its), turns.c.seq):
        split = select(turn_models).where(turn_models.c.turn == turn.seq)
        yield turn, list(connection.execute(split.order_by(turn_models.c.model)))


def requests_of(connection: Connection, turn: str) -> Iterator[Row[Any]]:
    """Give the model requests of a turn, as each source counts them."""
    query = select(model_requests).where(model_requests.c.turn == turn)
    return _paged(connection, query, model_requests.c.seq)


def said_in(connection: Connection, turn: str) -> Iterator[Said]:
    """Give what was said in a turn, in its order."""
    return _merged(
        _paged(connection, select(messages).where(messages.c.turn == turn), messages.c.number),
        _called(connection, select(tool_calls).where(tool_calls.c.turn == turn)),
    )


def said_freely(connection: Connection, seq: int) -> Iterator[Said]:
    """Give what no turn brought into a session, in its order."""
    said = select(messages).where(messages.c.session == seq, messages.c.turn.is_(None))
    called = select(tool_calls).where(tool_calls.c.session == seq, tool_calls.c.turn.is_(None))
    # By `seq`, which has an index; it grows as the numbers do.
    return _merged(
        _paged(connection, said, messages.c.seq), _called(connection, called, tool_calls.c.seq)
    )


def _merged(said: Iterator[Row[Any]], called: Iterator[Said]) -> Iterator[Said]:
    return merge(
        (Said(row, called=False) for row in said),
        called,
        key=lambda each: (each.row.number, each.called),
    )


def _called(
    connection: Connection, query: Select[Any], by: Any = tool_calls.c.number
) -> Iterator[Said]:
    for row in _paged(connection, query, by):
        files = select(tool_files.c.path).where(tool_files.c.tool_call == row.seq)
        yield Said(row, called=True, files=tuple(sorted(connection.scalars(files))))


def _paged(connection: Connection, query: Select[Any], by: Any) -> Iterator[Row[Any]]:
    last = -1
    while page := connection.execute(query.where(by > last).order_by(by).limit(_PAGE)).all():
        yield from page
        last = page[-1]._mapping[by.key]


def _of(connection: Connection, table: Any, seq: int, by: Any) -> Sequence[Row[Any]]:
    return connection.execute(select(table).where(table.c.session == seq).order_by(by)).all()


# --- in -------------------------------------------------------------------------


def same(connection: Connection, id: str, agent: str | None) -> Row[Any] | None:
    """Give the session that has this id, of this agent or of any, whichever machine's it is."""
    query = select(sessions).where(sessions.c.id == id).order_by(sessions.c.seq)
    if agent is not None:
        query = query.where(sessions.c.agent == agent)
    return connection.execute(query.limit(1)).first()


def names_like(connection: Connection, machine: int, name: str) -> set[str]:
    """Give the names of a machine's sessions that begin so."""
    query = select(sessions.c.name).where(
        sessions.c.machine == machine, sessions.c.name.startswith(name, autoescape=True)
    )
    return {found for found in connection.scalars(query) if found is not None}


def add_session(connection: Connection, values: Mapping[str, object], tags: Iterable[str]) -> int:
    """Add a session, and give its key."""
    added = connection.execute(insert(sessions).returning(sessions.c.seq), dict(values))
    seq = int(added.scalar_one())
    if each := [{"session": seq, "tag": tag} for tag in dict.fromkeys(tags)]:
        connection.execute(insert(session_tags), each)
    return seq


def add_note(connection: Connection, seq: int, at: datetime, text: str) -> None:
    """Add what somebody noted."""
    connection.execute(insert(notes), {"session": seq, "at": at, "text": text})


def add_task(connection: Connection, values: Mapping[str, object]) -> None:
    """Add a task, unless the machine has one of this name; a session that has none gets it."""
    this = and_(tasks.c.machine == values["machine"], tasks.c.name == values["name"])
    if connection.scalar(select(tasks.c.seq).where(this)) is None:
        connection.execute(insert(tasks), dict(values))
        return
    orphan = update(tasks).where(this, tasks.c.session.is_(None))
    connection.execute(orphan.values(session=values["session"]))


def add_turn(
    connection: Connection, values: Mapping[str, object], shares: Iterable[Mapping[str, object]]
) -> int | None:
    """Add a turn with its split by model, and give its key. One that the ledger has keeps its
    figures: it gets its session again where it lost it, else None is given."""
    known = connection.execute(select(turns).where(turns.c.id == values["id"])).first()
    if known is not None:
        if (known.machine, known.agent) != (values["machine"], values["agent"]):
            return None
        if known.session is not None:
            return None
        again = {"session": values["session"]}
        if known.ended_at is None:
            # What a copy knows of a turn that never ended here is how it ended.
            again = dict(values)
            connection.execute(insert(turn_models), [{"turn": known.seq, **s} for s in shares])
        connection.execute(update(turns).where(turns.c.seq == known.seq).values(**again))
        if known.ended_at is not None:
            slots.recount_free(connection, known.machine, known.agent, known.ended_at)
        return int(known.seq)
    added = connection.execute(insert(turns).returning(turns.c.seq), dict(values))
    seq = int(added.scalar_one())
    if each := [{"turn": seq, **share} for share in shares]:
        connection.execute(insert(turn_models), each)
    return seq


def add_requests(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Add model requests of one session, except those that it has from their source already."""
    for start in range(0, len(rows), _BATCH):
        page = rows[start : start + _BATCH]
        place = model_requests.c.machine, model_requests.c.agent, model_requests.c.session
        at = page[0]
        here = [column == at[column.key] for column in place]
        query = select(model_requests.c.source, model_requests.c.id).where(
            *here, model_requests.c.id.in_([row["id"] for row in page])
        )
        seen = {(row.source, row.id) for row in connection.execute(query)}
        new = {(row["source"], row["id"]): dict(row) for row in page}
        if each := [row for key, row in new.items() if key not in seen]:
            connection.execute(insert(model_requests), each)


def add_messages(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Add messages."""
    if rows:
        connection.execute(insert(messages), [dict(row) for row in rows])


def add_call(connection: Connection, values: Mapping[str, object], files: Sequence[str]) -> None:
    """Add a tool call, with the files that it names."""
    added = connection.execute(insert(tool_calls).returning(tool_calls.c.seq), dict(values))
    add_files(connection, int(added.scalar_one()), files)


def whole_messages(connection: Connection, seq: int) -> Iterator[int]:
    """Give the keys of a session's messages that do not grow any more."""
    whole = messages.c.session == seq, messages.c.ended_at.is_not(None)
    for row in _paged(connection, select(messages.c.seq).where(*whole), messages.c.seq):
        yield row.seq


def add_up(connection: Connection, seq: int) -> None:
    """Set the sums of a session, of its models and of its times to what its finished turns make."""
    session = connection.execute(select(sessions).where(sessions.c.seq == seq)).one()
    its = and_(
        turns.c.machine == session.machine,
        turns.c.agent == session.agent,
        turns.c.session == session.id,
        turns.c.ended_at.is_not(None),
    )
    kinds = ("net_input", "cache_read", "cache_write", "output")
    more = (*kinds, "reasoning", "requests", "duration_ms", "subagent_tokens", "cost_microusd")
    sums = connection.execute(
        select(
            func.count().label("turns"),
            func.count(turns.c.cost_microusd).label("costed_turns"),
            func.count().filter(turns.c.at_least).label("at_least"),
            *(func.coalesce(func.sum(turns.c[name]), 0).label(name) for name in more),
        ).where(its)
    ).one()
    values = {name: int(sums._mapping[name]) for name in ("turns", "costed_turns", *more)}
    values["tokens"] = sum(values[name] for name in kinds)
    connection.execute(
        update(sessions).where(sessions.c.seq == seq).values(**values, at_least=bool(sums.at_least))
    )
    by_model = connection.execute(
        select(
            turn_models.c.model,
            func.count().label("turns"),
            *(func.sum(turn_models.c[name]).label(name) for name in SHARED),
        )
        .join(turns, turns.c.seq == turn_models.c.turn)
        .where(its)
        .group_by(turn_models.c.model)
    ).all()
    if by_model:
        each = [
            {"session": seq, "model": row.model}
            | {name: int(row._mapping[name]) for name in ("turns", *SHARED)}
            for row in by_model
        ]
        connection.execute(insert(session_models), each)
    slots.recount(connection, session.machine, session.agent, session.id)
