"""Spans of time as people say them, in one zone: half-open, and right when clocks change.

A day begins at midnight of its zone and ends at the next, so it has 23 or 25 hours where the
clocks are set forward or back in it. `7d` and `30d` end now and begin at the same time of day
so many days ago; the others are days, weeks (from Monday) and months of the calendar.
"""

import os
import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tars.errors import RequestInvalid

#: The words for a span, as `--range` takes them.
RANGES = (
    "today",
    "yesterday",
    "7d",
    "week",
    "30d",
    "month",
    "thismonth",
    "lastmonth",
    "all",
)

_AGO = re.compile(r"(\d{1,6})\s*(min|h|d|w)")
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
_LOCALTIME = Path("/etc/localtime")


class Zone(NamedTuple):
    """A zone and the name by which it is told."""

    name: str
    info: tzinfo


class Span(NamedTuple):
    """From `since` to before `until`, aware times; None is open."""

    since: datetime | None = None
    until: datetime | None = None

    def shown(self, zone: Zone) -> str:
        """Say it in its zone, with the offset where that is not the same at both ends."""
        if self.since is None and self.until is None:
            return f"all time ({zone.name})"
        ends = [
            "…" if at is None else f"{at.astimezone(zone.info):%Y-%m-%d %H:%M}"
            for at in (self.since, self.until)
        ]
        return f"{ends[0]} to {ends[1]} ({zone.name})"


def find_zone(name: str | None, *, localtime: Path = _LOCALTIME) -> Zone:
    """Give the zone of a name, or this machine's own. Raises RequestInvalid."""
    if name is None:
        return _local_zone(localtime)
    try:
        return Zone(name, ZoneInfo(name))
    # A path, a folder of zones and a text of nothing each raise something else.
    except (KeyError, ValueError, OSError):
        raise RequestInvalid(f"There is no time zone {name!r}.", advice=_zones_like(name)) from None


def _zones_like(name: str) -> str:
    """Say how zones are named, and which of them have names like this one."""
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    known = {zone.lower(): zone for zone in available_timezones()}
    near = [known[found] for found in get_close_matches(name.lower(), known, 3, 0.55)]
    asked = f"Do you mean {' or '.join(near)}? " if near else ""
    return f"{asked}One is named as Europe/Berlin is, or UTC."


def find_span(word: str, zone: Zone, now: datetime) -> Span:
    """Give the span that a word means. Raises RequestInvalid."""
    today = now.astimezone(zone.info).date()
    month = today.replace(day=1)
    match word:
        case "today":
            return days(today, today + timedelta(1), zone)
        case "yesterday":
            return days(today - timedelta(1), today, zone)
        case "week":
            monday = today - timedelta(today.weekday())
            return days(monday, monday + timedelta(7), zone)
        case "month" | "thismonth":
            return days(month, _next_month(month), zone)
        case "lastmonth":
            return days((month - timedelta(1)).replace(day=1), month, zone)
        case "7d" | "30d":
            return Span(_days_ago(int(word[:-1]), zone, now), now)
        case "all":
            return Span()
        case _:
            known = ", ".join(RANGES)
            raise RequestInvalid(f"There is no range {word!r}.", advice=f"One of {known}.")


def find_moment(word: str, zone: Zone, now: datetime) -> datetime:
    """Give the time that a word means: a date (its midnight), a date and a time, a time of
    today, `now`, `today`, `yesterday`, or how long ago: `90min`, `12h`, `7d`, `2w`.

    Raises RequestInvalid.
    """
    text = word.strip()
    today = now.astimezone(zone.info).date()
    if text == "now":
        return now
    if text in ("today", "yesterday"):
        return midnight(today - timedelta(text == "yesterday"), zone)
    try:
        if ago := _AGO.fullmatch(text):
            return _ago(int(ago[1]), ago[2], zone, now)
        if _TIME.fullmatch(text):
            return _local(datetime.combine(today, time.fromisoformat(text.zfill(5))), zone)
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else _local(found, zone)
    except (ValueError, OverflowError):
        raise RequestInvalid(
            f"{word!r} is no time.",
            advice="Say 2026-11-20, 2026-11-20T14:30, 14:30, 7d, 12h, today or yesterday.",
        ) from None


def days(first: date, end: date, zone: Zone) -> Span:
    """Give the span from the beginning of one day to the beginning of another."""
    return Span(midnight(first, zone), midnight(end, zone))


def midnight(day: date, zone: Zone) -> datetime:
    """Give the moment at which a day begins, in UTC.

    Where the clocks are set forward at midnight, that is the moment at which they are.
    """
    return _local(datetime.combine(day, time()), zone)


def day_of(at: datetime, zone: Zone) -> date:
    """Give the day that a moment belongs to: the last that has begun."""
    day = at.astimezone(zone.info).date()
    # Clocks that were set back over midnight show the day before once more.
    return day + timedelta(1) if midnight(day + timedelta(1), zone) <= at else day


def _ago(number: int, unit: str, zone: Zone, now: datetime) -> datetime:
    match unit:
        case "min":
            return now - timedelta(minutes=number)
        case "h":
            return now - timedelta(hours=number)
        case "w":
            return _days_ago(7 * number, zone, now)
        case _:
            return _days_ago(number, zone, now)


def _days_ago(number: int, zone: Zone, now: datetime) -> datetime:
    """The same time of day, so many days before."""
    here = now.astimezone(zone.info).replace(tzinfo=None)
    return _local(here - timedelta(number), zone)


def _local(wall: datetime, zone: Zone) -> datetime:
    """A wall clock's time in UTC; the first of two, and of none the one that would have been."""
    return wall.replace(tzinfo=zone.info).astimezone(UTC)


def _next_month(first: date) -> date:
    return (first + timedelta(31)).replace(day=1)


def _local_zone(localtime: Path) -> Zone:
    named = os.environ.get("TZ", "").removeprefix(":")
    if named:
        try:
            return Zone(named, ZoneInfo(named))
        except (KeyError, ValueError, OSError):
            pass  # a rule such as CET-1CEST, or a slip: the system's zone is the next best
    _, found, name = str(localtime.resolve()).partition("/zoneinfo/")
    try:
        if found:
            return Zone(name, ZoneInfo(name))
        with localtime.open("rb") as file:
            return Zone("local time", ZoneInfo.from_file(file))
    except (KeyError, ValueError, OSError):
        return Zone("UTC", UTC)
