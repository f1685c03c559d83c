"""The list of sessions as a widget: a cursor over rows, of which only those in sight are drawn."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from tars.tui.session_lines import Lines
from tars.tui.session_pieces import Line, Piece


class Rows(Protocol):
    """What the list shows."""

    def __len__(self) -> int: ...

    def line(self, index: int, width: int) -> Line:
        """Give a row, or what stands for it until it is here."""


class SessionTable(Lines):
    """`cursor` is the row that keys act on. Nothing here waits for anybody."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "by(1)", "Down", show=False),
        Binding("k,up", "by(-1)", "Up", show=False),
        Binding("pagedown,space,ctrl+f,ctrl+d", "page(1)", "Page down", show=False),
        Binding("pageup,ctrl+b,ctrl+u", "page(-1)", "Page up", show=False),
        Binding("g,home", "to(0)", "First", show=False),
        Binding("G,end", "to(-1)", "Last", show=False),
    ]

    @dataclass
    class Moved(Message):
        """Other rows are in sight, or another one is chosen."""

    @dataclass
    class Opened(Message):
        """A row was clicked that was chosen already."""

    def __init__(self, rows: Rows, *, id: str) -> None:
        super().__init__(id=id)
        self.rows = rows
        self.cursor = 0

    @property
    def sight(self) -> tuple[int, int]:
        """The first and the last row in sight."""
        first = self.scroll_offset.y
        return first, first + max(1, self.size.height) - 1

    def line_at(self, number: int) -> tuple[Line, bool]:
        """Give a row."""
        if number >= len(self.rows):
            return (), False
        line = self.rows.line(number, self.size.width)
        return (_marked(line), True) if number == self.cursor else (line, False)

    def changed(self) -> None:
        """Draw anew: there are other rows."""
        self.stretch(len(self.rows))
        self.cursor = max(0, min(self.cursor, len(self.rows) - 1))
        self.refresh()

    def place(self, cursor: int, *, shift: int = 0) -> None:
        """Choose a row, and bring it into sight; `shift` moves what is in sight along first."""
        self.cursor = max(0, min(cursor, len(self.rows) - 1))
        first, last = self.sight
        top = max(0, first + shift)
        height = last - first + 1
        if not top <= self.cursor < top + height:
            top = self.cursor if self.cursor < top else self.cursor - height + 1
        if top != first:
            self.scroll_to(y=top, animate=False, force=True)
        self.refresh()
        self.post_message(self.Moved())

    def action_by(self, rows: int) -> None:
        """Go up or down."""
        self.place(self.cursor + rows)

    def action_page(self, pages: int) -> None:
        """Go up or down by what is in sight, but one row."""
        rows = pages * max(1, self.size.height - 1)
        self.place(self.cursor + rows, shift=rows)

    def action_to(self, row: int) -> None:
        """Go to a row; -1 is the last one."""
        self.place(row if row >= 0 else len(self.rows) - 1)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Others are in sight: by the wheel, say."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Moved())

    def on_click(self, click: events.Click) -> None:
        """Choose what is clicked; a second click opens it."""
        row = click.y + self.scroll_offset.y
        if row >= len(self.rows):
            return
        if row == self.cursor and click.chain > 1:
            self.post_message(self.Opened())
        else:
            self.place(row)

    def on_resize(self, _event: events.Resize) -> None:
        """Keep what is chosen in sight."""
        self.place(self.cursor)


def _marked(line: Line) -> Line:
    """Mark the chosen row: not every terminal has colours."""
    first, *rest = line
    return (Piece(f"▸{first.text[1:]}", first.tone), *rest)
