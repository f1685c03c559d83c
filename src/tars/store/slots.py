"""What was spent, per quarter of an hour: sums of the ledger that reports are quickly made of.

A finished turn counts in the quarter in which it ended, in the shares that its models have of it.
Everything here is a function of `turns` and `turn_models`, kept in the transactions that change
those; turns in which nothing was used leave no row. Every function is part of the caller's
transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, TextClause, bindparam, text

from tars.accounting.rates import SLOT_SECONDS, size_class
from tars.accounting.shares import Share
from tars.store import slot_text
from tars.store.rows import TurnRecord
from tars.store.slot_text import KEYS, SUMS
from tars.store.values import Count, Utc, Words

_COLUMNS = ", ".join((*KEYS, *SUMS))
_UPSERT = (
    f" ON CONFLICT ({', '.join(KEYS)}) DO UPDATE SET "
    + ", ".join(f"{name} = spent_slots.{name} + excluded.{name}" for name in SUMS)
)  # fmt: skip
_ADD = text(
    f"INSERT INTO spent_slots ({_COLUMNS}) "
    f"VALUES ({', '.join(f':{name}' for name in (*KEYS, *SUMS))}){_UPSERT}"
).bindparams(
    *(bindparam(name, type_=Words) for name in ("agent", "session", "model", "task")),
    *(bindparam(name, type_=Count) for name in SUMS),
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SLOT = timedelta(seconds=SLOT_SECONDS)
_THIS = "t.machine = :machine AND t.agent = :agent AND t.session = :session"
_FREE = (
    "t.machine = :machine AND t.agent = :agent AND t.session IS NULL "
    "AND t.ended_at >= :since AND t.ended_at < :until"
)
_KINDS: dict[str, type[Words | Utc]] = {
    "agent": Words,
    "session": Words,
    "since": Utc,
    "until": Utc,
}
_OF = "machine = :machine AND agent = :agent AND session = :session"


def slot_of(at: datetime) -> int:
    """Give the number of the quarter of an hour that a moment is in."""
    return (at - _EPOCH) // _SLOT


def add_turn(
    connection: Connection,
    machine: int,
    turn: TurnRecord,
    task: str | None,
    split: Sequence[Share],
) -> None:
    """Add a turn that was just finished, and that is a part of `task`."""
    key = {
        "slot": slot_of(turn.ended_at),
        "machine": machine,
        "agent": turn.agent,
        "session": turn.session or "",
        "task": task or "",
        "official": int(turn.usage.cost_microusd is not None),
    }
    context = 0 if turn.usage.context_is_sum else turn.usage.context
    # In one order, so that no two turns wait for each other.
    rows = [
        {**key, "model": share.model, "size": size_class(_average(share, context))}
        | {name: getattr(share, name) for name in SUMS}
        for share in sorted(split, key=lambda share: share.model)
        if any(getattr(share, name) for name in SUMS)
    ]
    if rows:
        connection.execute(_ADD, rows)


def recount(connection: Connection, machine: int, agent: str, session: str) -> None:
    """Add up a session's turns anew."""
    this = {"machine": machine, "agent": agent, "session": session}
    _delete_session(connection, this)
    _add_shares(connection, _THIS, this)


def recount_free(connection: Connection, machine: int, agent: str, at: datetime) -> None:
    """Add up anew an agent's turns of no session that ended in the same quarter as `at`."""
    slot = slot_of(at)
    this = {"machine": machine, "agent": agent, "session": "", "slot": slot}
    since = _EPOCH + slot * _SLOT
    connection.execute(_text(f"DELETE FROM spent_slots WHERE slot = :slot AND {_OF}"), this)
    _add_shares(connection, _FREE, {**this, "since": since, "until": since + _SLOT})


def forget(connection: Connection, machine: int, agent: str, session: str, *, keep: bool) -> None:
    """Take a session out whose turns are still there. `keep`: what it used is that of no session
    from now on; else it was never used."""
    this = {"machine": machine, "agent": agent, "session": session}
    if keep:
        names = _COLUMNS.replace("session", "''")
        own = f"SELECT {names} FROM spent_slots WHERE {_within(connection)} AND {_OF}"
        connection.execute(_text(f"INSERT INTO spent_slots ({_COLUMNS}) {own}{_UPSERT}"), this)
    _delete_session(connection, this)


def wrong(connection: Connection) -> int:
    """Say how many rows there are, or are missing, that the ledger does not make so."""
    made = _shares(connection, "TRUE")
    kept = f"SELECT {_COLUMNS} FROM spent_slots"
    found = 0
    for one, other in ((made, kept), (kept, made)):
        each = f"SELECT * FROM ({one}) AS one EXCEPT SELECT * FROM ({other}) AS other"
        found += connection.execute(text(f"SELECT COUNT(*) FROM ({each}) AS wrong")).scalar_one()
    return found


def rebuild(connection: Connection) -> None:
    """Add up the whole ledger anew."""
    connection.execute(text("DELETE FROM spent_slots"))
    _add_shares(connection, "TRUE", {})


def _average(share: Share, context: int) -> int:
    """The prompt of an average request; of how many is not known: what the last one had."""
    prompt = share.net_input + share.cache_read + share.cache_write
    if share.requests:
        return prompt // share.requests
    return min(prompt, context) if context > 0 else prompt


def _delete_session(connection: Connection, this: Mapping[str, object]) -> None:
    statement = f"DELETE FROM spent_slots WHERE {_within(connection)} AND {_OF}"
    connection.execute(_text(statement), this)


def _within(connection: Connection) -> str:
    """The quarters in which a session's turns ended: the key of the table begins with them."""
    return (
        f"slot IN (SELECT {slot_text.slot(connection.dialect.name)} FROM turns AS t WHERE {_THIS})"
    )


def _add_shares(connection: Connection, which: str, this: Mapping[str, object]) -> None:
    statement = f"INSERT INTO spent_slots ({_COLUMNS}) {_shares(connection, which)}"
    connection.execute(_text(statement), this)


def _shares(connection: Connection, which: str) -> str:
    return slot_text.shares(connection.dialect.name, which)


def _text(statement: str) -> TextClause:
    found = text(statement)
    for name, kind in _KINDS.items():
        if f":{name}" in statement:
            found = found.bindparams(bindparam(name, type_=kind))
    return found
