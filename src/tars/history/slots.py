"""The sums of requests by quarters of an hour, kept exact: what is new is added, and where
anything changed, they are made again."""

import sqlite3
from collections.abc import Iterable

from tars.accounting.rates import SLOT_SECONDS
from tars.history.days import DAY, add_up, spoil

_MS = SLOT_SECONDS * 1000
#: So many days are added up again at once, within the transaction that changed them.
_FEW = 8


class Slots:
    """The slots that have to be made again before a transaction ends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._touched: dict[int, tuple[int, int]] = {}
        #: The days that have changed.
        self._days: set[int] = set()

    def add(self, rows: Iterable[tuple[int, ...]]) -> None:
        """Add sums of requests that are new; what turns out not to be has to be touched."""
        rows = list(rows)
        self._days.update({row[0] // DAY for row in rows})
        self._connection.executemany(
            f"INSERT INTO slots VALUES ({', '.join('?' * 14)}) ON CONFLICT DO UPDATE SET"
            " net_input = net_input + excluded.net_input,"
            " cache_read = cache_read + excluded.cache_read,"
            " cache_write = cache_write + excluded.cache_write,"
            " cache_write_1h = cache_write_1h + excluded.cache_write_1h,"
            " output = output + excluded.output, reasoning = reasoning + excluded.reasoning,"
            " requests = requests + excluded.requests, cost = cost + excluded.cost",
            rows,
        )

    def touch(self, session: int, first_at: int, last_at: int) -> None:
        """Note that requests of a session between these times came, went or changed."""
        first, last = first_at // _MS, last_at // _MS
        known = self._touched.get(session)
        if known is not None:
            first, last = min(first, known[0]), max(last, known[1])
        self._touched[session] = first, last

    def bring_up_to_date(self) -> None:
        """Make the touched slots again, from the requests as they are now, and the days of
        them if they are few."""
        if self._touched:
            self._make_again()
        if self._days:
            spoil(self._connection, (day * DAY for day in self._days))
            if len(self._days) <= _FEW:
                add_up(self._connection)
            self._days.clear()

    def _make_again(self) -> None:
        for first, last in self._touched.values():
            self._days.update(range(first // DAY, last // DAY + 1))
        execute = self._connection.execute
        execute(
            "CREATE TEMP TABLE IF NOT EXISTS touched"
            " (session INTEGER PRIMARY KEY, first INTEGER, last INTEGER)"
        )
        execute("DELETE FROM touched")
        self._connection.executemany(
            "INSERT INTO touched VALUES (?, ?, ?)",
            ((session, *span) for session, span in self._touched.items()),
        )
        earliest = min(first for first, _ in self._touched.values())
        latest = max(last for _, last in self._touched.values())
        execute(
            "DELETE FROM slots WHERE slot BETWEEN ? AND ? AND EXISTS (SELECT 1 FROM touched"
            " WHERE touched.session = slots.session AND slots.slot BETWEEN first AND last)",
            (earliest, latest),
        )
        execute(
            f"""INSERT INTO slots
            SELECT at / {_MS}, requests.session, model, place, size, cost IS NOT NULL,
                sum(net_input), sum(cache_read), sum(cache_write), sum(cache_write_1h),
                sum(output), sum(reasoning), sum(requests), ifnull(sum(cost), 0)
            FROM touched CROSS JOIN requests ON requests.session = touched.session
                AND at >= first * {_MS} AND at < (last + 1) * {_MS}
            WHERE NOT covered GROUP BY 1, 2, 3, 4, 5, 6"""
        )
        self._touched.clear()
