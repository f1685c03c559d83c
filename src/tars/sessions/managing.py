"""A session's name, title, tags and notes, as people set them."""

from datetime import datetime
from typing import TYPE_CHECKING

from tars.errors import NameInvalid, RequestInvalid
from tars.sessions.library import Library
from tars.sessions.names import check_name

if TYPE_CHECKING:
    from tars.store.managing import Note
    from tars.store.rows import SessionRecord

LONGEST_TITLE = 200
LONGEST_TAG = 50
LONGEST_NOTE = 10_000


def rename(library: Library, session: "SessionRecord", name: str | None) -> str | None:
    """Give a session a name, or take it away; gives the name as it is kept.

    Raises NameInvalid when it is none, or another session's of the same machine.
    """
    from tars.store import finding, managing

    kept = None if name is None else check_name(name)
    with library.writing() as connection:
        if kept is not None:
            holder = managing.name_holder(connection, session.seq, kept)
            if holder is not None:
                raise NameInvalid(f'"{kept}" is the name of session {holder} already.')
            if any(other.seq != session.seq for other in finding.by_id(connection, kept)):
                raise NameInvalid(f'"{kept}" is the id of another session.')
        managing.rename(connection, session.seq, kept)
    return kept


def entitle(library: Library, session: "SessionRecord", title: str) -> str:
    """Set a session's title; it becomes one line. Raises RequestInvalid when it is empty or too
    long. Gives the title as it is kept."""
    from tars.store import managing

    kept = " ".join(title.split())
    if not kept:
        raise RequestInvalid("A title cannot be empty.")
    if len(kept) > LONGEST_TITLE:
        raise RequestInvalid(
            f"A title has at most {LONGEST_TITLE} characters; this has {len(kept)}."
        )
    with library.writing() as connection:
        managing.entitle(connection, session.seq, kept)
    return kept


def tag(
    library: Library,
    session: "SessionRecord",
    add: tuple[str, ...] = (),
    remove: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """Add tags to a session, then take others away, and give those that it has then.

    To take away what it does not have is no fault. Raises NameInvalid for what is no tag.
    """
    from tars.store import managing

    new = [check_tag(word) for word in add]
    with library.writing() as connection:
        managing.add_tags(connection, session.seq, new)
        if remove:
            managing.remove_tags(connection, session.seq, remove)
        return managing.tags_of(connection, session.seq)


def check_tag(word: str) -> str:
    """Give a tag as it is kept. Raises NameInvalid, which says why, where it cannot be one."""
    tag = check_name(word, of="a tag")
    if len(tag) > LONGEST_TAG:
        raise NameInvalid(f"A tag has at most {LONGEST_TAG} characters; this has {len(tag)}.")
    if "," in tag or any(sign.isspace() for sign in tag):
        raise NameInvalid(f'"{tag}" cannot be a tag: it holds a blank or a comma.')
    return tag


def note(library: Library, session: "SessionRecord", text: str, at: datetime) -> None:
    """Note something of a session. Raises RequestInvalid when it is empty or far too long."""
    from tars.store import managing

    if not text.strip():
        raise RequestInvalid("A note cannot be empty.")
    if len(text) > LONGEST_NOTE:
        raise RequestInvalid(f"A note has at most {LONGEST_NOTE} characters; this has {len(text)}.")
    with library.writing() as connection:
        managing.add_note(connection, session.seq, text, at)


def notes(library: Library, session: "SessionRecord") -> "list[Note]":
    """Give what was noted of a session, oldest first."""
    from tars.store import managing

    with library.reading() as connection:
        return managing.notes_of(connection, session.seq)
