"""The machines that share a store. More exactly: the homes of tars, each with an id of its own."""

import socket
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, bindparam, select, update

from tars.home import write_durably
from tars.store.inserting import insert_new
from tars.store.schema import machines

#: Where a home keeps its id, in its folder `data`.
ID_FILE = "machine-id"

_FIND = select(machines.c.seq).where(machines.c.id == bindparam("known"))
_INSERT = insert_new(machines)
_SEEN = update(machines).where(machines.c.id == bindparam("known"))


@dataclass(frozen=True, slots=True)
class Machine:
    """`id` is random and never changes; `name` is the host's, for people."""

    id: str
    name: str


def of_folder(data: Path) -> Machine:
    """Give the machine of a home, by its folder `data`; an id is made where there is none.

    Raises OSError when it cannot be written.
    """
    path = data / ID_FILE
    try:
        known = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        known = ""
    if not known:
        known = uuid.uuid4().hex
        write_durably(path, known.encode() + b"\n")
    return Machine(known, socket.gethostname())


def seen(connection: Connection, machine: Machine, at: datetime) -> int:
    """Note that a machine uses the store, and give its row's `seq`."""
    connection.execute(_SEEN, {"known": machine.id, "name": machine.name, "last_seen_at": at})
    this = {"known": machine.id}
    known: int | None = connection.scalar(_FIND, this)
    if known is not None:
        return known
    new = {"id": machine.id, "name": machine.name, "first_seen_at": at, "last_seen_at": at}
    connection.execute(_INSERT, new)
    added: int = connection.execute(_FIND, this).scalar_one()
    return added
