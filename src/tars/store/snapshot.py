"""The store's file as a whole: a copy of it as it is at one moment, and what such a copy holds."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tars.errors import StoreError
from tars.home import FILE_MODE
from tars.store import engine, migrations

_BUSY_SECONDS = 30.0
#: The newest of what a store remembers; older formats have fewer tables and columns.
_MOMENTS = (
    ("sessions", "last_activity_at"),
    ("turns", "ended_at"),
    ("turns", "began_at"),
    ("prompts", "asked_at"),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is in a store's file: the version of its format, and the time of the newest that it
    remembers, empty where that is nothing."""

    version: str
    newest: str


def take(store: Path, target: Path) -> Standing:
    """Copy a store into a new file (0600), as it is at one moment; others may be writing to it.

    Raises StoreError.
    """
    with engine.store_errors("be copied"):
        target.touch(FILE_MODE, exist_ok=False)
        with closing(_connect(store, "rw")) as source, closing(_connect(target, "rw")) as copy:
            source.backup(copy)
            # One file, which needs no other beside it.
            copy.execute("PRAGMA journal_mode = DELETE").close()
    return standing(target)


def standing(path: Path, *, thoroughly: bool = True) -> Standing:
    """Look at a store's file without changing it. Raises StoreError where it is damaged, or no
    store, or a newer tars wrote it."""
    with engine.store_errors("be read"), closing(_connect(path, "ro")) as connection:
        if thoroughly:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != ("ok",):
                raise StoreError(f"{path.name} is damaged.")
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master").fetchall()}
        if "alembic_version" not in tables:
            raise StoreError(f"{path.name} is no store of tars.")
        version = str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
        if version > migrations.HEAD:
            raise StoreError(f"A newer tars wrote {path.name}.", advice="Use that one.")
        newest = [
            connection.execute(f"SELECT max({column}) FROM {table}").fetchone()[0] or ""
            for table, column in _MOMENTS
            if table in tables
        ]
        return Standing(version, max(newest, default=""))


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=_BUSY_SECONDS
    )
