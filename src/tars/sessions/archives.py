"""Sessions put away and taken back, and the files that whole sessions are written to before.

Such a file is an export of one session, as JSON: `tars sessions restore FILE` reads it back.
"""

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tars.errors import FileUnreadable, Refused, SessionNotFound, StoreError
from tars.home import FOLDER_MODE, new_file
from tars.sessions import exporting
from tars.sessions.library import Library
from tars.sessions.names import cut_file

if TYPE_CHECKING:
    from tars.store.rows import SessionRecord, SessionStatus


@dataclass(frozen=True, slots=True)
class Back:
    """A session of a file that was brought back; `why` not, where that is not empty."""

    id: str
    name: str | None
    why: str = ""


_AWKWARD = re.compile(r"[^\w.=@+-]|^[.-]")


def archive(library: Library, seq: int, at: datetime, *, directory: Path | None) -> Path | None:
    """Put a session away; with a directory, write all of it to a file there first, and give the
    file. Raises Refused when it is in use or put away already, and StoreError."""
    from tars.sessions.cleaning import refuse_if_held
    from tars.store import managing

    session = _found(library, seq)
    _refuse_if_archived(session)
    with library.reading() as connection:
        refuse_if_held(connection, seq, at, "archived")
    file = None if directory is None else write(library, seq, directory)
    with library.writing() as connection:
        managing.claim(connection, seq)
        refuse_if_held(connection, seq, at, "archived")
        managing.archive(connection, seq, at)
    return file


def restore(library: Library, session: "SessionRecord") -> "SessionStatus":
    """Take a session back, and give the status that it has again. Raises Refused when it is not
    put away."""
    from tars.store import managing
    from tars.store.rows import SessionStatus

    if session.status is not SessionStatus.ARCHIVED:
        raise Refused(f"Session {session.id} is not archived: it is {session.status.value}.")
    with library.writing() as connection:
        return managing.restore(connection, session.seq)


def read_back(library: Library, file: Path, now: datetime) -> "list[Back]":
    """Bring back the sessions of a file; one that is here, put away, is taken back instead.

    Raises FileUnreadable, and StoreError; nothing is changed then.
    """
    from tars.sessions.importing import Done, import_file
    from tars.sessions.reading import Source
    from tars.store import managing, transfer
    from tars.store.rows import SessionStatus

    try:
        with file.open("rb") as opened:
            at = datetime.fromtimestamp(os.fstat(opened.fileno()).st_mtime, now.tzinfo)
            imported = import_file(library, Source(opened, str(file), at), now)
    except OSError as error:
        raise FileUnreadable(f"{file} cannot be read: {error.strerror or error}.") from error
    found = []
    for each in imported:
        why = each.why if each.done is Done.SKIPPED else ""
        with library.writing() as connection:
            here = transfer.same(connection, each.id, each.agent)
            away = here is not None and here.status == SessionStatus.ARCHIVED.value
            if here is not None and away and here.machine == library.store.machine:
                managing.restore(connection, here.seq)
                why = ""
        found.append(Back(each.id, each.name, why))
    return found


def write(library: Library, seq: int, directory: Path) -> Path:
    """Write all of a session to a new file (0600) in a directory, durably, and give its path.

    What is there is not overwritten; the same content is not written twice. Raises StoreError.
    """
    session = _found(library, seq)
    data = exporting.document(library, session)
    stem = file_stem(session)
    try:
        directory.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        number = 1
        while True:
            path = directory / (f"{stem}.json" if number == 1 else f"{stem}.{number}.json")
            if _write_new(path, data):
                return path
            number += 1
    except OSError as error:
        raise StoreError(
            f"The session cannot be written to {directory}: {error.strerror or error}.",
            advice="It was not removed. Free some space, or check the folder's rights.",
        ) from error


def file_stem(session: "SessionRecord") -> str:
    """Give the name of a session's file, without its ending: the name, if any, agent and id."""
    whole = "-".join(part for part in (session.name, session.agent, session.id) if part)
    safe = _AWKWARD.sub(lambda found: "".join(f"%{b:02X}" for b in found[0].encode()), whole)
    return cut_file(safe, whole)


def _write_new(path: Path, data: bytes) -> bool:
    """Write a file that is not there, whole or not at all. True also where this very content
    is there."""
    if os.path.lexists(path):
        return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data
    try:
        with new_file(path) as file:
            file.write(data)
    except FileExistsError:
        return False
    return True


def _found(library: Library, seq: int) -> "SessionRecord":
    from tars.store import finding

    with library.reading() as connection:
        found = finding.by_seq(connection, [seq])
    if not found:
        raise SessionNotFound("The session is gone.")
    return found[0]


def _refuse_if_archived(session: "SessionRecord") -> None:
    from tars.store.rows import SessionStatus

    if session.status is SessionStatus.ARCHIVED:
        raise Refused(
            f"Session {session.id} is archived already.",
            advice=f"`tars sessions restore {session.id[:8]}` takes it back.",
        )
