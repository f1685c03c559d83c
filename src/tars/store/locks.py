"""One writer per session at a time: who it is, and until when it is believed without a word.

A lock is a lease that its holder prolongs. One whose time is over frees itself, and so does
that of a process of this machine that is gone.
"""

import os
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import BindParameter, Connection, bindparam, or_, select, update

from tars.errors import Busy
from tars.store.schema import machines, sessions
from tars.store.values import Utc

#: How long a holder is believed that does not say that it goes on.
LEASE = timedelta(seconds=60)

_WHO: BindParameter[str] = bindparam("who")
_AT: BindParameter[datetime] = bindparam("at_time", type_=Utc)
_UNTIL: BindParameter[datetime] = bindparam("until_time", type_=Utc)
_THIS = sessions.c.seq == bindparam("this")
#: That nobody else holds the lock, as far as the database can tell.
FREE = or_(
    sessions.c.writer.is_(None),
    sessions.c.writer == _WHO,
    sessions.c.writer_until.is_(None),
    sessions.c.writer_until <= _AT,
)
#: What its columns become when it is taken.
TAKEN = {"writer": _WHO, "writer_until": _UNTIL}
_TAKE = update(sessions).where(_THIS, FREE).values(TAKEN)
_TAKE_FROM = update(sessions).where(_THIS, sessions.c.writer == bindparam("gone")).values(TAKEN)
_FREE = (
    update(sessions).where(_THIS, sessions.c.writer == _WHO).values(writer=None, writer_until=None)
)
_PROLONG = update(sessions).where(_THIS, sessions.c.writer == _WHO).values(writer_until=_UNTIL)
_HOLDER = select(sessions.c.writer, sessions.c.writer_until).where(_THIS)
_NAME = select(machines.c.name).where(machines.c.id == bindparam("known"))
_IDENTITY = select(machines.c.id).where(machines.c.seq == bindparam("known"))


def me(connection: Connection, machine: int) -> str:
    """Name this process, by the `seq` of its machine: nobody else ever has this name."""
    known: str = connection.execute(_IDENTITY, {"known": machine}).scalar_one()
    return f"{known}:{os.getpid()}:{_began(os.getpid())}"


def lease(who: str, at: datetime) -> dict[str, object]:
    """Give the values of `FREE` and of a lock that is taken now."""
    return {"who": who, "at_time": at, "until_time": at + LEASE}


def take(connection: Connection, seq: int, who: str, at: datetime) -> bool:
    """Take a session's lock, or prolong it. False when somebody else holds it, or when there
    is no such session."""
    values = {"this": seq, **lease(who, at)}
    if connection.execute(_TAKE, values).rowcount:
        return True
    held = holder(connection, seq, at)
    if held is None or not _is_gone(held, who):
        return False
    return bool(connection.execute(_TAKE_FROM, {**values, "gone": held}).rowcount)


def require(connection: Connection, seq: int, who: str, at: datetime) -> None:
    """Take a session's lock. Raises Busy, which names the holder."""
    if not take(connection, seq, who, at):
        raise Busy(refusal(connection, seq, at), advice="Try again when it is done.")


def free(connection: Connection, seq: int, who: str) -> None:
    """Give a session's lock back; somebody else's stays."""
    connection.execute(_FREE, {"this": seq, "who": who})


def sweep(connection: Connection, seq: int, who: str) -> None:
    """Give a session's lock back whose holder was a process of this machine that is gone."""
    row = connection.execute(_HOLDER, {"this": seq}).first()
    if row is not None and row.writer is not None and _is_gone(row.writer, who):
        free(connection, seq, row.writer)


def prolong(connection: Connection, seq: int, who: str, at: datetime) -> None:
    """Say that the holder goes on."""
    connection.execute(_PROLONG, {"this": seq, **lease(who, at)})


def holder(connection: Connection, seq: int, at: datetime) -> str | None:
    """Give who holds the lock, or None."""
    row = connection.execute(_HOLDER, {"this": seq}).first()
    if row is None or row.writer is None or row.writer_until is None or row.writer_until <= at:
        return None
    held: str = row.writer
    return held


def refusal(connection: Connection, seq: int, at: datetime) -> str:
    """Say in one sentence who writes into a session."""
    machine, pid, _ = _parts(holder(connection, seq, at) or "")
    name = connection.scalar(_NAME, {"known": machine})
    who = f"The process {pid} on {name}" if pid and name else "Another process"
    return f"{who} is writing into this conversation."


def _parts(who: str) -> tuple[str, int, str]:
    machine, pid, began = (*who.split(":"), "", "")[:3]
    return machine, int(pid) if pid.isdecimal() else 0, began


def _is_gone(held: str, who: str) -> bool:
    """Whether a holder was a process of the same machine, and is no more."""
    machine, pid, began = _parts(held)
    return machine == _parts(who)[0] and (pid == 0 or _began(pid) != began)


def _began(pid: int) -> str:
    """When a process began, in its system's own measure; empty when it is gone."""
    if pid == os.getpid():
        return _own_beginning(pid)
    return _look(pid)


@cache
def _own_beginning(pid: int) -> str:
    return _look(pid)


def _look(pid: int) -> str:
    if sys.platform == "linux":
        with suppress(OSError, IndexError):
            stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
            state, *rest = stat.rpartition(")")[2].split()
            # The 22nd field of proc(5). A zombie writes nothing any more.
            return "" if state in "ZX" else rest[18]
        return ""
    import psutil

    with suppress(psutil.Error):
        return f"{psutil.Process(pid).create_time():.2f}"
    return ""
