"""What was spent in a span of time: in all, and by session, model, day, agent, project, machine.

The sums come from the ledger and are exact integers: over sessions, over models and over days
they make the same total, to the token and to the millionth of a dollar. A turn counts when it
ended. What a model shares of a turn is counted with it, so turns over models are more than turns.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from tars.sessions.library import Library
from tars.sessions.ranges import Span, Zone, day_of, midnight
from tars.store import spending
from tars.store.finding import Wanted
from tars.store.spending import By, Sum

__all__ = ["By", "Sum", "by_day", "total", "totals"]

#: All time.
EVER = Span()


def total(library: Library, span: Span = EVER, *, wanted: Wanted | None = None) -> Sum:
    """Add up the turns that ended in a span. `wanted` are the sessions whose turns count; None
    counts also the turns that belong to no session, or to one that was deleted."""
    with library.reading() as connection:
        return spending.whole(connection, since=span.since, until=span.until, wanted=wanted)


def totals(
    library: Library, by: By, span: Span = EVER, *, wanted: Wanted | None = None
) -> list[Sum]:
    """Add up the same turns in groups, the most tokens first."""
    with library.reading() as connection:
        return spending.grouped(connection, by, since=span.since, until=span.until, wanted=wanted)


def by_day(
    library: Library, zone: Zone, span: Span = EVER, *, wanted: Wanted | None = None
) -> list[Sum]:
    """Add up the same turns by the days of a zone, in their order; `key` is the day's date. A
    day that the span cuts counts as far as it is in it; one without turns is left out."""
    with library.reading() as connection:
        ends = spending.ends(connection, span.since, span.until)
        if ends is None:
            return []
        days = list(_days(zone, span, day_of(ends[0], zone), day_of(ends[1], zone)))
        return spending.daily(connection, days, wanted=wanted)


def _days(
    zone: Zone, span: Span, first: date, last: date
) -> Iterator[tuple[str, datetime, datetime]]:
    """Every day with its beginning and its end, as far as it is in the span."""
    day, began = first, midnight(first, zone)
    while day <= last:
        following = day + timedelta(1)
        ended = midnight(following, zone)
        since = began if span.since is None else max(began, span.since)
        until = ended if span.until is None else min(ended, span.until)
        yield day.isoformat(), since, until
        day, began = following, ended
