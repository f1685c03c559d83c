"""The columns of the list of sessions: which fit, and what stands in each. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tars.control.session_contract import Session
from tars.tui import session_words as words
from tars.tui.figures import tokens
from tars.tui.foreign_text import clean, fitted
from tars.tui.session_pieces import Line, Piece, Tone

#: From so many columns on, two blanks stand between them.
_ROOMY = 70


@dataclass(frozen=True, slots=True)
class Shown:
    """What a cell is made of beside the session: its cost in words, as far as it is known, the
    time, what was found in it, and what its turn under way adds."""

    cost: str
    now: datetime
    excerpt: str = ""
    home: str = ""
    running_ms: int = 0
    running_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """`least` is the width of the list from which on it is there; `width` 0 shares what is left
    with others, by `share`."""

    heading: str
    width: int
    cell: Callable[[Session, Shown], Piece]
    right: bool = False
    least: int = 0
    share: int = 1


def layout(width: int) -> tuple[Column, ...]:
    """Choose the columns of a list that is so wide."""
    return tuple(column for column in _COLUMNS if width >= column.least)


def heading(width: int) -> Line:
    """Give the line above the list."""
    columns = layout(width)
    return _joined(
        columns, width, lambda column: Piece(column.heading, "dim"), lambda column: column.right
    )


def line(session: Session, shown: Shown, width: int) -> Line:
    """Give a session as a line that is exactly so wide."""
    columns = layout(width)
    return _joined(
        columns, width, lambda column: column.cell(session, shown), lambda column: column.right
    )


def waiting(index: int, width: int) -> Line:
    """Give the line of a session that is not here yet."""
    return (Piece(fitted(f" {'·' * 8}…  {index + 1:,}", width), "dim"),)


def _gap(width: int) -> int:
    return 2 if width >= _ROOMY else 1


def _joined(
    columns: tuple[Column, ...],
    width: int,
    cell: Callable[[Column], Piece],
    right: Callable[[Column], bool],
) -> Line:
    widths = _widths(columns, width)
    pieces = [Piece(" ")]
    for number, column in enumerate(columns):
        text, tone = cell(column)
        pieces.append(Piece(fitted(text, widths[number], right=right(column)), tone))
        if number < len(columns) - 1:
            pieces.append(Piece(" " * _gap(width)))
    used = 1 + sum(widths) + _gap(width) * (len(columns) - 1)
    if used < width:
        pieces.append(Piece(" " * (width - used)))
    return tuple(pieces)


def _widths(columns: tuple[Column, ...], width: int) -> list[int]:
    fixed = sum(column.width for column in columns) + _gap(width) * (len(columns) - 1) + 1
    shares = sum(column.share for column in columns if not column.width)
    left = max(0, width - fixed - 1)
    return [column.width or left * column.share // shares for column in columns]


def name_of(session: Session) -> str:
    """Give what a person calls a session: its name, or else its title."""
    return clean(session.name or session.title or "")


def _agent(session: Session) -> Piece:
    return Piece(f"{words.icon(session.agent_type)} {clean(session.agent)}")


def _duration(session: Session, shown: Shown) -> Piece:
    if not (session.spent.turns or shown.running_ms):
        return Piece("\u2013", "dim")  # logs tell of requests, not of turns
    tone: Tone = "good" if shown.running_ms else ""
    return Piece(words.lasted(session.duration_ms + shown.running_ms), tone)


def _tokens(session: Session, shown: Shown) -> Piece:
    total = tokens(session.spent.total_tokens + shown.running_tokens)
    return Piece(f"≥{total}" if session.at_least else total)


def _cost(shown: Shown) -> Piece:
    return Piece(shown.cost, "" if "$" in shown.cost else "dim")


def _title(session: Session, shown: Shown) -> Piece:
    if shown.excerpt:
        return Piece(clean(shown.excerpt), "accent")
    return Piece(name_of(session), "" if session.name else "dim")


def folder(path: str, home: str) -> str:
    """Give a folder as people write it."""
    within = home and (path == home or path.startswith(f"{home.rstrip('/')}/"))
    return clean(f"~{path[len(home.rstrip('/')) :]}" if within else path)


_COLUMNS = (
    Column("Session", 9, lambda s, _: Piece(clean(words.short_id(s.id)), "bold")),
    Column("Agent", 10, lambda s, _: _agent(s)),
    Column("Duration", 8, lambda s, n: _duration(s, n), right=True),
    Column("Tokens", 7, lambda s, n: _tokens(s, n), right=True, least=52),
    Column("Cost", 9, lambda _, n: _cost(n), right=True),
    Column("Status", 13, lambda s, _: words.status(s.status)),
    Column("Started", 11, lambda s, n: Piece(words.started(s.started_at, n.now), "dim"), least=104),
    Column("Turns", 6, lambda s, _: Piece(tokens(s.spent.turns)), right=True, least=130),
    Column("Title", 0, _title, least=76, share=3),
    Column("Project", 0, lambda s, n: Piece(folder(s.project, n.home), "dim"), least=116, share=2),
)
