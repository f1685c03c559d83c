"""The tables of the index of logs, and how its file is opened.

The index can be built again from the logs, all but the rows whose files have vanished: a damaged
one is set aside, never deleted. Times are milliseconds since 1970 in UTC, money is in picodollars.
It is used with the standard library's `sqlite3` alone: a report may not wait for more imports.
"""

import os
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tars.errors import StoreError
from tars.home import FILE_MODE, FOLDER_MODE, set_aside

#: The version of the format, in the file's `user_version`.
FORMAT = 3

#: `files`: `mtime` is in nanoseconds; `head` is the checksum of the first bytes, behind their
#: number; `garbled` counts lines that could not be read, `ahead` requests that are dated later
#: than the day after they were read; `problem` says why the file could not be read at all; `gone`
#: files have vanished, and their requests stay.
#: `requests`: `key` identifies a request (`history.keys`); `at` is the earliest time that any row
#: with this key told; `size` is the size class of the (average) prompt; `covered`: tars' ledger
#: has its figures, these only stand beside them.
#: `slots`: the sums of the requests that are not covered. Made again from `requests`, in the same
#: transaction, wherever those changed.
#: `settled`: with which state of the ledger the covered requests of a session were last found.
_TABLES = """
CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    agent TEXT NOT NULL,
    path TEXT NOT NULL,
    inode INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mtime INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    head BLOB NOT NULL,
    state BLOB NOT NULL,
    garbled INTEGER NOT NULL DEFAULT 0,
    ahead INTEGER NOT NULL DEFAULT 0,
    problem TEXT NOT NULL DEFAULT '',
    gone INTEGER NOT NULL DEFAULT 0,
    UNIQUE (path, agent)
);
CREATE INDEX files_to_tell ON files (agent) WHERE problem != '' OR ahead > 0;
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    agent TEXT NOT NULL,
    session TEXT NOT NULL,
    title TEXT NOT NULL DEFAULT '',
    project TEXT NOT NULL DEFAULT '',
    branch TEXT NOT NULL DEFAULT '',
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    UNIQUE (session, agent)
);
CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    UNIQUE (provider, model)
);
CREATE TABLE places (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    branch TEXT NOT NULL,
    UNIQUE (project, branch)
);
CREATE TABLE requests (
    key INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    at INTEGER NOT NULL,
    model INTEGER NOT NULL,
    place INTEGER NOT NULL,
    net_input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    size INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    sidechain INTEGER NOT NULL,
    covered INTEGER NOT NULL DEFAULT 0,
    cost INTEGER
);
CREATE INDEX requests_by_session ON requests (session, at);
CREATE TABLE slots (
    slot INTEGER NOT NULL,
    session INTEGER NOT NULL,
    model INTEGER NOT NULL,
    place INTEGER NOT NULL,
    size INTEGER NOT NULL,
    official INTEGER NOT NULL,
    net_input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    PRIMARY KEY (slot, session, model, place, size, official)
) WITHOUT ROWID;
CREATE TABLE limits (
    agent TEXT NOT NULL,
    name TEXT NOT NULL,
    used REAL NOT NULL,
    window_minutes INTEGER NOT NULL,
    resets_at INTEGER,
    at INTEGER NOT NULL,
    plan TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (agent, name)
) WITHOUT ROWID;
CREATE TABLE forks (
    agent TEXT NOT NULL,
    child TEXT NOT NULL,
    parent TEXT NOT NULL,
    PRIMARY KEY (agent, child)
) WITHOUT ROWID;
CREATE TABLE settled (
    session INTEGER PRIMARY KEY,
    stamp TEXT NOT NULL
);
"""
#: What later formats have more. `walks`: folders that need not be listed again (`folders`).
#: `days`: sums of slots by whole days of UTC, all but those in `stale_days` (`days`).
_ADDED = {
    2: """
CREATE TABLE walks (
    agent TEXT NOT NULL,
    root TEXT NOT NULL,
    at REAL NOT NULL,
    folders BLOB NOT NULL,
    marks BLOB NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (agent, root)
);
""",
    3: """
CREATE TABLE days (
    slot INTEGER NOT NULL,
    agent TEXT NOT NULL,
    model INTEGER NOT NULL,
    size INTEGER NOT NULL,
    official INTEGER NOT NULL,
    net_input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    PRIMARY KEY (slot, agent, model, size, official)
) WITHOUT ROWID;
CREATE TABLE stale_days (slot INTEGER PRIMARY KEY);
INSERT INTO stale_days SELECT DISTINCT slot / 96 * 96 FROM slots;
""",
}

