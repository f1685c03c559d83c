"""A screen drawn anew, for a terminal that has not seen how it came about."""

from pyte.charsets import VT100_MAP
from pyte.screens import Char

from tars.protocols.screen_grid import Grid
from tars.protocols.screen_viewer import VIEWER_MODES

_COLORS = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")
#: Everything that a program may have switched on. What a viewer needs is switched on again.
RESET_MODES = "\x1b(B\x1b)B\x0f" + "".join(f"\x1b[?{mode}l" for mode in VIEWER_MODES)


def redraw(grid: Grid) -> str:
    """Give what makes a terminal of any state show this screen, with its modes and cursor."""
    parts = [f"\x1b[0m\x1b[r{RESET_MODES}\x1b[?7l\x1b[?25l\x1b[H\x1b[2J"]
    blank = grid.default_char
    for y in range(grid.lines):
        parts.append(f"\x1b[{y + 1};1H")
        parts.append(_line(grid, y, blank))
    parts.append("\x1b[0m" + style(grid.cursor.attrs))
    parts.extend(f"\x1b[?{mode}h" for mode in sorted(grid.modes))
    wraps, hidden = 7 << 5 in grid.mode, grid.cursor.hidden
    parts.append(f"\x1b[?7{'h' if wraps else 'l'}")
    if grid.margins is not None:
        parts.append(f"\x1b[{grid.margins.top + 1};{grid.margins.bottom + 1}r")
    x = min(grid.cursor.x, grid.columns - 1)
    parts.append(f"\x1b[{grid.cursor.y + 1};{x + 1}H")
    parts.append("" if hidden else "\x1b[?25h")
    sets = (("\x1b(0", grid.g0_charset), ("\x1b)0", grid.g1_charset))
    parts.extend(select for select, charset in sets if charset == VT100_MAP)
    parts.append("\x0e" if grid.charset else "")
    return "".join(parts)


def _line(grid: Grid, y: int, blank: Char) -> str:
    row = grid.buffer.get(y)
    if row is None:
        return ""
    cells = [row[x] for x in range(grid.columns)]
    while cells and cells[-1] == blank:
        cells.pop()
    parts, now = [], ""
    for cell in cells:
        wanted = style(cell)
        if wanted != now:
            parts.append(f"\x1b[0m{wanted}")
            now = wanted
        parts.append(cell.data)
    return "".join(parts) + ("\x1b[0m" if now else "")


def style(cell: Char) -> str:
    """Give the SGR sequence for a cell's colours and face; empty for the plain one."""
    codes = [
        code
        for code, on in (
            ("1", cell.bold),
            ("3", cell.italics),
            ("4", cell.underscore),
            ("5", cell.blink),
            ("7", cell.reverse),
            ("9", cell.strikethrough),
        )
        if on
    ]
    codes += _color(cell.fg, 30) + _color(cell.bg, 40)
    return f"\x1b[{';'.join(codes)}m" if codes else ""


def _color(name: str, base: int) -> list[str]:
    if name == "default":
        return []
    plain = name.removeprefix("bright")
    if plain in _COLORS:
        return [str(base + _COLORS.index(plain) + (60 if name.startswith("bright") else 0))]
    try:
        red, green, blue = (int(name[i : i + 2], 16) for i in (0, 2, 4))
    except ValueError:
        return []
    return [f"{base + 8};2;{red};{green};{blue}"]
