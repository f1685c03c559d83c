"""Figures as the screen shows them: short, aligned, and never a price that nobody knows. Pure."""

from collections.abc import Sequence

from rich.text import Text

from tars.control.costs import layout
from tars.control.costs.layout import Face
from tars.control.costs.money import Money
from tars.tui import foreign_text

#: Whatever draws here shows Unicode; Textual cannot draw on a terminal without.
_FACE = Face()
_MOST_DIGITS = 4


def tokens(count: int) -> str:
    """Give a count of tokens: `950`, `12.5K`, `200K`, `3.4M`, `1.2B`."""
    value, unit = float(count), ""
    for unit in ("", "K", "M", "B"):
        if value < 999.5 or unit == "B":
            break
        value /= 1000
    digits = 1 if unit and value < 99.95 else 0
    return f"{value:,.{digits}f}{unit}"


def money(dollars: float | None, *, unpriced: int = 0) -> str:
    """Give an amount: `$0.0234`, `$12.34`. Where there are `unpriced` tokens it is `≥$0.0234`, or
    `unpriced`."""
    if dollars is None:
        return "unpriced" if unpriced else "-"
    written = Money(precision=2 if dollars >= 10 else _MOST_DIGITS)
    if not unpriced:
        return written.shown(dollars)
    return written.at_least(dollars) if dollars else "unpriced"


def bar(share: float, width: int) -> str:
    """Give a bar on its ground, exactly `width` columns wide; what is more than nothing is seen."""
    filled = layout.bar(share, width, _FACE)
    return filled + "░" * (width - len(filled))


def painted(share: float, width: int, style: str) -> Text:
    """Give the same in a colour, its ground dim."""
    filled = layout.bar(share, width, _FACE)
    return Text.assemble((filled, style), ("░" * (width - len(filled)), "dim"))


def sparkline(values: Sequence[float]) -> str:
    """Give a sign for each value, as high as it is beside the highest."""
    return layout.sparkline(values, _FACE)


def fitted(text: str, width: int) -> str:
    """Make anybody's text exactly so many columns of a terminal wide, safely."""
    return foreign_text.fitted(foreign_text.clean(text), width)
