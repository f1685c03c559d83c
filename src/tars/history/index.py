"""The index of the agents' logs: every request that they tell of, once.

Writing is done in transactions of some hundred files, each of which leaves the index whole: the
requests, how far their files have been read, and the slots that are their sums.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tars.history import schema
from tars.history.writing import Writer


class Index:
    """An open index. One process writes at a time; others read what was there meanwhile."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an index, and make it where there is none. One that is damaged is set aside.

        Raises StoreError when that cannot be done, or when a newer tars wrote it.
        """
        return cls(path, schema.open_file(path))

    @property
    def connection(self) -> sqlite3.Connection:
        """To read with. Another one after `start_anew`."""
        return self._connection

    def start_anew(self) -> Path:
        """Set this index aside, since it is damaged, and go on with an empty one; give the new
        name of the damaged one. Raises StoreError or OSError when that cannot be done."""
        self._connection.close()
        aside = schema.put_aside(self.path)
        self._connection = schema.open_file(self.path)
        return aside

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Write in one transaction; nothing of it is there if this ends in an exception.

        Raises sqlite3.Error when the disk, or another process that writes, does not let it.
        """
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            writer = Writer(connection)
            yield writer
            writer.finish()
            connection.execute("COMMIT")
        except BaseException:
            # An error of the disk may have rolled it back already.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
