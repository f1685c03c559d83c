"""What was spent today, in a few words, for `tars status line`, which reads it from a small file
where there is no daemon."""

import os
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from tars.control.costs.money import Money
from tars.control.costs.told import dollars
from tars.costs.engine import Costs
from tars.home import FILE_MODE, Home
from tars.sessions.ranges import find_span


class Today(NamedTuple):
    """Words that are true of the day that ends at `until`, as it was known at `at`."""

    text: str
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
    write = money.at_least if report.problems or not total.known else money.shown
    return Today(
        words("" if amount is None else write(amount), total.tokens.total),
        now,
        span.until or now + timedelta(1),
    )


def words(spent: str, tokens: int) -> str:
    """Say it: `spent` is an amount of money, empty where nobody knows."""
    return f"{spent} today · {short(tokens)} tok" if spent else f"{short(tokens)} tok today"


def short(number: int) -> str:
    """`950`, `45k`, `4.5M`; rounded down, so that it is never more than there is."""
    for size, unit in ((10**9, "G"), (10**6, "M")):
        if number >= size:
            return f"{number * 10 // size / 10:g}{unit}"
    return f"{number // 1000}k" if number >= 1000 else str(number)


def leave(home: Home, today: Today) -> None:
    """Leave it in `line.txt` (0600), whole or not at all; not at all where that cannot be written,
    which nobody has to hear of. A crash may lose it."""
    lines = (str(int(today.at.timestamp())), str(int(today.until.timestamp())), today.text)
    temporary = home.data / f".line.{os.getpid()}.tmp"
    with suppress(OSError):
        descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, FILE_MODE)
        with open(descriptor, "wb") as file:
            file.write("".join(f"{line}\n" for line in lines).encode())
        os.replace(temporary, home.data / "line.txt")
