"""What tars' own agents reported, as sums for a report; and what other machines' logs say, where
several share a store."""

from collections.abc import Iterator, Sequence

from tars.accounting.rates import MICRODOLLAR, Tokens
from tars.costs.facts import Dimension, Only, Origin
from tars.costs.grouping import Asked, Calendar, Rated, Sum, batches, days_query, query, rest_days
from tars.costs.spans import DAY_SLOTS, SLOT_MICROS, Cut, stored
from tars.store.quick import Quick
from tars.store.slot_text import shares

_SPENT = ("cost_microusd", "net_input", "cache_read", "cache_write", "output", "reasoning",
          "requests")  # fmt: skip
_LOGGED = ("cost", *Tokens._fields)
#: An agent's kind: what it was when the session began; what it is now, for a turn of no session;
#: its name, where it is not configured any more.
_KIND = "COALESCE(NULLIF(s.agent_type, ''), a.kind, f.agent)"
#: Of opencode, turns have models as `provider/model`, and its log has the two by themselves.
_SLASH = {"sqlite": "instr(f.model, '/')", "postgresql": "strpos(f.model, '/')"}
_OF_OPENCODE = (
    "COALESCE((SELECT NULLIF(k.agent_type, '') FROM sessions AS k "
    "WHERE k.machine = f.machine AND k.agent = f.agent AND k.id = f.session), "
    "(SELECT k.kind FROM agents AS k WHERE k.machine = f.machine AND k.name = f.agent), f.agent)"
    " = 'opencode'"
)
#: Who sells such models, as the logs of their makers' own agents have it.
_MAKERS = {"claude": "anthropic", "gemini": "google"}
_SESSION = (
    "LEFT JOIN sessions AS s ON s.machine = f.machine AND s.agent = f.agent AND s.id = f.session "
)
_AGENT = "LEFT JOIN agents AS a ON a.machine = f.machine AND a.name = f.agent "
_MACHINE = "JOIN machines AS m ON m.seq = f.machine "
#: What the price of a group depends on besides its model.
_PRICED = (f"f.slot / {DAY_SLOTS}", "f.size", "f.official")
_OF_LEDGER = {
    Dimension.AGENT: _KIND,
    Dimension.PROJECT: "COALESCE(s.project, '')",
    Dimension.BRANCH: "COALESCE(s.branch, '')",
    Dimension.SESSION: "f.session",
    Dimension.TASK: "f.task",
    Dimension.MACHINE: "m.name",
}
_OF_OTHERS = {
    Dimension.MODEL: "f.model",
    Dimension.AGENT: "f.agent",
    Dimension.PROJECT: "f.project",
    Dimension.BRANCH: "f.branch",
    Dimension.SESSION: "f.session",
    Dimension.TASK: "''",
    Dimension.MACHINE: "m.name",
}


class Ledger:
    """The figures of a store. Every method raises StoreError."""

    def __init__(self, store: Quick) -> None:
        self._store = store

    def sums(self, asked: Asked) -> Iterator[Sum]:
        """Add up what a report asks for of the turns of all machines."""
        if asked.only.origin is Origin.LOG:
            return
        calendar = None
        if asked.of_calendar:
            calendar = Calendar(asked, self._days("spent_slots", asked))
        provider, model = _named(self._store.dialect)
        keys, where, params = _conditions(asked, {**_OF_LEDGER, Dimension.MODEL: model})
        joins = _joins(asked)
        rest = f"({shares(self._store.dialect, 't.ended_at >= ? AND t.ended_at < ?')}) AS f"
        sources: list[tuple[str, list[str]]] = [("spent_slots AS f", [])]
        sources += [(rest, [stored(first), stored(end)]) for first, end in asked.cut.rest]
        for number, (source, times) in enumerate(sources):
            statement = query(
                source,
                [_part(calendar), provider, model, *keys, *_PRICED],
                _SPENT,
                dialect=self._store.dialect,
                spans=None if calendar is None else calendar.spans(Cut() if number else asked.cut),
                joins=joins,
                where=where,
                cut=Cut() if number else asked.cut,
            )
            for row in self._store.rows(statement, (*times, *params)):
                yield _sum(row, asked, calendar, Origin.TARS)

    def slots(self, asked: Asked) -> set[int]:
        """Give the slots that have figures of what is asked for, at any time."""
        if asked.only.origin is Origin.LOG:
            return set()
        model = _named(self._store.dialect)[1]
        _, where, params = _conditions(asked, {**_OF_LEDGER, Dimension.MODEL: model})
        condition = f" WHERE {' AND '.join(where)}" if where else ""
        rows = self._store.rows(
            f"SELECT DISTINCT slot FROM spent_slots AS f {_joins(asked)}{condition}", params
        )
        return {int(slot) for (slot,) in rows}

    def titles(self, ids: Sequence[str]) -> dict[str, str]:
        """Give the names of these sessions, or the titles of those that have none."""
        found: dict[str, str] = {}
        called = "COALESCE(NULLIF(name, ''), title)"
        for marks, part in batches(ids):
            statement = f"SELECT id, {called} FROM sessions WHERE id IN ({marks})"
            # Where several machines know one, a name goes before a title.
            rows = self._store.rows(
                f"{statement} AND {called} <> '' ORDER BY name IS NOT NULL", part
            )
            found |= {str(id): str(title) for id, title in rows}
        return found

    def others(self, asked: Asked) -> Iterator[Sum]:
        """Add up what a report asks for of the logs that other machines have told of here."""
        if asked.only.task or asked.only.origin is Origin.TARS:
            return
        calendar = None
        if asked.of_calendar:
            calendar = Calendar(asked, self._days("logged_slots", asked))
        whole = _rounded(asked.cut)
        keys, where, params = _conditions(asked, _OF_OTHERS)
        own = self._store.machine
        where.append("f.machine <> ?")
        statement = query(
            "logged_slots AS f",
            [_part(calendar), "f.provider", "f.model", *keys, *_PRICED],
            _LOGGED,
            dialect=self._store.dialect,
            spans=None if calendar is None else calendar.spans(whole),
            cut=whole,
            joins=_MACHINE,
            where=where,
        )
        for row in self._store.rows(statement, (*params, -1 if own is None else own)):
            yield _sum(row, asked, calendar, Origin.LOG)

    def _days(self, table: str, asked: Asked) -> set[int]:
        rows = self._store.rows(days_query(table, asked.cut))
        return {int(day) for (day,) in rows} | rest_days(asked.cut)


