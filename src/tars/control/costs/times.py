"""Times and durations, as short as they can be said."""

from datetime import datetime

from tars.sessions.ranges import Zone


def minutes(number: int) -> str:
    """`5 min`, `2 h 5 min`, `3 d 4 h`."""
    if number < 60:
        return f"{number} min"
    hours, rest = divmod(number, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, rest = divmod(hours, 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def clock(at: datetime, zone: Zone, now: datetime) -> str:
    """`14:30`, or `11-20 14:30` where that is another day."""
    here = at.astimezone(zone.info)
    return (
        f"{here:%H:%M}"
        if here.date() == now.astimezone(zone.info).date()
        else f"{here:%m-%d %H:%M}"
    )
