"""What was spent today, in a few words, for `tars status line`, which reads it from a small file
where there is no daemon."""

import os
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from tars.control.costs.money import Money
from tars.control.costs.told import dollars
from tars.control.tokens_text import of_today
from tars.costs.engine import Costs
from tars.home import FILE_MODE, Home
from tars.sessions.ranges import find_span


class Spent(NamedTuple):
    """What the wire's `TodayStatus` says."""

    cost_usd: float | None
    tokens: int
    at_least: bool = False
    text: str = ""


class Today(NamedTuple):
    """What is true of the day that ends at `until`, as it was known at `at`."""

    told: Spent
    at: datetime
    until: datetime


def look(costs: Costs, now: datetime) -> Today:
    """Ask what was spent today, in the zone and the currency of the configuration."""
    span = find_span("today", costs.zone, now)
    report = costs.report((), span=span)
    total = report.total
    config, amount = costs.costs_config, dollars(total)
    money = Money(config.currency, config.rate, config.precision)
    # What cannot be read now is missing in it.
    at_least = bool(report.problems) or not total.known
    write = money.at_least if at_least else money.shown
    found = Spent(
        cost_usd=amount,
        tokens=total.tokens.total,
        at_least=at_least,
        text="" if amount is None else write(amount),
    )
    return Today(found, now, span.until or now + timedelta(1))


def leave(home: Home, today: Today) -> None:
    """Leave it in `line.txt` (0600), whole or not at all; not at all where that cannot be written,
    which nobody has to hear of. A crash may lose it."""
    told = of_today(today.told.text, today.told.tokens)
    lines = (str(int(today.at.timestamp())), str(int(today.until.timestamp())), told)
    temporary = home.data / f".line.{os.getpid()}.tmp"
    with suppress(OSError):
        descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, FILE_MODE)
        with open(descriptor, "wb") as file:
            file.write("".join(f"{line}\n" for line in lines).encode())
        os.replace(temporary, home.data / "line.txt")
