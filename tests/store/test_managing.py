"""What people change in a session stays; one that is deleted leaves nothing but its cost."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Table, func, insert, select

from tars.store import managing, searching, tasks
from tars.store.managing import Held
from tars.store.rows import AgentRow, SessionStatus, Spent
from tars.store.schema import (
    agents,
    messages,
    model_requests,
    notes,
    prompts,
    session_models,
    session_tags,
    sessions,
    tool_calls,
    tool_files,
    turn_models,
    turns,
)
from tars.store.store import Store
from tests.store.samples import LATER, NOON, begun, prompt, record

MUCH_LATER = NOON + timedelta(days=400)


def add(
    store: Store,
    id: str = "s1",
    at: datetime = NOON,
    *,
    agent: str = "gemini",
    status: str = "completed",
) -> int:
    """A session without a turn; gives its key."""
    with store.writing("prepare") as connection:
        columns = {
            "machine": store.machine,
            "agent": agent,
            "id": id,
            "created_at": at,
            "last_activity_at": at,
            "status": status,
        }
        added = connection.execute(insert(sessions).returning(sessions.c.seq), columns)
        return int(added.scalar_one())


def set_status(connection: Connection, status: str, id: str | None = None) -> None:
    """Let a session, or all, have this status, whatever their turns made of it; none is locked,
    and no agent goes back to it."""
    change = sessions.update().values(status=status, writer=None, writer_until=None)
    connection.execute(change if id is None else change.where(sessions.c.id == id))
    current = agents.update().where(agents.c.session != "current").values(session=None)
    connection.execute(current)


def add_turn(store: Store, turn: str, session: str) -> None:
    """A prompt and the whole turn of it, with a message and a tool call."""
    store.begin_prompt(prompt(turn), begun(turn, session=session))
    store.finish_turn(record(turn, session=session))
    with store.writing("prepare") as connection:
        seq = connection.scalar(select(sessions.c.seq).where(sessions.c.id == session))
        of = {"session": seq, "turn": turn, "began_at": NOON, "ended_at": LATER, "size": 3}
        said = {**of, "number": 90, "role": "assistant", "text": f"pelican {turn}"}
        message = connection.execute(insert(messages).returning(messages.c.seq), said).scalar_one()
        searching.index(connection, message)
        called = {
            **of,
            "number": 91,
            "id": "c1",
            "kind": "edit",
            "title": "",
            "status": "completed",
        }
        call = connection.execute(
            insert(tool_calls).returning(tool_calls.c.seq), {**called, "output": ""}
        ).scalar_one()
        connection.execute(insert(tool_files), {"tool_call": call, "path": "/x.py"})


def left(connection: Connection, tables: Iterable[Table]) -> dict[str, int]:
    """How many rows each of these tables has."""
    return {
        str(t): connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables
    }


def test_a_name_is_known_to_be_anothers(store: Store) -> None:
    """The session that holds a name is told; the one that has it itself may have it again."""
    one, other = add(store, "s1"), add(store, "s2")
    with store.writing("test") as connection:
        managing.rename(connection, one, "fix")
        assert managing.name_holder(connection, other, "fix") == "s1"
        assert managing.name_holder(connection, one, "fix") is None
        managing.rename(connection, one, None)
        assert managing.name_holder(connection, other, "fix") is None


def test_a_title_that_was_set_is_marked(store: Store) -> None:
    """It is no longer the beginning of the first prompt."""
    seq = add(store)
    with store.writing("test") as connection:
        managing.entitle(connection, seq, "The login")
        row = connection.execute(select(sessions)).one()
    assert (row.title, row.titled) == ("The login", True)


def test_tags_and_notes_are_kept(store: Store) -> None:
    """A tag is there once, however often it was added; notes stay in their order."""
    seq = add(store)
    with store.writing("test") as connection:
        managing.add_tags(connection, seq, ["b", "a", "b"])
        managing.add_tags(connection, seq, ["a", "c"])
        managing.remove_tags(connection, seq, ["b", "never"])
        assert managing.tags_of(connection, seq) == ("a", "c")
        for text, at in (("first", NOON), ("second", NOON)):
            managing.add_note(connection, seq, text, at)
        assert [note.text for note in managing.notes_of(connection, seq)] == ["first", "second"]


def test_what_is_in_use_is_held(store: Store) -> None:
    """An active session, the one its agent goes back to, one that is written to, one that a
    prompt waits for and one whose turn is under way: each is held for its reason."""
    for id in ("active", "current", "free", "awaited", "under-way"):
        add(store, id)
    store.begin_turn(begun("t1", session="under-way"))
    store.save_agent(AgentRow("gemini", "gemini", "acp", session="current"))
    with store.writing("test") as connection:
        set_status(connection, "completed")
        set_status(connection, "active", "active")
        waits = {"machine": store.machine, "id": "p9", "agent": "gemini", "session": "awaited"}
        connection.execute(insert(prompts), {**waits, "asked_at": NOON, "state": "queued"})
        locked = {"writer": "somebody", "writer_until": LATER}
        connection.execute(
            sessions.insert(),
            {
                "machine": store.machine,
                "agent": "gemini",
                "id": "written",
                "created_at": NOON,
                "last_activity_at": NOON,
                "status": "completed",
                **locked,
            },
        )
        seqs = {row.id: row.seq for row in connection.execute(select(sessions))}
        held = {id: managing.held(connection, seq, NOON) for id, seq in seqs.items()}
        free = [known.id for known in managing.free(connection, store.machine, NOON)]
        later = managing.held(connection, seqs["written"], LATER)
    assert held == {
        "active": Held.ACTIVE,
        "current": Held.ACTIVE,
        "written": Held.WRITTEN,
        "awaited": Held.AWAITED,
        "under-way": Held.AWAITED,
        "free": None,
    }
    assert free == ["free"]
    assert later is None, "a lock that ran out holds nothing"


def test_rules_add_up(store: Store) -> None:
    """What goes is old, and beyond the newest, and empty, if all of it is asked for; the least
    recent comes first, and what is put away can be left out."""
    for day in range(5):
        add(
            store,
            f"s{day}",
            NOON + timedelta(days=day),
            status="archived" if day == 1 else "failed",
        )
    add_turn(store, "t0", "s0")
    with store.writing("test") as connection:
        set_status(connection, "completed", "s0")
        connection.execute(
            sessions.update().where(sessions.c.id == "s0").values(last_activity_at=NOON)
        )

        def free(**rule: object) -> list[str]:
            found = managing.free(connection, store.machine, MUCH_LATER, **rule)  # type: ignore[arg-type]
            return [known.id for known in found]

        assert free() == ["s0", "s1", "s2", "s3", "s4"]
        assert free(before=NOON + timedelta(days=2)) == ["s0", "s1"], "half-open"
        assert free(beyond=2) == ["s0", "s1", "s2"]
        assert free(beyond=0) == ["s0", "s1", "s2", "s3", "s4"]
        assert free(beyond=2, archived=False) == ["s0", "s2"]
        assert free(empty=True, beyond=2) == ["s1", "s2"]
        assert free(limit=1) == ["s0"]


def test_other_machines_sessions_are_never_free(store: Store) -> None:
    """Of another machine's sessions nobody here says whether they are in use."""
    add(store)
    with store.reading("test") as connection:
        assert managing.free(connection, store.machine + 1, NOON) == []


