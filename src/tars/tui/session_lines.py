"""Lines drawn one by one, on demand: however many there are, only those on the screen cost."""

from functools import lru_cache
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tars.tui.session_pieces import Line, Tone

_TONES: tuple[Tone, ...] = (
    "bold", "dim", "italic", "good", "bad", "warn", "accent", "code", "title",
)  # fmt: skip


class Lines(ScrollView, can_focus=True):
    """A view of lines that a subclass gives by their number."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"lines--{tone}" for tone in _TONES} | {
        "lines--chosen"
    }

    def line_at(self, number: int) -> tuple[Line, bool]:
        """Give a line, and whether it is the chosen one."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """Draw one line of the screen."""
        line, chosen = self.line_at(y + self.scroll_offset.y)
        base = self.rich_style
        over = self.get_component_rich_style("lines--chosen") if chosen else Style.null()
        segments = [Segment(text, base + self._style(tone) + over) for text, tone in line]
        return Strip(segments).adjust_cell_length(self.size.width, base + over)

    def _style(self, tone: Tone) -> Style:
        return _groundless(self.get_component_rich_style(f"lines--{tone}")) if tone else _PLAIN

    def stretch(self, lines: int) -> None:
        """Say how many lines there are."""
        if self.virtual_size != (0, lines):
            self.virtual_size = Size(0, lines)
        last = max(0, lines - self.size.height)
        if self.scroll_offset.y > last:
            self.scroll_to(y=last, animate=False, force=True)


_PLAIN = Style.null()


@lru_cache(maxsize=64)
def _groundless(style: Style) -> Style:
    """Leave the background out: what is chosen has its own."""
    return Style(color=style.color, bold=style.bold or None, italic=style.italic or None)
