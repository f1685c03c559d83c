"""Lines made of pieces: what is drawn line by line, before it has colours. Pure.

A tone is a name; what it looks like is the theme's to say. What comes from outside is cleaned
before it is a piece (`foreign_text`), and all widths are a terminal's cells.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from rich.cells import cell_len

Tone = Literal["", "bold", "dim", "italic", "good", "bad", "warn", "accent", "code", "title"]


class Piece(NamedTuple):
    """Some cells of one line, in one tone."""

    text: str
    tone: Tone = ""


Line = tuple[Piece, ...]


def width_of(line: Iterable[Piece]) -> int:
    """Say how many cells a line takes."""
    return sum(cell_len(piece.text) for piece in line)


def plain(line: Iterable[Piece]) -> str:
    """Give the text of a line."""
    return "".join(piece.text for piece in line)
