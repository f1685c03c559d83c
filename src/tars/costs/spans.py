"""A span of time as slots: those that lie in it whole, and what is left over at its two ends.

Times are whole numbers here: slots, and microseconds since 1970 in UTC, all half-open.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from tars.accounting.rates import SLOT_SECONDS
from tars.costs.facts import Dimension
from tars.sessions.ranges import Span, Zone, midnight

SLOT_MICROS = SLOT_SECONDS * 1_000_000
#: Slots in a day of UTC.
DAY_SLOTS = 86_400 // SLOT_SECONDS
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = EPOCH.date().toordinal()
#: What lies beyond has no midnight in every zone; a turn that was taken over may say so.
_FIRST, _LAST = date(2, 1, 1).toordinal(), date(9998, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)

#: The dimensions that are spans of the calendar, the finest first.
CALENDAR = (Dimension.DAY, Dimension.WEEK, Dimension.MONTH)


class Cut(NamedTuple):
    """A span in slots. `first` to before `end` lie in it whole; None is open. `rest` are the
    times, in microseconds, that lie in slots of which only a part is meant."""

    first: int | None = None
    end: int | None = None
    rest: tuple[tuple[int, int], ...] = ()


class Part(NamedTuple):
    """A part of the calendar: the slots from `first` to before `end` are `day`'s."""

    day: date
    first: int
    end: int


def micros(at: datetime) -> int:
    """Give a moment in microseconds since 1970."""
    return (at - EPOCH) // _MICROSECOND


def cut(span: Span) -> Cut:
    """Cut a span at its first and its last whole slot."""
    since = None if span.since is None else micros(span.since)
    until = None if span.until is None else micros(span.until)
    first = None if since is None else -(-since // SLOT_MICROS)
    end = None if until is None else until // SLOT_MICROS
    if first is not None and end is not None and first > end:
        assert since is not None
        assert until is not None
        return Cut(first, first, ((since, until),) if since < until else ())
    rest = []
    if since is not None and first is not None and since < first * SLOT_MICROS:
        rest.append((since, first * SLOT_MICROS))
    if until is not None and end is not None and end * SLOT_MICROS < until:
        rest.append((end * SLOT_MICROS, until))
    return Cut(first, end, tuple(rest))


def parts(days: Iterable[int], zone: Zone) -> list[Part]:
    """Give the days of a zone that these days of UTC (counted from 1970) are in, in order."""
    near = {_EPOCH_DAY + day + each for day in days for each in (-1, 0, 1)}
    found = sorted(number for number in near if _FIRST <= number <= _LAST)
    starts = {number: _first_slot(number, zone) for number in {*found, *(n + 1 for n in found)}}
    return [Part(date.fromordinal(n), starts[n], starts[n + 1]) for n in found]


def word(day: date, dimension: Dimension) -> str:
    """Say which day, week or month of the calendar a day is in."""
    if dimension is Dimension.WEEK:
        return (day - timedelta(day.weekday())).isoformat()
    return day.isoformat()[:7] if dimension is Dimension.MONTH else day.isoformat()


def coarse(found: Sequence[Part], dimension: Dimension) -> list[Part]:
    """Join days into the weeks or months that they are in."""
    joined: list[Part] = []
    for part in found:
        last = joined[-1] if joined else None
        whole = last is not None and word(last.day, dimension) == word(part.day, dimension)
        if last is not None and whole and last.end == part.first:
            joined[-1] = last._replace(end=part.end)
        else:
            joined.append(part)
    return joined


def moment(slot: int) -> datetime:
    """Give the moment at which a slot begins."""
    return EPOCH + timedelta(seconds=slot * SLOT_SECONDS)


def stored(at: int) -> str:
    """Write a time, in microseconds, as the store does."""
    return (EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def utc_day(number: int) -> date:
    """Give a day of UTC that is counted from 1970."""
    return date.fromordinal(_EPOCH_DAY + number)


def _first_slot(number: int, zone: Zone) -> int:
    """The first slot that begins in a day. Zones were not always off UTC by whole slots."""
    return -(-micros(midnight(date.fromordinal(number), zone)) // SLOT_MICROS)
