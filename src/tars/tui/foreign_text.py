"""Anybody's text on the screen: safe, on one line, and as wide as it should be. Pure.

Widths are a terminal's cells, as Rich and Textual count them when they draw.
"""

from rich.cells import cell_len, set_cell_size

from tars.control.shown_text import printable
from tars.conversation.plain import plain as without_sequences

#: Makes an emoji of the sign before it in some terminals, and widens it there: nobody knows which.
_EMOJI_SIGN = "\ufe0f"


def clean(text: str) -> str:
    """Make foreign text safe on one line: what commands a terminal goes, or is seen as a sign."""
    return printable(without_sequences(text)).replace(_EMOJI_SIGN, "")


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """Make a clean text exactly so wide; what does not fit ends in …."""
    if width <= 0:
        return ""
    cells = cell_len(text)
    if cells > width:
        return set_cell_size(cut(text, width - 1) + "…", width)
    return " " * (width - cells) + text if right else text + " " * (width - cells)


def cut(text: str, width: int) -> str:
    """Give the beginning of a text that is at most so wide."""
    if text.isascii():
        return text[:width]
    used = 0
    for at, char in enumerate(text):
        used += cell_len(char)
        if used > width:
            return text[:at]
    return text