#: What it raises to read values that are of no type that was written: damage that SQLite does not
#: see, if `is_sound` does.
SENSELESS = (TypeError, ValueError, LookupError, OverflowError)
#: Errors of SQLite that say that the file itself is no good; the low byte of the whole code.
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
#: Those that say that it cannot be written just now.
_UNWRITABLE = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
}
#: Seconds that a statement waits for another process's transaction. None takes longer than a few.
_PATIENCE = 10.0
#: Bytes of a page: twice SQLite's own make a first index a tenth faster.
_PAGE = 8192
#: KiB that SQLite may keep of the file: what a build touches in no order is not read again.
_CACHE = 12 * 1024
#: Bytes of a journal that is not in use that may stay on the disk.
JOURNAL = 4 * 1024 * 1024


def open_file(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """Open an index, and make it where there is none; 0600. What is no index is set aside: its
    new name comes with the one that was made in its place.

    Raises StoreError when that cannot be done, or when a newer tars wrote it.
    """
    try:
        try:
            return _open(path), None
        except sqlite3.DatabaseError as error:
            if not damaged(error):
                raise
            aside = put_aside(path)
            return _open(path), aside
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"The index of the agents' logs, {path}, cannot be opened: {error}.",
            advice="Make its folder writable, or free disk space; the logs themselves are intact.",
        ) from error


def damaged(error: sqlite3.Error) -> bool:
    """Whether an error of SQLite says that the file's contents are wrong."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def is_sound(connection: sqlite3.Connection) -> bool:
    """Whether every value has its column's type, and refers to what is there. SQLite takes
    anything; who reads the index does not. Raises sqlite3.Error."""
    execute = connection.execute
    wrong = [
        f"{table} WHERE {word} NOT IN (SELECT id FROM {word}s)"
        for table in ("requests", "slots")
        for word in ("session", "model", "place")
    ]
    for (table,) in execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        for _, column, kind, needed, _, key in execute(f"PRAGMA table_info({table})").fetchall():
            types = f"'{kind.lower()}'" if needed or key else f"'{kind.lower()}', 'null'"
            wrong.append(f"{table} WHERE typeof({column}) NOT IN ({types})")
    return not any(execute(f"SELECT 1 FROM {each} LIMIT 1").fetchone() for each in wrong)


def unwritable(error: sqlite3.Error) -> bool:
    """Whether an error of SQLite says that the disk takes nothing: full, read-only, or broken."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNWRITABLE


def put_aside(path: Path) -> Path:
    """Rename a damaged index, so that the next opening makes a new one; give the new name.

    Raises OSError. Nobody of this process may have it open.
    """
    aside = set_aside(path, datetime.now(UTC))
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.rename(f"{path}{suffix}", f"{aside}{suffix}")
    return aside


def _open(path: Path) -> sqlite3.Connection:
    _make_folder(path.parent)
    # SQLite would make it for everybody to read; its -wal and -shm take the file's own mode.
    # One that is there is left alone: closing it would drop the locks that this process has on it.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, FILE_MODE))
    connection = sqlite3.connect(
        path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_folder(folder: Path) -> None:
    # `parents=True` would make those above for everybody.
    if not folder.parent.exists():
        _make_folder(folder.parent)
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA cache_size = -{_CACHE}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA journal_size_limit = {JOURNAL}")
    version = _version(connection)
    if not version:
        # In a new file there is nothing to lose yet: to wait five times for the disk took as long
        # as to look at all the logs.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA page_size = {_PAGE}")
    if version != FORMAT:
        _make(connection)
    # A crash of the machine may lose the last transactions, never the file: the next refresh
    # reads again what they had.
    connection.execute("PRAGMA synchronous = NORMAL")


def _make(connection: sqlite3.Connection) -> None:
    """Make the tables, or those that a file of before has not, unless another process was
    faster."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)
        if version > FORMAT:
            raise StoreError(
                f"A newer tars wrote the index of the agents' logs (format {version}).",
                advice="Use that one.",
            )
        for number, tables in ((1, _TABLES), *_ADDED.items()):
            if number > version:
                for statement in tables.split(";"):
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
