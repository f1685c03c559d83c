"""An index for one report: a copy, where the home's own cannot be opened or written.

A disk that is full and a home that is read-only are no reason to tell wrong sums. It is in a
folder of its own among the temporary files, as long as it is open.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tars.errors import StoreError
from tars.history.index import Index


@contextmanager
def stand_in(path: Path) -> Iterator[Index]:
    """Open an index with all that the one at a path has, as far as that can be read.

    Raises StoreError or OSError when there is no room for it either.
    """
    with (
        TemporaryDirectory(prefix="tars-index-", ignore_cleanup_errors=True) as folder,
        _opened(path, Path(folder) / path.name) as index,
    ):
        yield index


def _opened(path: Path, copy: Path) -> Index:
    with suppress(sqlite3.Error):
        _copy(path, copy)
    try:
        return Index.open(copy)
    except StoreError:
        # A newer tars wrote what was copied, or it did not fit.
        for suffix in ("", "-wal", "-shm"):
            Path(f"{copy}{suffix}").unlink(missing_ok=True)
        return Index.open(copy)


def _copy(path: Path, copy: Path) -> None:
    # Nobody writes into a file that cannot be opened in the ordinary way; its -shm could not be.
    for mode in ("mode=ro", "immutable=1"):
        with suppress(sqlite3.OperationalError):
            uri = f"{path.absolute().as_uri()}?{mode}"
            with (
                closing(sqlite3.connect(uri, uri=True)) as old,
                closing(sqlite3.connect(copy)) as new,
            ):
                old.backup(new)
            return
