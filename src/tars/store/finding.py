"""Which sessions there are: the queries by which they are listed and found again."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    exists,
    func,
    or_,
    select,
)

from tars.accounting.usage import Ledger
from tars.store.logged import SOURCE
from tars.store.rows import SessionRecord, SessionStatus, Spent
from tars.store.schema import machines, session_models, session_tags, sessions
from tars.store.values import object_of

#: The end of everything that begins with a text: no character comes after it.
_LAST_CHARACTER = "\U0010ffff"

#: More than this can be bound in one statement nowhere.
_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which sessions are meant; what is not said leaves none out.

    `project` means the sessions of a folder and of those in it. A session is between `since`
    and `until`, half-open, when it had begun before the one and was in use at or after the
    other. `archived` None means both those that are put away and those that are not.
    """

    agent: str | None = None
    agent_types: tuple[str, ...] = ()
    project: str | None = None
    model: str | None = None
    tags: tuple[str, ...] = ()
    task: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    min_tokens: int | None = None
    statuses: tuple[SessionStatus, ...] = ()
    archived: bool | None = False
    machine: str | None = None
    source: str | None = None


class Order(StrEnum):
    """By what sessions are sorted; each is most, or newest, first, except the name."""

    ACTIVITY = "activity"
    STARTED = "started"
    DURATION = "duration"
    TOKENS = "tokens"
    COST = "cost"
    NAME = "name"


_RECORDS = select(sessions, machines.c.name.label("machine_name")).join_from(
    sessions, machines, sessions.c.machine == machines.c.seq
)
_NOT_ARCHIVED = sessions.c.status != SessionStatus.ARCHIVED.value
_MODELS = select(session_models).where(
    session_models.c.session.in_(bindparam("seqs", expanding=True))
)
_TAGS = select(session_tags).where(session_tags.c.session.in_(bindparam("seqs", expanding=True)))


def listed(
    connection: Connection,
    wanted: Wanted,
    *,
    order: Order = Order.ACTIVITY,
    reverse: bool = False,
    limit: int | None = None,
    after: int = 0,
) -> list[SessionRecord]:
    """Give the sessions that are meant, in this order: `limit` of them behind the first `after`."""
    query = _RECORDS.where(*conditions(connection, wanted)).order_by(*_order(order, reverse))
    if limit is None:
        return _records(connection, query)
    # To sort and step over whole rows takes ten times as long as over their keys.
    keys = select(sessions.c.seq).where(*conditions(connection, wanted))
    keys = keys.order_by(*_order(order, reverse)).limit(limit)
    return in_order(connection, connection.scalars(keys.offset(after) if after else keys))


def in_order(connection: Connection, seqs: Iterable[int]) -> list[SessionRecord]:
    """Give sessions by their keys, in the order of these; those that are gone are left out."""
    keys = list(seqs)
    found = {record.seq: record for record in by_seq(connection, keys)}
    return [found[seq] for seq in keys if seq in found]


def seqs(connection: Connection, wanted: Wanted) -> set[int]:
    """Give the keys of all sessions that are meant."""
    meant = conditions(connection, wanted)
    if connection.dialect.name == "sqlite":
        # One text instead of a hundred thousand rows: a third of the time.
        found = connection.scalar(select(func.group_concat(sessions.c.seq)).where(*meant))
        return set(map(int, found.split(","))) if found else set()
    return set(connection.scalars(select(sessions.c.seq).where(*meant)))


def seqs_by_id(connection: Connection) -> Iterator[tuple[str, int]]:
    """Give the ids of all sessions with their keys: several may have the same id."""
    for row in connection.execute(select(sessions.c.id, sessions.c.seq)):
        yield row.id, row.seq


def counted(connection: Connection, wanted: Wanted) -> int:
    """Say how many sessions are meant."""
    query = select(func.count()).select_from(sessions).where(*conditions(connection, wanted))
    return connection.execute(query).scalar_one()


def by_seq(connection: Connection, seqs: Iterable[int]) -> list[SessionRecord]:
    """Give sessions by their keys, in no particular order; those that are gone are left out."""
    keys, found = list(seqs), []
    for start in range(0, len(keys), _BATCH):
        found += _records(
            connection, _RECORDS.where(sessions.c.seq.in_(keys[start : start + _BATCH]))
        )
    return found


