"""Times that the daemon tells, as people on the screen reckon with them."""

from datetime import date

from tars.tui.days import last_days, since, today, until

#: 2026-11-21 23:30 in UTC.
NOW = 1_795_303_800.0


def test_a_day_is_that_of_the_reports_time_zone() -> None:
    """Late in the evening it is tomorrow further east; a zone that nobody knows is UTC."""
    told = {"UTC": 21, "Asia/Tokyo": 22, "": 21, "Nowhere/At_all": 21}
    assert {zone: today(NOW, zone).day for zone in told} == told


def test_days_end_with_the_last_one() -> None:
    """Over the end of a month, too."""
    assert last_days(3, date(2026, 3, 1)) == [
        date(2026, 2, 27),
        date(2026, 2, 28),
        date(2026, 3, 1),
    ]


def test_nothing_was_in_the_future_and_nothing_will_be_in_the_past() -> None:
    """Two clocks differ a little."""
    before, after = "2026-11-21T23:29:00Z", "2026-11-21T23:31:00+00:00"
    assert [since(before, NOW), since(after, NOW)] == [60.0, 0.0]
    assert [until(before, NOW), until(after, NOW)] == [0.0, 60.0]
