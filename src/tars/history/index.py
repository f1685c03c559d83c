"""The index of the agents' logs: every request that they tell of, once.

Writing is done in transactions of some hundred files, each of which leaves the index whole: the
requests, how far their files have been read, and the slots that are their sums.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tars.history import schema

if TYPE_CHECKING:
    from threading import Thread

    from tars.history.writing import Known, Writer

#: How many bytes the journal may have while much is written.
_JOURNAL_OF_MUCH = 64 * 1024 * 1024


class Index:
    """An open index. One process writes at a time; others read what was there meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection
        #: What was at this path and was no index, under its new name.
        self.set_aside: Path | None
        self._copying: Thread | None = None
        self._most = schema.JOURNAL
        self._open_again()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an index, and make it where there is none. One that is damaged is set aside.

        Raises StoreError when that cannot be done, or when a newer tars wrote it.
        """
        return cls(path)

    @property
    def connection(self) -> sqlite3.Connection:
        """To read with. Another one after `start_anew` and `renew`."""
        return self._connection

    def start_anew(self) -> Path:
        """Set this index aside, since it is damaged, and go on with an empty one; give the new
        name of the damaged one. Raises StoreError or OSError when that cannot be done."""
        self.close()
        aside = schema.put_aside(self.path)
        self._open_again()
        self.set_aside = None
        return aside

    def renew(self) -> bool:
        """Go on with the file that is there now, if that is another one: somebody else may have
        set this one aside, or deleted it. Say whether it is. Raises StoreError."""
        if _file(self.path) == self._file:
            return False
        self.close()
        self._open_again()
        return True

    @contextmanager
    def writing(self, known: "Known | None" = None) -> Iterator["Writer"]:
        """Write in one transaction; nothing of it is there if this ends in an exception.
        `known`: the keys of requests that several transactions write.

        Raises sqlite3.Error when the disk, or another process that writes, does not let it.
        """
        # Most reports find nothing new: they need not wait for what writes.
        from tars.history.writing import Writer

        with self.transaction() as connection:
            writer = Writer(connection, known)
            yield writer
            writer.finish()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Do the same without a writer: what it would bring up to date must not be changed."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            # An error of the disk may have rolled it back already.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._copy_journal()

    @contextmanager
    def much(self) -> Iterator[None]:
        """Write much in many transactions: what they have in common gets into the file once.

        SQLite would copy its journal into the file behind each of them, and wait for the disk
        twice: that was 18 times for a gigabyte of logs, a twentieth of the time.
        """
        self._most = _JOURNAL_OF_MUCH
        try:
            yield
        finally:
            # What the journal has now is copied behind the next transaction, or at the end.
            self._most = schema.JOURNAL

    def close(self) -> None:
        if self._copying is not None:
            self._copying.join()
            self._copying = None
        self._connection.close()

    def _open_again(self) -> None:
        self._connection, self.set_aside = schema.open_file(self.path)
        self._connection.execute("PRAGMA wal_autocheckpoint = 0")
        self._file = _file(self.path)

    def _copy_journal(self) -> None:
        """Let a large journal get into the file while whoever wrote goes on. SQLite would let them
        wait for the disk meanwhile: that was a twentieth of the time of a first report."""
        if self._copying is not None and self._copying.is_alive():
            return
        # Where no thread can be had, the next transaction tries it again.
        with suppress(OSError, RuntimeError):
            if os.stat(f"{self.path}-wal").st_size > self._most:
                # Most reports need no thread.
                from threading import Thread

                copying = Thread(target=_copy, args=(self.path,))
                copying.start()
                self._copying = copying

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _copy(path: Path) -> None:
    # What goes wrong here, the next transaction or the closing finds too.
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _file(path: Path) -> tuple[int, int] | None:
    """Say which file is at a path."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
