"""Read a log that is an SQLite file while its agent writes it: nothing is made, nothing is kept.

A database in WAL mode has what was written last in a file beside it. Where that file is, it is
read as SQLite's readers do, and no writer waits. Where it is not, nobody writes, and a reader of
the usual kind would make one: then the file is read as one that does not change.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tars.history.source import Found

#: How long a writer in another mode than WAL is waited for.
_BUSY_SECONDS = 1.0
_WAL_MODE = b"\2"


class Foreign(Exception):
    """The file is no database, or has not what was looked for. It says which."""


def found(path: Path) -> Found | None:
    """Give a database as it is now, with what was written last; None where there is none."""
    try:
        main = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    size, mtime = main.st_size, main.st_mtime_ns
    try:
        wal = os.stat(f"{path}-wal")
    except OSError:
        return Found(str(path), main.st_ino, size, mtime)
    return Found(str(path), main.st_ino, size + wal.st_size, max(mtime, wal.st_mtime_ns))


@contextmanager
def opened(path: str) -> Iterator[sqlite3.Connection]:
    """Open a database to read. Text that is not UTF-8 is read as far as it is.

    Raises OSError when the file cannot be opened, and Foreign when it is no database or, at any
    time, when SQLite cannot read it.
    """
    with open(path, "rb") as file:
        header = file.read(20)
    quiet = header[18:19] == _WAL_MODE and not _is_filled(f"{path}-wal")
    try:
        connection = _connect(path, "immutable=1" if quiet else "mode=ro")
        try:
            yield connection
        finally:
            connection.close()
    except UnicodeDecodeError:
        # SQLite's own message quotes the file, and Python cannot read that.
        raise Foreign("SQLite cannot read it: its schema is malformed.") from None
    except sqlite3.Error as error:
        raise Foreign(f"SQLite cannot read it: {error}.") from None


def rows(
    connection: sqlite3.Connection, table: str, needed: Sequence[str], more: Sequence[str] = ()
) -> Iterator[sqlite3.Row]:
    """Give the rows of a table with these columns; of `more`, those that it has not are NULL.

    Raises Foreign when there is no such table, or one without what is needed.
    """
    there = {row["name"] for row in connection.execute(f'pragma table_info("{table}")')}
    if missing := [name for name in needed if name not in there]:
        what = f"no column {missing[0]}" if there else "no such table"
        raise Foreign(f"It has another form: {table}: {what}.")
    optional = [name if name in there else f"null as {name}" for name in more]
    yield from connection.execute(f'select {", ".join([*needed, *optional])} from "{table}"')


def _is_filled(path: str) -> bool:
    try:
        return os.stat(path).st_size > 0
    except OSError:
        return False


def _connect(path: str, how: str) -> sqlite3.Connection:
    uri = f"file:{quote(os.path.abspath(path))}?{how}"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS)
    try:
        connection.text_factory = _text
        connection.row_factory = sqlite3.Row
        connection.execute("select 1 from sqlite_master limit 1").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        # In a folder that may not be written, a reader cannot tell what a writer does.
        if how == "immutable=1":
            raise
        return _connect(path, "immutable=1")
    except (sqlite3.Error, UnicodeDecodeError):
        connection.close()
        raise
    return connection


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
