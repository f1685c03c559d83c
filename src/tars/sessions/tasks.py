"""Pieces of work by name: what they were thought to need, and what their turns did need."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from tars.errors import Refused, RequestInvalid, UserError
from tars.sessions.library import Library
from tars.sessions.names import check_name
from tars.store.tasks import Task

if TYPE_CHECKING:
    from tars.store.rows import SessionRecord

__all__ = ["Task", "end", "microusd", "report", "start", "unknown"]

#: What every integer column can hold, with room for a sum over many tasks.
_MOST_MICROUSD = 10**15


def start(
    library: Library,
    name: str,
    at: datetime,
    *,
    session: "SessionRecord | None" = None,
    estimated_tokens: int | None = None,
    estimated_microusd: int | None = None,
) -> Task:
    """Begin a task; from now on the turns of the session are its. One that ended goes on.

    Raises NameInvalid, and Refused when it is under way already.
    """
    from tars.store import tasks

    kept = check_name(name, of="a task")
    new = tasks.Task(kept, estimated_tokens, estimated_microusd, at)
    machine = library.store.machine
    with library.writing() as connection:
        known = tasks.find(connection, machine, kept)
        if known is not None and known.ended_at is None:
            raise Refused(
                f'The task "{kept}" is under way since {known.started_at:%Y-%m-%d %H:%M} UTC.',
                advice=f'`tars sessions task end "{kept}"` ends it.',
            )
        tasks.start(connection, machine, new, None if session is None else session.seq)
        return tasks.reported(connection, machine, kept)[0]


def end(library: Library, name: str, at: datetime) -> Task:
    """End a task, also one that prompts alone named, and give it with what it used. Raises
    UserError when there is none, and Refused when it has ended."""
    from tars.store import tasks

    machine = library.store.machine
    with library.writing() as connection:
        known = tasks.find(connection, machine, name)
        if known is None:
            began = tasks.began(connection, machine, name)
            if began is None:
                raise unknown(name)
            tasks.start(connection, machine, Task(name, started_at=began), None)
        elif known.ended_at is not None:
            raise Refused(f'The task "{name}" ended {known.ended_at:%Y-%m-%d %H:%M} UTC.')
        tasks.end(connection, machine, name, at)
        return tasks.reported(connection, machine, name)[0]


def report(library: Library, name: str | None = None) -> list[Task]:
    """Give every task of this machine, or one, with what it used. Raises UserError when there
    is none of this name."""
    from tars.store import tasks

    with library.reading() as connection:
        found = tasks.reported(connection, library.store.machine, name)
    if name is not None and not found:
        raise unknown(name)
    return found


def microusd(dollars: str) -> int:
    """Read an amount of dollars as millionths of one, exactly. Raises RequestInvalid."""
    try:
        exact = Decimal(dollars.removeprefix("$")).scaleb(6)
    except InvalidOperation:
        exact = Decimal("NaN")
    if not exact.is_finite():
        raise RequestInvalid(f"{dollars!r} is no amount of dollars, such as 2.50.")
    if exact != exact.to_integral_value() or not 0 <= exact <= _MOST_MICROUSD:
        raise RequestInvalid(f"{dollars!r} is not between 0 and a billion, to the millionth.")
    return int(exact)


def unknown(name: str) -> UserError:
    """Say that there is no such task."""
    return UserError(
        f'There is no task "{name}".', advice="`tars sessions task report` lists them."
    )
