"""The store put right: what is damaged is made anew, what a crash left half done is ended.

A damaged file is set aside, and a new one made of every row that can be read. No daemon may
use the store meanwhile. What was set aside is never written to or deleted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tars.errors import StoreError
from tars.home import FILE_MODE, Home, sync_folder
from tars.sessions.library import Library

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tars.sessions.importing import Imported
    from tars.store.mending import Disagreement
    from tars.store.salvage import Salvaged


@dataclass(slots=True)
class Repaired:
    """What was wrong, and what was done about it; nothing of that where all was well.

    `faults` are the file's, `aside` is what it is called now, `rows` are those that were read of
    it by table, and `unreadable` how many were not. `mended` counts what was ended or put in
    place by what it was; `disagreements` are the sums that were wrong.
    """

    faults: list[str] = field(default_factory=list)
    aside: Path | None = None
    foreign: bool = False
    rows: dict[str, int] = field(default_factory=dict)
    unreadable: int = 0
    mended: dict[str, int] = field(default_factory=dict)
    disagreements: "list[Disagreement]" = field(default_factory=list)

    @property
    def was_well(self) -> bool:
        """Whether nothing had to be done."""
        return not (self.faults or self.mended or self.disagreements)


def repair(home: Home, now: datetime, *, url: str = "", dry_run: bool = False) -> Repaired:
    """Repair the store of a home, or the database of a URL, whose own file it is not to mend.

    With `dry_run` it is said what would be done, and nothing is changed. Raises StoreError.
    """
    result = Repaired()
    if not url and home.store.exists():
        from tars.store import salvage

        with _os_errors():
            result.faults = salvage.faults(home.store)
        if result.faults:
            _rebuild(home, now, result, dry_run=dry_run)
            return result
    with Library.open(home, url=url) as library:
        _mend(library, now, result, rebuilt=False, dry_run=dry_run)
    return result


def recover(home: Home, file: Path, now: datetime, *, url: str = "") -> "list[Imported]":
    """Take over the sessions of a store's file that was set aside: of every row that can be read.

    Sessions that are here are left as they are. The file is only read. Raises StoreError, also
    when there is nothing of tars in it.
    """
    from tars.sessions import exporting, importing
    from tars.sessions.reading import Source
    from tars.store import transfer

    with _os_errors(), TemporaryDirectory(prefix=".repair-", dir=home.data) as scratch:
        result, fresh, whole = Repaired(), Path(scratch) / "fresh.db", Path(scratch) / "whole.jsonl"
        _fill(file, Path(scratch), fresh, result)
        if not result.rows.get("sessions", 0) + result.rows.get("turns", 0):
            raise StoreError(f"Nothing of tars can be read of {file}.")
        with _opened(home, fresh) as old:
            _mend(old, now, result, rebuilt=True, dry_run=False)
            with old.reading() as connection:
                every = transfer.every(connection)
            with whole.open("w", encoding="utf-8") as writing:
                writing.writelines(exporting.json_lines(exporting.records(old, every)))
        with Library.open(home, url=url) as library, whole.open("rb") as reading:
            return importing.import_file(library, Source(reading, str(file), now), now)


def _rebuild(home: Home, now: datetime, result: Repaired, *, dry_run: bool) -> None:
    """Make a new file beside the damaged one, and change them over when it is whole."""
    from tars.store import engine

    with _os_errors(), TemporaryDirectory(prefix=".repair-", dir=home.data) as scratch:
        fresh = Path(scratch) / home.store.name
        _fill(home.store, Path(scratch), fresh, result)
        with _opened(home, fresh) as library:
            _mend(library, now, result, rebuilt=True, dry_run=False)
        if dry_run:
            return
        fresh.chmod(FILE_MODE)
        result.aside = engine.put_aside(home.store, now)
        fresh.rename(home.store)
        sync_folder(home.data)


def _fill(damaged: Path, scratch: Path, fresh: Path, result: Repaired) -> None:
    from tars.store import salvage

    salvaged: Salvaged = salvage.salvage(damaged, fresh, scratch)
    result.rows = {name: count for name, count in salvaged.rows.items() if count}
    result.unreadable, result.foreign = salvaged.unreadable, salvaged.foreign


@contextmanager
def _opened(home: Home, path: Path) -> Iterator[Library]:
    """Open a store elsewhere as this home's."""
    from tars.store import machines
    from tars.store.store import Store

    with Library(Store.open(path, machine=machines.of_folder(home.data)), home) as library:
        yield library


class _Undone(Exception):
    """Ends a transaction of which nothing is to be kept."""


def _mend(
    library: Library, now: datetime, result: Repaired, *, rebuilt: bool, dry_run: bool
) -> None:
    try:
        with library.writing() as connection:
            _mend_in(connection, library.store.machine, now, result, rebuilt=rebuilt)
            if dry_run:
                raise _Undone
    except _Undone:
        pass


def _mend_in(
    connection: "Connection", machine: int, now: datetime, result: Repaired, *, rebuilt: bool
) -> None:
    from tars.store import mending, orphans

    if connection.dialect.name == "postgresql":
        # Other machines finish turns meanwhile: sums and turns have to be of one moment.
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    adopted = orphans.adopt(connection, machine, now, damaged=rebuilt)
    mended = {"sessions_recovered": 0, **adopted}
    mended["messages_ended"], mended["tool_calls_ended"] = mending.end_what_was_said(connection)
    if "turns_recovered" in mended:
        mending.give_back(connection)
    mended["turns_split"] = mending.split_turns(connection)
    result.disagreements = mending.add_up(connection)
    if rebuilt or mended["sessions_recovered"]:
        mending.count_what_was_said(connection)
    mended["slots_recounted"] = mending.recount_slots(connection)
    mended["locks_freed"] = mending.free_locks(connection, machine, now)
    if mending.index_is_out_of_step(connection):
        mending.rebuild_index(connection)
        mended["index_rebuilt"] = int(not rebuilt)
    result.mended = {name: count for name, count in mended.items() if count}


@contextmanager
def _os_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"The store cannot be repaired: {error.strerror or error}.",
            advice="Free some space: a copy of the store has to fit beside it.",
        ) from error
