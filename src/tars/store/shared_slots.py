"""What the agents' logs on a machine say, told to the others that share a store.

A machine's own reports are made of its index of logs. Every function is part of the caller's
transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from tars.store.schema import logged_days, logged_slots
from tars.store.slot_tables import LOGGED_SUMS, LOGGED_WORDS

#: The columns of a row, in its order.
COLUMNS = ("slot", *LOGGED_WORDS, "size", "official", *LOGGED_SUMS)
#: Slots in a day.
_SLOTS = 96
#: More than this can be bound in one statement nowhere.
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Day:
    """What a day in UTC has, as rows of `COLUMNS`, and a digest of that."""

    digest: bytes
    rows: Sequence[tuple[object, ...]]


def tell(connection: Connection, machine: int, days: Mapping[int, Day]) -> int:
    """Replace what the store has of a machine's days, counted from 1970, where it is not that
    already; give how many were replaced."""
    query = select(logged_days.c.day, logged_days.c.digest).where(logged_days.c.machine == machine)
    known = {row.day: bytes(row.digest) for row in connection.execute(query)}
    told = 0
    for day, what in sorted(days.items()):
        if known.get(day, b"") == (what.digest if what.rows else b""):
            continue
        _forget(connection, machine, day)
        rows = [{"machine": machine, **dict(zip(COLUMNS, row, strict=True))} for row in what.rows]
        for start in range(0, len(rows), _BATCH):
            connection.execute(insert(logged_slots), rows[start : start + _BATCH])
        if rows:
            new = {"machine": machine, "day": day, "digest": what.digest}
            connection.execute(insert(logged_days), new)
        told += 1
    return told


def _forget(connection: Connection, machine: int, day: int) -> None:
    slots = logged_slots.c
    within = slots.slot >= day * _SLOTS, slots.slot < (day + 1) * _SLOTS
    connection.execute(delete(logged_slots).where(slots.machine == machine, *within))
    its = logged_days.c.machine == machine, logged_days.c.day == day
    connection.execute(delete(logged_days).where(*its))
