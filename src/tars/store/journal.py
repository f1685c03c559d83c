"""The log of what the core was told and what it decided, by class name and fields.

Python's `json` writes it, because a policy may hold `inf` and an agent's words half a
surrogate pair, and both have to come back as they were.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, get_args

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select

from tars.core.commands import Command
from tars.core.events import Event
from tars.errors import StoreError
from tars.store.rows import Decision
from tars.store.schema import decisions

EVENTS: Mapping[str, type] = MappingProxyType({kind.__name__: kind for kind in get_args(Event)})
COMMANDS: Mapping[str, type] = MappingProxyType({kind.__name__: kind for kind in get_args(Command)})

#: How many rows are held in memory while a log is read.
_PAGE = 500

_INSERT = insert(decisions)
_NEXT = select(func.coalesce(func.max(decisions.c.number), -1) + 1).where(
    decisions.c.run == bindparam("of")
)
_HERE = decisions.c.machine == bindparam("of_machine")
_RUNS = (
    select(decisions.c.run)
    .where(_HERE)
    .group_by(decisions.c.run)
    .order_by(func.min(decisions.c.seq))
)
_NEWEST = select(decisions.c.seq).where(_HERE).order_by(decisions.c.seq.desc())
_PRUNE = delete(decisions).where(_HERE, decisions.c.seq <= bindparam("upto"))
_READ = (
    select(decisions)
    .where(decisions.c.run == bindparam("of"), decisions.c.number > bindparam("after"))
    .order_by(decisions.c.number)
    .limit(_PAGE)
)


def next_number(connection: Connection, run: str) -> int:
    """Give the number of the next decision of a run."""
    return int(connection.scalar(_NEXT, {"of": run}) or 0)


@dataclass(frozen=True, slots=True)
class Line:
    """A decision in words, as its row has it."""

    run: str
    number: int
    agent: str
    now: float
    at: datetime
    event: str
    payload: str = field(repr=False)
    commands: str = field(repr=False)


def line(decision: Decision) -> Line:
    """Put a decision into words."""
    return Line(
        run=decision.run,
        number=decision.number,
        agent=decision.agent,
        now=decision.now,
        at=decision.at,
        event=type(decision.event).__name__,
        payload=_encode(decision.event),
        commands=_encode([[type(c).__name__, c] for c in decision.commands]),
    )


def append(connection: Connection, machine: int, lines: Iterable[Line]) -> None:
    """Add decisions, with their numbers."""
    connection.execute(_INSERT, [{"machine": machine, **asdict(each)} for each in lines])


def runs(connection: Connection, machine: int) -> list[str]:
    """Give the runs that have decisions, oldest first."""
    return list(connection.scalars(_RUNS, {"of_machine": machine}))


def page(connection: Connection, run: str, after: int) -> list[Decision]:
    """Give the next decisions of a run, in their order; an empty list is the end."""
    return [_decision(row) for row in connection.execute(_READ, {"of": run, "after": after})]


def prune(connection: Connection, machine: int, keep: int) -> int:
    """Delete all but the newest `keep` decisions, and give how many were deleted."""
    here = {"of_machine": machine}
    upto = connection.scalar(_NEWEST.offset(keep).limit(1), here)
    return 0 if upto is None else connection.execute(_PRUNE, {**here, "upto": upto}).rowcount


def _decision(row: Row[Any]) -> Decision:
    try:
        return Decision(
            run=row.run,
            agent=row.agent,
            now=row.now,
            at=row.at,
            event=msgspec.convert(json.loads(row.payload), EVENTS[row.event]),
            commands=tuple(
                msgspec.convert(fields, COMMANDS[name]) for name, fields in json.loads(row.commands)
            ),
            number=row.number,
        )
    except (KeyError, ValueError, TypeError, msgspec.ValidationError) as error:
        raise StoreError(
            f"Decision {row.number} of run {row.run} was not written by this version of tars."
        ) from error


def _encode(value: object) -> str:
    return json.dumps(msgspec.to_builtins(value, enc_hook=_plain), separators=(",", ":"))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be logged")
