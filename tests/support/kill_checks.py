"""What has to be right in a store whose writer was killed."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import cast

from sqlalchemy import Connection, text

from tars.store.rows import Role
from tars.store.store import Store

_SUMMED = ["requests", "net_input", "cache_read", "cache_write", "output", "reasoning"]


def check(store: Store, told: list[list[object]], *, integrity: bool) -> None:
    """Everything that was told is there once, and all sums agree."""
    with store.reading("check") as connection:
        ask = partial(_rows, connection, machine=store.machine)
        ended = _ended(ask)
        for what in told:
            if what[0] == "turn":
                assert ended[str(what[1])] == (what[2], what[3], what[4]), what
        _check_queue(ask, told, set(ended))
        _check_sums(ask)
        _check_said(ask)
        _check_decisions(ask)
        if integrity:
            assert _rows(connection, "PRAGMA integrity_check") == [("ok",)]
            assert _rows(connection, "PRAGMA foreign_key_check") == []
    if integrity:
        with store.writing("check the index") as connection:
            connection.exec_driver_sql(
                "INSERT INTO message_words (message_words, rank) VALUES ('integrity-check', 1)"
            )


Ask = Callable[[str], list[tuple[object, ...]]]


def _rows(connection: Connection, query: str, **values: object) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(text(query), values)]


def _ended(ask: Ask) -> dict[str, tuple[object, ...]]:
    """The turns that ended, each with its session, tokens and cost. An id is there once."""
    rows = ask(
        "SELECT id, session, net_input + cache_read + cache_write + output,"
        " coalesce(cost_microusd, 0) FROM turns"
        " WHERE machine = :machine AND ended_at IS NOT NULL"
    )
    ids = [row[0] for row in rows]
    assert len(set(ids)) == len(ids)
    return {str(row[0]): row[1:] for row in rows}


def _check_queue(ask: Ask, told: list[list[object]], ended: set[str]) -> None:
    """Every prompt that was accepted waits, runs or is done; and only what is done has no text."""
    states = {
        str(id): (state, has_text)
        for id, state, has_text in ask(
            "SELECT id, state, text IS NOT NULL FROM prompts WHERE machine = :machine"
        )
    }
    dropped = {what[1] for what in told if what[0] == "dropped"}
    turns = {str(row[0]) for row in ask("SELECT id FROM turns WHERE machine = :machine")}
    for what in told:
        assert str(what[1]) in states, what
    for id, (state, has_text) in states.items():
        assert bool(has_text) == (state != "done"), (id, state)
        assert (state == "running") == (id in turns - ended), (id, state)
        assert state != "queued" or id not in dropped | ended, (id, state)
    assert turns <= set(states)


def _check_sums(ask: Ask) -> None:
    """A session's sums are those of its turns, and those of its models; to the micro-dollar."""
    columns = ", ".join(f"sum({name})" for name in _SUMMED)
    ended = "turns.machine = :machine AND turns.ended_at IS NOT NULL"
    by_turns = ask(
        f"SELECT agent, session, count(*), {columns}, sum(coalesce(cost_microusd, 0)),"
        f" count(cost_microusd) FROM turns WHERE {ended} GROUP BY agent, session ORDER BY 1, 2"
    )
    own = ", ".join(_SUMMED)
    by_sessions = ask(
        f"SELECT agent, id, turns, {own}, cost_microusd, costed_turns FROM sessions"
        " WHERE machine = :machine AND turns > 0 ORDER BY 1, 2"
    )
    assert _plain(by_turns) == _plain(by_sessions)
    joined = "JOIN sessions ON sessions.seq = session_models.session"
    columns = ", ".join(f"sum(session_models.{name})" for name in _SUMMED)
    by_models = ask(
        f"SELECT sessions.agent, id, {columns}, sum(session_models.cost_microusd)"
        f" FROM session_models {joined} WHERE machine = :machine GROUP BY 1, 2 ORDER BY 1, 2"
    )
    sums = [(*row[:2], *row[3:-1]) for row in by_sessions if row[3]]
    assert _plain(row for row in by_models if row[2]) == _plain(sums)
    each = ", ".join(f"turns.{name} - sum(turn_models.{name})" for name in _SUMMED)
    for row in ask(
        f"SELECT {each} FROM turns JOIN turn_models ON turn_models.turn = turns.seq"
        f" WHERE {ended} GROUP BY turns.seq, {', '.join('turns.' + n for n in _SUMMED)}"
    ):
        assert not any(map(int, cast("tuple[int, ...]", row))), row


def _plain(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    """PostgreSQL adds integers up to a decimal."""
    return [[cell if isinstance(cell, str) else int(cast("int", cell)) for cell in r] for r in rows]


def _check_said(ask: Ask) -> None:
    """What was said is whole where its turn has ended, and is of a turn that is there."""
    rows = ask(
        "SELECT turns.id, role, length(messages.text), messages.size, messages.ended_at IS NULL,"
        " turns.ended_at IS NULL FROM messages JOIN turns ON turns.id = messages.turn"
        " WHERE turns.machine = :machine"
    )
    assert all(row[2] == row[3] for row in rows), rows
    assert not any(row[4] and not row[5] for row in rows), "a message of an ended turn still grows"
    asked = {row[0] for row in rows if row[1] == Role.USER.value}
    assert asked == {row[0] for row in ask("SELECT id FROM turns WHERE machine = :machine")}


def _check_decisions(ask: Ask) -> None:
    """The log of decisions has no gap, and nothing twice."""
    rows = ask("SELECT count(*), max(number) FROM decisions WHERE machine = :machine GROUP BY run")
    assert all(count == int(cast("int", last)) + 1 for count, last in rows), rows
