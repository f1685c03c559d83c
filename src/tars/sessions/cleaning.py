"""Deleting sessions: one that is named, or those that are old, many, or empty.

Never one that its agent's next prompt goes to, that somebody writes to, or that a prompt waits
for. Each is deleted in a transaction of its own, so that nobody waits long for it.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tars.errors import Refused, RequestInvalid, SessionNotFound, StoreError
from tars.sessions import archives
from tars.sessions.library import Library

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tars.store.managing import Held, Known

_AGE = re.compile(r"([0-9]{1,6})\s*([hdwy])")
_UNITS = {
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=365),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """Which sessions of this machine go: those for which all of it holds. `older_than` is since
    the last activity; `keep` so many of the newest; `empty`: only those without turn or message.
    Not `archived`: none that somebody put away."""

    older_than: timedelta | None = None
    keep: int | None = None
    empty: bool = False
    archived: bool = True


@dataclass(frozen=True, slots=True)
class Gone:
    """A session that was deleted, and the file that it was written to before."""

    session: "Known"
    file: Path | None = None


def age(text: str) -> timedelta:
    """Read an age such as `30d`, `12h`, `2w` or `1y` (of 365 days). Raises RequestInvalid."""
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise RequestInvalid(f"{text!r} is no age, such as 12h, 30d, 2w or 1y.")
    try:
        return int(found[1]) * _UNITS[found[2]]
    except OverflowError:
        raise RequestInvalid(f"{text!r} is longer than time itself.") from None


def delete(library: Library, seq: int, now: datetime, *, with_turns: bool = False) -> None:
    """Delete a session and all that was said in it; what its turns used stays counted unless
    `with_turns`. Raises Refused when it is in use, and SessionNotFound when it is gone."""
    from tars.store import managing

    with library.writing() as connection:
        managing.claim(connection, seq)
        refuse_if_held(connection, seq, now, "deleted")
        managing.remove(connection, seq, with_turns=with_turns)
        managing.erase(connection)
    library.store.forget()


def doomed(
    library: Library, rule: Rule, now: datetime, *, limit: int | None = None
) -> "list[Known]":
    """Give the sessions that a rule means, the least recent first."""
    from tars.store import managing

    with library.reading() as connection:
        return managing.free(
            connection,
            library.store.machine,
            now,
            before=_before(rule, now),
            beyond=rule.keep,
            empty=rule.empty,
            archived=rule.archived,
            limit=limit,
        )


def clean(
    library: Library, sessions: "list[Known]", now: datetime, *, directory: Path | None
) -> Iterator[Gone]:
    """Write each session to a file of its own, then delete it; what somebody took up meanwhile
    stays. Without a directory no file is written.

    Raises StoreError at the first that cannot be written or deleted, which then is still there.
    """
    from tars.store import managing

    deleted = 0
    try:
        for session in sessions:
            try:
                file = (
                    None if directory is None else archives.write(library, session.seq, directory)
                )
                remove(library, session, now)
            except (Refused, SessionNotFound):
                continue
            deleted += 1
            yield Gone(session, file)
    finally:
        if deleted:
            with suppress(StoreError):
                with library.writing() as connection:
                    managing.erase(connection)
                library.store.forget()


def remove(library: Library, session: "Known", now: datetime) -> None:
    """Delete a session as it was found; `managing.erase` has to follow, after the last.

    Raises Refused when it is in use or was since then, and SessionNotFound when it is gone.
    """
    from tars.store import finding, managing

    with library.writing() as connection:
        managing.claim(connection, session.seq)
        refuse_if_held(connection, session.seq, now, "deleted")
        (found,) = finding.by_seq(connection, [session.seq])
        if found.last_activity_at != session.last_activity_at:
            raise Refused(f"Session {session.id} was used meanwhile.")
        managing.remove(connection, session.seq)


def refuse_if_held(connection: "Connection", seq: int, now: datetime, done: str) -> None:
    """Raises Refused when a session must not be changed so now, and SessionNotFound when it is
    not there."""
    from tars.store import finding, managing

    found = finding.by_seq(connection, [seq])
    if not found:
        raise SessionNotFound("The session is gone.")
    held = managing.held(connection, seq, now)
    if held is not None:
        session = found[0]
        shown = f'"{session.name}" ({session.id})' if session.name else session.id
        raise Refused(
            f"Session {shown} cannot be {done}: {held.value}.", advice=_advice(held, session.agent)
        )


def _advice(held: "Held", agent: str) -> str:
    from tars.store.managing import Held

    match held:
        case Held.ACTIVE:
            return f"`tars reset --agent {agent}` begins a new one."
        case Held.WRITTEN | Held.AWAITED:
            return f"Wait for it, or `tars cancel --agent {agent}`."


def _before(rule: Rule, now: datetime) -> datetime | None:
    if rule.older_than is None:
        return None
    try:
        return now - rule.older_than
    except OverflowError:
        return datetime.min.replace(tzinfo=now.tzinfo)
