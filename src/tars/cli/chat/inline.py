"""Text within a line: what Markdown marks in it, and how it is broken to a width.

Widths are in columns: a wide character has two, and what is joined stays together.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from wcwidth import iter_graphemes, wcswidth

from tars.cli.chat.paint import BOLD, CYAN, DIM, ITALIC, STRIKE, UNDERLINE, styled

#: A text and its styles, as SGR parameters.
Span = tuple[str, str]

#: What is marked is not longer, so that a text full of marks takes no time.
_MARKED = re.compile(
    r"""\\(?P<escaped>[!-/:-@\[-`{-~])
    |(?P<ticks>`+)(?P<code>[^\0]{1,400}?)(?<!`)(?P=ticks)(?!`)
    |!?\[(?P<label>[^\[\]\0]{0,300})\]\((?P<url>[^()\s]{1,1000}(?:\([^()\s]{0,100}\))?[^()\s]{0,200})
        (?:\s"[^"]{0,200}")?\)
    |<(?P<auto>https?://[^<>\s]{1,500})>
    |\*\*(?=\S)(?P<bold>[^\0]{1,400}?)(?<=\S)\*\*(?!\*)
    |(?<!\w)__(?=\S)(?P<bold2>[^\0]{1,400}?)(?<=\S)__(?!\w)
    |\*(?=[^\s*])(?P<italic>[^*\0]{1,400}?)(?<=[^\s*])\*(?!\*)
    |(?<!\w)_(?=[^\s_])(?P<italic2>[^_\0]{1,400}?)(?<=[^\s_])_(?!\w)
    |~~(?=\S)(?P<strike>[^\0]{1,400}?)(?<=\S)~~""",
    re.VERBOSE,
)
_STYLES = {"bold": BOLD, "bold2": BOLD, "italic": ITALIC, "italic2": ITALIC, "strike": STRIKE}
_DEEPEST = 4


def width_of(text: str) -> int:
    """How many columns a text without control characters takes."""
    return len(text) if text.isascii() else max(0, wcswidth(text))


def spans(text: str, style: str = "", depth: int = 0) -> list[Span]:
    """Read the marks of a text. What is no mark stays as it is."""
    if depth > _DEEPEST:
        return [(text, style)]
    found: list[Span] = []
    at = 0
    for mark in _MARKED.finditer(text):
        found.append((text[at : mark.start()], style))
        found += _marked(mark, style, depth)
        at = mark.end()
    found.append((text[at:], style))
    return [span for span in found if span[0]]


def _marked(mark: re.Match[str], style: str, depth: int) -> list[Span]:
    groups = mark.groupdict()
    if groups["escaped"]:
        return [(groups["escaped"], style)]
    if groups["code"] is not None:
        code = groups["code"].replace("\n", " ")
        inner = code[1:-1] if code.strip() and code[0] == code[-1] == " " else code
        return [(inner, _both(style, CYAN))]
    if groups["auto"]:
        return [(groups["auto"], _both(style, UNDERLINE))]
    if groups["url"] is not None:
        return _link(groups["label"] or "", groups["url"], style, depth)
    for name, own in _STYLES.items():
        if groups[name] is not None:
            return spans(groups[name], _both(style, own), depth + 1)
    return [(mark[0], style)]


def _link(label: str, url: str, style: str, depth: int) -> list[Span]:
    if not label or label == url:
        return [(url, _both(style, UNDERLINE))]
    shown = spans(label, _both(style, UNDERLINE), depth + 1)
    return [*shown, (f" ({url})", _both(style, DIM))]


def _both(style: str, own: str) -> str:
    return f"{style};{own}" if style else own


def wrapped(found: Iterable[Span], width: int) -> list[str]:
    """Break texts into lines of at most so many columns, at blanks where there are any. A
    newline in them is one here too."""
    lines: list[list[Span]] = [[]]
    room, blank = width, ""
    for piece, style in _pieces(found):
        if piece == "\n":
            lines.append([])
            room, blank = width, ""
        elif piece.isspace():
            blank = " " if lines[-1] else ""
        else:
            for word in _fitting(piece, width):
                columns = width_of(word)
                if columns + len(blank) > room and lines[-1]:
                    lines.append([])
                    room, blank = width, ""
                if blank:
                    # Where only one side is underlined, the blank is not.
                    lines[-1].append((blank, style if lines[-1][-1][1] == style else ""))
                lines[-1].append((word, style))
                room -= columns + len(blank)
                blank = ""
    return [_joined(line) for line in lines]


def cut_hard(found: Iterable[Span], width: int) -> list[str]:
    """Break texts into lines of so many columns wherever that is: every blank counts."""
    lines: list[list[Span]] = [[]]
    room = width
    for text, style in found:
        for part in _runs(text, width):
            if width_of(part) <= room:
                lines[-1].append((part, style))
                room -= width_of(part)
                continue
            for grapheme in iter_graphemes(part):
                columns = width_of(grapheme)
                if columns > room:
                    lines.append([])
                    room = width
                lines[-1].append((grapheme, style))
                room -= columns
    return [_joined(line) for line in lines]


def clipped(text: str, width: int) -> str:
    """Cut a line to so many columns, and show that something is missing."""
    if width_of(text) <= width:
        return text
    room, kept = width - 1, []
    for grapheme in iter_graphemes(text[: width * 4]):
        room -= width_of(grapheme)
        if room < 0:
            break
        kept.append(grapheme)
    return "".join(kept).rstrip() + "…"


def _pieces(found: Iterable[Span]) -> Iterator[Span]:
    """Words, blanks and newlines; a wide character is a word of its own."""
    for text, style in found:
        for piece in re.findall(r"\n|[^\S\n]+|\S+", text):
            if piece.isascii():
                yield piece, style
            else:
                yield from ((part, style) for part in _breakable(piece))


def _breakable(word: str) -> Iterator[str]:
    narrow = ""
    for grapheme in iter_graphemes(word):
        # A closing mark does not begin a line.
        if width_of(grapheme) > 1 and not _closes(grapheme):
            if narrow:
                yield narrow
            narrow = grapheme
        elif narrow and width_of(narrow[0]) > 1 and grapheme.isalnum():
            yield narrow
            narrow = grapheme
        else:
            narrow += grapheme
    if narrow:
        yield narrow


def _closes(grapheme: str) -> bool:
    return unicodedata.category(grapheme[0]) in ("Pe", "Pf", "Po")


def _fitting(word: str, width: int) -> Iterator[str]:
    """A word that is wider than the line is broken."""
    if width_of(word) <= width:
        yield word
        return
    yield from cut_hard([(word, "")], width)


def _runs(text: str, width: int) -> Iterator[str]:
    step = max(1, width)
    return (text[at : at + step] for at in range(0, len(text), step))


def _joined(line: list[Span]) -> str:
    """One sequence for what has the same style."""
    merged: list[Span] = []
    for text, style in line:
        if merged and merged[-1][1] == style:
            merged[-1] = (merged[-1][0] + text, style)
        else:
            merged.append((text, style))
    return "".join(styled(text, style) for text, style in merged)
