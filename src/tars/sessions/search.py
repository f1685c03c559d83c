"""Words found again in everything that was said, in names and titles, tools and files."""

import re
from dataclasses import dataclass

from tars.errors import RequestInvalid
from tars.sessions.library import Library
from tars.sessions.listing import shortened
from tars.store import finding, hits
from tars.store.finding import Wanted
from tars.store.hits import Hit, Sought
from tars.store.rows import Role

__all__ = ["Excerpt", "Found", "Hit", "Role", "Sought", "Wanted", "search"]

#: How many characters an excerpt has, and how many of them stand before what was found.
LENGTH, BEFORE = 160, 40
_WORD = re.compile(r"[^\W_]+\*?")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The text around what was found, in one line; `marks` are where the words are in it."""

    text: str
    marks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A hit, what to show of it, and what is enough of its session's id to find it by."""

    hit: Hit
    excerpt: Excerpt
    short: str


def search(library: Library, sought: Sought, *, limit: int) -> list[Found]:
    """Give at most `limit` places where all that is sought occurs, the newest first.

    Words are found as wholes, whatever their case; "some words" in quotation marks follow each
    other, and `begin*` is every word that begins so. Without words the tool calls themselves
    are found. Raises RequestInvalid where nothing is sought, and StoreError.
    """
    words = _WORD.findall(sought.text)
    tools = sought.tool is not None or sought.file is not None
    if not words and not tools:
        raise RequestInvalid("There is no word to look for.", advice="Say TEXT, --tool or --file.")
    with library.reading() as connection:
        if not words:
            found = hits.calls_with(connection, sought, limit)
        else:
            found = hits.messages_with(connection, sought, limit)
            if not tools and sought.role is None:
                plain = [word.rstrip("*") for word in words]
                found += hits.sessions_with(connection, sought, plain, limit)
        found.sort(key=lambda hit: (hit.at, hit.number), reverse=True)
        short: dict[str, str] = {}
        for id in {hit.session for hit in found[:limit]}:
            short[id] = shortened(id, *finding.neighbours(connection, id))
    return [Found(hit, excerpt(hit.text, words), short[hit.session]) for hit in found[:limit]]


def excerpt(text: str, words: list[str]) -> Excerpt:
    """Cut out the text around the first of the words, and mark all of them in it."""
    pattern = _pattern(words)
    first = pattern.search(text) if pattern else None
    begin = max(0, (first.start() if first else 0) - BEFORE)
    piece = text[begin : begin + LENGTH]
    if begin:
        # A word that is cut in half says nothing.
        piece = piece[piece.find(" ") + 1 :] if " " in piece[:BEFORE] else piece
    shown = " ".join(piece.split())
    shown = f"{'…' if begin else ''}{shown}{'…' if begin + LENGTH < len(text) else ''}"
    marks = tuple(m.span() for m in pattern.finditer(shown)) if pattern else ()
    return Excerpt(shown, marks)


def _pattern(words: list[str]) -> re.Pattern[str] | None:
    """What marks the words: as wholes, or as beginnings where they end with a star."""
    if not words:
        return None
    ends = [rf"{re.escape(w[:-1])}[^\W_]*" if w.endswith("*") else re.escape(w) for w in words]
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(ends)})(?![^\W_])", re.IGNORECASE)
