"""A program's display: what it prints, drawn on a screen that is made when somebody looks."""

from typing import TYPE_CHECKING

from tars.protocols import screen_viewer
from tars.protocols.screen_sequences import Piece, Sequences

if TYPE_CHECKING:
    from tars.protocols.screen_grid import Grid

#: How much of what a program printed is kept until somebody wants to see its screen.
UNSEEN_BYTES = 16 * 1024


class Display:
    """`seen` says whether the screen was made. `answers` are for the program to read."""

    def __init__(self, rows: int, columns: int, *, history: int) -> None:
        self.rows, self.columns = rows, columns
        self.answers = ""
        self._history = history
        self._sequences = Sequences()
        self._grid: Grid | None = None
        self._unseen = bytearray()
        self._watched = False
        self._astray = False
        self._shown: list[str] = []

    @property
    def seen(self) -> bool:
        return self._grid is not None

    @property
    def grid(self) -> "Grid":
        """The screen as it is now."""
        if self._grid is None:
            # Not at the top: a program that nobody looks at does not pay for it.
            from tars.protocols.screen_grid import Grid

            self._grid = Grid(self.rows, self.columns, history=self._history)
            self.feed(bytes(self._unseen))
            self._unseen.clear()
        return self._grid

    def feed(self, data: bytes) -> None:
        """Take what the program printed."""
        grid = self._grid
        if grid is None:
            self._unseen += data
            del self._unseen[:-UNSEEN_BYTES]
            return
        for piece in self._sequences.feed(data):
            grid.take(piece)
            if self._watched:
                self._show(piece)
        self.answers += grid.answers
        grid.answers = ""

    def resize(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        if self._grid is not None:
            self._grid.resize(rows, columns)

    def watch(self, *, on: bool) -> None:
        """Keep what the program prints for `shown`, or no longer."""
        self._watched = on and self.grid is not None
        self._shown.clear()

    def shown(self) -> str:
        """Give what was printed since the last call, as a viewer's terminal is to be given it."""
        text = "".join(self._shown)
        self._shown.clear()
        if self._astray:
            self._astray = False
            return self.redraw()
        return text

    def redraw(self) -> str:
        """Give what shows the whole screen on a terminal of any state."""
        from tars.protocols.screen_redraw import redraw

        return redraw(self.grid)

    def _show(self, piece: Piece) -> None:
        if screen_viewer.changes_screen(piece):
            self._shown.append(self.redraw())
        elif self.grid.inserts:
            # That mode is not a viewer's: what was drawn in it is shown as a whole.
            self._astray = True
        else:
            self._shown.append(screen_viewer.shown(piece))
