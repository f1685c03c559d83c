"""The machines that share a store. More exactly: the homes of tars, each with an id of its own."""

import re
import socket
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, bindparam, select, update

from tars.errors import StoreError
from tars.home import FOLDER_MODE, new_file
from tars.store.inserting import insert_new
from tars.store.schema import machines

#: Where a home keeps its id, in its folder `data`.
ID_FILE = "machine-id"
_ID = re.compile("[0-9a-f]{32}")

_FIND = select(machines.c.seq).where(machines.c.id == bindparam("known"))
_INSERT = insert_new(machines)
_LOOK = select(machines).where(machines.c.id == bindparam("known"))
_SEEN = update(machines).where(machines.c.id == bindparam("known"))


@dataclass(frozen=True, slots=True)
class Machine:
    """`id` is random and never changes; `name` is the host's, for people."""

    id: str
    name: str


def of_folder(data: Path) -> Machine:
    """Give the machine of a home, by its folder `data`; an id is made where there is none.

    Raises OSError when it cannot be read or written, and StoreError when it is damaged: with
    another one, what was remembered here would be another machine's.
    """
    path = data / ID_FILE
    known = _read(path)
    if known is None:
        _write(path, uuid.uuid4().hex)
        # Whoever was first had his way.
        known = _read(path)
    if known is None or not _ID.fullmatch(known):
        raise StoreError(
            f"The store cannot be opened: {path} is damaged.",
            advice="Put it back from a backup, or remove it: this is a new machine then.",
        )
    return Machine(known, socket.gethostname())


def known(connection: Connection, machine: Machine, since: datetime) -> int | None:
    """Give the `seq` of a machine that was noted under this name since then, or None."""
    found = connection.execute(_LOOK, {"known": machine.id}).first()
    if found is None or found.name != machine.name or found.last_seen_at < since:
        return None
    seq: int = found.seq
    return seq


def seen(connection: Connection, machine: Machine, at: datetime) -> int:
    """Note that a machine uses the store, and give its row's `seq`."""
    new = {"id": machine.id, "name": machine.name, "first_seen_at": at, "last_seen_at": at}
    connection.execute(_INSERT, new)
    connection.execute(_SEEN, {"known": machine.id, "name": machine.name, "last_seen_at": at})
    seq: int = connection.execute(_FIND, {"known": machine.id}).scalar_one()
    return seq


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None


def _write(path: Path, id: str) -> None:
    """Write the file, whole, unless another process was faster."""
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    with suppress(FileExistsError), new_file(path) as file:
        file.write(id.encode() + b"\n")
