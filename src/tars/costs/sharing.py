"""What this machine's logs say, for the other machines that share its store.

`news` is asked in the thread of the engine; what it gives is written by whoever writes to the
store, with `store.shared_slots.tell`; and `told` notes that it was. Where that fails, it is news
again.
"""

import json
from collections.abc import Collection
from hashlib import blake2b
from sqlite3 import Connection

from tars.accounting.rates import Tokens
from tars.costs.engine import Costs
from tars.costs.spans import DAY_SLOTS
from tars.store.quick import Quick
from tars.store.shared_slots import COLUMNS, Day

_COUNTED = (*Tokens._fields, "cost")
_NUMBERS = ("slot", "session", "model", "place", "size", "official", *_COUNTED)
#: What is other on nearly every change; after the daemon's start all days are looked at whole.
_MARKS = ", ".join(f"SUM({name})" for name in _NUMBERS)
_WORDS = {
    "agent": "s.agent",
    "provider": "m.provider",
    "model": "m.model",
    "session": "s.session",
    "project": "p.project",
    "branch": "p.branch",
}
#: Of turns under way the ledger will have the figures: they must not be told twice meanwhile.
_OVER = "session NOT IN (SELECT id FROM sessions WHERE session IN (SELECT value FROM json_each(?)))"
_ROWS = f"""
SELECT {", ".join(_WORDS.get(name, f"f.{name}") for name in COLUMNS)} FROM slots AS f
JOIN sessions AS s ON s.id = f.session JOIN models AS m ON m.id = f.model
JOIN places AS p ON p.id = f.place
WHERE f.slot >= ? AND f.slot < ? AND f.{_OVER}
ORDER BY f.slot, f.session, f.model, f.place, f.size, f.official
"""


class Sharing:
    """What the others have been told so far, by this process."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, ...]] = {}
        self._latest: dict[int, tuple[int, ...]] = {}

    def news(self, costs: Costs) -> dict[int, Day]:
        """Give the days, counted from 1970 in UTC, that are not as they were told. Nothing where
        the store is this machine's alone. Raises sqlite3.Error and StoreError."""
        if not costs.sources.url:
            return {}
        with costs.sources.moment() as moment:
            if moment.logs is None:
                return {}
            under_way = json.dumps(_under_way(moment.store))
            self._latest = _marks(moment.logs, under_way)
            other = [
                day
                for day in {*self._latest, *self._known}
                if self._latest.get(day) != self._known.get(day)
            ]
            return {day: _day(moment.logs, day, under_way) for day in other}

    def told(self, days: Collection[int]) -> None:
        """Note that the others have been told of these days, as `news` gave them last."""
        for day in days:
            if day in self._latest:
                self._known[day] = self._latest[day]
            else:
                self._known.pop(day, None)


def _under_way(store: Quick | None) -> list[str]:
    """Give the sessions of this machine in which a turn has not ended."""
    if store is None:
        return []
    rows = store.rows(
        "SELECT DISTINCT session FROM turns"
        " WHERE machine = ? AND ended_at IS NULL AND session IS NOT NULL",
        (store.machine,),
    )
    return [session for (session,) in rows]


def _marks(logs: Connection, under_way: str) -> dict[int, tuple[int, ...]]:
    days = f"SELECT slot / {DAY_SLOTS}, COUNT(*), {_MARKS} FROM slots WHERE {_OVER} GROUP BY 1"
    rows = logs.execute(days, (under_way,))
    return {day: tuple(marks) for day, *marks in rows}


def _day(logs: Connection, day: int, under_way: str) -> Day:
    within = day * DAY_SLOTS, (day + 1) * DAY_SLOTS
    rows = logs.execute(_ROWS, (*within, under_way)).fetchall()
    return Day(blake2b(repr(rows).encode(), digest_size=16).digest(), rows)
