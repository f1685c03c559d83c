"""Where an export goes: files that only their owner can read, written whole or not at all.

Nothing that is there is written over unless that is asked for.
"""

import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tars.errors import StoreError, UserError
from tars.home import FOLDER_MODE, new_file
from tars.sessions import csv_export, exporting, markdown
from tars.sessions.archives import file_stem
from tars.sessions.csv_export import Rows
from tars.sessions.library import Library
from tars.sessions.names import file_name

if TYPE_CHECKING:
    from tars.store.finding import Wanted
    from tars.store.rows import SessionRecord


class Form(StrEnum):
    """The formats, by what `--format` calls them; the first two can be imported again."""

    JSON = "json"
    JSONL = "jsonl"
    MARKDOWN = "markdown"
    CSV = "csv"


ENDINGS = {Form.JSON: ".json", Form.JSONL: ".jsonl", Form.MARKDOWN: ".md", Form.CSV: ".csv"}


def pieces(
    library: Library, seqs: Iterable[int], form: Form, rows: Rows = Rows.TURNS
) -> Iterator[str]:
    """Give an export of these sessions, piece by piece."""
    records = exporting.records(library, seqs)
    match form:
        case Form.JSON:
            return exporting.json_document(records)
        case Form.JSONL:
            return exporting.json_lines(records)
        case Form.MARKDOWN:
            return markdown.pages(records)
        case Form.CSV:
            return csv_export.table(records, rows)


def find(library: Library, wanted: "Wanted") -> "list[SessionRecord]":
    """Give the sessions that are meant, the oldest first."""
    from tars.store.finding import Order, listed

    with library.reading() as connection:
        return listed(connection, wanted, order=Order.STARTED, reverse=True)


def write_each(
    library: Library,
    sessions: "Sequence[SessionRecord]",
    folder: Path,
    form: Form,
    *,
    rows: Rows = Rows.TURNS,
    force: bool = False,
) -> list[Path]:
    """Write a file for each session into a folder, which is made where it is not there.

    Raises UserError, before anything is written, when one of the files is there already.
    """
    paths = [folder / f"{_stem(session)}{ENDINGS[form]}" for session in sessions]
    if len({str(path).casefold() for path in paths}) < len(paths):
        # Sessions of several machines may have one name.
        paths = [folder / f"{file_stem(s)}-{s.seq}{ENDINGS[form]}" for s in sessions]
    for path in paths:
        refuse_existing(path, force=force)
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    for path, session in zip(paths, sessions, strict=True):
        write(path, pieces(library, [session.seq], form, rows), force=force)
    return paths


def write(path: Path, pieces: Iterable[str], *, force: bool = False) -> None:
    """Write a file (0600) so that a crash at any moment leaves the old one or the new one.

    Raises UserError when it is there already, and StoreError when it cannot be written.
    """
    try:
        with writing(path, force=force) as file:
            for piece in pieces:
                file.write(piece.encode())
    except OSError as error:
        raise _unwritable(path, error) from error


@contextmanager
def writing(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Give a file to write to, that gets its name once it is whole. Raises UserError when it is
    there already, or got there meanwhile; and OSError."""
    refuse_existing(path, force=force)
    try:
        with new_file(path, force=force) as file:
            yield file
    except FileExistsError:
        raise _exists(path) from None


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise UserError where something stands that must not be written over."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise _unwritable(path, error) from error
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
        raise UserError(f"{path} is no file.", advice="Name another one.")
    if not force:
        raise _exists(path)


def _stem(session: "SessionRecord") -> str:
    return file_name(session.name) if session.name else file_stem(session)


def _exists(path: Path) -> UserError:
    return UserError(f"{path} exists already.", advice="`--force` writes over it.")


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} cannot be written: {error.strerror or error}.",
        advice="Check the folder's rights and free space; nothing was changed.",
    )
