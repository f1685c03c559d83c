"""Tables of Markdown, in as many columns as there are."""

import re

from tars.cli.chat.inline import cut_hard, spans, width_of, wrapped
from tars.cli.chat.paint import BOLD, DIM, styled

_DELIMITER = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_SGR = re.compile(r"\x1b\[[\d;]*m")
_LEAST = 4


def is_delimiter(line: str, header: str) -> bool:
    """Whether this is the line below the header of a table."""
    return (
        "-" in line
        and "|" in line + header
        and bool(_DELIMITER.match(line))
        and len(_cells(line)) == len(_cells(header))
    )


def table(lines: list[str], width: int) -> list[str]:
    """Lay a table out. What does not fit side by side stays as it was written."""
    header, below, *rest = (_cells(line) for line in lines)
    count = len(header)
    rows = [header, *((row + [""] * count)[:count] for row in rest)]
    room = width - 3 * (count - 1)
    if room < _LEAST * count:
        return [piece for line in lines for piece in cut_hard([(line, "")], width)]
    natural = [max(_plain_width(row[n]) for row in rows) or 1 for n in range(count)]
    widths = _shared(natural, room)
    sides = ["right" if c.endswith(":") and not c.startswith(":") else "left" for c in below]
    out = _row(header, widths, sides, BOLD)
    out.append(styled("─┼─".join("─" * columns for columns in widths), DIM))
    for row in rows[1:]:
        out += _row(row, widths, sides, "")
    return out


def _cells(line: str) -> list[str]:
    bare = line.strip().removeprefix("|")
    if bare.endswith("|") and not bare.endswith("\\|"):
        bare = bare[:-1]
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", bare)]


def _plain_width(cell: str) -> int:
    return sum(width_of(text) for text, _ in spans(cell))


def _shared(natural: list[int], room: int) -> list[int]:
    """Give each column what it needs, and the widest less where that is too much."""
    widths = list(natural)
    while sum(widths) > room:
        most = max(widths)
        second = max([w for w in widths if w < most], default=0)
        widest = [n for n, columns in enumerate(widths) if columns == most]
        over = sum(widths) - room
        less = max(1, min(most - second, over // len(widest)))
        for n in widest[: max(1, over)]:
            widths[n] -= less
    return widths


def _row(cells: list[str], widths: list[int], sides: list[str], style: str) -> list[str]:
    columns = [wrapped(spans(c, style), w) for c, w in zip(cells, widths, strict=True)]
    height = max(len(lines) for lines in columns)
    between = styled(" │ ", DIM)
    out = []
    for n in range(height):
        pieces = [
            _padded(lines[n] if n < len(lines) else "", width, side)
            for lines, width, side in zip(columns, widths, sides, strict=True)
        ]
        out.append(between.join(pieces).rstrip())
    return out


def _padded(text: str, width: int, side: str) -> str:
    blanks = " " * max(0, width - width_of(_SGR.sub("", text)))
    return blanks + text if side == "right" else text + blanks
