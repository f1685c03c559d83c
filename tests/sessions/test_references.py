"""A session is meant by its id, the beginning of it, its name, or `last`."""

from datetime import timedelta

import pytest
from sqlalchemy import event, insert

from tars.errors import SessionAmbiguous, SessionNotFound
from tars.sessions.library import Library
from tars.sessions.references import resolve
from tars.store.schema import machines, sessions
from tests.support.remembered import MINUTE, NOON, change, remember


@pytest.fixture
def kept(shared_library: Library) -> Library:
    """Four sessions of two agents, one minute apart."""
    for number, (id, agent) in enumerate(
        [
            ("abcd-1111", "gemini"),
            ("abcd-2222", "claude"),
            ("wxyz-3333", "gemini"),
            ("abcd", "codex"),
        ]
    ):
        remember(
            shared_library, f"t{number}", session=id, agent=agent, ended=NOON + number * MINUTE
        )
    return shared_library


def test_every_way_leads_to_the_session(kept: Library) -> None:
    """Its id, a beginning that no other has, its name, and `last`."""
    change(kept, "wxyz-3333", name="fix login 🚀")
    assert [resolve(kept, w).id for w in ("wxyz-3333", "wxyz", "fix login 🚀", "last")] == [
        "wxyz-3333",
        "wxyz-3333",
        "wxyz-3333",
        "abcd",
    ]


def test_an_id_beats_a_name_and_a_name_a_beginning(kept: Library) -> None:
    """What is said in full is meant."""
    assert resolve(kept, "abcd").id == "abcd"
    change(kept, "wxyz-3333", name="abcd-1")
    assert resolve(kept, "abcd-1").id == "wxyz-3333"
    change(kept, "wxyz-3333", name="abcd-1111")
    assert resolve(kept, "abcd-1111").id == "abcd-1111"


def test_several_are_refused_with_what_tells_them_apart(kept: Library) -> None:
    """Id, name, agent, machine and beginning of each; an agent narrows it down."""
    change(kept, "abcd-2222", name="second")
    with pytest.raises(SessionAmbiguous) as caught:
        resolve(kept, "abcd-")
    machine = resolve(kept, "last").machine
    assert str(caught.value) == (
        f"'abcd-' means several sessions: abcd-2222 (second) of claude on {machine}, "
        f"begun 2026-03-01 12:01 UTC; abcd-1111 of gemini on {machine}, begun 2026-03-01 12:00 UTC."
    )
    assert resolve(kept, "abcd-", agent="gemini").id == "abcd-1111"


def test_what_nobody_has_is_not_found(kept: Library) -> None:
    """Also what is too short, and what would be a pattern elsewhere."""
    for word in ("nothing", "abc", "", "abcd-%", "ABCD-1111", "_bcd-1111", "\0"):
        with pytest.raises(SessionNotFound):
            resolve(kept, word)


def test_last_is_in_use_here_and_not_archived(kept: Library) -> None:
    """`last` may be narrowed down to an agent or a project; where there is none it says so."""
    change(kept, "abcd", status="archived")
    change(kept, "abcd-1111", project="/code/here")
    assert resolve(kept, "last").id == "wxyz-3333"
    assert resolve(kept, "last", agent="claude").id == "abcd-2222"
    assert resolve(kept, "last", project="/code/here").id == "abcd-1111"
    with pytest.raises(SessionNotFound, match="no session yet"):
        resolve(kept, "last", agent="nobody")


def test_among_machines_ones_own_name_is_meant(kept: Library) -> None:
    """Another machine's session of the same name is found by its id; `last` is never another's."""
    change(kept, "abcd-1111", name="both")
    with kept.writing() as connection:
        other = connection.execute(
            insert(machines)
            .values(id="m2", name="elsewhere", first_seen_at=NOON, last_seen_at=NOON)
            .returning(machines.c.seq)
        ).scalar_one()
        later = NOON + timedelta(days=1)
        row = {"agent": "gemini", "created_at": later, "last_activity_at": later}
        for id, name in (("far-away", "both"), ("abcd-1111", None)):
            connection.execute(insert(sessions).values(machine=other, id=id, name=name, **row))
    assert resolve(kept, "both").id == "abcd-1111"
    assert resolve(kept, "far-away").machine == "elsewhere"
    assert resolve(kept, "last").id == "abcd"
    with pytest.raises(SessionAmbiguous, match="elsewhere"):
        resolve(kept, "abcd-1111")


def test_a_beginning_is_looked_up_in_an_index(kept: Library) -> None:
    """On either database: not by reading every session."""
    asked: list[tuple[str, object]] = []
    with kept.reading() as connection:
        engine = connection.engine

    def note(
        _connection: object, _cursor: object, statement: str, given: object, *_: object
    ) -> None:
        asked.append((statement, given))

    event.listen(engine, "before_cursor_execute", note)
    resolve(kept, "wxyz")
    event.remove(engine, "before_cursor_execute", note)
    statement, given = next((s, g) for s, g in asked if "~>=~" in s or "sessions.id >= " in s)
    with kept.reading() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
        plan = connection.exec_driver_sql(f"{explain} {statement}", given)  # type: ignore[arg-type]
        text = "\n".join(str(row) for row in plan)
    assert "ix_sessions_id" in text, text
