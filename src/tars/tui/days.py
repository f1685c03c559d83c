"""Times that the daemon tells, and the days of a report: what each of them came to. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tars.control.costs_contract import CostFigures, CostReport


def since(iso: str, now: float) -> float:
    """Say how many seconds ago that was, `now` being seconds since 1970; 0 where it is to come."""
    return max(0.0, now - datetime.fromisoformat(iso).timestamp())


def until(iso: str, now: float) -> float:
    """Say in how many seconds that will be; 0 where it is past."""
    return max(0.0, datetime.fromisoformat(iso).timestamp() - now)


def today(now: float, zone: str) -> date:
    """Give the day that it is in a time zone."""
    return datetime.fromtimestamp(now, _zone(zone)).date()


def last_days(count: int, end: date) -> list[date]:
    """Give so many days that follow each other, up to the last one."""
    return [end - timedelta(days=back) for back in range(count - 1, -1, -1)]


def is_priced(groups: Iterable[CostFigures]) -> bool:
    """Whether anything among them has a price; else their tokens say how they compare."""
    return any(group.cost_usd for group in groups)


def weight(group: CostFigures, *, priced: bool) -> float:
    """Say how much it is beside others."""
    return (group.cost_usd or 0.0) if priced else float(group.total_tokens)


def weights(report: CostReport, days: Sequence[date]) -> list[float]:
    """Say how much each of these days is, in a report by day."""
    priced = is_priced(report.rows)
    by_day = {row.day: weight(row, priced=priced) for row in report.rows}
    return [by_day.get(day.isoformat(), 0.0) for day in days]


def _zone(name: str) -> tzinfo:
    """Give a time zone; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
