"""Foreign text as lines of a width: words wrapped, a little Markdown marked. Pure.

It is linear in the text, whatever that is, and nothing of it commands a terminal.
"""

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len

from tars.tui.foreign_text import clean
from tars.tui.session_pieces import Line, Piece, Tone

_INLINE = re.compile(r"`([^`]{1,200})`|\*\*([^*\s][^*]{0,200})\*\*")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*)$")
_ITEM = re.compile(r"([ \t]{0,12})(?:([-*+])|(\d{1,4}[.)]))[ \t]+(.*)$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_QUOTE = re.compile(r" {0,3}> ?(.*)$")
_WORDS = re.compile(r"\s+|\S+")
_LEAST = 8
_MOST_EMPTY = 2


def prose(text: str, width: int, tone: Tone = "") -> Iterator[Line]:
    """Give a text that may be Markdown, line by line."""
    fence = ""
    for raw in _lines(text):
        found = _FENCE.match(raw)
        if found and (not fence or found[1].startswith(fence)):
            fence = "" if fence else found[1][:3]
            continue
        if fence:
            yield from wrapped([Piece(raw, "code")], width, first="  ", rest="  ")
        else:
            yield from _prose_line(raw, width, tone)


def verbatim(text: str, width: int, tone: Tone = "", *, before: str = "") -> Iterator[Line]:
    """Give a text as it is, line by line; what is too wide goes on below."""
    for raw in _lines(text):
        yield from wrapped([Piece(raw, tone)], width, first=before, rest=before)


def wrapped(pieces: Iterable[Piece], width: int, *, first: str = "", rest: str = "") -> list[Line]:
    """Break one line at blanks, or within what is wider than a line. `first` stands before its
    first part, and `rest` before the others."""
    room = max(_LEAST, width - max(cell_len(first), cell_len(rest)))
    lines: list[list[Piece]] = [[]]
    used = 0
    for text, tone in pieces:
        if used + len(text) <= room and text.isascii():
            lines[-1].append(Piece(text, tone))
            used += len(text)
            continue
        for word in _WORDS.findall(text):
            cells = cell_len(word)
            if used + cells > room and used:
                lines.append([])
                used = 0
                if word.isspace():
                    continue
            if cells <= room:
                lines[-1].append(Piece(word, tone))
                used += cells
                continue
            for number, part in enumerate(_parts(word, room)):
                if number:
                    lines.append([])
                lines[-1].append(Piece(part, tone))
                used = cell_len(part)
    return [(Piece(rest if number else first, "dim"), *line) for number, line in enumerate(lines)]


def _parts(word: str, room: int) -> Iterator[str]:
    """Cut a word into parts that fit, in one go: it may be the whole of a text."""
    begin = used = 0
    for at, char in enumerate(word):
        cells = cell_len(char)
        if used + cells > room:
            yield word[begin:at]
            begin, used = at, 0
        used += cells
    yield word[begin:]


def _lines(text: str) -> Iterator[str]:
    """Give the lines of a text; of many empty ones that follow each other, a few."""
    empty = 0
    for raw in text.splitlines():
        line = clean(raw.expandtabs(4)).rstrip()
        empty = 0 if line else empty + 1
        if empty <= _MOST_EMPTY:
            yield line


def _prose_line(raw: str, width: int, tone: Tone) -> Iterator[Line]:
    heading = _HEADING.match(raw)
    if heading:
        yield from wrapped([Piece(heading[1], "title")], width)
        return
    item = _ITEM.match(raw)
    if item:
        mark = f"{item[1]}{'•' if item[2] else item[3]} "
        yield from wrapped(_inline(item[4], tone), width, first=mark, rest=" " * len(mark))
        return
    quote = _QUOTE.match(raw)
    if quote:
        yield from wrapped(_inline(quote[1], "italic"), width, first="│ ", rest="│ ")
        return
    yield from wrapped(_inline(raw, tone), width)


def _inline(text: str, tone: Tone) -> list[Piece]:
    found: list[Piece] = []
    at = 0
    for mark in _INLINE.finditer(text):
        found.append(Piece(text[at : mark.start()], tone))
        found.append(Piece(mark[1], "code") if mark[1] is not None else Piece(mark[2], "bold"))
        at = mark.end()
    found.append(Piece(text[at:], tone))
    return [piece for piece in found if piece.text]
