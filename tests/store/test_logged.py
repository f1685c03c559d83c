"""Sessions that ran outside tars: there once, with their figures, and gone when deleted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tars.store import finding, managing
from tars.store.finding import Wanted
from tars.store.logged import LoggedModel, LoggedSession
from tars.store.rows import AgentRow, SessionRecord, SessionStatus
from tars.store.store import Store
from tests.store.samples import LATER, NOON, begun, record

OPUS = LoggedModel("opus", 3, 100, 2000, 300, 40, 5)
MINI = LoggedModel("mini", 1, 10, 0, 0, 4, 0, cost_microusd=1500)
LOGGED = LoggedSession("gemini", "s1", "A title", "/w/a", "main", NOON, LATER, (OPUS, MINI))


@pytest.fixture(autouse=True)
def an_agent(store: Store) -> None:
    store.save_agent(AgentRow("gemini", "gemini", "acp"))


def found(store: Store) -> list[SessionRecord]:
    with store.reading("look") as connection:
        return finding.listed(connection, Wanted())


def remove(store: Store, session: SessionRecord) -> None:
    with store.writing("delete") as connection:
        managing.remove(connection, session.seq)


def test_a_session_is_kept_with_its_figures(store: Store) -> None:
    """Its models make its sums; what it cost is what its log says; it is over."""
    store.keep_logged((LOGGED,))
    (session,) = found(store)
    assert (session.agent, session.agent_type, session.id) == ("gemini", "gemini", "s1")
    assert (session.source, session.status) == ("log", SessionStatus.COMPLETED)
    assert (session.title, session.project, session.branch) == ("A title", "/w/a", "main")
    assert (session.created_at, session.last_activity_at) == (NOON, LATER)
    assert session.spent.tokens.total == 2454
    assert (session.spent.requests, session.spent.turns) == (4, 0)
    assert session.spent.cost_microusd == 1500
    assert list(session.models) == ["opus", "mini"]


def test_it_is_brought_up_to_date_and_stays_one(store: Store) -> None:
    """What its log has later replaces what it had; what a person said of it stays."""
    store.keep_logged((LOGGED,))
    (before,) = found(store)
    with store.writing("name") as connection:
        managing.rename(connection, before.seq, "mine")
        managing.entitle(connection, before.seq, "My title")
    later = LATER + timedelta(minutes=1)
    more = replace(MINI, requests=2, output=8)
    store.keep_logged((replace(LOGGED, last_activity_at=later, models=(more,)),))
    (after,) = found(store)
    assert (after.seq, after.name, after.title) == (before.seq, "mine", "My title")
    assert (after.last_activity_at, after.spent.tokens.total) == (later, 18)
    assert list(after.models) == ["mini"]


def test_one_that_was_deleted_comes_back_only_when_it_is_used_again(store: Store) -> None:
    """The same log does not bring it back; a longer one does."""
    store.keep_logged((LOGGED,))
    remove(store, found(store)[0])
    store.keep_logged((LOGGED,))
    assert not found(store)
    store.keep_logged((replace(LOGGED, last_activity_at=LATER + timedelta(seconds=1)),))
    assert len(found(store)) == 1


def test_what_tars_ran_is_no_session_of_a_log(store: Store) -> None:
    """Neither beside the one on record, nor instead of one that is not to be; and one that came
    before tars told of it goes."""
    store.keep_logged((LOGGED,))
    store.begin_turn(begun(session="s1"))
    store.finish_turn(record(session="s1"))
    store.keep_logged((replace(LOGGED, last_activity_at=LATER + timedelta(hours=1)),))
    (session,) = found(store)
    assert (session.source, session.spent.turns) == ("tars", 1)
    remove(store, session)
    store.keep_logged((LOGGED,))
    assert not found(store)


def test_who_goes_on_with_it_makes_it_a_session_of_tars(store: Store) -> None:
    """Its figures are those of its turns from then on: the log's count by themselves."""
    store.keep_logged((LOGGED,))
    store.save_session("gemini", "s1", LATER)
    (session,) = found(store)
    assert (session.source, session.status) == ("tars", SessionStatus.ACTIVE)
    assert (session.spent.tokens.total, session.models) == (0, {})


def test_the_twin_under_another_name_goes(store: Store) -> None:
    """tars may run it under an agent that is not named as its kind."""
    store.keep_logged((LOGGED,))
    store.save_agent(AgentRow("reviewer", "gemini", "acp"))
    store.save_session("reviewer", "s1", NOON)
    store.keep_logged((LOGGED,))
    assert [session.agent for session in found(store)] == ["reviewer"]


def test_none_is_meant_that_nobody_names(store: Store) -> None:
    """The newest session, and those that a cleaning leaves, are tars' own."""
    store.keep_logged((LOGGED,))
    with store.reading("look") as connection:
        assert not finding.newest(connection, store.machine, agent=None, project=None)
        for rule in ({"beyond": 0}, {"empty": True}):
            assert not managing.free(connection, store.machine, LATER, **rule)
        assert managing.free(connection, store.machine, LATER, before=LATER + timedelta(1))


def test_a_model_of_two_providers_is_one(store: Store) -> None:
    """The store knows models by their names alone."""
    store.keep_logged((replace(LOGGED, models=(MINI, replace(MINI, cost_microusd=None))),))
    (session,) = found(store)
    assert session.models["mini"].requests == 2
    assert session.models["mini"].cost_microusd == 1500
