"""What a crash, or a hand in the store, left half done: found, and put right.

Every function is part of the caller's transaction and says what it did; on a store that is in
order it does nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, text, update

from tars.accounting.shares import FIGURES, shares
from tars.store import (
    arrivals,
    by_model,
    ledger,
    locks,
    messages,
    orphans,
    searching,
    slots,
    tallies,
)
from tars.store.schema import messages as said
from tars.store.schema import session_models, sessions, tool_calls, turn_models, turns
from tars.store.values import LARGEST_COUNT

_KINDS = ("net_input", "cache_read", "cache_write", "output")
#: A session's sums of columns of the same names.
_SUMMED = (*_KINDS, "reasoning", "requests", "tool_calls", "duration_ms", "subagent_tokens",
           "cost_microusd")  # fmt: skip
_OF_SESSION = and_(
    sessions.c.machine == turns.c.machine,
    sessions.c.agent == turns.c.agent,
    sessions.c.id == turns.c.session,
)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A session's figure that was not what its turns make."""

    session: str
    figure: str
    was: int
    turns_make: int


def end_what_was_said(connection: Connection) -> tuple[int, int]:
    """End the messages that still grow and the tool calls without a result of turns that ended;
    gives how many of each."""
    at = select(turns.c.ended_at).where(turns.c.id == said.c.turn).scalar_subquery()
    over = select(turns.c.id).where(turns.c.ended_at.is_not(None))
    growing = update(said).where(said.c.ended_at.is_(None), said.c.turn.in_(over))
    whole = connection.scalars(growing.values(ended_at=at).returning(said.c.seq)).all()
    for seq in whole:
        searching.index(connection, seq)
    at = select(turns.c.ended_at).where(turns.c.id == tool_calls.c.turn).scalar_subquery()
    waiting = update(tool_calls).where(tool_calls.c.ended_at.is_(None), tool_calls.c.turn.in_(over))
    ended = connection.execute(waiting.values(ended_at=at, status=arrivals.INTERRUPTED))
    return len(whole), ended.rowcount


def split_turns(connection: Connection) -> int:
    """Split the turns that ended over their models where they are not; gives how many."""
    lost = select(turns).where(
        turns.c.ended_at.is_not(None), turns.c.seq.not_in(select(turn_models.c.turn))
    )
    found = connection.execute(lost).all()
    for row in found:
        usage, model = ledger.usage_of(row), row.model
        each = [{"turn": row.seq, **by_model.columns(share)} for share in shares(usage, model)]
        connection.execute(insert(turn_models), each)
    return len(found)


def add_up(connection: Connection) -> list[Disagreement]:
    """Bring the sums of tars' own sessions to what their turns make; gives what disagreed."""
    found: list[Disagreement] = []
    for session, sums in _sums(connection):
        wrong = [
            Disagreement(session.id, name, getattr(session, name), made)
            for name, made in sums.items()
            if getattr(session, name) != made
        ]
        wrong += _wrong_models(connection, session, sums)
        if wrong:
            _set_sums(connection, session.seq, sums)
            found += wrong
    return found


def give_back(connection: Connection) -> None:
    """Put down to the turns that are lost what their sessions had more than the turns that are
    left make: their sums then stay what they were.

    Nobody can say which of several it was: the first has it. Where a session has no more than its
    turns make, they stay as they are.
    """
    for session, sums in _sums(connection):
        more = {name: getattr(session, name) - sums[name] for name in (*_SUMMED, "costed_turns")}
        lost = connection.scalars(
            select(turns.c.seq)
            .join(sessions, _OF_SESSION)
            .where(sessions.c.seq == session.seq, turns.c.fault_message == orphans.LOST_TURN)
            .order_by(turns.c.seq)
        ).all()
        if not lost or min(more.values()) < 0 or more["costed_turns"] > len(lost):
            continue
        costed = more.pop("costed_turns")
        cost = more.pop("cost_microusd")
        connection.execute(update(turns).where(turns.c.seq == lost[0]).values(**more))
        for place, seq in enumerate(lost[:costed]):
            its = update(turns).where(turns.c.seq == seq)
            connection.execute(its.values(cost_microusd=0 if place else cost))
        _give_back_models(connection, session.seq, lost, more | {"cost": cost, "costed": costed})


def _give_back_models(
    connection: Connection, session: int, lost: Sequence[int], more: dict[str, int]
) -> None:
    """Split what a lost turn was given as the session's models have more than the turns left."""
    if more["costed"] > 1:
        return
    its = select(turns.c.seq).join(sessions, _OF_SESSION).where(sessions.c.seq == session)
    left = {
        row.model: row
        for row in connection.execute(
            select(
                turn_models.c.model,
                *(func.sum(turn_models.c[name]).label(name) for name in FIGURES),
            )
            .where(turn_models.c.turn.in_(its))
            .group_by(turn_models.c.model)
        )
    }
    split: list[dict[str, Any]] = []
    of_session = select(session_models).where(session_models.c.session == session)
    for row in connection.execute(of_session):
        known = left.get(row.model)
        share = {
            name: row._mapping[name] - (int(known._mapping[name]) if known is not None else 0)
            for name in FIGURES
        }
        if any(share.values()):
            split.append({"turn": lost[0], "model": row.model, **share})
    whole = {name: sum(share[name] for share in split) for name in _KINDS}
    sound = all(share[name] >= 0 for share in split for name in FIGURES)
    if split and sound and all(whole[name] == more[name] for name in _KINDS):
        connection.execute(insert(turn_models), split)


