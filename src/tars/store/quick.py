"""The store, read by a report that may not wait for SQLAlchemy: plain SQL over its driver alone.

A store is only read here, and never made. One that is not there has no figures; one of before has
none until the ordinary library opens it, which migrates it.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any, Protocol
from urllib.parse import quote

from tars.errors import StoreError
from tars.home import Home

#: The schema that these queries are for; the store's newest.
VERSION = "0005"
#: Seconds that a statement waits for a lock; what only reads waits for hardly any.
_PATIENCE = 5.0
_CONNECT = {"connect_timeout": "5", "application_name": "tars", "client_encoding": "utf8"}
_MACHINE_ID = "machine-id"
#: Whether the tables are there.
_TABLES = {
    "sqlite": "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'turns'",
    "postgresql": "SELECT COUNT(to_regclass('turns'))",
}


class Outdated(Exception):
    """The store is of another version; `version` is which, or empty where that is not known."""

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self.version = version


class _Driver(Protocol):
    """What both drivers' connections have."""

    def execute(self, query: str, params: Any = ..., /) -> Any: ...

    def close(self) -> None: ...


class Quick:
    """An open store. `machine` is this home's row in it, or None where it has none yet;
    `dialect` is sqlite or postgresql."""

    def __init__(self, connection: _Driver, dialect: str, home: Home) -> None:
        self._connection = connection
        self.dialect = dialect
        self._home = home

    def rows(self, query: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a query whose parameters are written `?`. Raises StoreError."""
        with errors():
            if self.dialect == "postgresql":
                query = query.replace("%", "%%").replace("?", "%s")
            found: list[tuple[Any, ...]] = self._connection.execute(query, params).fetchall()
            return found

    @contextmanager
    def moment(self) -> Iterator[None]:
        """See the store as it is at one moment, whatever others write meanwhile."""
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        with errors():
            self._connection.execute("BEGIN" if self.dialect == "sqlite" else begin)
        try:
            # The moment is that of the first look.
            self.version()
            yield
        finally:
            # A connection that is lost has none under way any more.
            with suppress(StoreError), errors():
                self._connection.execute("ROLLBACK")

    @property
    def machine(self) -> int | None:
        try:
            id = (self._home.data / _MACHINE_ID).read_text("ascii", "replace").strip()
        except OSError:
            return None
        found = self.rows("SELECT seq FROM machines WHERE id = ?", (id,))
        return int(found[0][0]) if found else None

    def version(self) -> str:
        """Say of which version the store is, or nothing where it does not say."""
        try:
            found = self.rows("SELECT version_num FROM alembic_version")
        except StoreError:
            return ""
        return str(found[0][0]) if found else ""

    def close(self) -> None:
        """Close it. Twice is once."""
        with errors():
            self._connection.close()


def opened(home: Home, url: str = "") -> Quick | None:
    """Open the store of a home, or the database of a URL; None where the home has none yet.

    Raises StoreError when it cannot be read, and Outdated when it is of another version.
    """
    with errors():
        if url:
            found = Quick(_server(url), "postgresql", home)
        elif os.path.exists(home.store):
            found = Quick(_file(home), "sqlite", home)
        else:
            return None
    version = found.version()
    if version == VERSION:
        return found
    try:
        # Somebody may be about to make it.
        if not version and not found.rows(_TABLES[found.dialect])[0][0]:
            return None
    finally:
        found.close()
    raise Outdated(version)


@contextmanager
def errors() -> Iterator[None]:
    """Turn what a driver raises into StoreError, but for a server's details: these quote rows."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"The store cannot be read: {error}.") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "psycopg":
            raise
        first = str(error).strip().partition("\n")[0].removeprefix("connection failed: ")
        raise StoreError(f"The store cannot be read: {first.rstrip('.')}.") from None


def _file(home: Home) -> sqlite3.Connection:
    """Open the file. Where its folder is read-only, SQLite can only do it if nothing is beside
    the file that has to be taken over."""
    name = f"file:{quote(str(home.store))}?mode=ro"
    try:
        return _tried(name)
    except sqlite3.OperationalError:
        journal = home.store.with_name(f"{home.store.name}-wal")
        if os.path.exists(journal):
            raise
        return _tried(f"{name}&immutable=1")


def _tried(name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(name, uri=True, timeout=_PATIENCE, isolation_level=None)
    try:
        with closing(connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1")) as looked:
            looked.fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _server(url: str) -> _Driver:
    try:
        import psycopg
    except ImportError:
        raise StoreError(
            "The store cannot be read: what speaks with PostgreSQL is not installed.",
            advice="Run `pip install 'tars-supervisor[postgres]'`.",
        ) from None
    from psycopg.conninfo import conninfo_to_dict

    own = {k: v for k, v in _CONNECT.items() if k not in conninfo_to_dict(url)}
    connection: _Driver = psycopg.connect(url, autocommit=True, **own)  # type: ignore[arg-type]
    return connection
