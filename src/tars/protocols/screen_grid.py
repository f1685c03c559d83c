"""The screen that a program draws: pyte's, with what scrolled off it, and deaf to nonsense.

pyte knows the cells; which sequences reach it is decided here, for some of them make it
fail or grow: so any bytes are taken, and memory is bounded.
"""

import unicodedata
from collections import deque
from collections.abc import Callable

import pyte
from pyte.screens import Char, StaticDefaultDict
from wcwidth import wcwidth

from tars.protocols.screen_sequences import Kind, Piece
from tars.protocols.screen_viewer import VIEWER_MODES

_ALTERNATE = frozenset({47, 1047, 1049})
_WRAP, _CURSOR = 7, 25
#: The zero-width joiner and the variation selectors: emoji are made with them.
_JOINING = "\u200d\ufe0e\ufe0f"
#: Accents on one cell.
_MOST_COMBINED = 8
_MOST_SAVED_CURSORS = 16
_MOST_REPEATS = 1000

Row = StaticDefaultDict[int, Char]


class Grid(pyte.Screen):
    """`history` are the lines that scrolled off the top, `scrolled` how many ever did.

    `answers` are what the program asked its terminal for: to be sent to it. `clears` is how
    often all of the screen was cleared, and `cleared_at` the number of its first line then.
    """

    def __init__(self, rows: int, columns: int, *, history: int) -> None:
        self.history: deque[str] = deque(maxlen=history)
        self.scrolled = 0
        self.clears = self.cleared_at = 0
        self.answers = ""
        self.modes: set[int] = set()
        self._other: tuple[dict[int, Row], int, int] | None = None
        self._continued: set[int] = set()
        self._last = " "
        super().__init__(columns, rows)

    # --- reading ------------------------------------------------------------

    @property
    def alternate(self) -> bool:
        """A program that fills the screen has it to itself; nothing scrolls off."""
        return self._other is not None

    @property
    def inserts(self) -> bool:
        """What is printed moves the rest of its line on, instead of replacing it."""
        return pyte.modes.IRM in self.mode

    def line(self, y: int) -> str:
        """One line of the screen, without the blanks at its end."""
        row = self.buffer.get(y)
        if not row:
            return ""
        # Most lines are shorter than the screen is wide.
        width = min(max(row) + 1, self.columns)
        return "".join([row[x].data for x in range(width)]).rstrip()

    def shown(self) -> list[str]:
        """The lines of the screen."""
        return [self.line(y) for y in range(self.lines)]

    @property
    def first(self) -> int:
        """The number of the oldest line that is kept."""
        return self.scrolled - len(self.history)

    def scrolled_since(self, since: int) -> tuple[list[str], int, bool]:
        """The lines that scrolled off from this number on, wrapped ones joined; the number of
        the line behind them; and whether the last one goes on there. Blank ones at the end
        are left for later, and so is a line that goes on, unless it is very long."""
        first, end = self.first, self.scrolled
        while end > since and (end - 1 in self._continued or not self.history[end - 1 - first]):
            end -= 1
        cut = end <= since and self.scrolled - since > (self.history.maxlen or 0) // 2
        if cut:
            end = self.scrolled
        lines = list(self.history)[max(0, since - first) : max(0, end - first)]
        return self._joined(lines, max(since, first)), end, cut and end - 1 in self._continued

    def everything(self, since: int = 0) -> list[str]:
        """Every line from this number on, those of the screen last; wrapped ones joined."""
        first = self.first
        lines = [*list(self.history)[max(0, since - first) :], *self.shown()[: self._used_rows()]]
        start = max(since, first) if self.history else self.scrolled
        start = min(start, self.scrolled)
        if since > self.scrolled:
            lines, start = lines[since - self.scrolled :], since
        return self._joined(lines, start)

    def _joined(self, lines: list[str], start: int) -> list[str]:
        joined: list[str] = []
        for number, line in enumerate(lines, start):
            if number - 1 in self._continued and joined:
                joined[-1] += line
            else:
                joined.append(line)
        return joined

    @property
    def cursor_line(self) -> int:
        """The number of the line that the cursor is on."""
        return self.scrolled + self.cursor.y

    def _used_rows(self) -> int:
        used = [y for y in range(self.lines) if self.line(y)]
        return max((used or [0])[-1], self.cursor.y) + 1

    # --- writing ------------------------------------------------------------

    def take(self, piece: Piece) -> None:
        """Show one piece of what the program sent."""
        match piece.kind:
            case Kind.TEXT:
                self.draw(piece.raw)
            case Kind.CONTROL:
                if (act := _CONTROLS.get(piece.name)) is not None:
                    act(self)
            case Kind.ESCAPE:
                self._escape(piece.name)
            case Kind.CSI:
                self._csi(piece.name, piece.numbers)
            case Kind.STRING:
                pass

    def draw(self, data: str) -> None:
        """Put text at the cursor; lines that are full go on in the next."""
        data = data.translate(self.g1_charset if self.charset else self.g0_charset)
        style = self.cursor.attrs[1:]
        for char in data:
            width = 1 if char < "\u0300" else wcwidth(char)
            if width > 0:
                self._put(char, width, style)
            elif width == 0 and (unicodedata.combining(char) or char in _JOINING):
                self._combine(char)

    def _put(self, char: str, width: int, style: tuple[object, ...]) -> None:
        cursor = self.cursor
        if cursor.x + width > self.columns:
            if pyte.modes.DECAWM in self.mode:
                self._continued.add(self.cursor_line)
                self.carriage_return()
                self.index()
            else:
                cursor.x = max(0, self.columns - width)
        if self.inserts:
            self.insert_characters(width)
        row = self.buffer[cursor.y]
        row[cursor.x] = Char(char, *style)  # type: ignore[arg-type]
        if width == 2 and cursor.x + 1 < self.columns:
            row[cursor.x + 1] = Char("", *style)  # type: ignore[arg-type]
        cursor.x = min(cursor.x + width, self.columns)
        self._last = char

    def _combine(self, char: str) -> None:
        x = self.cursor.x - 1
        row = self.buffer[self.cursor.y]
        while x > 0 and row[x].data == "":
            x -= 1
        if x >= 0 and len(row[x].data) < _MOST_COMBINED:
            row[x] = row[x]._replace(data=unicodedata.normalize("NFC", row[x].data + char))

    def _escape(self, name: str) -> None:
        if len(name) == 2 and name[0] in "()":
            self.define_charset(name[1], name[0])
        elif (act := _ESCAPES.get(name)) is not None:
            act(self)

    def _csi(self, name: str, numbers: tuple[int, ...]) -> None:
        first = numbers[0] if numbers else 0
        if name in _COUNTED:
            getattr(self, _COUNTED[name])(first or None)
        elif name in ("H", "f"):
            self.cursor_position(*numbers[:2])
        elif name == "m":
            self.select_graphic_rendition(*numbers)
        elif name == "J":
            self._erase(first)
        elif name == "K" and first <= 2:
            self._continued.discard(self.cursor_line)
            self.erase_in_line(first)
        elif name == "r":
            self.set_margins(*(n or None for n in numbers[:2]))
        elif name in ("?h", "?l"):
            for mode in numbers:
                self._switch(mode, on=name == "?h")
        elif name in ("h", "l") and 4 in numbers:
            (self.set_mode if name == "h" else self.reset_mode)(pyte.modes.IRM)
        elif name == "b":
            self.draw(self._last * min(first or 1, _MOST_REPEATS))
        elif name == "S":
            self._scroll(first or 1)
        elif name == "g" and first in (0, 3):
            self.clear_tab_stop(first)
        elif name in ("s", "u") and not numbers:
            (self.save_cursor if name == "s" else self.restore_cursor)()
        elif name == "!p":
            self.modes.clear()
        else:
            self._answer(name, first)

    def _answer(self, name: str, first: int) -> None:
        """Say what a terminal is asked; prompt_toolkit waits for its cursor's position."""
        if name == "c" and first == 0:
            self.answers += "\x1b[?62;22c"
        elif name == "n" and first == 5:
            self.answers += "\x1b[0n"
        elif name == "n" and first == 6:
            x = min(self.cursor.x, self.columns - 1)
            self.answers += f"\x1b[{self.cursor.y + 1};{x + 1}R"

    def _switch(self, mode: int, *, on: bool) -> None:
        if mode in VIEWER_MODES:
            (self.modes.add if on else self.modes.discard)(mode)
        elif mode in (_WRAP, _CURSOR):
            (self.set_mode if on else self.reset_mode)(mode, private=True)
        elif mode in _ALTERNATE and on != self.alternate:
            self._change_screen()

    def _change_screen(self) -> None:
        if self._other is None:
            self._other = dict(self.buffer), self.cursor.y, self.cursor.x
            self.buffer.clear()
            return
        rows, y, x = self._other
        self._other = None
        self.buffer.clear()
        self.buffer.update(rows)
        self.cursor.y, self.cursor.x = min(y, self.lines - 1), min(x, self.columns - 1)

    def _erase(self, how: int) -> None:
        if how == 3:
            # What scrolled off: programs that draw everything anew send it with `2J`.
            self.history.clear()
            self._continued.clear()
        elif how <= 2:
            if how == 2 or (how == 0 and (self.cursor.y, self.cursor.x) == (0, 0)):
                self._note_clearing()
            self.erase_in_display(how)

    def _note_clearing(self) -> None:
        if not self.alternate:
            self.clears += 1
            self.cleared_at = self.scrolled

    # --- scrolling ----------------------------------------------------------

    def index(self) -> None:
        """Go one line down; at the bottom the first line scrolls off."""
        bottom = self.margins.bottom if self.margins else self.lines - 1
        if self.cursor.y == bottom and (self.margins is None or self.margins.top == 0):
            self._keep_top()
        super().index()

    def _keep_top(self) -> None:
        if self.alternate:
            return
        if self.history.maxlen and len(self.history) == self.history.maxlen:
            self._continued.discard(self.scrolled - len(self.history))
        self.history.append(self.line(0))
        self.scrolled += 1

    def _scroll(self, count: int) -> None:
        y, x = self.cursor.y, self.cursor.x
        self.cursor.y = self.margins.bottom if self.margins else self.lines - 1
        for _ in range(min(count, self.lines)):
            self.index()
        self.cursor.y, self.cursor.x = y, x

    def linefeed(self) -> None:
        """End this line."""
        self._continued.discard(self.cursor_line)
        super().linefeed()

    def next_line(self) -> None:
        """End this line, and go to the beginning of the next."""
        self.carriage_return()
        self.linefeed()

    def delete_lines(self, count: int | None = None) -> None:
        """Move the lines below up. pyte leaves the old line where the new one is empty."""
        count = count or 1
        top, bottom = self.margins or (0, self.lines - 1)
        if top <= self.cursor.y <= bottom:
            for y in range(self.cursor.y, bottom + 1):
                moved = self.buffer.pop(y + count, None) if y + count <= bottom else None
                self.buffer.pop(y, None)
                if moved is not None:
                    self.buffer[y] = moved
            self.carriage_return()

    def save_cursor(self) -> None:
        """Remember the cursor; a program that never restores it does not fill memory."""
        super().save_cursor()
        del self.savepoints[:-_MOST_SAVED_CURSORS]

    def reset(self) -> None:
        """Begin anew, as after `ESC c`."""
        super().reset()
        self.modes.clear()
        self._other = None
        self._note_clearing()
        self._continued.clear()

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Change the size: what no longer fits below the cursor goes, and then the top."""
        lines, columns = lines or self.lines, columns or self.columns
        self.margins = None
        while self.lines > lines and self.cursor.y < self.lines - 1:
            self.buffer.pop(self.lines - 1, None)
            self.lines -= 1
        while self.lines > lines:
            self.index()
            self.lines -= 1
            self.cursor.y -= 1
        if columns < self.columns:
            for row in self.buffer.values():
                for x in [x for x in row if x >= columns]:
                    del row[x]
        self.lines, self.columns = lines, columns
        self.tabstops = set(range(8, columns, 8))
        self.ensure_hbounds()
        self.ensure_vbounds()


_CONTROLS: dict[str, Callable[[Grid], None]] = {
    "\b": Grid.backspace,
    "\t": Grid.tab,
    "\n": Grid.linefeed,
    "\v": Grid.linefeed,
    "\f": Grid.linefeed,
    "\r": Grid.carriage_return,
    "\x0e": Grid.shift_out,
    "\x0f": Grid.shift_in,
}
_ESCAPES: dict[str, Callable[[Grid], None]] = {
    "7": Grid.save_cursor,
    "8": Grid.restore_cursor,
    "D": Grid.index,
    "E": Grid.next_line,
    "H": Grid.set_tab_stop,
    "M": Grid.reverse_index,
    "c": Grid.reset,
}
#: CSI sequences with one number, and pyte's method for it.
_COUNTED = {
    "@": "insert_characters",
    "A": "cursor_up",
    "B": "cursor_down",
    "C": "cursor_forward",
    "D": "cursor_back",
    "E": "cursor_down1",
    "F": "cursor_up1",
    "G": "cursor_to_column",
    "`": "cursor_to_column",
    "L": "insert_lines",
    "M": "delete_lines",
    "P": "delete_characters",
    "X": "erase_characters",
    "a": "cursor_forward",
    "d": "cursor_to_line",
    "e": "cursor_down",
}
