"""What was spent, added up from the ledger itself: by session, model, agent, project and so on.

Every finished turn is in exactly one group, but for models, of which a turn may have several;
its tokens and its cost are split between them to the last one. A sum is exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    column,
    func,
    literal,
    select,
    values,
)

from tars.accounting.usage import Ledger
from tars.store.finding import Wanted, conditions
from tars.store.rows import Spent
from tars.store.schema import machines, sessions, turn_models, turns
from tars.store.values import Utc, Words

#: How many days one statement is asked for; each takes three parameters.
_DAYS = 2000


class By(StrEnum):
    """What the sums are of."""

    SESSION = "session"
    MODEL = "model"
    AGENT = "agent"
    PROJECT = "project"
    MACHINE = "machine"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class Sum:
    """What was spent in one group, and how long its turns took. `key` names the group: a session
    by its machine, agent and id, everything else by one word, which may be empty."""

    key: tuple[str, ...]
    spent: Spent
    duration_ms: int


_OF_SESSION = and_(
    sessions.c.machine == turns.c.machine,
    sessions.c.agent == turns.c.agent,
    sessions.c.id == turns.c.session,
)
_KINDS = ("requests", "net_input", "cache_read", "cache_write", "output", "reasoning")
_KEYS: dict[By, tuple[ColumnElement[Any], ...]] = {
    By.SESSION: (machines.c.name, turns.c.agent, func.coalesce(turns.c.session, "")),
    By.MODEL: (func.coalesce(turn_models.c.model, turns.c.model),),
    By.AGENT: (turns.c.agent,),
    By.PROJECT: (func.coalesce(sessions.c.project, ""),),
    By.MACHINE: (machines.c.name,),
    By.TASK: (func.coalesce(turns.c.task, ""),),
}


def grouped(
    connection: Connection,
    by: By,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    wanted: Wanted | None = None,
) -> list[Sum]:
    """Add up the turns that ended in a span, in groups, the most tokens first. `wanted` are the
    sessions whose turns count, whenever those were; None means also turns of no session."""
    key = _KEYS[by]
    figures = _shares() if by is By.MODEL else _figures()
    query = select(*(part.label(f"key{i}") for i, part in enumerate(key)), *figures)
    query = _joined(query, by, wanted is not None).where(*_ended(since, until))
    if wanted is not None:
        query = query.where(*conditions(connection, replace(wanted, since=None, until=None)))
    rows = connection.execute(query.group_by(*key)).all()
    sums = [_sum(tuple(row[: len(key)]), row) for row in rows]
    return sorted(sums, key=lambda each: (-each.spent.tokens.total, each.key))


def whole(
    connection: Connection,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    wanted: Wanted | None = None,
) -> Sum:
    """Add up all of the turns that ended in a span; see `grouped`."""
    query = _joined(select(*_figures()), None, wanted is not None).where(*_ended(since, until))
    if wanted is not None:
        query = query.where(*conditions(connection, replace(wanted, since=None, until=None)))
    return _sum((), connection.execute(query).one())


def daily(
    connection: Connection,
    days: Sequence[tuple[str, datetime, datetime]],
    *,
    wanted: Wanted | None = None,
) -> list[Sum]:
    """Add up the turns that ended within each of these spans, by the spans' names; those
    without a turn are left out."""
    found = []
    for start in range(0, len(days), _DAYS):
        spans = _spans(days[start : start + _DAYS])
        within = (turns.c.ended_at >= spans.c.since) & (turns.c.ended_at < spans.c.until)
        base = spans.join(turns, within)
        if wanted is not None:
            base = base.join(sessions, _OF_SESSION)
        query = select(spans.c.day, *_figures()).select_from(base)
        query = query.where(turns.c.outcome.is_not(None)).group_by(spans.c.day)
        if wanted is not None:
            query = query.where(*conditions(connection, replace(wanted, since=None, until=None)))
        found += [_sum((row.day,), row) for row in connection.execute(query.order_by(spans.c.day))]
    return found


def ends(
    connection: Connection, since: datetime | None, until: datetime | None
) -> tuple[datetime, datetime] | None:
    """Give when the first and the last turn of a span ended; None where there is none."""
    first, last = (
        connection.scalar(
            select(turns.c.ended_at).where(*_ended(since, until)).order_by(order).limit(1)
        )
        for order in (turns.c.ended_at, turns.c.ended_at.desc())
    )
    return None if first is None or last is None else (first, last)


def _spans(days: Sequence[tuple[str, datetime, datetime]]) -> Any:
    named = values(column("day", Words), column("since", Utc), column("until", Utc), name="spans")
    return named.data(list(days)).cte("days")


def _ended(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [turns.c.outcome.is_not(None), turns.c.ended_at.is_not(None)]
    if since is not None:
        found.append(turns.c.ended_at >= since)
    if until is not None:
        found.append(turns.c.ended_at < until)
    return found


def _joined(query: Select[Any], by: By | None, chosen: bool) -> Select[Any]:
    base: Any = turns
    if by in (By.SESSION, By.MACHINE):
        base = base.join(machines, machines.c.seq == turns.c.machine)
    if by is By.MODEL:
        # A turn without a split has its own model alone.
        base = base.outerjoin(turn_models, turn_models.c.turn == turns.c.seq)
    if chosen:
        base = base.join(sessions, _OF_SESSION)
    elif by is By.PROJECT:
        base = base.outerjoin(sessions, _OF_SESSION)
    return query.select_from(base)


def _figures() -> list[ColumnElement[Any]]:
    return [
        func.count().label("turns"),
        *(func.coalesce(func.sum(turns.c[name]), 0).label(name) for name in _KINDS),
        func.coalesce(func.sum(turns.c.cost_microusd), 0).label("cost_microusd"),
        func.count(turns.c.cost_microusd).label("costed_turns"),
        func.coalesce(func.sum(turns.c.duration_ms), 0).label("duration_ms"),
    ]


def _shares() -> list[ColumnElement[Any]]:
    def share(name: str) -> ColumnElement[Any]:
        own = turns.c[name] if name in turns.c else literal(0)
        return func.sum(func.coalesce(turn_models.c[name], own, 0)).label(name)

    return [
        func.count().label("turns"),
        *(share(name) for name in (*_KINDS, "cost_microusd")),
        func.count(turns.c.cost_microusd).label("costed_turns"),
        func.sum(turns.c.duration_ms).label("duration_ms"),
    ]


def _sum(key: tuple[str, ...], row: Row[Any]) -> Sum:
    # Databases give sums of large integers as decimals.
    kinds = {name: int(getattr(row, name)) for name in _KINDS[1:]}
    return Sum(
        key=key,
        spent=Spent(
            turns=row.turns,
            requests=int(row.requests),
            tokens=Ledger(**kinds),
            cost_microusd=int(row.cost_microusd),
            costed_turns=int(row.costed_turns),
        ),
        duration_ms=int(row.duration_ms),
    )
