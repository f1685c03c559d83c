"""What `--format` is: a table for a person, JSON and CSV for programs.

A table fits its terminal: one column gives way, and when that is not enough the least
important ones are left out. Nothing that is printed can command the terminal.
"""

import csv
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

import msgspec
import typer
from wcwidth import wcswidth, wcwidth

from tars.cli.render import one_line

#: Where a terminal is not known, its width is not a reason to leave anything out.
_WIDE = 10_000
_GAP = "  "
#: What JSON leaves as it is, and a terminal might obey or be misled by.
_UNSAFE = re.compile("[\\x7f-\\x9f\\u200e\\u200f\\u202a-\\u202e\\u2028\\u2029\\u2066-\\u2069]")

Row = TypeVar("Row")


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


FormatOption = Annotated[
    Format, typer.Option("--format", help="How to print: for a person, or for a program.")
]


#: What was spent, as columns of CSV, by the names of the wire.
SPENT_HEAD = (
    "turns",
    "costedTurns",
    "requests",
    "netInputTokens",
    "cacheReadTokens",
    "cacheWriteTokens",
    "outputTokens",
    "reasoningTokens",
    "totalTokens",
    "costMicrousd",
    "costUsd",
)


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column of a table. `flexible`: it is cut to what is left of the width. Those with the
    highest `leaves` go first when that is not enough; 0 always stays."""

    title: str
    shown: Callable[[Row], str]
    right: bool = False
    flexible: bool = False
    leaves: int = 0


def print_table(columns: Sequence[Column[Row]], rows: Sequence[Row], *, width: int = 0) -> None:
    """Print a table as wide as its terminal; nothing at all where there are no rows."""
    if rows:
        sys.stdout.write(table(columns, rows, width=width or terminal_width()))


def print_json(value: object) -> None:
    """Print a value of the wire, indented."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    sys.stdout.write(_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def print_csv(head: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Print rows by these names, the first line of which has the names."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in head])


def flat(value: object) -> dict[str, object]:
    """Give the fields of a value of the wire as one level: those of its parts, such as `spent`,
    beside its own; what is no single value is left out."""
    found: dict[str, object] = {}
    for name, part in msgspec.to_builtins(value).items():
        if name == "spent":
            found.update(flat(part))
        elif not isinstance(part, dict):
            found[name] = part
    return found


def terminal_width() -> int:
    """How wide the table may be: as COLUMNS says, or the terminal; a pipe has no width."""
    if not os.environ.get("COLUMNS") and not sys.stdout.isatty():
        return _WIDE
    return max(20, shutil.get_terminal_size().columns)


def table(columns: Sequence[Column[Row]], rows: Sequence[Row], *, width: int) -> str:
    """Lay rows out in columns, cut to the width."""
    cells = {c.title: [one_line(c.shown(row)) for row in rows] for c in columns}
    kept, widths = _fitted(columns, cells, width)
    lines = [_GAP.join(_padded(c.title, widths[c.title], right=c.right) for c in kept)]
    for number in range(len(rows)):
        lines.append(
            _GAP.join(_padded(cells[c.title][number], widths[c.title], right=c.right) for c in kept)
        )
    return "".join(f"{line.rstrip()}\n" for line in lines)


def cut(text: str, width: int) -> str:
    """Shorten a text to so many columns of a terminal, with an ellipsis where it was cut."""
    if measure(text) <= width:
        return text
    kept, used = "", 0
    for sign in text:
        used += max(0, wcwidth(sign))
        if used > width - 1:
            break
        kept += sign
    return f"{kept.rstrip()}…"


def measure(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return len(text) if text.isascii() else max(0, wcswidth(text))


#: A flexible column has to have this much, or another column leaves.
_LEAST_FLEXIBLE = 16


def _fitted(
    columns: Sequence[Column[Row]], cells: Mapping[str, Sequence[str]], width: int
) -> tuple[list[Column[Row]], dict[str, int]]:
    """Choose the columns that fit, and their widths."""
    widths = {
        c.title: max([measure(c.title), *(measure(cell) for cell in cells[c.title])])
        for c in columns
    }
    kept = list(columns)
    while True:
        over = sum(widths[c.title] for c in kept) + len(_GAP) * (len(kept) - 1) - width
        flexible = next((c for c in kept if c.flexible), None)
        spare = 0 if flexible is None else max(0, widths[flexible.title] - _LEAST_FLEXIBLE)
        going = max(kept, key=lambda c: c.leaves)
        if over <= spare or going.leaves == 0:
            break
        kept.remove(going)
    if flexible is not None and over > 0:
        least = max(4, measure(flexible.title))
        widths[flexible.title] = max(least, widths[flexible.title] - over)
    return kept, widths


def _padded(text: str, width: int, *, right: bool) -> str:
    text = cut(text, width)
    blanks = " " * (width - measure(text))
    return blanks + text if right else text + blanks


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return " ".join(map(str, value))
        case _:
            return value
