"""Windows of five hours, as the limits of some accounts have them, and how fast the last one fills.

A window begins with the full hour, in UTC, of the first use after the one before, and ends five
hours later, however much of it is used. So does ccusage count them. How fast one fills is reckoned
from the quarter of its first use until now; ccusage's rate is that from its first request to its
last, and does not fall while nothing is used.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta

from tars.accounting.rates import SLOT_SECONDS
from tars.costs.engine import Costs
from tars.costs.facts import NOTHING, Dimension, Figures, Only
from tars.costs.grouping import Asked
from tars.costs.pricing import total
from tars.costs.spans import Cut, moment
from tars.sessions.ranges import Span

HOURS = 5
_HOUR = 3600 // SLOT_SECONDS
_WINDOW = HOURS * _HOUR


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast the window under way fills, since its first use, and what it comes to if that goes
    on until its end. Money is in picodollars."""

    minutes: int
    minutes_left: int
    tokens_per_minute: float
    cost_per_hour: int
    tokens_in_the_end: int
    cost_in_the_end: int


@dataclass(frozen=True, slots=True)
class Block:
    """A window. `idle` is how long nothing was used before it, after the window before had ended.
    `burn` is None for those that are over."""

    start: datetime
    end: datetime
    figures: Figures
    models: tuple[str, ...]
    idle: timedelta
    burn: Burn | None = None

    @property
    def active(self) -> bool:
        return self.burn is not None


@dataclass(frozen=True, slots=True)
class Blocks:
    """The windows in their order; `unpriced` and `problems` are as in a report."""

    blocks: tuple[Block, ...]
    total: Figures
    unpriced: tuple[str, ...]
    problems: tuple[str, ...]


def blocks(costs: Costs, *, span: Span, now: datetime, only: Only | None = None) -> Blocks:
    """Give the windows of which a part lies in a span, whole."""
    meant = Only() if only is None else only
    asked = Asked((Dimension.MODEL,), Cut(), costs.zone, meant, windows=())
    with costs.sources.moment() as at:
        used = costs.slots(at, asked)
        every = windows(used)
        shown = [n for n, (first, end) in enumerate(every) if _meets(first, end, span)]
        asked = Asked(asked.by, Cut(), costs.zone, meant, tuple(every[n] for n in shown))
        found = costs.priced(at, asked)
    by_window: dict[int, dict[str, Figures]] = {}
    for line in found.lines:
        by_window.setdefault(int(line.key[0]), {})[line.key[1]] = line.figures
    made = tuple(
        _block(every, number, by_window.get(place, {}), used, now)
        for place, number in enumerate(shown)
    )
    return Blocks(made, found.total, found.unpriced, found.problems)


def windows(slots: list[int]) -> list[tuple[int, int]]:
    """Give the windows of the slots in which something was used, as slots, half-open."""
    found: list[tuple[int, int]] = []
    for slot in slots:
        if not found or slot >= found[-1][1]:
            start = slot - slot % _HOUR
            found.append((start, start + _WINDOW))
    return found


def burn(figures: Figures, start: datetime, end: datetime, now: datetime) -> Burn:
    """Say how fast a window fills that began to be used at `start`."""
    seconds = max(60.0, (now - start).total_seconds())
    left = max(0.0, (end - now).total_seconds())
    tokens = figures.tokens.total
    return Burn(
        minutes=round(seconds / 60),
        minutes_left=round(left / 60),
        tokens_per_minute=tokens * 60 / seconds,
        cost_per_hour=round(figures.cost * 3600 / seconds),
        tokens_in_the_end=tokens + round(tokens * left / seconds),
        cost_in_the_end=figures.cost + round(figures.cost * left / seconds),
    )


def _block(
    every: list[tuple[int, int]],
    number: int,
    models: dict[str, Figures],
    used: list[int],
    now: datetime,
) -> Block:
    first, end = every[number]
    began = used[bisect_left(used, first)]
    before = every[number - 1][1] if number else first
    figures = total(models.values()) if models else Figures(NOTHING)
    active = moment(first) <= now < moment(end)
    return Block(
        start=moment(first),
        end=moment(end),
        figures=figures,
        models=tuple(sorted(models)),
        idle=timedelta(seconds=(first - before) * SLOT_SECONDS),
        burn=burn(figures, moment(began), moment(end), now) if active else None,
    )


def _meets(first: int, end: int, span: Span) -> bool:
    ends_after = span.since is None or moment(end) > span.since
    return ends_after and (span.until is None or moment(first) < span.until)
