"""What could not be written into a database elsewhere: in a small file here, until it can.

A write that `append` returned from survives kill -9 and a power cut. Whatever is taken out is
overwritten: it may be a prompt.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from tars.errors import StoreError
from tars.store import engine
from tars.store.operations import Operation

#: How many bytes of writes may wait.
CAPACITY = 64 * 2**20
#: How many are read at a time.
PAGE = 500
_VERSION = 1
#: A file that was larger than this is made small again when it is empty.
_ROOMY_PAGES = 256

_TABLES = (
    # Never the same `seq` twice, also when all are gone.
    """CREATE TABLE waiting (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        number INTEGER,
        at TEXT NOT NULL,
        name TEXT NOT NULL,
        arguments TEXT NOT NULL)""",
    """CREATE TABLE refused (
        seq INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        name TEXT NOT NULL,
        arguments TEXT NOT NULL,
        reason TEXT NOT NULL)""",
    "CREATE TABLE target (name TEXT NOT NULL)",
    f"PRAGMA user_version = {_VERSION}",
)


class SpoolFull(StoreError):
    """So much waits already that no more is kept here."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A write that waits. `number` is the one under which it was tried, or None."""

    seq: int
    number: int | None
    operation: Operation


class Spool:
    """`count` writes of `size` bytes wait, the oldest since `since`; `refused` were given up.
    `problem` is a sentence about a file that was set aside."""

    def __init__(
        self, connection: Connection, *, capacity: int = CAPACITY, problem: str | None = None
    ) -> None:
        self.count = self.size = self.refused = 0
        self.since: datetime | None = None
        self.problem = problem
        self.capacity = capacity
        self._connection = connection
        with engine.store_errors("open what waits"), connection.begin():
            self._make_current()
            self._measure()

    @classmethod
    def open(cls, path: Path, *, capacity: int = CAPACITY, busy_seconds: float = 5.0) -> "Spool":
        """Open the file, or make it (0600). One that cannot be read is set aside.

        Raises StoreError when that cannot be done, or when a newer tars wrote it.
        """
        try:
            return _open(path, capacity, busy_seconds, None)
        except engine.Unreadable:
            problem = _put_away(path)
        return _open(path, capacity, busy_seconds, problem)

    def close(self) -> None:
        """Close the file. Twice is once."""
        engine.close(self._connection)

    def aim(self, target: str) -> None:
        """Say for which database it all waits. What was tried with another is new to this one."""
        with engine.store_errors("read what waits"), self._connection.begin():
            known = self._connection.exec_driver_sql("SELECT name FROM target").scalar()
            if known == target:
                return
            self._connection.exec_driver_sql("DELETE FROM target")
            self._connection.exec_driver_sql("INSERT INTO target VALUES (?)", (target,))
            self._connection.exec_driver_sql("UPDATE waiting SET number = NULL")

    def append(self, operation: Operation, number: int | None = None) -> None:
        """Keep a write behind the others. Raises SpoolFull, and StoreError for the disk."""
        size = len(operation.arguments)
        if self.count and self.size + size > self.capacity:
            raise SpoolFull(f"{self.count} writes wait already, and no more fit beside them.")
        at = datetime.now(UTC)
        with engine.store_errors("keep what waits"), self._connection.begin():
            self._connection.exec_driver_sql(
                "INSERT INTO waiting (number, at, name, arguments) VALUES (?, ?, ?, ?)",
                (number, at.isoformat(), operation.name, operation.arguments),
            )
        self.count, self.size = self.count + 1, self.size + size
        self.since = self.since or at

    def first(self, limit: int = PAGE, *, after: int = 0) -> list[Entry]:
        """Give the oldest writes, in their order."""
        with engine.store_errors("read what waits"), self._connection.begin():
            rows = self._connection.exec_driver_sql(
                "SELECT seq, number, name, arguments FROM waiting WHERE seq > ?"
                " ORDER BY seq LIMIT ?",
                (after, limit),
            ).all()
        return [Entry(row.seq, row.number, Operation(row.name, row.arguments)) for row in rows]

    def all(self) -> Iterator[Entry]:
        """Give all that waits, in its order."""
        last = 0
        while entries := self.first(after=last):
            yield from entries
            last = entries[-1].seq

    def give_numbers(self, entries: Sequence[Entry], after: int) -> list[Entry]:
        """Give those that have none the numbers behind `after` and those of the others: from
        now on they may have been tried."""
        numbered: list[Entry] = []
        for entry in entries:
            after = entry.number or after + 1
            numbered.append(Entry(entry.seq, after, entry.operation))
        new = [(b.number, b.seq) for a, b in zip(entries, numbered, strict=True) if a != b]
        if new:
            with engine.store_errors("number what waits"), self._connection.begin():
                self._connection.exec_driver_sql("UPDATE waiting SET number = ? WHERE seq = ?", new)
        return numbered

    def last_number(self) -> int:
        """Give the highest number under which something that waits was tried, or 0."""
        with engine.store_errors("read what waits"), self._connection.begin():
            row = self._connection.exec_driver_sql("SELECT max(number) FROM waiting").one()
        return row[0] or 0

    def drop(self, upto: int) -> None:
        """Forget the writes up to this `seq`: they are done."""
        with engine.store_errors("forget what waited"), self._connection.begin():
            self._connection.exec_driver_sql("DELETE FROM waiting WHERE seq <= ?", (upto,))
            self._measure()
        self._tidy()

    def drop_done(self, number: int) -> None:
        """Forget the writes that were tried under numbers up to this one: they are done."""
        with engine.store_errors("forget what waited"), self._connection.begin():
            self._connection.exec_driver_sql("DELETE FROM waiting WHERE number <= ?", (number,))
            self._measure()
        self._tidy()

    def refuse(self, entry: Entry, reason: str) -> None:
        """Put a write aside that no database takes: it holds up those behind it no longer."""
        with engine.store_errors("put a write aside"), self._connection.begin():
            self._connection.exec_driver_sql(
                "INSERT OR IGNORE INTO refused SELECT seq, at, name, arguments, ? FROM waiting"
                " WHERE seq = ?",
                (reason, entry.seq),
            )
            self._connection.exec_driver_sql("DELETE FROM waiting WHERE seq = ?", (entry.seq,))
            self._measure()

    def _make_current(self) -> None:
        version = self._connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if version > _VERSION:
            raise StoreError(
                "What waits for the database was kept by a newer tars.",
                advice="Install that version, or move data/spool.db away.",
            )
        if version == 0:
            if self._connection.exec_driver_sql("SELECT 1 FROM sqlite_schema LIMIT 1").first():
                raise engine.Unreadable("The file is a database of something else.")
            for statement in _TABLES:
                self._connection.exec_driver_sql(statement)

    def _measure(self) -> None:
        row = self._connection.exec_driver_sql(
            "SELECT count(*), coalesce(sum(length(arguments)), 0), min(at) FROM waiting"
        ).one()
        self.count, self.size = row[0], row[1]
        self.since = datetime.fromisoformat(row[2]) if row[2] else None
        self.refused = self._connection.exec_driver_sql("SELECT count(*) FROM refused").scalar_one()

    def _tidy(self) -> None:
        """Leave nothing of what waited in the file, once nothing waits."""
        if self.count:
            return
        driver = self._connection.connection.dbapi_connection
        assert driver is not None, "it is open"
        with engine.store_errors("forget what waited"):
            # Outside of a transaction, or else SQLite refuses.
            cursor = driver.cursor()
            pages = cursor.execute("PRAGMA page_count").fetchone()[0]
            if pages > _ROOMY_PAGES:
                cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            cursor.close()


def _open(path: Path, capacity: int, busy_seconds: float, problem: str | None) -> Spool:
    connection = engine.connect(path, busy_seconds=busy_seconds)
    try:
        return Spool(connection, capacity=capacity, problem=problem)
    except BaseException:
        engine.close(connection)
        raise


def _put_away(path: Path) -> str:
    with engine.store_errors("set the file aside"):
        aside = engine.put_aside(path, datetime.now(UTC))
    return (
        f"{path} could not be read, and was set aside as {aside.name}: writes that waited in it "
        "for the database are lost to tars."
    )
