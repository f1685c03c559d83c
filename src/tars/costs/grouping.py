"""What a report asks of each source of figures, and the one way in which they add them up.

Sums come by the dimensions of the report, and besides by all that a price depends on: the model,
the day in UTC or all days of one price, the size class, and whether the agent told the cost itself.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from tars.accounting.rates import Tokens
from tars.costs.facts import Dimension, Only
from tars.costs.spans import CALENDAR, DAY_SLOTS, EPOCH, SLOT_MICROS, Cut, Part, coarse, parts, word
from tars.sessions.ranges import Zone

#: The columns of a sum that are tokens, in the order of `Tokens`.
TOKENS = Tokens._fields


_EVER = Cut()
#: A span of slots, from one to before another, behind the number of its group.
Numbered = tuple[int, int, int]
#: How many words a query takes at once.
_WORDS = 500


class Rated(NamedTuple):
    """What a price depends on. `day` is in UTC, and counted from 1970."""

    provider: str
    model: str
    day: int
    size: int


class Tariff(NamedTuple):
    """What prices depend on at all: the days on which some of them changed, in UTC and counted
    from 1970, and the models, with their providers, whose long prompts have other ones."""

    changes: Collection[int]
    tiered: Collection[tuple[str, str]]


class Sum(NamedTuple):
    """Figures of one group that have one price. `cost` is what the agent told, in picodollars,
    where the sum is `official`."""

    key: tuple[str, ...]
    rated: Rated
    official: int
    cost: int
    tokens: Tokens


class Asked(NamedTuple):
    """What a report is by, which times it is of, and what it is restricted to. Where there are
    `windows`, spans of slots that follow each other, keys begin with the number of one, and what
    lies in none does not count."""

    by: tuple[Dimension, ...]
    cut: Cut
    zone: Zone
    only: Only
    windows: tuple[tuple[int, int], ...] | None = None

    def has(self, *dimensions: Dimension) -> bool:
        return any(dimension in self.by for dimension in dimensions)

    @property
    def of_calendar(self) -> bool:
        return self.windows is not None or self.has(*CALENDAR)


class Calendar:
    """The parts of the calendar that a report is by, as far as there are figures in them."""

    def __init__(self, asked: Asked, days: Iterable[int]) -> None:
        """`days` are the days in UTC that have figures."""
        if asked.windows is not None:
            self.parts = [Part(EPOCH.date(), first, end) for first, end in asked.windows]
            self._words: list[dict[Dimension, str]] = []
            return
        finest = next(each for each in CALENDAR if each in asked.by)
        found = parts(days, asked.zone)
        several = len([each for each in CALENDAR if each in asked.by]) > 1
        self.parts = found if several or finest is Dimension.DAY else coarse(found, finest)
        self._words = [
            {each: word(part.day, each) for each in CALENDAR if each in asked.by}
            for part in self.parts
        ]

    def words(self, dimension: Dimension) -> dict[int, str]:
        """Name all of the parts."""
        return {part: words[dimension] for part, words in enumerate(self._words)}

    def word(self, part: int, dimension: Dimension) -> str:
        """Name one of the parts."""
        return self._words[part][dimension]

    def spans(self, cut: Cut) -> list[Numbered]:
        """Give them as spans of slots, as far as they lie in a cut."""
        found = []
        for number, part in enumerate(self.parts):
            first = part.first if cut.first is None else max(part.first, cut.first)
            end = part.end if cut.end is None else min(part.end, cut.end)
            if first < end:
                found.append((number, first, end))
        return found


def query(
    source: str,
    keys: Sequence[str],
    sums: Sequence[str],
    *,
    dialect: str = "sqlite",
    spans: Sequence[Numbered] | None = None,
    cut: Cut = _EVER,
    joins: str = "",
    where: Sequence[str] = (),
) -> str:
    """Write the query that adds up a source, called f, as far as it lies in some spans, or in the
    whole slots of a cut. Its rows have the keys, in which the number of the span may occur as
    `calendar.part`, and the sums."""
    conditions = [*where]
    if spans is not None:
        rows = ", ".join(f"({part}, {first}, {end})" for part, first, end in spans or [(0, 0, 0)])
        head = f"WITH calendar (part, first, past) AS (VALUES {rows}) "
        # The other way round SQLite would look through all the parts for every row.
        join = "CROSS JOIN" if dialect == "sqlite" else "JOIN"
        base = f"calendar {join} {source} ON f.slot >= calendar.first AND f.slot < calendar.past"
    else:
        head, base = "", source
        if cut.first is not None:
            conditions.append(f"f.slot >= {cut.first}")
        if cut.end is not None:
            conditions.append(f"f.slot < {cut.end}")
    columns = [*keys, *(f"SUM(f.{each})" for each in sums)]
    filters = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    groups = ", ".join(str(1 + i) for i in range(len(keys)))
    return f"{head}SELECT {', '.join(columns)} FROM {base} {joins}{filters} GROUP BY {groups}"


def whole_days(
    spans: Sequence[Numbered], stale: Iterable[int]
) -> tuple[list[Numbered], list[Numbered]]:
    """Cut spans into those of whole days of UTC and what is left, to which all of the days belong
    that begin with a `stale` slot."""
    days, rest = [], []
    for number, first, end in spans:
        begin, past = -(-first // DAY_SLOTS) * DAY_SLOTS, end // DAY_SLOTS * DAY_SLOTS
        if begin >= past:
            rest.append((number, first, end))
            continue
        days.append((number, begin, past))
        inside = [(number, day, day + DAY_SLOTS) for day in stale if begin <= day < past]
        ends = [(number, first, begin), *inside, (number, past, end)]
        rest += [each for each in ends if each[1] < each[2]]
    return days, rest


def days_query(table: str, cut: Cut) -> str:
    """Write the query for the days in UTC that have figures, along the key that begins with the
    slot: each is found in one look."""
    end = "" if cut.end is None else f" AND slot < {cut.end}"
    first = -DAY_SLOTS if cut.first is None else cut.first
    return (
        f"WITH RECURSIVE days (day) AS ("
        f"SELECT MIN(slot) / {DAY_SLOTS} FROM {table} WHERE slot >= {first}{end} UNION ALL "
        f"SELECT (SELECT MIN(slot) / {DAY_SLOTS} FROM {table} "
        f"WHERE slot >= (day + 1) * {DAY_SLOTS}{end}) FROM days WHERE day IS NOT NULL) "
        "SELECT day FROM days WHERE day IS NOT NULL"
    )


def batches(words: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Give words in parts that one query takes, each behind its marks for `IN`."""
    for start in range(0, len(words), _WORDS):
        part = words[start : start + _WORDS]
        yield ", ".join("?" * len(part)), part


def rest_days(cut: Cut) -> set[int]:
    """Give the days in UTC that the ends of a span are in."""
    return {first // SLOT_MICROS // DAY_SLOTS for first, _ in cut.rest}
