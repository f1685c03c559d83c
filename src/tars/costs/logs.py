"""What the agents' logs say, as sums for a report: of all that tars has not counted itself.

The index interns its words. Sums are made of their numbers, packed into one, by which SQLite sorts
twice as quickly as by several; the words are put in at the end.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from tars.accounting.rates import THRESHOLDS, Tokens
from tars.costs.facts import Dimension, Only, Origin
from tars.costs.grouping import TOKENS, Asked, Calendar, Sum, days_query, query, rest_days
from tars.costs.spans import DAY_SLOTS, SLOT_MICROS, Cut

_SUMS = ("cost", *TOKENS)
_MS = SLOT_MICROS // 1000
#: A part of a slot, of the requests themselves: they are found by their sessions.
_REST = f"""(
    SELECT at / {_MS} AS slot, session, model, place, size, cost IS NOT NULL AS official,
        {", ".join(TOKENS)}, ifnull(cost, 0) AS cost
    FROM requests WHERE NOT covered AND at >= {{first}} AND at < {{end}}
        AND session IN (SELECT session FROM slots WHERE slot = {{slot}})
) AS f"""
#: What a packed key may come to.
_MOST = 2**63
#: Beyond so many changes of prices each day is by itself; there are fewer days than this.
_MANY, _DAYS = 32, 50_000


class Logs:
    """The figures of an index. `machine` is what this machine is called. Everything may raise
    sqlite3.Error."""

    def __init__(self, connection: sqlite3.Connection, machine: str) -> None:
        self._connection = connection
        self._machine = machine
        self._epochs: Sequence[int] = range(_DAYS)

    @property
    def models(self) -> Iterable[tuple[str, str]]:
        """All models that there are, with their providers."""
        return self._models.values()

    def sums(self, asked: Asked, changes: Collection[int] | None = None) -> Iterator[Sum]:
        """Add up what a report asks for. `changes` are the days in UTC, counted from 1970, on which
        some price changed: between two of them one day is as another."""
        if changes is not None and len(changes) < _MANY:
            self._epochs = (0, *sorted(changes))
        where = self._where(asked) if self._has_any(asked.only) else None
        if where is None:
            return
        calendar = Calendar(asked, self._days(asked)) if asked.of_calendar else None
        key = self._key(asked, calendar)
        by_agent = asked.has(Dimension.AGENT)
        for source, cut in _sources(asked.cut):
            statement = query(
                source,
                key.columns,
                _SUMS,
                calendar=calendar,
                cut=cut,
                joins="JOIN sessions AS s ON s.id = f.session" if by_agent else "",
                where=where,
            )
            words = self._words(asked, calendar, key)
            epoch, model, size, official = map(key.place, ("epoch", "model", "size", "official"))
            for row in self._connection.execute(statement):
                numbers = key.unpacked(row)
                cost, *tokens = row[len(key.columns) :]
                yield Sum(
                    tuple([known[numbers[place]] for place, known in words]),
                    self._epochs[numbers[epoch]],
                    *self._models[numbers[model]],
                    numbers[size],
                    numbers[official],
                    cost,
                    Tokens(*tokens),
                )

    def slots(self, asked: Asked) -> set[int]:
        """Give the slots that have figures of what is asked for, at any time."""
        where = self._where(asked) if self._has_any(asked.only) else None
        if where is None:
            return set()
        condition = f" WHERE {' AND '.join(where)}" if where else ""
        rows = self._connection.execute(f"SELECT DISTINCT slot FROM slots AS f{condition}")
        return {slot for (slot,) in rows}

    def _has_any(self, only: Only) -> bool:
        """Whether logs have anything of what is meant at all."""
        here = only.machine in ("", self._machine)
        return here and not only.task and only.origin is not Origin.TARS

    def _words(
        self, asked: Asked, calendar: Calendar | None, key: "_Key"
    ) -> list[tuple[int, Mapping[int, str]]]:
        """Say for each dimension which number of a key it is by, and the words for those."""
        found: list[tuple[int, Mapping[int, str]]] = []
        if asked.windows is not None:
            found.append((key.place("part"), {i: str(i) for i in range(len(asked.windows))}))
        for dimension in asked.by:
            match dimension:
                case Dimension.MODEL:
                    models = {id: name for id, (_, name) in self._models.items()}
                    found.append((key.place("model"), models))
                case Dimension.AGENT:
                    found.append((key.place("agent"), dict(enumerate(self._agents))))
                case Dimension.SESSION:
                    sessions = {id: name for id, (_, name) in self._sessions.items()}
                    found.append((key.place("session"), sessions))
                case Dimension.PROJECT:
                    projects = {id: project for id, (project, _) in self._places.items()}
                    found.append((key.place("place"), projects))
                case Dimension.BRANCH:
                    branches = {id: branch for id, (_, branch) in self._places.items()}
                    found.append((key.place("place"), branches))
                case Dimension.TASK:
                    found.append((key.place("official"), _always("")))
                case Dimension.MACHINE:
                    found.append((key.place("official"), _always(self._machine)))
                case Dimension.ORIGIN:
                    found.append((key.place("official"), _always(Origin.LOG)))
                case Dimension.DAY | Dimension.WEEK | Dimension.MONTH:
                    assert calendar is not None
                    found.append((key.place("part"), calendar.words(dimension)))
        return found

    def _key(self, asked: Asked, calendar: Calendar | None) -> "_Key":
        """Say what the sums are by, and how many of each there can be."""
        parts = {
            "epoch": (self._epoch(), len(self._epochs)),
            "model": ("f.model", _past(self._models)),
            "size": ("f.size", len(THRESHOLDS) + 1),
            "official": ("f.official", 2),
        }
        if calendar is not None:
            parts["part"] = ("calendar.part", max(1, len(calendar.parts)))
        if asked.has(Dimension.SESSION):
            parts["session"] = ("f.session", _past(self._sessions))
        if asked.has(Dimension.AGENT):
            cases = " ".join(f"WHEN {_quoted(a)} THEN {i}" for i, a in enumerate(self._agents))
            # There may be no agent at all yet, and SQL wants one case at least.
            parts["agent"] = (
                f"(CASE s.agent {cases or 'WHEN 0 THEN 0'} END)",
                max(1, len(self._agents)),
            )
        if asked.has(Dimension.PROJECT, Dimension.BRANCH):
            parts["place"] = ("f.place", _past(self._places))
        return _Key(parts)

    def _epoch(self) -> str:
        """Say in SQL between which changes of prices a slot is."""
        if isinstance(self._epochs, range):
            return f"(f.slot / {DAY_SLOTS})"
        slots = (day * DAY_SLOTS for day in self._epochs[1:])
        return f"({' + '.join(f'(f.slot >= {slot})' for slot in slots) or 0})"

    def _where(self, asked: Asked) -> list[str] | None:
        """Say which rows are asked for; None where there are none such."""
        only, found = asked.only, []
        if only.model:
            models = [id for id, (_, name) in self._models.items() if name == only.model]
            found.append(("f.model", models))
        if only.project or only.branch:
            places = [id for id, place in self._places.items() if _is_in(place, asked)]
            found.append(("f.place", places))
        if only.session or only.agent:
            sessions = [id for id, pair in self._sessions.items() if _is_of(pair, asked)]
            found.append(("f.session", sessions))
        if any(not ids for _, ids in found):
            return None
        return [f"{column} IN ({', '.join(map(str, ids))})" for column, ids in found]

    def _days(self, asked: Asked) -> set[int]:
        rows = self._connection.execute(days_query("slots", asked.cut))
        return {day for (day,) in rows} | rest_days(asked.cut)

    @cached_property
    def _models(self) -> dict[int, tuple[str, str]]:
        return self._pairs("SELECT id, provider, model FROM models")

    @cached_property
    def _places(self) -> dict[int, tuple[str, str]]:
        return self._pairs("SELECT id, project, branch FROM places")

    @cached_property
    def _sessions(self) -> dict[int, tuple[str, str]]:
        return self._pairs("SELECT id, agent, session FROM sessions")

    @cached_property
    def _agents(self) -> list[str]:
        return [
            agent for (agent,) in self._connection.execute("SELECT DISTINCT agent FROM sessions")
        ]

    def _pairs(self, statement: str) -> dict[int, tuple[str, str]]:
        return {id: (one, two) for id, one, two in self._connection.execute(statement)}


class _Key:
    """Columns of numbers from 0 to before their bounds, packed into as few as take them."""

    def __init__(self, parts: Mapping[str, tuple[str, int]]) -> None:
        self.columns: list[str] = []
        self._places = {name: place for place, name in enumerate(parts)}
        self._bounds: list[list[int]] = []
        size = _MOST
        for column, bound in parts.values():
            size *= bound
            if size >= _MOST:
                size = bound
                self.columns.append(column)
                self._bounds.append([bound])
            else:
                self.columns[-1] = f"({self.columns[-1]}) * {bound} + {column}"
                self._bounds[-1].append(bound)

    def place(self, name: str) -> int:
        """Say where a number is among those that are unpacked."""
        return self._places[name]

    def unpacked(self, row: Sequence[int]) -> list[int]:
        """Give the numbers of a row, which begins with the packed ones."""
        found: list[int] = []
        for packed, bounds in zip(row, self._bounds, strict=False):
            numbers = []
            for bound in reversed(bounds):
                packed, number = divmod(packed, bound)
                numbers.append(number)
            numbers.reverse()
            found += numbers
        return found


def _sources(cut: Cut) -> Iterator[tuple[str, Cut]]:
    """Give the whole slots of a span, and the requests of what is left of it."""
    yield "slots AS f", cut
    for first, end in cut.rest:
        slot = first // SLOT_MICROS
        yield _REST.format(first=-(-first // 1000), end=-(-end // 1000), slot=slot), Cut()


def _always(word: str) -> Mapping[int, str]:
    return {0: word, 1: word}


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"


def _past(numbers: Iterable[int]) -> int:
    """Give what all of these numbers are below."""
    return max(numbers, default=0) + 1


def _is_in(place: tuple[str, str], asked: Asked) -> bool:
    project, branch = place
    if asked.only.branch not in ("", branch):
        return False
    wanted = asked.only.project.rstrip("/")
    return not asked.only.project or project == wanted or project.startswith(f"{wanted}/")


def _is_of(session: tuple[str, str], asked: Asked) -> bool:
    return asked.only.agent in ("", session[0]) and asked.only.session in ("", session[1])
