"""Lines to read: scrolled by keys and the wheel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from tars.tui.session_lines import Lines
from tars.tui.session_pieces import Line


class Reader(Lines):
    """`lines` is what there is to read; it may grow."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "by(1)", "Down", show=False),
        Binding("k,up", "by(-1)", "Up", show=False),
        Binding("pagedown,space,ctrl+f,ctrl+d", "page(1)", "Page down", show=False),
        Binding("pageup,ctrl+b,ctrl+u", "page(-1)", "Page up", show=False),
        Binding("g,home", "first", "Beginning", show=False),
        Binding("G,end", "last", "End", show=False),
    ]

    @dataclass
    class Scrolled(Message):
        """Other lines are in sight, `first` to `last`."""

        reader: "Reader"

        @property
        def control(self) -> "Reader":
            """By which handlers choose."""
            return self.reader

    @dataclass
    class Ended(Message):
        """Somebody wants the very beginning or the very end."""

        reader: "Reader"
        end: bool

        @property
        def control(self) -> "Reader":
            """By which handlers choose."""
            return self.reader

    @dataclass
    class Clicked(Message):
        """A line was clicked."""

        reader: "Reader"
        line: int

        @property
        def control(self) -> "Reader":
            """By which handlers choose."""
            return self.reader

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.lines: Sequence[Line] = ()

    def line_at(self, number: int) -> tuple[Line, bool]:
        """Give a line."""
        return (self.lines[number] if number < len(self.lines) else ()), False

    @property
    def top(self) -> int:
        """The first line in sight."""
        return self.scroll_offset.y

    @property
    def is_at_end(self) -> bool:
        """Whether the last line is in sight."""
        return self.top + self.size.height >= len(self.lines)

    def show(self, lines: Sequence[Line], *, top: int | None = None) -> None:
        """Have these lines to read, and this one first in sight."""
        self.lines = lines
        self.stretch(len(lines))
        if top is not None:
            self.to(top)
        self.refresh()

    def to(self, top: int) -> None:
        """Bring a line to the top, as far as there are others below."""
        self.scroll_to(y=max(0, top), animate=False, force=True)

    def action_by(self, lines: int) -> None:
        """Go on by lines."""
        self.to(self.top + lines)

    def action_page(self, pages: int) -> None:
        """Go on by what is in sight, but one line."""
        self.to(self.top + pages * max(1, self.size.height - 1))

    def action_first(self) -> None:
        """Go to the beginning."""
        self.to(0)
        self.post_message(self.Ended(self, end=False))

    def action_last(self) -> None:
        """Go to the end."""
        self.to(len(self.lines))
        self.post_message(self.Ended(self, end=True))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Others are in sight."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Scrolled(self))

    def on_click(self, click: events.Click) -> None:
        """Tell which line is clicked."""
        self.post_message(self.Clicked(self, click.y + self.top))
