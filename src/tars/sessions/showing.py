"""One session in full: its sums, what was noted of it, its tools and files, what was said."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tars.sessions.library import Library
from tars.store import details, managing, messages
from tars.store.details import TurnDetail
from tars.store.managing import Note
from tars.store.rows import MessageRow, Role, SessionRecord, ToolCallRow

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Detail",
    "Glance",
    "MessageRow",
    "Note",
    "Role",
    "ToolCallRow",
    "conversation",
    "detail",
    "glance",
]

#: How many files are named, and how many rows are read in one go.
FILES = 10
#: How many tools and files a glance has.
MOST_USED = 200
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Detail:
    """What is shown of a session. `tools` and `files` are names with how often each was used or
    changed; `exchange` are the last message of a person and the last answer, where they are
    kept."""

    notes: tuple[Note, ...]
    tools: tuple[tuple[str, int], ...]
    files: tuple[tuple[str, int], ...]
    changed_files: int
    exchange: tuple[MessageRow, ...]
    last_turn_at: datetime | None


def detail(library: Library, session: SessionRecord) -> Detail:
    """Give what is known of a session besides its record. Raises StoreError."""
    seq = session.seq
    with library.reading() as connection:
        last = [details.last_message(connection, seq, role) for role in (Role.USER, Role.ASSISTANT)]
        exchange = sorted((row for row in last if row is not None), key=lambda row: row.seq)
        return Detail(
            notes=tuple(managing.notes_of(connection, seq)),
            tools=tuple(details.tools(connection, seq)),
            files=tuple(details.files(connection, seq, FILES)),
            changed_files=details.changed_files(connection, seq),
            exchange=tuple(exchange),
            last_turn_at=details.last_turn_at(connection, seq),
        )


@dataclass(frozen=True, slots=True)
class Glance:
    """What a screen shows of a session. `turns` are the newest first of `total` ones; `tools` and
    `files` are the most used."""

    turns: tuple[TurnDetail, ...]
    total: int
    tools: tuple[tuple[str, int], ...]
    files: tuple[tuple[str, int], ...]
    changed_files: int


def glance(library: Library, session: SessionRecord, *, after: int, limit: int) -> Glance:
    """Look at a session, with `limit` turns older than the newest `after`. Raises StoreError."""
    seq = session.seq
    with library.reading() as connection:
        turns, total = details.newest_turns(connection, seq, after=after, limit=limit)
        return Glance(
            turns=tuple(turns),
            total=total,
            tools=tuple(details.tools(connection, seq)[:MOST_USED]),
            files=tuple(details.files(connection, seq, MOST_USED)),
            changed_files=details.changed_files(connection, seq),
        )


def conversation(library: Library, session: SessionRecord) -> "Iterator[MessageRow | ToolCallRow]":
    """Give what was said in a session, in its order, page by page."""
    after = 0
    while True:
        with library.reading() as connection:
            page = messages.of_session(connection, session.seq, after=after, limit=_PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after += len(page)
