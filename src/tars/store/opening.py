"""Opening a store: the connection, tables that are current, and this machine's row in them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from tars.errors import StoreError
from tars.store import engine, machines, migrations
from tars.store.machines import Machine

#: How long to wait for others who write. It is a matter of milliseconds; but where many do, and
#: the computer is busy, one of them may be out of luck for seconds.
BUSY_SECONDS = 15.0
#: How often it is noted that a machine still uses the store.
SEEN_EVERY = timedelta(hours=1)

_MEND = "`tars sessions repair` sets it aside and saves what can be saved."
_OTHER_DATABASE = "Name an empty database in `url` in the [store] table of config.toml."


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection to a store that is ready for use. `machine` is this one's row; `problem` one
    sentence about a file that was set aside."""

    connection: Connection
    machine: int
    problem: str | None = None


def opened(
    path: Path, url: str, machine: Machine | None, *, busy_seconds: float, mend: bool
) -> Opened:
    """Open the file, or the database of the URL, as `Store.open` says."""
    with engine.store_errors("open"):
        here = machine or machines.of_folder(path.parent)
    if url:
        connect = partial(engine.connect_to, url, busy_seconds=busy_seconds)
    else:
        connect = partial(engine.connect, path, busy_seconds=busy_seconds)
    try:
        return _opened(connect, here)
    except engine.Unreadable as error:
        if url or not mend:
            advice = _OTHER_DATABASE if url else _MEND
            raise StoreError(str(error), advice=advice) from error
        problem = _put_away(path, error)
    return _opened(connect, here, problem)


def _opened(
    connect: Callable[[], Connection], machine: Machine, problem: str | None = None
) -> Opened:
    connection = connect()
    try:
        with engine.store_errors("open"):
            seq = _look(connection, machine) or _prepare(connection, machine)
        return Opened(connection, seq, problem)
    except BaseException:
        engine.close(connection)
        raise


def _look(connection: Connection, machine: Machine) -> int | None:
    """Give this machine's row, if there is nothing to be written before the store is used."""
    with engine.reading(connection):
        if not migrations.is_current(connection):
            return None
        return machines.known(connection, machine, datetime.now(UTC) - SEEN_EVERY)


def _prepare(connection: Connection, machine: Machine) -> int:
    with connection.begin():
        migrations.make_current(connection, machine)
        return machines.seen(connection, machine, datetime.now(UTC))


def _put_away(path: Path, error: engine.Unreadable) -> str:
    """Rename the file and what belongs to it, and say so in one sentence."""
    with engine.store_errors("set the file aside"):
        aside = engine.put_aside(path, datetime.now(UTC))
    return (
        f"{error} {path} was set aside as {aside.name}, and a new one was begun; "
        f"`tars sessions repair --from {aside}` takes over what can be read of it."
    )