def by_id(connection: Connection, id: str) -> list[SessionRecord]:
    """Give the sessions with this id: several agents or machines may have the same."""
    return _records(connection, _RECORDS.where(sessions.c.id == id).order_by(sessions.c.seq))


def by_name(connection: Connection, name: str) -> list[SessionRecord]:
    """Give the sessions with this name: at most one of each machine."""
    return _records(connection, _RECORDS.where(sessions.c.name == name).order_by(sessions.c.seq))


def by_prefix(connection: Connection, prefix: str, *, limit: int) -> list[SessionRecord]:
    """Give the sessions whose ids begin so, the one with the newest activity first."""
    query = _RECORDS.where(begins(connection, sessions.c.id, prefix))
    return _records(
        connection,
        query.order_by(sessions.c.last_activity_at.desc(), sessions.c.seq.desc()).limit(limit),
    )


def newest(
    connection: Connection, machine: int, *, agent: str | None, project: str | None
) -> list[SessionRecord]:
    """Give the session of a machine that was in use last, unless it is archived, or ran outside
    tars: to go on with one of those, somebody has to name it."""
    wanted = Wanted(agent=agent, project=project)
    here = sessions.c.machine == machine, sessions.c.source != SOURCE
    query = _RECORDS.where(*here, *conditions(connection, wanted))
    return _records(connection, query.order_by(*_order(Order.ACTIVITY, reverse=False)).limit(1))


def of_machine(connection: Connection, machine: int, seqs: Iterable[int]) -> list[int]:
    """Give those of the sessions that are a machine's own."""
    query = select(sessions.c.seq)
    return list(
        connection.scalars(
            query.where(sessions.c.machine == machine, sessions.c.seq.in_(list(seqs)))
        )
    )


def neighbours(connection: Connection, id: str) -> tuple[str, str]:
    """Give the ids before and after this one as they sort; empty at either end."""
    below, above = _compared(connection, sessions.c.id, id)
    order = sessions.c.id if connection.dialect.name == "sqlite" else _as_bytes(sessions.c.id)
    before = connection.scalar(select(sessions.c.id).where(below).order_by(order.desc()).limit(1))
    after = connection.scalar(select(sessions.c.id).where(above).order_by(order).limit(1))
    return before or "", after or ""


