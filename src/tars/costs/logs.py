"""What the agents' logs say, as sums for a report: of all that tars has not counted itself.

The index interns its words. Sums are made of their numbers, and the words are put in at the end.
"""

import sqlite3
from collections.abc import Callable, Iterator
from functools import cached_property

from tars.accounting.rates import Tokens
from tars.costs.facts import Dimension, Origin
from tars.costs.grouping import TOKENS, Asked, Calendar, Sum, days_query, query, rest_days
from tars.costs.spans import SLOT_MICROS

_SUMS = tuple(f"f.{name}" for name in ("cost", *TOKENS))
_MS = SLOT_MICROS // 1000
#: A part of a slot, of the requests themselves: they are found by their sessions.
_REST = f"""(
    SELECT at / {_MS} AS slot, session, model, place, size, cost IS NOT NULL AS official,
        {", ".join(TOKENS)}, ifnull(cost, 0) AS cost
    FROM requests WHERE NOT covered AND at >= {{first}} AND at < {{end}}
        AND session IN (SELECT session FROM slots WHERE slot = {{slot}})
) AS f"""


class Logs:
    """The figures of an index. `machine` is what this machine is called."""

    def __init__(self, connection: sqlite3.Connection, machine: str) -> None:
        self._connection = connection
        self._machine = machine

    def sums(self, asked: Asked) -> Iterator[Sum]:
        """Add up what a report asks for. Raises sqlite3.Error."""
        only = asked.only
        if only.task or only.origin is Origin.TARS or only.machine not in ("", self._machine):
            return
        where = self._where(asked)
        if where is None:
            return
        calendar = Calendar(asked, self._days(asked)) if asked.of_calendar else None
        keys = ["f.model"]
        by_agent = asked.has(Dimension.AGENT) and not asked.has(Dimension.SESSION)
        keys.append("f.session" if asked.has(Dimension.SESSION) else "0")
        keys.append("s.agent" if by_agent else "''")
        keys.append("f.place" if asked.has(Dimension.PROJECT, Dimension.BRANCH) else "0")
        joins = "JOIN sessions AS s ON s.id = f.session" if by_agent else ""
        whole = query(
            "slots AS f",
            keys,
            calendar=calendar,
            cut=asked.cut,
            joins=joins,
            where=where,
            sums=_SUMS,
        )
        statements = [whole]
        for first, end in asked.cut.rest:
            rest = _REST.format(
                first=-(-first // 1000), end=-(-end // 1000), slot=first // SLOT_MICROS
            )
            statements.append(
                query(rest, keys, calendar=calendar, joins=joins, where=where, sums=_SUMS)
            )
        words = self._words(asked, calendar)
        for statement in statements:
            for (
                part,
                model,
                session,
                agent,
                place,
                day,
                size,
                official,
                cost,
                *tokens,
            ) in self._connection.execute(statement):
                provider, name = self._models[model]
                yield Sum(
                    words(part, name, session, agent, place),
                    day,
                    provider,
                    name,
                    size,
                    official,
                    cost,
                    Tokens(*tokens),
                )

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

    def _words(
        self, asked: Asked, calendar: Calendar | None
    ) -> Callable[[int, str, int, str, int], tuple[str, ...]]:
        """Give what makes the words of a key of its numbers."""

        def of(part: int, model: str, session: int, agent: str, place: int) -> tuple[str, ...]:
            key = []
            for dimension in asked.by:
                match dimension:
                    case Dimension.MODEL:
                        key.append(model)
                    case Dimension.AGENT:
                        key.append(self._sessions[session][0] if session else agent)
                    case Dimension.SESSION:
                        key.append(self._sessions[session][1])
                    case Dimension.PROJECT:
                        key.append(self._places[place][0])
                    case Dimension.BRANCH:
                        key.append(self._places[place][1])
                    case Dimension.TASK:
                        key.append("")
                    case Dimension.MACHINE:
                        key.append(self._machine)
                    case Dimension.ORIGIN:
                        key.append(Origin.LOG.value)
                    case Dimension.DAY | Dimension.WEEK | Dimension.MONTH:
                        assert calendar is not None
                        key.append(calendar.word(part, dimension))
            return tuple(key)

        return of

    @cached_property
    def _models(self) -> dict[int, tuple[str, str]]:
        return self._pairs("SELECT id, provider, model FROM models")

    @cached_property
    def _places(self) -> dict[int, tuple[str, str]]:
        return self._pairs("SELECT id, project, branch FROM places")

    @cached_property
    def _sessions(self) -> dict[int, tuple[str, str]]:
        return self._pairs("SELECT id, agent, session FROM sessions")

    def _pairs(self, statement: str) -> dict[int, tuple[str, str]]:
        return {id: (one, two) for id, one, two in self._connection.execute(statement)}


def _is_in(place: tuple[str, str], asked: Asked) -> bool:
    project, branch = place
    if asked.only.branch not in ("", branch):
        return False
    wanted = asked.only.project.rstrip("/")
    return not asked.only.project or project == wanted or project.startswith(f"{wanted}/")


def _is_of(session: tuple[str, str], asked: Asked) -> bool:
    return asked.only.agent in ("", session[0]) and asked.only.session in ("", session[1])