@pytest.mark.parametrize("with_turns", [False, True])
def test_a_deleted_session_leaves_nothing_behind(store: Store, with_turns: bool) -> None:
    """All that was said, found, noted or asked in it is gone; what it used stays in the ledger,
    unless that is to go too. Other sessions keep everything."""
    for id in ("s1", "s2"):
        add(store, id)
        add_turn(store, f"turn of {id}", id)
        with store.writing("prepare") as connection:
            seq = connection.scalar(select(sessions.c.seq).where(sessions.c.id == id))
            assert seq is not None
            managing.add_tags(connection, seq, ["a"])
            managing.add_note(connection, seq, "b", NOON)
            tasks.start(connection, store.machine, tasks.Task(id, started_at=NOON), seq)
    everything = (
        *(messages, tool_calls, tool_files, notes, session_tags, session_models),
        *(model_requests, prompts, sessions),
    )
    with store.writing("test") as connection:
        before = left(connection, everything)
        tokens = connection.scalar(select(func.sum(turns.c.output)))
        shares = left(connection, [turn_models])
        seq = connection.scalar(select(sessions.c.seq).where(sessions.c.id == "s1"))
        assert seq is not None
        managing.remove(connection, seq, with_turns=with_turns)
        assert left(connection, everything) == {name: n // 2 for name, n in before.items()}
        kept = connection.scalar(select(func.sum(turns.c.output)))
        assert kept == (tokens // 2 if with_turns else tokens)
        if not with_turns:
            assert left(connection, [turn_models]) == shares
        assert connection.execute(select(turns).where(turns.c.session == "s1")).all() == []
        found = connection.scalars(searching.matching(connection, "pelican")).all()
        assert found == connection.scalars(select(messages.c.seq)).all(), "the other one's"
        other = tasks.find(connection, store.machine, "s1")
        assert other is not None, "a task outlives its session"


def test_a_session_comes_back_as_it_ended(store: Store) -> None:
    """Its last finished turn says how; one without a turn was completed."""
    from tars.core.agent import Outcome

    add(store, "empty")
    for outcome in (Outcome.TIMEOUT, Outcome.INTERRUPTED, Outcome.CANCELLED):
        add(store, outcome.value)
        store.finish_turn(record(f"t-{outcome}", outcome, session=outcome.value))
    with store.writing("test") as connection:
        seqs = {row.id: row.seq for row in connection.execute(select(sessions))}
        for seq in seqs.values():
            managing.archive(connection, seq, LATER)
        assert {row.status for row in connection.execute(select(sessions))} == {"archived"}
        back = {id: managing.restore(connection, seq) for id, seq in seqs.items()}
        assert all(row.archived_at is None for row in connection.execute(select(sessions)))
    assert back == {
        "empty": SessionStatus.COMPLETED,
        "timeout": SessionStatus.FAILED,
        "interrupted": SessionStatus.INTERRUPTED,
        "cancelled": SessionStatus.COMPLETED,
    }


def test_done_prompts_are_pruned(store: Store) -> None:
    """Those that were done long ago go, a number at a time; what waits stays, however old."""
    for id in ("p1", "p2", "p3"):
        store.save_prompt(prompt(id))
        store.drop_prompt(id, record().outcome, None, LATER)
    store.save_prompt(prompt("waits"))
    with store.writing("test") as connection:
        assert managing.prune_prompts(connection, store.machine, LATER, 10) == 0
        assert managing.prune_prompts(connection, store.machine, MUCH_LATER, 2) == 2
        assert managing.prune_prompts(connection, store.machine, MUCH_LATER, 2) == 1
    assert [row.id for row in store.waiting_prompts()] == ["waits"]


def test_a_task_is_what_its_turns_used(store: Store) -> None:
    """Tokens and cost of the turns whose task it is, however they came to it; a cost that was
    not told is not counted as nothing."""
    from dataclasses import replace

    from tests.store.samples import USAGE

    add(store)
    store.finish_turn(record("t1"))
    store.finish_turn(record("t2", usage=replace(USAGE, cost_microusd=1_500_000)))
    store.finish_turn(record("t3"))
    with store.writing("test") as connection:
        connection.execute(turns.update().where(turns.c.id != "t3").values(task="T1"))
        connection.execute(turns.update().where(turns.c.id == "t3").values(task="unplanned"))
        planned = tasks.Task("T1", 10_000, 2_000_000, NOON)
        tasks.start(connection, store.machine, planned, None)
        first, second = tasks.reported(connection, store.machine)
        assert tasks.reported(connection, store.machine, "unplanned") == [second]
        assert tasks.reported(connection, store.machine + 1) == []
    assert (first.name, first.estimated_tokens, first.estimated_microusd) == (
        "T1",
        10_000,
        2_000_000,
    )
    assert (first.spent.turns, first.spent.costed_turns) == (2, 1)
    assert first.spent.cost_microusd == 1_500_000
    assert first.spent.tokens.total == 2 * second.spent.tokens.total > 0
    assert (second.started_at, second.spent.costed_turns) == (None, 0)


def test_a_task_marks_its_session_until_it_ends(store: Store) -> None:
    """The session is of the task from its start to its end; begun again, it keeps its estimate."""
    seq = add(store)
    here = store.machine

    def task_of_session(connection: Connection) -> str | None:
        return connection.scalar(select(sessions.c.task))

    with store.writing("test") as connection:
        tasks.start(connection, here, tasks.Task("T1", 5, None, NOON), seq)
        assert task_of_session(connection) == "T1"
        tasks.end(connection, here, "T1", LATER)
        assert task_of_session(connection) is None
        ended = tasks.find(connection, here, "T1")
        tasks.start(connection, here, tasks.Task("T1", None, 7, LATER), seq)
        again = tasks.find(connection, here, "T1")
    assert ended == tasks.Task("T1", 5, None, NOON, LATER, Spent())
    assert again == tasks.Task("T1", 5, 7, NOON, None, Spent())