def count_what_was_said(connection: Connection) -> None:
    """Count the messages and tool calls of every session anew."""
    for seq in list(connection.scalars(select(sessions.c.seq))):
        messages.recount(connection, seq)
        tallies.recount(connection, seq)


def recount_slots(connection: Connection) -> int:
    """Add up anew what was spent when, if that is not what the turns make; gives how many sums
    were wrong."""
    found = slots.wrong(connection)
    if found:
        slots.rebuild(connection)
    return found


def free_locks(connection: Connection, machine: int, now: datetime) -> int:
    """Free the locks whose holders are gone; gives how many."""
    who, freed = locks.me(connection, machine), 0
    held = select(sessions.c.seq).where(sessions.c.writer.is_not(None))
    for seq in list(connection.scalars(held)):
        if locks.take(connection, seq, who, now):
            locks.free(connection, seq, who)
            freed += 1
    return freed


def index_is_out_of_step(connection: Connection) -> bool:
    """Say whether messages that are whole are not in the full-text index, or gone ones are."""
    if connection.dialect.name != "sqlite":
        return False
    indexed = text("SELECT id FROM message_words_docsize")
    there = text("SELECT seq FROM whole_messages")
    return any(
        connection.execute(text(f"{one} EXCEPT {other} LIMIT 1")).first() is not None
        for one, other in ((there, indexed), (indexed, there))
    )


def rebuild_index(connection: Connection) -> None:
    """Make the full-text index anew."""
    searching.rebuild(connection)


def _sums(connection: Connection) -> Iterator[tuple[Row[Any], dict[str, int]]]:
    """Give tars' own sessions that have turns, each with what these make."""
    made = (
        select(
            turns.c.machine,
            turns.c.agent,
            turns.c.session,
            func.count().label("turns"),
            func.count(turns.c.cost_microusd).label("costed_turns"),
            *(func.coalesce(func.sum(turns.c[name]), 0).label(name) for name in _SUMMED),
        )
        .where(turns.c.session.is_not(None), turns.c.ended_at.is_not(None))
        .group_by(turns.c.machine, turns.c.agent, turns.c.session)
    )
    by_session = {(r.machine, r.agent, r.session): r for r in connection.execute(made)}
    names = ("seq", "machine", "agent", "id", "turns", "costed_turns", "tokens",
             "total_output_tokens", "total_net_tokens", *_SUMMED)  # fmt: skip
    own = select(*(sessions.c[name] for name in names)).where(sessions.c.source == "tars")
    for session in connection.execute(own.order_by(sessions.c.seq)).all():
        row = by_session.get((session.machine, session.agent, session.id))
        if row is None:
            continue
        sums = {name: int(row._mapping[name]) for name in ("turns", "costed_turns", *_SUMMED)}
        sums["tokens"] = sum(sums[name] for name in _KINDS)
        sums["total_output_tokens"] = sums["output"] - sums["reasoning"]
        sums["total_net_tokens"] = sums["net_input"] + sums["cache_write"]
        yield session, {name: min(value, LARGEST_COUNT) for name, value in sums.items()}


def _wrong_models(
    connection: Connection, session: Row[Any], sums: dict[str, int]
) -> list[Disagreement]:
    """Say which figures the models of a session do not make together."""
    row = connection.execute(
        select(
            *(func.coalesce(func.sum(session_models.c[name]), 0).label(name) for name in FIGURES)
        ).where(session_models.c.session == session.seq)
    ).one()
    return [
        Disagreement(session.id, f"{name} of its models", int(row._mapping[name]), sums[name])
        for name in FIGURES
        if int(row._mapping[name]) != sums[name]
    ]


def _set_sums(connection: Connection, seq: int, sums: dict[str, int]) -> None:
    connection.execute(update(sessions).where(sessions.c.seq == seq).values(**sums))
    connection.execute(delete(session_models).where(session_models.c.session == seq))
    split = connection.execute(
        select(
            turn_models.c.model,
            func.count().label("turns"),
            *(func.sum(turn_models.c[name]).label(name) for name in FIGURES),
        )
        .join(turns, turns.c.seq == turn_models.c.turn)
        .join(sessions, _OF_SESSION)
        .where(sessions.c.seq == seq, turns.c.ended_at.is_not(None))
        .group_by(turn_models.c.model)
    ).all()
    names = ("turns", *FIGURES)
    rows = [
        {"session": seq, "model": row.model} | {name: int(row._mapping[name]) for name in names}
        for row in split
    ]
    if rows:
        connection.execute(insert(session_models), rows)
