"""The sums of slots by whole days of UTC, for reports that need nothing less: there are a tenth as
many of them, and most of a report's time is to add up.

Every day that has slots is exact in `days` or named in `stale_days`: of those, the slots count.
"""

import sqlite3
from collections.abc import Iterable

from tars.accounting.rates import SLOT_SECONDS

#: Slots in a day. A day is known by the first of them.
DAY = 86_400 // SLOT_SECONDS

_KEY = "agent, model, size, official"
_SUMS = "net_input, cache_read, cache_write, cache_write_1h, output, reasoning, requests, cost"


def spoil(connection: sqlite3.Connection, days: Iterable[int]) -> None:
    """Say that slots of these days have changed. Within that transaction."""
    rows = ((day,) for day in days)
    connection.executemany("INSERT OR IGNORE INTO stale_days VALUES (?)", rows)


def stale(connection: sqlite3.Connection) -> list[int]:
    """Give the days that are not exact."""
    return [day for (day,) in connection.execute("SELECT slot FROM stale_days")]


def add_up(connection: sqlite3.Connection) -> None:
    """Make all days exact. Within a transaction."""
    sums = ", ".join(f"sum(f.{each})" for each in _SUMS.split(", "))
    connection.execute("DELETE FROM days WHERE slot IN (SELECT slot FROM stale_days)")
    connection.execute(
        f"INSERT INTO days (slot, {_KEY}, {_SUMS}) SELECT d.slot, {_KEY}, {sums}"
        " FROM stale_days AS d CROSS JOIN slots AS f"
        f" ON f.slot >= d.slot AND f.slot < d.slot + {DAY}"
        f" JOIN sessions AS s ON s.id = f.session GROUP BY d.slot, {_KEY}"
    )
    connection.execute("DELETE FROM stale_days")
