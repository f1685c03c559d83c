"""Tables with bars, as wide as they may be, in Unicode or plain ASCII, with colours or without."""

from collections.abc import Sequence
from typing import NamedTuple

_GAP = "  "
#: How wide a column of bars is at least and at most.
_BAR = (6, 24)
_EIGHTHS = "▏▎▍▌▋▊▉█"
#: What tars itself writes beyond Latin letters.
_NARROW = "≥…\u2013─€₹₩"
_LEVELS = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS = ".:-=+*#@"
_COLORS = {"bold": "\x1b[1m", "dim": "\x1b[2m", "cyan": "\x1b[36m", "yellow": "\x1b[33m"}


class Face(NamedTuple):
    """What the output can show. `width` 0 is any width, as a pipe and a file have."""

    width: int = 0
    unicode: bool = True
    color: bool = False

    def paint(self, text: str, color: str) -> str:
        return f"{_COLORS[color]}{text}\x1b[0m" if self.color and text else text

    def plain(self, text: str) -> str:
        """Write the few signs of ours that ASCII has not in its own."""
        if self.unicode or text.isascii():
            return text
        for sign, instead in (("≥", ">="), ("…", "..."), ("\u2013", "-"), ("·", "|"), ("─", "-")):
            text = text.replace(sign, instead)
        return text.encode("ascii", "replace").decode()


class Column(NamedTuple):
    """One column. Its last cell is that of the total, where the table has one. Those that leave
    first when the width does not do have the highest `leaves`; 0 stays. One that has a `least`
    width is shortened to that before: at its end, or at its `start`. `shares` make it one of bars:
    how long each is, from 0 to 1; it is as wide as there is room."""

    title: str
    cells: Sequence[str]
    right: bool = True
    leaves: int = 0
    least: int = 0
    start: bool = False
    shares: Sequence[float] = ()


def table(columns: Sequence[Column], face: Face, *, total: bool = False) -> str:
    """Lay the columns out. `total`: the last line is one of sums, and set apart."""
    kept, widths = _fitted([c._replace(cells=[*map(face.plain, c.cells)]) for c in columns], face)
    rows = len(columns[0].cells)
    head = _GAP.join(_padded(c.title, w, c, face) for c, w in zip(kept, widths, strict=True))
    lines = [face.paint(head.rstrip(), "dim")]
    for number in range(rows):
        cells = (_cell(c, number, w, face) for c, w in zip(kept, widths, strict=True))
        line = _GAP.join(cells).rstrip()
        if total and number == rows - 1:
            wide = sum(widths) + len(_GAP) * (len(widths) - 1)
            lines.append(face.paint(("─" if face.unicode else "-") * wide, "dim"))
            line = face.paint(line, "bold")
        lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def bar(share: float, width: int, face: Face) -> str:
    """Give a bar; whatever is more than nothing is seen."""
    share = min(max(share, 0.0), 1.0)
    if not face.unicode:
        return "#" * (max(1, round(share * width)) if share else 0)
    eighths = max(1, round(share * width * 8)) if share else 0
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest - 1] if rest else "")


def sparkline(values: Sequence[float], face: Face) -> str:
    """Give a sign for each value, as high as it is beside the highest; a dot for nothing."""
    most = max(values, default=0)
    levels, nothing = (_LEVELS, "·") if face.unicode else (_ASCII_LEVELS, "_")
    return "".join(
        levels[max(0, round(value / most * len(levels)) - 1)] if value > 0 else nothing
        for value in values
    )


def cut(text: str, width: int, *, start: bool = False, unicode: bool = True) -> str:
    """Shorten a text to so many columns of a terminal, at its end or at its start."""
    if measure(text) <= width:
        return text
    mark = "…" if unicode else "..."
    room, kept = max(0, width - len(mark)), text
    while kept and measure(kept) > room:
        kept = kept[1:] if start else kept[:-1]
    return f"{mark}{kept}" if start else f"{kept.rstrip()}{mark}"


def measure(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii() or all(sign < "\u0300" or sign in _NARROW for sign in text):
        return len(text)
    from wcwidth import wcswidth  # for foreign names alone: it takes as long as all the rest

    return max(0, wcswidth(text))


def _fitted(columns: Sequence[Column], face: Face) -> tuple[list[Column], list[int]]:
    """Choose the columns that fit, and their widths."""
    kept = list(columns)
    if not face.width:
        return kept, [_natural(c) for c in kept]
    while True:
        widths = [_natural(c) for c in kept]
        over = sum(widths) + len(_GAP) * (len(kept) - 1) - face.width
        spare = sum(w - _least(c, w) for c, w in zip(kept, widths, strict=True))
        going = max(kept, key=lambda c: c.leaves)
        if over <= spare or not going.leaves:
            break
        kept.remove(going)
    while over > 0:
        # Bars first, then the longest word: none is cut where another has room.
        rooms = [w - _least(c, w) for c, w in zip(kept, widths, strict=True)]
        number = max(
            range(len(kept)), key=lambda n: (rooms[n] > 0, bool(kept[n].shares), widths[n])
        )
        if not rooms[number]:
            break
        widths[number] -= 1
        over -= 1
    return kept, widths


def _natural(column: Column) -> int:
    if column.shares:
        return _BAR[1]
    return max([measure(column.title), *map(measure, column.cells)])


def _least(column: Column, width: int) -> int:
    if column.shares:
        return min(width, _BAR[0])
    return min(width, max(column.least, len(column.title))) if column.least else width


def _cell(column: Column, number: int, width: int, face: Face) -> str:
    if column.shares:
        if number >= len(column.shares):
            return " " * width
        text = bar(column.shares[number], width, face)
        return face.paint(text, "cyan") + " " * (width - len(text))
    return _padded(column.cells[number], width, column, face)


def _padded(text: str, width: int, column: Column, face: Face) -> str:
    text = cut(text, width, start=column.start, unicode=face.unicode)
    blanks = " " * (width - measure(text))
    return blanks + text if column.right and not column.shares else text + blanks
