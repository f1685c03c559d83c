"""A session is active while its agent's prompts go there, and ends as its last turn did."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tars.core.agent import Outcome
from tars.store.rows import AgentRow, MessagePart, Role, Wishes
from tars.store.store import Store
from tests.store.samples import LATER, NOON, begun, prompt, record


def session(store: Store, id: str = "s1") -> dict[str, Any]:
    [row] = [row for row in sessions(store) if row["id"] == id]
    return row


def sessions(store: Store) -> list[dict[str, Any]]:
    with store.reading("read") as connection:
        rows = connection.exec_driver_sql("SELECT * FROM sessions ORDER BY seq")
        return [dict(row._mapping) for row in rows]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.OK, "completed"),
        (Outcome.CANCELLED, "completed"),
        (Outcome.ERROR, "failed"),
        (Outcome.TIMEOUT, "failed"),
        (Outcome.REFUSED, "failed"),
        (Outcome.INTERRUPTED, "interrupted"),
        (None, "completed"),
    ],
)
def test_a_session_ends_as_its_last_turn_did(
    sqlite: Store, outcome: Outcome | None, status: str
) -> None:
    """At its last activity; one without a turn has nothing that failed."""
    sqlite.save_agent(AgentRow("gemini", "gemini", "acp"))
    sqlite.save_session("gemini", "s1", NOON)
    if outcome is not None:
        sqlite.finish_turn(record("p1"))
        sqlite.finish_turn(record("p2", outcome))
    sqlite.end_session("gemini", "s1", LATER + timedelta(hours=1))
    sqlite.end_session("gemini", "s1", LATER + timedelta(hours=2))
    ended = session(sqlite)
    at = NOON if outcome is None else LATER
    assert (ended["status"], ended["ended_at"]) == (status, at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    [agent] = sqlite.agents()
    assert agent.session is None


def test_an_agent_has_one_active_session(store: Store) -> None:
    """The one before ends when another is opened, and is active again when it is gone back to."""
    store.save_agent(AgentRow("gemini", "gemini", "acp"))
    store.save_session("gemini", "s1", NOON)
    store.finish_turn(record("p1", Outcome.ERROR))
    store.save_session("gemini", "s2", LATER)
    store.save_session("echo", "s3", LATER)
    assert [row["status"] for row in sessions(store)] == ["failed", "active", "active"]
    assert [agent.session for agent in store.agents()] == ["s2"]
    store.begin_turn(begun("p2", session="s1"))
    assert [row["status"] for row in sessions(store)] == ["active", "completed", "active"]
    assert session(store)["ended_at"] is None
    assert [agent.session for agent in store.agents()] == ["s1"]
    store.save_agent(AgentRow("gemini", "gemini", "acp", "pro"))
    assert [agent.session for agent in store.agents()] == ["s1"], "a new policy forgets none"


def test_a_prompt_says_what_its_session_is_about(store: Store) -> None:
    """Its title is that of the first one; the wishes are heeded where they say something."""
    store.save_agent(AgentRow("gemini", "gemini", "acp"))
    wishes = Wishes(
        name="poems", project="/p", branch="main", task="T1", tags=("a", "b"), metadata={"k": "v"}
    )
    store.begin_turn(replace(begun("p1"), title="Write a haiku", wishes=wishes))
    further = Wishes(branch="dev", project="/p", tags=("b", "c"), metadata={"l": "w"})
    store.finish_turn(record("p1"))
    store.begin_turn(replace(begun("p2"), title="Another", wishes=further))
    store.finish_turn(record("p2"))
    elsewhere = Wishes(project="/other", branch="x", task="T2")
    store.begin_turn(replace(begun("p3"), wishes=elsewhere))
    row = session(store)
    assert (row["title"], row["name"], row["agent_type"]) == ("Write a haiku", "poems", "gemini")
    assert (row["project"], row["branch"], row["task"]) == ("/p", "dev", "T2")
    assert json.loads(row["metadata"]) == {"k": "v", "l": "w"}
    with store.reading("read") as connection:
        tags = connection.exec_driver_sql("SELECT tag FROM session_tags ORDER BY tag")
        assert list(tags.scalars()) == ["a", "b", "c"]
        tasks = connection.exec_driver_sql("SELECT task FROM turns ORDER BY seq")
        assert list(tasks.scalars()) == ["T1", "T1", "T2"]


def test_a_name_that_another_session_has_is_left_to_it(sqlite: Store) -> None:
    """Whoever had it first keeps it; the turn goes on without."""
    sqlite.begin_turn(replace(begun("p1"), wishes=Wishes(name="poems")))
    sqlite.begin_turn(replace(begun("p2", session="s2"), wishes=Wishes(name="poems")))
    assert [row["name"] for row in sessions(sqlite)] == ["poems", None]


def test_an_unrecorded_turn_makes_no_session_known(sqlite: Store) -> None:
    """It is counted in the ledger, and nothing of it is listed, then or when it is opened."""
    away = replace(begun(session="s9"), wishes=Wishes(unrecorded=True))
    assert sqlite.begin_prompt(prompt(), away) is None
    sqlite.finish_turn(replace(record(session="s9"), unrecorded=True))
    sqlite.save_session("gemini", "s9", LATER)
    assert sessions(sqlite) == []
    assert [turn.outcome for turn in sqlite.turns()] == [Outcome.OK]


def test_an_unrecorded_turn_that_a_crash_cut_short_makes_none_known(sqlite: Store) -> None:
    """Whoever reports it does not know of the wish; nor whoever counts what came late."""
    wishes = Wishes(unrecorded=True)
    away = replace(begun(session="s9"), wishes=wishes)
    sqlite.begin_prompt(replace(prompt(), wishes=wishes), away)
    sqlite.finish_turn(record(outcome=Outcome.INTERRUPTED, session="s9"))
    sqlite.finish_turn(replace(record("late", session="s9"), prompted=False))
    assert sessions(sqlite) == []
    assert len(sqlite.turns()) == 2


def test_the_name_of_a_session_is_told_at_the_end_of_its_turns(sqlite: Store) -> None:
    """And whenever somebody asks: a rename is known from then on."""
    sqlite.begin_turn(replace(begun(), wishes=Wishes(name="poems")))
    part = MessagePart(1, Role.ASSISTANT, 0, "frog", 4, NOON)
    named = sqlite.finish_turn(replace(record(), said=(part,)))
    assert named is not None
    assert (named.agent, named.session, named.name) == ("gemini", "s1", "poems")
    assert sqlite.session_names({"gemini": "s1", "echo": "s7"})[0] == named
    assert sqlite.session_names({"echo": "s7"})[0].name is None


def test_metadata_that_cannot_be_read_holds_up_no_prompt(sqlite: Store) -> None:
    """What a hand in the store made of it gives way to what is noted now."""
    sqlite.begin_turn(begun("p1"))
    sqlite.finish_turn(record("p1"))
    with sqlite.writing("damage it") as connection:
        connection.exec_driver_sql("UPDATE sessions SET metadata = 'no JSON'")
    sqlite.begin_turn(replace(begun("p2"), wishes=Wishes(metadata={"k": "v"})))
    assert json.loads(session(sqlite)["metadata"]) == {"k": "v"}
