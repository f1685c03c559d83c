"""The only place that knows which database it is: the connection, and what its errors mean.

SQLite is here, PostgreSQL in `postgres`; whoever has a connection uses both in the same way.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tars.errors import StoreError
from tars.home import FILE_MODE, FOLDER_MODE, set_aside
from tars.store import postgres

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
    sqlite3.SQLITE_CORRUPT: (
        "the database is damaged",
        "Stop tars, and run `tars sessions repair`.",
    ),
    sqlite3.SQLITE_READONLY: ("the database is read-only", "Check the rights of its folder."),
    sqlite3.SQLITE_PERM: ("the database may not be opened", "Check the rights of its folder."),
    sqlite3.SQLITE_CANTOPEN: ("the database cannot be opened", "Check the rights of its folder."),
}
_MAGIC = b"SQLite format 3\0"
_UNREADABLE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
#: The journal is noted in the file. Another program's is not changed by looking at it.
_FOREIGN = (
    "SELECT count(*) > 0 AND NOT count(*) FILTER (WHERE name = 'alembic_version') "
    "FROM sqlite_master"
)
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

Unreachable = postgres.Unreachable

#: Says that a transaction only reads.
_READING = "tars_reading"
#: How long to wait before looking again whether a lock is gone that SQLite does not wait for.
_PAUSE_SECONDS = 0.01
#: How long to wait for others before the journal is emptied.
_FORGET_MS = 1000


class Unreadable(StoreError):
    """The file is not a database, or a damaged one. It has to be set aside."""


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
        return _connected(_engine(path, busy_seconds))


def connect_to(url: str, *, busy_seconds: float) -> Connection:
    """Connect to the PostgreSQL database that `url` names.

    Raises StoreError; Unreachable when it may be there later.
    """
    with store_errors("open"):
        return _connected(postgres.engine(url, busy_seconds, _reads))


def close(connection: Connection) -> None:
    """Close the connection and its engine."""
    with store_errors("close"):
        connection.close()
        connection.engine.dispose()


@contextmanager
def reading(connection: Connection) -> Iterator[Connection]:
    """One transaction that sees the database as it is now, whatever others write meanwhile,
    and cannot write itself. It waits for nobody, and nobody for it."""
    connection.execution_options(**{_READING: True})
    try:
        with connection.begin():
            yield connection
    finally:
        connection.execution_options(**{_READING: False})


def forget(connection: Connection) -> None:
    """Let the journal of a file forget what was overwritten there, if nobody else is long in
    the midst of a transaction. A server sees to its own."""
    if connection.dialect.name == postgres.DIALECT:
        return
    driver = connection.connection.dbapi_connection
    assert driver is not None, "it is open"
    cursor = driver.cursor()
    patience = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
    try:
        cursor.execute(f"PRAGMA busy_timeout = {_FORGET_MS}").fetchall()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {patience}").fetchall()
        cursor.close()


def alone(connection: Connection) -> None:
    """Wait until no other transaction changes the schema, and let none until this one ends."""
    if connection.dialect.name == postgres.DIALECT:
        # In SQLite there is one writer at a time anyway.
        postgres.lock(connection)


def put_aside(path: Path, at: datetime) -> Path:
    """Rename a file that nobody uses and what belongs to it; gives its new path. Raises OSError."""
    aside = set_aside(path, at)
    for suffix in ("-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            # The name under which SQLite looks for it, should somebody repair the file.
            beside.rename(aside.with_name(aside.name + suffix))
    return aside


@contextmanager
def store_errors(action: str) -> Iterator[None]:
    """Turn whatever the database raises into a StoreError that says what failed, and why."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if postgres.raised(cause):
            lost = isinstance(error, DBAPIError) and error.connection_invalidated
            # Its details quote whole rows: they are left out, as the cause is.
            raise postgres.store_error(action, cause, lost=lost) from None
        code = _code(cause)
        why, advice = _SENTENCES.get(code, (str(cause) or type(cause).__name__, ""))
        kind = Unreadable if code in _UNREADABLE else StoreError
        raise kind(f"The store cannot {action}: {why}.", advice=advice) from error
    except OSError as error:
        raise StoreError(
            f"The store cannot {action}: {error.strerror or error}.",
            advice="Check the rights of its folder.",
        ) from error


def _code(cause: BaseException | None) -> int:
    code: int = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF


def _reads(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get(_READING))


def _connected(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except BaseException:
        engine.dispose()
        raise


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
    event.listen(engine, "connect", lambda connection, _record: _prepare(connection, busy_seconds))
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, busy_seconds: float) -> None:
    # The driver's own transactions leave out CREATE TABLE and begin late: `_begin` does it.
    connection.isolation_level = None
    _use_wal(connection, time.monotonic() + busy_seconds)
    for pragma in (
        # NORMAL would survive kill -9, but a power cut could take accepted prompts and
        # counted turns with it. FULL costs a quarter of a millisecond per commit on an SSD.
        "synchronous = FULL",
        "foreign_keys = ON",
        # A prompt's text is overwritten when it is erased, not just unlinked.
        "secure_delete = ON",
        "journal_size_limit = 4194304",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _use_wal(connection: sqlite3.Connection, end: float) -> None:
    """Keep a journal with which readers and a writer do not wait for each other."""
    while True:
        try:
            if not connection.execute(_FOREIGN).fetchone()[0]:
                connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as error:
            # Where several processes open a new file at once, SQLite does not wait by itself.
            if _code(error) not in _LOCKED or time.monotonic() >= end:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _begin(connection: Connection) -> None:
    reads = _reads(connection)
    if reads != connection.info.get(_READING, False):
        connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if reads else 'OFF'}")
        connection.info[_READING] = reads
    # A deferred transaction that turns into a writer fails at once, without waiting, when
    # somebody else wrote in between.
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
