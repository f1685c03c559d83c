"""What was spent today, in a few words, for `tars status line`, which reads it from a small file
where there is no daemon."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tars.control.line_text import spent
from tars.home import Home, write_durably

if TYPE_CHECKING:
    from tars.costs.engine import Costs


@dataclass(frozen=True, slots=True)
class Today:
    """Words that are true of the day that ends at `until`, as it was known at `at`."""

    text: str
    at: datetime
    until: datetime


def look(costs: "Costs", now: datetime) -> Today:
    """Ask what was spent today, in the zone and the currency of the configuration."""
    from tars.control.costs.money import Money
    from tars.control.costs.told import dollars
    from tars.sessions.ranges import find_span

    span = find_span("today", costs.zone, now)
    total = costs.report((), span=span).total
    config, amount = costs.costs_config, dollars(total)
    money = Money(config.currency, config.rate, config.precision)
    shown = "" if amount is None else ("" if total.known else "≥") + money.shown(amount)
    until = span.until or now + timedelta(1)
    return Today(spent(shown, total.tokens.total), now, until)


def leave(home: Home, today: Today) -> None:
    """Leave it in `line.txt` (0600). Raises OSError."""
    lines = (str(int(today.at.timestamp())), str(int(today.until.timestamp())), today.text)
    write_durably(home.data / "line.txt", "".join(f"{line}\n" for line in lines).encode())
