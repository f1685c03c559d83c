"""What the agents' logs say, as sums for a report: of all that tars has not counted itself.

The index interns its words. Sums are made of their numbers, packed into one, by which SQLite sorts
twice as quickly as by several; the words are put in at the end.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from tars.accounting.rates import THRESHOLDS, Tokens
from tars.costs.facts import Dimension, Only, Origin
from tars.costs.grouping import (
    TOKENS,
    Asked,
    Calendar,
    Numbered,
    Rated,
    Sum,
    Tariff,
    batches,
    days_query,
    query,
    rest_days,
    whole_days,
)
from tars.costs.spans import DAY_SLOTS, SLOT_MICROS, Cut
from tars.history import days

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
#: No request is in such a slot: it is of the year 4707.
_PAST = 10**6 * DAY_SLOTS
#: For each dimension of a report: which number of a key it is by, and the words for those.
_Words = list[tuple[str, Mapping[int, str]]]


class _Table(NamedTuple):
    """What has sums. `agent` is the column of the agent there. `of_days`: it knows no sessions."""

    source: str
    agent: str
    joins: str = ""
    where: tuple[str, ...] = ()
    of_days: bool = False


_SLOTS = _Table("slots AS f", "s.agent", "JOIN sessions AS s ON s.id = f.session")


class Logs:
    """The figures of an index. `machine` is what this machine is called. Everything may raise
    sqlite3.Error."""

    def __init__(self, connection: sqlite3.Connection, machine: str) -> None:
        self._connection = connection
        self._machine = machine
        self._epochs: Sequence[int] = range(_DAYS)
        self._tiered: list[int] = []

    @property
    def models(self) -> Iterable[tuple[str, str]]:
        """All models that there are, with their providers."""
        return self._models.values()

    def sums(self, asked: Asked, tariff: Tariff) -> Iterator[Sum]:
        """Add up what a report asks for, together what has one price."""
        if len(tariff.changes) < _MANY:
            self._epochs = (0, *sorted(tariff.changes))
        self._tiered = [id for id, model in self._models.items() if model in tariff.tiered]
        if not self._has_any(asked.only):
            return
        calendar = Calendar(asked, self._days(asked)) if asked.of_calendar else None
        words = self._words(asked, calendar)
        for table, spans in self._sources(asked, calendar):
            where = self._where(asked, by_session=not table.of_days)
            if where is None:
                continue
            key = self._key(asked, calendar, words, agent=table.agent)
            by_agent = asked.has(Dimension.AGENT)
            statement = query(
                table.source,
                key.columns,
                _SUMS,
                spans=spans,
                joins=table.joins if by_agent else "",
                where=[*where, *table.where],
            )
            yield from self._read(statement, key, words)

    def _sources(
        self, asked: Asked, calendar: Calendar | None
    ) -> Iterator[tuple["_Table", Sequence[Numbered]]]:
        """Give what has the sums of each part of a span: of whole days, of slots, and the requests
        of what is left of it."""
        cut = asked.cut
        ever = (0, cut.first or 0, _PAST if cut.end is None else cut.end)
        spans = [ever] if calendar is None else calendar.spans(cut)
        if _is_coarse(asked):
            stale = days.stale(self._connection)
            whole, spans = whole_days(spans, stale)
            if whole:
                yield _days_table(stale), whole
        if spans:
            yield _SLOTS, spans
        for first, end in cut.rest:
            slot = first // SLOT_MICROS
            source = _REST.format(first=-(-first // 1000), end=-(-end // 1000), slot=slot)
            within = [(0, slot, slot + 1)] if calendar is None else calendar.spans(Cut())
            yield _SLOTS._replace(source=source), within

    def _read(self, statement: str, key: "_Key", words: _Words) -> Iterator[Sum]:
        """Run a query. Many rows have the same words, or the same price: those are put together
        once."""
        keys: dict[tuple[int, ...], tuple[str, ...]] = {}
        rates: dict[int, tuple[Rated, int]] = {}
        width = len(key.columns)
        for row in self._connection.execute(statement):
            of, priced = key.split(row)
            if of not in keys:
                numbers = key.of.unpacked(of)
                keys[of] = tuple([known[numbers[name]] for name, known in words])
            if priced not in rates:
                numbers = key.priced.unpacked((priced,))
                provider, name = self._models[numbers["model"]]
                day = self._epochs[numbers["epoch"]]
                rates[priced] = Rated(provider, name, day, numbers["size"]), numbers["official"]
            rated, official = rates[priced]
            yield Sum(keys[of], rated, official, row[width], Tokens._make(row[width + 1 :]))

    def slots(self, asked: Asked) -> set[int]:
        """Give the slots that have figures of what is asked for, at any time."""
        where = self._where(asked) if self._has_any(asked.only) else None
        if where is None:
            return set()
        condition = f" WHERE {' AND '.join(where)}" if where else ""
        rows = self._connection.execute(f"SELECT DISTINCT slot FROM slots AS f{condition}")
        return {slot for (slot,) in rows}

    def first(self, asked: Asked) -> int | None:
        """Give the first slot that has figures of what is asked for, at any time."""
        where = self._where(asked) if self._has_any(asked.only) else None
        if where is None:
            return None
        condition = f" WHERE {' AND '.join(where)}" if where else ""
        found: tuple[int | None] = self._connection.execute(
            f"SELECT MIN(slot) FROM slots AS f{condition}"
        ).fetchone()
        return found[0]

    def titles(self, ids: Sequence[str]) -> dict[str, str]:
        """Give the titles of these sessions that have one."""
        found: dict[str, str] = {}
        for marks, part in batches(ids):
            statement = f"SELECT session, title FROM sessions WHERE session IN ({marks})"
            found |= dict(self._connection.execute(f"{statement} AND title <> ''", part))
        return found

    def _has_any(self, only: Only) -> bool:
        """Whether logs have anything of what is meant at all."""
        here = only.machine in ("", self._machine)
        return here and not only.task and only.origin is not Origin.TARS

    def _words(self, asked: Asked, calendar: Calendar | None) -> _Words:
        """Say for each dimension which number of a key it is by, and the words for those."""
        found: list[tuple[str, Mapping[int, str]]] = []
        if asked.windows is not None:
            found.append(("part", {i: str(i) for i in range(len(asked.windows))}))
        for dimension in asked.by:
            match dimension:
                case Dimension.MODEL:
                    found.append(("model", {id: name for id, (_, name) in self._models.items()}))
                case Dimension.AGENT:
                    found.append(("agent", dict(enumerate(self._agents))))
                case Dimension.SESSION:
                    named = {id: name for id, (_, name) in self._sessions.items()}
                    found.append(("session", named))
                case Dimension.PROJECT:
                    projects = {id: project for id, (project, _) in self._places.items()}
                    found.append(("place", projects))
                case Dimension.BRANCH:
                    branches = {id: branch for id, (_, branch) in self._places.items()}
                    found.append(("place", branches))
                case Dimension.TASK:
                    found.append(("all", {0: ""}))
                case Dimension.MACHINE:
                    found.append(("all", {0: self._machine}))
                case Dimension.ORIGIN:
                    found.append(("all", {0: Origin.LOG.value}))
                case Dimension.DAY | Dimension.WEEK | Dimension.MONTH:
                    assert calendar is not None
                    found.append(("part", calendar.words(dimension)))
        return found

    def _key(self, asked: Asked, calendar: Calendar | None, words: _Words, *, agent: str) -> "_Key":
        """Say what the sums are by, and how many of each there can be. `agent` is a column."""
        agents = self._agents or [""]
        cases = " ".join(f"WHEN {_quoted(a)} THEN {i}" for i, a in enumerate(agents))
        model = ("f.model", _past(self._models))
        used = {name for name, _ in words} or {"all"}
        every = {
            "part": ("calendar.part", 1 if calendar is None else max(1, len(calendar.parts))),
            "model": model,
            "agent": (f"(CASE {agent} {cases} END)", len(agents)),
            "session": ("f.session", _past(self._sessions) if asked.has(Dimension.SESSION) else 1),
            "place": ("f.place", _past(self._places) if "place" in used else 1),
            "all": ("0", 1),
        }
        priced = {
            "epoch": (self._epoch(), len(self._epochs)),
            "model": model,
            "size": (self._size(), len(THRESHOLDS) + 1),
            "official": ("f.official", 2),
        }
        return _Key(_Packed({name: every[name] for name in every if name in used}), _Packed(priced))

    def _epoch(self) -> str:
        """Say in SQL between which changes of prices a slot is."""
        if isinstance(self._epochs, range):
            return f"(f.slot / {DAY_SLOTS})"
        slots = (day * DAY_SLOTS for day in self._epochs[1:])
        return f"({' + '.join(f'(f.slot >= {slot})' for slot in slots) or 0})"

    def _size(self) -> str:
        """Say in SQL of which size a request is, as far as that makes its price."""
        models = ", ".join(map(str, self._tiered))
        return f"(CASE WHEN f.model IN ({models}) THEN f.size ELSE 0 END)"

    def _where(self, asked: Asked, *, by_session: bool = True) -> list[str] | None:
        """Say which rows are asked for; None where there are none such. Where they are not
        `by_session`, they are by agent."""
        only, found = asked.only, []
        if only.model:
            models = [id for id, (_, name) in self._models.items() if name == only.model]
            found.append(("f.model", models))
        if only.project or only.branch:
            places = [id for id, place in self._places.items() if _is_in(place, asked)]
            found.append(("f.place", places))
        if by_session and (only.session or only.sessions or only.agent):
            sessions = [id for id, pair in self._sessions.items() if _is_of(pair, asked)]
            found.append(("f.session", sessions))
        if any(not ids for _, ids in found):
            return None
        conditions = [f"{column} IN ({', '.join(map(str, ids))})" for column, ids in found]
        if only.agent and not by_session:
            conditions.append(f"f.agent = {_quoted(only.agent)}")
        return conditions

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


class _Packed:
    """Numbers from 0 to before their bounds, packed into as few columns as take them."""

    def __init__(self, parts: Mapping[str, tuple[str, int]]) -> None:
        self.columns: list[str] = []
        #: How many numbers the last column can be.
        self.size = _MOST
        self._names: list[list[tuple[str, int]]] = []
        for name, (column, bound) in parts.items():
            if self.size * bound >= _MOST:
                self.size = bound
                self.columns.append(column)
                self._names.append([(name, bound)])
            else:
                self.size *= bound
                self.columns[-1] = f"({self.columns[-1]}) * {bound} + {column}"
                self._names[-1].append((name, bound))

    def unpacked(self, columns: Sequence[int]) -> dict[str, int]:
        """Give the numbers by their names."""
        found = {}
        for packed, names in zip(columns, self._names, strict=True):
            for name, bound in reversed(names):
                packed, found[name] = divmod(packed, bound)
        return found


class _Key:
    """What sums are by: what their words are `of`, and what they are `priced` by, in one column if
    there is room."""

    def __init__(self, of: _Packed, priced: _Packed) -> None:
        self.of = of
        self.priced = priced
        self._one = of.size * priced.size < _MOST
        self.columns = [*of.columns, *priced.columns]
        if self._one:
            self.columns[-2:] = [f"({of.columns[-1]}) * {priced.size} + {priced.columns[0]}"]

    def split(self, row: Sequence[int]) -> tuple[tuple[int, ...], int]:
        """Give the two halves of a row's key."""
        width = len(self.of.columns)
        if not self._one:
            return tuple(row[:width]), row[width]
        last, priced = divmod(row[width - 1], self.priced.size)
        return (*row[: width - 1], last), priced


def _is_coarse(asked: Asked) -> bool:
    """Whether a report needs nothing that the sums of whole days have not."""
    only = asked.only
    words = only.project or only.branch or only.session or only.sessions
    return not words and not asked.has(Dimension.PROJECT, Dimension.BRANCH, Dimension.SESSION)


def _days_table(stale: Sequence[int]) -> _Table:
    exact = (f"f.slot NOT IN ({', '.join(map(str, stale))})",) if stale else ()
    return _Table("days AS f", "f.agent", where=exact, of_days=True)


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
    only, (agent, id) = asked.only, session
    several = not only.sessions or id in only.sessions
    return several and only.agent in ("", agent) and only.session in ("", id)
