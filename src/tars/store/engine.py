"""The only place that knows which database it is: the connection, and what its errors mean."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tars.errors import StoreError
from tars.home import FILE_MODE, FOLDER_MODE

_SENTENCES = {
    sqlite3.SQLITE_FULL: ("the disk is full", "Free some space."),
    sqlite3.SQLITE_IOERR: ("the disk refused to read or write", "Free some space."),
    sqlite3.SQLITE_BUSY: (
        "the database is locked by another program",
        "End the program that has it open.",
    ),
    sqlite3.SQLITE_LOCKED: (
        "the database is locked by another program",
        "End the program that has it open.",
    ),
    sqlite3.SQLITE_NOTADB: ("the file is not a database", ""),
    sqlite3.SQLITE_CORRUPT: ("the database is damaged", "Restart tars: it sets the file aside."),
    sqlite3.SQLITE_READONLY: ("the database is read-only", "Check the rights of its folder."),
    sqlite3.SQLITE_PERM: ("the database may not be opened", "Check the rights of its folder."),
    sqlite3.SQLITE_CANTOPEN: ("the database cannot be opened", "Check the rights of its folder."),
}
_MAGIC = b"SQLite format 3\0"
_UNREADABLE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


class Unreadable(StoreError):
    """The file is not a database, or a damaged one. It has to be set aside."""


class Unreachable(StoreError):
    """The connection to the database is gone, or there is none. Nobody knows whether a commit
    that was under way was kept."""


def connect(path: Path, *, busy_seconds: float) -> Connection:
    """Open the database, making folder and file (0700, 0600) where there are none.

    One connection, used by one thread at a time, though not always the same one.
    Raises StoreError; Unreadable when the file is no database.
    """
    with store_errors("open"):
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if not _may_be_a_database(path):
            raise Unreadable("The store cannot be opened: the file is not a database.")
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, FILE_MODE))
        path.chmod(FILE_MODE)
        engine = _engine(path, busy_seconds)
        try:
            return engine.connect()
        except BaseException:
            engine.dispose()
            raise


def close(connection: Connection) -> None:
    """Close the connection and its engine."""
    with store_errors("close"):
        connection.close()
        connection.engine.dispose()


@contextmanager
def store_errors(action: str) -> Iterator[None]:
    """Turn whatever the database raises into a StoreError that says what failed, and why."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        why, advice = _SENTENCES.get(code, (str(cause) or type(cause).__name__, ""))
        kind = Unreadable if code in _UNREADABLE else StoreError
        raise kind(f"The store cannot {action}: {why}.", advice=advice) from error
    except OSError as error:
        raise StoreError(
            f"The store cannot {action}: {error.strerror or error}.",
            advice="Check the rights of its folder.",
        ) from error


def _may_be_a_database(path: Path) -> bool:
    """Look before SQLite does: it writes over a file shorter than its own header, and
    removes a journal that it does not understand."""
    if not path.exists():
        return True
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    return start in (b"", _MAGIC)


def _engine(path: Path, busy_seconds: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "timeout": busy_seconds},
        # An error's text must not quote a prompt.
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transactions leave out CREATE TABLE and begin late: `_begin` does it.
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        # NORMAL would survive kill -9, but a power cut could take accepted prompts and
        # counted turns with it. FULL costs a quarter of a millisecond per commit on an SSD.
        "synchronous = FULL",
        "foreign_keys = ON",
        # A prompt's text is overwritten when it is erased, not just unlinked.
        "secure_delete = ON",
        "journal_size_limit = 4194304",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    # A deferred transaction that turns into a writer fails at once, without waiting, when
    # somebody else wrote in between.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
