"""Spans of time are those that the clocks of a zone make them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.errors import RequestInvalid
from tars.sessions.ranges import (
    RANGES,
    Span,
    day_of,
    days,
    find_moment,
    find_span,
    find_zone,
    midnight,
)

BERLIN = find_zone("Europe/Berlin")
#: A Sunday afternoon in Berlin.
NOW = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
ZONES = [
    find_zone(name)
    for name in (
        *("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"),
        # Clocks that are, or were, set at midnight.
        *("America/Sao_Paulo", "Asia/Beirut", "America/St_Johns", "Pacific/Apia"),
    )
]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Asia/Kolkata", date(2026, 3, 29), 24),
        ("UTC", date(2026, 3, 29), 24),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),
    ],
)
def test_a_day_is_as_long_as_its_clocks_say(zone: str, day: date, hours: float) -> None:
    """23 or 25 hours where they are set, and half an hour on Lord Howe Island."""
    span = days(day, day + timedelta(1), find_zone(zone))
    assert span.since is not None
    assert span.until is not None
    assert span.until - span.since == timedelta(hours=hours)


@given(
    at=st.datetimes(datetime(1995, 1, 1), datetime(2037, 1, 1)).map(
        lambda d: d.replace(tzinfo=UTC)
    ),
    zone=st.sampled_from(ZONES),
)
def test_every_moment_has_one_day(at: datetime, zone: object) -> None:
    """The days follow each other without a gap, and a moment is in the one that it belongs to."""
    from tars.sessions.ranges import Zone

    assert isinstance(zone, Zone)
    day = day_of(at, zone)
    assert midnight(day, zone) <= at < midnight(day + timedelta(1), zone)


@pytest.mark.parametrize(
    ("word", "since", "until"),
    [
        ("today", "2026-11-21T23:00", "2026-11-22T23:00"),
        ("yesterday", "2026-11-20T23:00", "2026-11-21T23:00"),
        ("week", "2026-11-15T23:00", "2026-11-22T23:00"),
        ("7d", "2026-11-15T14:30", "2026-11-22T14:30"),
        # Before 25 October the same time of day was an hour earlier in UTC.
        ("30d", "2026-10-23T13:30", "2026-11-22T14:30"),
        ("month", "2026-10-31T23:00", "2026-11-30T23:00"),
        ("thismonth", "2026-10-31T23:00", "2026-11-30T23:00"),
        ("lastmonth", "2026-09-30T22:00", "2026-10-31T23:00"),
    ],
)
def test_a_word_is_a_span(word: str, since: str, until: str) -> None:
    """Days, weeks and months of the calendar; `7d` and `30d` up to now."""
    span = find_span(word, BERLIN, NOW)
    expected = (datetime.fromisoformat(f"{each}+00:00") for each in (since, until))
    assert (span.since, span.until) == tuple(expected)


def test_every_range_is_a_span_and_all_is_open() -> None:
    """No word is promised that is not understood."""
    assert all(find_span(word, BERLIN, NOW) for word in RANGES)
    assert find_span("all", BERLIN, NOW) == Span()
    assert Span().shown(BERLIN) == "all time (Europe/Berlin)"
    assert find_span("today", BERLIN, NOW).shown(BERLIN) == (
        "2026-11-22 00:00 to 2026-11-23 00:00 (Europe/Berlin)"
    )


@pytest.mark.parametrize(
    ("word", "at"),
    [
        ("2026-11-20", "2026-11-19T23:00"),
        ("2026-07-01", "2026-06-30T22:00"),
        ("2026-11-20T10:00", "2026-11-20T09:00"),
        ("2026-11-20 10:00:30", "2026-11-20T09:00:30"),
        ("2026-11-20T10:00Z", "2026-11-20T10:00"),
        ("2026-11-20T10:00+05:30", "2026-11-20T04:30"),
        ("9:15", "2026-11-22T08:15"),
        ("yesterday", "2026-11-20T23:00"),
        ("today", "2026-11-21T23:00"),
        ("now", "2026-11-22T14:30"),
        ("90min", "2026-11-22T13:00"),
        ("12h", "2026-11-22T02:30"),
        ("2w", "2026-11-08T14:30"),
        ("30d", "2026-10-23T13:30"),
        # It was not there: the clocks went from 2 to 3.
        ("2026-03-29T02:30", "2026-03-29T01:30"),
        # It was there twice: the first is meant.
        ("2026-10-25T02:30", "2026-10-25T00:30"),
    ],
)
def test_a_time_is_read_as_it_is_said(word: str, at: str) -> None:
    """Dates, times, and how long ago."""
    assert find_moment(word, BERLIN, NOW) == datetime.fromisoformat(f"{at}+00:00")


@pytest.mark.parametrize("word", ["", "soon", "2026-13-01", "25:00", "999999d", "-1d", "7 days"])
def test_what_is_no_time_is_refused(word: str) -> None:
    """With what would be one."""
    with pytest.raises(RequestInvalid, match="is no time"):
        find_moment(word, BERLIN, NOW)


@pytest.mark.parametrize(
    "name", ["Mars/Phobos", "", "../etc/passwd", "/etc/localtime", "Europe", "\0"]
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    """Nothing outside of the zones is opened."""
    with pytest.raises(RequestInvalid, match="no time zone"):
        find_zone(name)


@pytest.mark.parametrize(
    ("name", "near"), [("Europe/Berln", "Europe/Berlin"), ("asia/kolkata", "Asia/Kolkata")]
)
def test_a_zone_with_a_slip_is_refused_with_the_one_that_may_be_meant(name: str, near: str) -> None:
    """As the zones of this machine are called."""
    with pytest.raises(RequestInvalid) as refused:
        find_zone(name)
    assert near in refused.value.advice


def test_what_is_no_range_is_refused_with_those_that_are() -> None:
    """The message says which there are."""
    with pytest.raises(RequestInvalid, match="no range 'fortnight'"):
        find_span("fortnight", BERLIN, NOW)


def test_this_machines_zone_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TZ, the system's link, its file, and UTC where there is nothing."""
    monkeypatch.setenv("TZ", ":Asia/Kolkata")
    assert find_zone(None).name == "Asia/Kolkata"
    monkeypatch.setenv("TZ", "CET-1CEST")
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    assert find_zone(None, localtime=link).name == "Europe/Berlin"
    monkeypatch.delenv("TZ")
    assert find_zone(None, localtime=tmp_path / "missing").name == "UTC"
