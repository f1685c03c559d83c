"""The limits of the agents' accounts as a report. What no file tells is said to be unknown."""

from datetime import datetime, timedelta

from tars.control.costs import told
from tars.control.costs.layout import Column, table
from tars.control.costs.tables import NOBODY, Look, printable
from tars.control.costs.times import clock, minutes
from tars.costs.limits import Known, Limits
from tars.sessions.ranges import Zone

HEAD = ("Agent", "Limit", "Used", "Resets", "Told", "Plan")
UNKNOWN = "unknown"
_NAMES = ("name", "used", "windowMinutes", "resetsAt", "toldAt", "over", "plan")


def told_limits(found: Limits) -> told.Told:
    """Put limits onto the wire."""
    return {"rows": [row(each) for each in found.known], "unknownAgents": list(found.unknown)}


def sheet(found: Limits) -> tuple[list[str], list[told.Told]]:
    """Give limits for CSV: the names, and a row for each; one also for who told of none."""
    rows = [row(each) for each in found.known]
    rows += [{"agent": agent} for agent in found.unknown]
    return ["agent", *_NAMES], rows


def row(known: Known) -> told.Told:
    """Put one limit onto the wire. `used` is null where its window is over."""
    window = known.window
    return {
        "agent": known.agent,
        "name": known.name,
        "used": known.used,
        "windowMinutes": None if window is None else round(window.total_seconds() / 60),
        "resetsAt": None if known.resets_at is None else told.moment(known.resets_at),
        "toldAt": told.moment(known.told_at),
        "over": known.over,
        "plan": known.plan,
    }


def page(found: Limits, look: Look, *, zone: Zone, now: datetime) -> str:
    """Give limits as a page."""
    if not found.known and not found.unknown:
        return "No agent has told of its limits, and none has left a log here.\n"
    rows = cells(found, zone, now)
    shares = [each.used or 0.0 for each in found.known]
    columns = [
        Column(title.upper(), [row[place] for row in rows], right=title == "Used", leaves=leaves)
        for place, (title, leaves) in enumerate(zip(HEAD, (0, 0, 0, 0, 2, 3), strict=True))
    ]
    if any(shares):
        columns.insert(3, Column("", (), leaves=1, shares=shares))
    return table(columns, look.face)


def cells(found: Limits, zone: Zone, now: datetime) -> list[tuple[str, ...]]:
    """Write each limit as the words of a line; unknown ones behind the known."""
    known = [
        (
            printable(each.agent),
            printable(each.name),
            UNKNOWN if each.used is None else f"{each.used:.0%}",
            _resets(each, zone, now),
            f"{_ago(now - each.told_at)} ago",
            printable(each.plan) or NOBODY,
        )
        for each in found.known
    ]
    rest = (NOBODY, UNKNOWN, NOBODY, NOBODY, NOBODY)
    return [*known, *((printable(agent), *rest) for agent in found.unknown)]


def _resets(known: Known, zone: Zone, now: datetime) -> str:
    if known.over:
        return "its window is over"
    if known.resets_at is None:
        return NOBODY
    return f"{clock(known.resets_at, zone, now)}, in {_ago(known.resets_at - now)}"


def _ago(passed: timedelta) -> str:
    return minutes(max(0, round(passed.total_seconds() / 60)))
