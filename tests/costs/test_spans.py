"""A span cut into whole slots and the rest: nothing of it is lost, and nothing else is in it."""

from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tars.costs.facts import Dimension
from tars.costs.spans import EPOCH, SLOT_MICROS, coarse, cut, micros, moment, parts, stored, word
from tars.sessions.ranges import Span, find_zone, midnight

#: Moments around two slots, their borders among them.
moments = st.integers(-3, 3).flatmap(
    lambda slot: st.sampled_from((-1, 0, 1, SLOT_MICROS // 2)).map(
        lambda more: EPOCH + timedelta(microseconds=slot * SLOT_MICROS + more)
    )
)


@settings(max_examples=60, deadline=None)
@given(st.none() | moments, st.none() | moments, moments)
def test_a_moment_is_in_one_part_of_a_span_or_in_none(
    since: datetime | None, until: datetime | None, at: datetime
) -> None:
    """It is in the span just when its slot is a whole one, or when it is in the rest."""
    found = cut(Span(since, until))
    slot = micros(at) // SLOT_MICROS
    whole = (found.first is None or slot >= found.first) and (found.end is None or slot < found.end)
    rest = [1 for first, end in found.rest if first <= micros(at) < end]
    meant = (since is None or since <= at) and (until is None or at < until)
    assert int(whole) + len(rest) == int(meant)


def test_days_begin_with_their_midnight_and_end_with_the_next() -> None:
    """Joined, they are weeks and months; a time beyond all calendars is in no day."""
    berlin = find_zone("Europe/Berlin")
    first = date(2026, 3, 28)
    number = (first - EPOCH.date()).days
    found = parts([number, number + 1, number + 3, -(10**6), 10**7], berlin)
    assert [part.day for part in found] == [first + timedelta(n) for n in range(-1, 5)]
    for part in found:
        assert moment(part.first) == midnight(part.day, berlin)
        assert moment(part.end) == midnight(part.day + timedelta(1), berlin)
    months = coarse(found, Dimension.MONTH)
    assert [word(part.day, Dimension.MONTH) for part in months] == ["2026-03", "2026-04"]
    weeks = coarse(found, Dimension.WEEK)
    assert [word(part.day, Dimension.WEEK) for part in weeks] == ["2026-03-23", "2026-03-30"]
    assert stored(1) == "1970-01-01T00:00:00.000001Z"
