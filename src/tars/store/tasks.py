"""Pieces of work that somebody named: what they were thought to need, and what they did.

What a task used are the sums of the turns whose `task` it is, whether or not it was started.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from tars.accounting.usage import Ledger
from tars.store.rows import Spent
from tars.store.schema import sessions, tasks, turns


@dataclass(frozen=True, slots=True)
class Task:
    """`estimated_*` are None where nobody estimated, `started_at` where nobody started it: its
    prompts alone named it. `ended_at` is None while it is under way."""

    name: str
    estimated_tokens: int | None = None
    estimated_microusd: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    spent: Spent = field(default_factory=Spent)


def find(connection: Connection, machine: int, name: str) -> Task | None:
    """Give a task that was started, without what it used; None where none was."""
    row = connection.execute(
        select(tasks).where(tasks.c.machine == machine, tasks.c.name == name)
    ).first()
    if row is None:
        return None
    return Task(
        row.name, row.estimated_tokens, row.estimated_microusd, row.started_at, row.ended_at
    )


def began(connection: Connection, machine: int, name: str) -> datetime | None:
    """Say when the first turn of a task began; None where none did."""
    its = turns.c.machine == machine, turns.c.task == name
    first: datetime | None = connection.scalar(select(func.min(turns.c.began_at)).where(*its))
    return first


def start(connection: Connection, machine: int, task: Task, session: int | None) -> None:
    """Begin a task, or one that had ended again; what is not estimated now stays as it was."""
    estimates = {
        name: value
        for name, value in (
            ("estimated_tokens", task.estimated_tokens),
            ("estimated_microusd", task.estimated_microusd),
        )
        if value is not None
    }
    if find(connection, machine, task.name) is None:
        new = {"machine": machine, "name": task.name, "started_at": task.started_at}
        connection.execute(insert(tasks), {**new, "session": session, **estimates})
    else:
        again = update(tasks).where(tasks.c.machine == machine, tasks.c.name == task.name)
        connection.execute(again.values(ended_at=None, session=session, **estimates))
    if session is not None:
        connection.execute(update(sessions).where(sessions.c.seq == session).values(task=task.name))


def end(connection: Connection, machine: int, name: str, at: datetime) -> None:
    """End a task: no further turn of any session is its."""
    this = update(tasks).where(tasks.c.machine == machine, tasks.c.name == name)
    connection.execute(this.values(ended_at=at))
    its = update(sessions).where(sessions.c.machine == machine, sessions.c.task == name)
    connection.execute(its.values(task=None))


def reported(connection: Connection, machine: int, name: str | None = None) -> list[Task]:
    """Give every task of a machine, or this one, with what it used; the first one first."""
    started = select(tasks).where(tasks.c.machine == machine).order_by(tasks.c.seq)
    used = (
        select(
            turns.c.task,
            func.count().label("turns"),
            *(func.coalesce(func.sum(turns.c[n]), 0).label(n) for n in (*_TOKENS, "requests")),
            func.coalesce(func.sum(turns.c.cost_microusd), 0).label("cost_microusd"),
            func.count(turns.c.cost_microusd).label("costed_turns"),
            func.min(turns.c.seq).label("first"),
        )
        .where(turns.c.machine == machine, turns.c.task.is_not(None))
        .where(turns.c.ended_at.is_not(None))
        .group_by(turns.c.task)
        .order_by("first")
    )
    if name is not None:
        started = started.where(tasks.c.name == name)
        used = used.where(turns.c.task == name)
    found: dict[str, Task] = {}
    for row in connection.execute(started):
        found[row.name] = Task(
            row.name, row.estimated_tokens, row.estimated_microusd, row.started_at, row.ended_at
        )
    spent = {
        row.task: Spent(
            turns=row.turns,
            requests=int(row.requests),
            tokens=Ledger(**{name: int(row._mapping[name]) for name in _TOKENS}),
            cost_microusd=int(row.cost_microusd),
            costed_turns=row.costed_turns,
        )
        for row in connection.execute(used)
    }
    for task in spent:
        found.setdefault(task, Task(task))
    return [replace(task, spent=spent.get(name, Spent())) for name, task in found.items()]


_TOKENS = ("net_input", "cache_read", "cache_write", "output", "reasoning")