def conditions(connection: Connection, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Translate what is wanted into conditions on the table of sessions."""
    at = sessions.c
    found: list[ColumnElement[bool]] = []
    if wanted.agent is not None:
        found.append(at.agent == wanted.agent)
    if wanted.agent_types:
        found.append(at.agent_type.in_(wanted.agent_types))
    if wanted.project is not None:
        found.append(_within(connection, wanted.project))
    if wanted.model is not None:
        found.append(_has_model(wanted.model))
    found += [_has_tag(tag) for tag in wanted.tags]
    if wanted.task is not None:
        found.append(at.task == wanted.task)
    if wanted.since is not None:
        found.append(at.last_activity_at >= wanted.since)
    if wanted.until is not None:
        found.append(at.created_at < wanted.until)
    if wanted.min_tokens is not None:
        found.append(at.tokens >= wanted.min_tokens)
    if wanted.statuses:
        found.append(at.status.in_([status.value for status in wanted.statuses]))
    elif wanted.archived is not None:
        archived = at.status == SessionStatus.ARCHIVED.value
        found.append(archived if wanted.archived else _NOT_ARCHIVED)
    if wanted.machine is not None:
        named = select(machines.c.seq).where(
            or_(machines.c.name == wanted.machine, machines.c.id == wanted.machine)
        )
        found.append(at.machine.in_(named))
    if wanted.source is not None:
        found.append(at.source == wanted.source)
    return found


def begins(connection: Connection, column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """Say that a text begins so, in a way that an index answers."""
    end = prefix + _LAST_CHARACTER
    if connection.dialect.name == "sqlite":
        return (column >= prefix) & (column < end)
    # A database may sort as a language does; these compare by bytes, as text_pattern_ops sorts.
    return column.op("~>=~", return_type=Boolean())(prefix) & column.op(
        "~<~", return_type=Boolean()
    )(end)


def _compared(
    connection: Connection, column: ColumnElement[str], value: str
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Say that a text sorts before a value, and after it, byte by byte."""
    if connection.dialect.name == "sqlite":
        return column < value, column > value
    below: ColumnElement[bool] = column.op("~<~", return_type=Boolean())(value)
    above: ColumnElement[bool] = column.op("~>~", return_type=Boolean())(value)
    return below, above


def _as_bytes(column: ColumnElement[str]) -> ColumnElement[str]:
    return column.collate("C")


def _within(connection: Connection, folder: str) -> ColumnElement[bool]:
    root = folder.rstrip("/")
    return or_(
        sessions.c.project == (root or "/"), begins(connection, sessions.c.project, f"{root}/")
    )


def _has_model(model: str) -> ColumnElement[bool]:
    return exists().where(
        session_models.c.session == sessions.c.seq, session_models.c.model == model
    )


def _has_tag(tag: str) -> ColumnElement[bool]:
    return exists().where(session_tags.c.session == sessions.c.seq, session_tags.c.tag == tag)


def _order(order: Order, reverse: bool) -> tuple[ColumnElement[Any], ...]:
    at = sessions.c
    if order is Order.NAME:
        # Those without a name come last, by their titles, whichever way the names go.
        named = (func.lower(at.name), func.lower(at.title), at.seq)
        return (at.name.is_(None), *(c.desc() if reverse else c.asc() for c in named))
    columns: dict[Order, ColumnElement[Any]] = {
        Order.ACTIVITY: at.last_activity_at,
        Order.STARTED: at.created_at,
        Order.DURATION: at.duration_ms,
        Order.TOKENS: at.tokens,
        Order.COST: at.cost_microusd,
    }
    both = (columns[order], at.seq)
    return tuple(c.asc() if reverse else c.desc() for c in both)


def _records(connection: Connection, query: Select[Any]) -> list[SessionRecord]:
    rows = connection.execute(query).all()
    seqs = [row.seq for row in rows]
    models, tags = _models(connection, seqs), _tags(connection, seqs)
    return [
        _record(row, models.get(row.seq, {}), tuple(sorted(tags.get(row.seq, ())))) for row in rows
    ]


def _models(connection: Connection, seqs: Sequence[int]) -> dict[int, dict[str, Spent]]:
    found: dict[int, dict[str, Spent]] = defaultdict(dict)
    for start in range(0, len(seqs), _BATCH):
        batch = {"seqs": seqs[start : start + _BATCH]}
        for row in connection.execute(_MODELS, batch):
            found[row.session][row.model] = spent(row)
    return {
        seq: dict(sorted(of.items(), key=lambda item: (-item[1].tokens.total, item[0])))
        for seq, of in found.items()
    }


def _tags(connection: Connection, seqs: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for start in range(0, len(seqs), _BATCH):
        for row in connection.execute(_TAGS, {"seqs": seqs[start : start + _BATCH]}):
            found[row.session].append(row.tag)
    return found


def spent(row: Row[Any]) -> Spent:
    """Make the sums of a row that has the columns of them all."""
    return Spent(
        turns=row.turns,
        requests=row.requests,
        tokens=Ledger(row.net_input, row.cache_read, row.cache_write, row.output, row.reasoning),
        cost_microusd=row.cost_microusd,
        costed_turns=row.costed_turns,
    )


def _record(row: Row[Any], models: dict[str, Spent], tags: tuple[str, ...]) -> SessionRecord:
    return SessionRecord(
        seq=row.seq,
        machine=row.machine_name,
        agent=row.agent,
        id=row.id,
        agent_type=row.agent_type,
        name=row.name,
        status=SessionStatus(row.status),
        created_at=row.created_at,
        ended_at=row.ended_at,
        last_activity_at=row.last_activity_at,
        archived_at=row.archived_at,
        project=row.project,
        branch=row.branch,
        title=row.title,
        task=row.task,
        metadata=object_of(row.metadata),
        source=row.source,
        spent=spent(row),
        messages=row.messages,
        tool_calls=row.tool_calls,
        duration_ms=row.duration_ms,
        subagent_tokens=row.subagent_tokens,
        at_least=row.at_least,
        models=models,
        tags=tags,
    )
