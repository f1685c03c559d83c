"""Lines made of pieces: what is drawn line by line, before it has colours. Pure.

A tone is a name; what it looks like is the theme's to say. Foreign text comes in through
`clean`, so that nothing of it commands a terminal, and all widths are a terminal's cells.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from rich.cells import cell_len, set_cell_size

from tars.control.shown_text import printable
from tars.conversation.plain import plain as without_sequences

Tone = Literal["", "bold", "dim", "italic", "good", "bad", "warn", "accent", "code", "title"]


class Piece(NamedTuple):
    """Some cells of one line, in one tone."""

    text: str
    tone: Tone = ""


Line = tuple[Piece, ...]

#: Makes an emoji of the sign before it in some terminals, and widens it there: nobody knows which.
_EMOJI_SIGN = "\ufe0f"


def clean(text: str) -> str:
    """Make foreign text safe on one line: what commands a terminal goes, or is seen as a sign."""
    return printable(without_sequences(text)).replace(_EMOJI_SIGN, "")


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """Make a text exactly so wide; what does not fit ends in …."""
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


def width_of(line: Iterable[Piece]) -> int:
    """Say how many cells a line takes."""
    return sum(cell_len(piece.text) for piece in line)


def plain(line: Iterable[Piece]) -> str:
    """Give the text of a line."""
    return "".join(piece.text for piece in line)