def _named(dialect: str) -> tuple[str, str]:
    """Say in SQL who sells a turn's model, as far as that is told, and what it is called."""
    slash = _SLASH[dialect]
    apart = f"CASE WHEN {slash} > 0 AND {_OF_OPENCODE} THEN"
    return (
        f"{apart} substr(f.model, 1, {slash} - 1) ELSE '' END",
        f"{apart} substr(f.model, {slash} + 1) ELSE f.model END",
    )


def _part(calendar: Calendar | None) -> str:
    return "0" if calendar is None else "calendar.part"


def _rounded(cut: Cut) -> Cut:
    """Of others only whole slots are known: each is in the span in which it begins."""
    if cut.end is None:
        return cut
    ends_within = any(first % SLOT_MICROS == 0 and end % SLOT_MICROS for first, end in cut.rest)
    return Cut(cut.first, cut.end + ends_within)


def _conditions(
    asked: Asked, columns: dict[Dimension, str]
) -> tuple[list[str], list[str], list[object]]:
    """Give the keys of the report's dimensions, the conditions of its restrictions, and their
    parameters."""
    keys = [columns[each] for each in asked.by if each in columns]
    where: list[str] = []
    params: list[object] = []
    for dimension, wanted in _wanted(asked.only):
        column = columns[dimension]
        if not wanted:
            continue
        if dimension is Dimension.PROJECT:
            folder = wanted.rstrip("/")
            below = f"{folder}/"
            where.append(f"({column} = ? OR substr({column}, 1, {len(below)}) = ?)")
            params += [folder, below]
        else:
            where.append(f"{column} = ?")
            params.append(wanted)
    if asked.only.sessions:
        ids = sorted(asked.only.sessions)
        where.append(f"{columns[Dimension.SESSION]} IN ({', '.join('?' * len(ids))})")
        params += ids
    return keys, where, params


def _wanted(only: Only) -> Sequence[tuple[Dimension, str]]:
    return (
        (Dimension.AGENT, only.agent),
        (Dimension.MODEL, only.model),
        (Dimension.PROJECT, only.project),
        (Dimension.BRANCH, only.branch),
        (Dimension.SESSION, only.session),
        (Dimension.TASK, only.task),
        (Dimension.MACHINE, only.machine),
    )


def _joins(asked: Asked) -> str:
    """Give the tables that the words of a report come from."""
    used = {*asked.by, *(dimension for dimension, wanted in _wanted(asked.only) if wanted)}
    joins = ""
    if used & {Dimension.AGENT, Dimension.PROJECT, Dimension.BRANCH}:
        joins += _SESSION
    if Dimension.AGENT in used:
        joins += _AGENT
    return joins + (_MACHINE if Dimension.MACHINE in used else "")


def _sum(row: Sequence[object], asked: Asked, calendar: Calendar | None, origin: Origin) -> Sum:
    part, provider, model, *rest = row
    words = len([each for each in asked.by if each in _OF_OTHERS])
    keys = iter(map(str, rest[:words]))
    day, size, official, cost, *counts = (int(str(each)) for each in rest[words:])
    key = [] if asked.windows is None else [str(part)]
    for dimension in asked.by:
        match dimension:
            case Dimension.DAY | Dimension.WEEK | Dimension.MONTH:
                assert calendar is not None
                key.append(calendar.word(int(str(part)), dimension))
            case Dimension.ORIGIN:
                key.append(origin.value)
            case _:
                key.append(next(keys))
    if origin is Origin.TARS:
        net, read, written, output, reasoning, requests = counts
        tokens = Tokens(net, read, written, 0, output, reasoning, requests)
        cost *= MICRODOLLAR
        provider = provider or _MAKERS.get(str(model)[:6], "")
    else:
        tokens = Tokens(*counts)
    return Sum(tuple(key), Rated(str(provider), str(model), day, size), official, cost, tokens)
