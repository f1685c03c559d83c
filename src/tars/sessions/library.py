"""Every session that tars remembers, in one store, whichever daemon or machine brought it.

What can be asked of them and done to them is in the modules beside this one; each takes an
open library. A daemon may be using the same store meanwhile, or be stopped.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tars.home import Home

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tars.store.store import Store

#: A person waits longer for a busy store than the daemon does.
BUSY_SECONDS = 30.0


class Library:
    """An open store. `home` is where its files are; use it from one thread at a time."""

    def __init__(self, store: "Store", home: Home) -> None:
        self.store = store
        self.home = home

    @classmethod
    def open(cls, home: Home, *, url: str = "") -> "Library":
        """Open the store of a home, or the database that `url` names. Raises StoreError; a
        damaged file is refused, and left where it is."""
        from tars.store.store import Store

        finish_restore(home)
        store = Store.open(home.store, url=url, busy_seconds=BUSY_SECONDS, mend=False)
        return cls(store, home)

    def close(self) -> None:
        """Close the store. Twice is once."""
        self.store.close()

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator["Connection"]:
        """One transaction that only reads. Raises StoreError."""
        with self.store.reading("read the sessions") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator["Connection"]:
        """One transaction: all of it is kept, or nothing. Raises StoreError."""
        with self.store.writing("change the sessions") as connection:
            yield connection


def finish_restore(home: Home) -> None:
    """Finish a restore of a backup that was interrupted. Raises StoreError."""
    if (home.data / "restore.json").exists():
        # Nobody else pays for the import.
        from tars.sessions.restoring import finish

        finish(home)
