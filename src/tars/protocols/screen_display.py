"""A program's display: what it prints, drawn on a screen that is made when somebody looks."""

from typing import TYPE_CHECKING

from tars.protocols.screen_sequences import Kind, Piece, Sequences

if TYPE_CHECKING:
    from tars.protocols.screen_grid import Grid

#: How much of what a program printed is kept until somebody wants to see its screen.
UNSEEN_BYTES = 16 * 1024
#: What a program asks of its terminal, which is answered here and not once more by each
#: viewer's; and what would change how a viewer's keyboard speaks.
_QUERIES = ("c", ">c", "=c", "n", "?n", ">q", "?u", "x", "t", "?$p", "$p")
_NOT_SHOWN = frozenset((*_QUERIES, ">u", "<u", "=u", ">m", ">n", "!p"))
_ANOTHER_SCREEN = frozenset({47, 1047, 1048, 1049})


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
        return text

    def redraw(self) -> str:
        """Give what shows the whole screen on a terminal of any state."""
        from tars.protocols.screen_redraw import redraw

        return redraw(self.grid)

    def _show(self, piece: Piece) -> None:
        if _is_redrawn(piece):
            # The viewer has one screen, and it shows the other one now.
            self._shown.append(self.redraw())
        elif _is_shown(piece):
            self._shown.append(piece.raw)


def _is_redrawn(piece: Piece) -> bool:
    switches = piece.kind is Kind.CSI and piece.name in ("?h", "?l")
    resets = piece.kind is Kind.ESCAPE and piece.name == "c"
    return resets or (switches and not _ANOTHER_SCREEN.isdisjoint(piece.numbers))


def _is_shown(piece: Piece) -> bool:
    match piece.kind:
        case Kind.TEXT | Kind.CONTROL | Kind.ESCAPE:
            return True
        case Kind.STRING:
            # Titles and links; what ends with ? asks for a colour, the rest are pictures.
            return piece.name == "]" and "?" not in piece.raw[-3:]
        case Kind.CSI:
            return piece.name not in _NOT_SHOWN and (piece.name, piece.numbers) != ("J", (3,))
