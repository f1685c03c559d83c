"""The contract of the store: what is kept, once, in order, and what is erased."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tars.accounting.usage import Ledger, Source, TurnUsage
from tars.conversation.model import RequestUsage, Scope
from tars.core.agent import Outcome
from tars.core.commands import BeginTurn
from tars.core.events import PromptAsked, StartAsked
from tars.errors import Fault, FaultKind
from tars.store.rows import AgentRow, Decision, PromptRow, SessionRow, Totals
from tars.store.store import Store
from tars.store.values import LARGEST_COUNT
from tests.store.conftest import OpenStore
from tests.store.samples import LATER, NOON, REPORTED, REQUESTS, USAGE, begun, prompt, record

FAULT = Fault(FaultKind.QUOTA, "The daily quota is used up.", "Wait until midnight.")


# --- the queue --------------------------------------------------------------


def test_prompts_wait_in_the_order_in_which_they_were_saved(open_store: OpenStore) -> None:
    """The queue outlives the daemon, and keeps its order and every field."""
    first = PromptRow("z", "gemini", "one\té\U0001f600", LATER, "s1", 2.5)
    second = prompt("a", "two")
    store = open_store()
    store.save_prompt(first)
    store.save_prompt(second)
    store.close()
    assert open_store().waiting_prompts() == [first, second]


def test_a_prompt_saved_twice_waits_once(store: Store) -> None:
    """A retry after an error is no second prompt, and the first text stands."""
    store.save_prompt(prompt())
    store.save_prompt(prompt(text="another"))
    assert store.waiting_prompts() == [prompt()]


def test_a_prompt_that_is_under_way_or_done_does_not_wait(store: Store) -> None:
    """Begun, finished and dropped prompts leave the queue, and do not come back."""
    for id in ("p1", "p2", "p3"):
        store.save_prompt(prompt(id))
    store.begin_turn(begun("p1"))
    store.drop_prompt("p2", Outcome.CANCELLED, None, LATER)
    assert [p.id for p in store.waiting_prompts()] == ["p3"]
    store.finish_turn(record("p1"))
    store.save_prompt(prompt("p1"))
    store.begin_turn(begun("p2"))
    assert [p.id for p in store.waiting_prompts()] == ["p3"]


def test_half_a_character_does_not_stop_a_prompt(store: Store) -> None:
    """Half a surrogate pair is no character; the rest of the prompt arrives."""
    store.save_prompt(prompt(text="caf\u00e9 \ud800!"))
    assert store.waiting_prompts()[0].text == "caf\u00e9 \ufffd!"


def test_a_character_that_is_none_does_not_stop_a_prompt(store: Store, store_url: str) -> None:
    """PostgreSQL knows no NUL: something else stands for it there."""
    store.save_prompt(prompt(text="one\0two"))
    nul = "\ufffd" if store_url else "\0"
    assert store.waiting_prompts()[0].text == f"one{nul}two"


def test_a_prompt_does_not_show_its_text(store: Store) -> None:
    """`repr` of a prompt may reach a log; its text may not."""
    assert "haiku" not in repr(prompt())


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("end", ["finish", "drop"])
def test_the_text_is_erased_when_the_prompt_is_done(
    open_store: OpenStore, tmp_path: Path, end: str
) -> None:
    """After the end no file of the store holds the text, not even in unused pages."""
    secrets = {"short": "the secret haiku", "long": "the secret haiku" * 4000}
    store = open_store()
    for id, text in secrets.items():
        store.save_prompt(prompt(id, text))
    store.close()
    assert holds(tmp_path, b"the secret haiku")
    store = open_store()
    for id in secrets:
        if end == "finish":
            store.begin_turn(begun(id))
            store.finish_turn(record(id))
        else:
            store.drop_prompt(id, Outcome.CANCELLED, FAULT, LATER)
    store.close()
    assert not holds(tmp_path, b"the secret haiku")


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_what_was_erased_is_not_in_the_journal_either(
    open_store: OpenStore, tmp_path: Path
) -> None:
    """While others have the file open, too, and with one that reads: it is found by nobody."""
    store, other = open_store(), open_store()
    store.save_prompt(prompt("p1", "the secret haiku"))
    store.drop_prompt("p1", Outcome.CANCELLED, FAULT, LATER)
    assert holds(tmp_path, b"the secret haiku")
    assert other.turns() == []
    store.forget()
    assert not holds(tmp_path, b"the secret haiku")
    other.save_prompt(prompt("p2"))
    assert [row.id for row in store.waiting_prompts()] == ["p2"]


def holds(folder: Path, text: bytes) -> bool:
    return any(text in file.read_bytes() for file in folder.rglob("*") if file.is_file())


# --- the ledger -------------------------------------------------------------


def test_a_turn_is_recorded_with_all_that_it_used(store: Store) -> None:
    """The ledger gives back every figure, the split by model, and the raw report."""
    store.begin_turn(begun())
    store.finish_turn(record())
    (turn,) = store.turns()
    assert turn.usage == USAGE
    assert turn.reported == REPORTED
    assert turn.tokens == Ledger.of(USAGE)
    # What was written to a cache is part of the input that no cache gave.
    assert turn.tokens == Ledger(1400 - 3, 1900, 3, 78, 18)
    assert turn.tokens.total == 1400 + 1900 + 78
    assert (turn.id, turn.agent, turn.session, turn.model) == ("p1", "gemini", "s1", "flash")
    assert (turn.outcome, turn.fault, turn.log_mark) == (Outcome.OK, None, "m1")
    assert (turn.began_at, turn.ended_at, turn.duration_ms) == (NOON, LATER, 5000)
    assert store.model_requests("p1") == list(REQUESTS)


def test_both_sources_of_a_request_are_kept(store: Store) -> None:
    """What the protocol counted and what the log shows stand side by side, raw counters and
    all, also where they have the same id and differ; a late line of the log is added once."""
    told = RequestUsage(
        "a",
        "opus",
        input=3210,
        output=40,
        cached=3000,
        cache_write=200,
        cost_microusd=1234,
        scope=Scope.TURN,
        raw='{"input_tokens": 10}',
        subagent="toolu_1",
    )
    logged = RequestUsage("a", "opus", input=3210, output=1)
    late = RequestUsage("b", "opus", input=5, output=2)
    store.finish_turn(replace(record(requests=(logged,)), told=(told,)))
    for _ in range(2):
        store.add_logged("p1", "gemini", "s1", (late,))
    assert store.model_requests("p1", Source.OFFICIAL) == [told]
    assert store.model_requests("p1", Source.LOG) == [logged, late]


def test_an_agents_own_price_is_kept(store: Store) -> None:
    """To the millionth of a dollar, with the word that the turn was cut short."""
    usage = replace(USAGE, cost_microusd=123_456, at_least=True, subagent_tokens=9)
    store.finish_turn(record(usage=usage))
    (turn,) = store.turns()
    assert turn.usage == usage


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_its_row(store: Store, outcome: Outcome) -> None:
    """Failed, cancelled and interrupted turns are in the ledger like any other."""
    store.finish_turn(replace(record(outcome=outcome), fault=FAULT))
    (turn,) = store.turns()
    assert (turn.outcome, turn.fault) == (outcome, FAULT)
    assert turn.tokens.total > 0


def test_a_turn_finished_twice_counts_once(store: Store) -> None:
    """A retry changes neither the row nor the sums; the first record stands."""
    store.save_prompt(prompt())
    store.begin_turn(begun())
    store.finish_turn(record())
    store.finish_turn(record(outcome=Outcome.ERROR))
    store.begin_turn(begun(mark="later"))
    (turn,) = store.turns()
    assert (turn.outcome, turn.log_mark) == (Outcome.OK, "m1")
    assert store.totals("s1").turns == 1
    assert store.unfinished_turns() == []
    assert len(store.model_requests("p1")) == 3


def test_a_turn_that_was_never_begun_is_recorded_whole(store: Store) -> None:
    """When the note at the beginning failed, the record at the end makes the row."""
    store.save_prompt(prompt())
    store.finish_turn(record())
    assert store.turns()[0].usage == USAGE
    assert store.waiting_prompts() == []


def test_a_turn_under_way_is_found_by_the_next_daemon(open_store: OpenStore) -> None:
    """What was begun and never finished is given back with its mark, oldest first."""
    store = open_store()
    for id in ("p1", "p2", "p3"):
        store.begin_turn(begun(id, session=None, mark=""))
    store.begin_turn(begun("p2", session="s2", mark="m2"))
    store.finish_turn(record("p1"))
    store.close()
    after = open_store()
    assert after.unfinished_turns() == [
        begun("p2", session="s2", mark="m2"),
        begun("p3", session=None, mark=""),
    ]
    assert [t.outcome for t in after.turns()] == [None, None, Outcome.OK]
    after.finish_turn(record("p2", Outcome.INTERRUPTED, requests=()))
    assert [t.id for t in after.unfinished_turns()] == ["p3"]


def test_turns_come_newest_first(store: Store) -> None:
    """`turns` gives the last ones, of one agent where it is named."""
    for number in range(4):
        store.finish_turn(replace(record(f"p{number}"), agent=f"agent{number % 2}", requests=()))
    assert [t.id for t in store.turns(3)] == ["p3", "p2", "p1"]
    assert [t.id for t in store.turns(3, "agent0")] == ["p2", "p0"]
    assert store.turns(agent="nobody") == []


def test_a_request_belongs_to_the_first_turn_that_has_it(store: Store) -> None:
    """The agent's log may be read twice after a crash; each record is kept once per session."""
    more = RequestUsage("d", "flash", 1, 1)
    store.finish_turn(record("p1"))
    store.finish_turn(record("p2", requests=(*REQUESTS, more, more)))
    store.finish_turn(record("p3", session="s2"))
    assert store.model_requests("p1") == list(REQUESTS)
    assert store.model_requests("p2") == [more]
    assert store.model_requests("p3") == list(REQUESTS)


def test_absurd_counts_do_not_break_the_ledger(store: Store) -> None:
    """An agent that reports 10**30 tokens, or fewer than none, is brought to the bounds."""
    for id in ("p1", "p2"):
        usage = TurnUsage(input=10**30, net=10**30, output=-5, context=10**30)
        store.finish_turn(record(id, usage=usage, requests=()))
    tokens = store.totals("s1").tokens
    assert (tokens.net_input, tokens.output) == (2 * LARGEST_COUNT, 0)


def test_totals_add_up_a_session(store: Store) -> None:
    """The sums of a session are those of its finished turns, by agent where it is named."""
    store.finish_turn(record("p1"))
    store.finish_turn(record("p2", Outcome.CANCELLED, requests=()))
    store.begin_turn(begun("p3"))
    store.finish_turn(record("p4", session="s2"))
    twice = Ledger(2794, 3800, 6, 156, 36)
    assert store.totals("s1") == Totals(2, twice, requests=6, tool_calls=4, duration_ms=10_000)
    assert store.totals("s1", agent="gemini").turns == 2
    nothing = Totals(0, Ledger(0, 0, 0, 0, 0), 0, 0, 0)
    assert store.totals("s1", agent="echo") == nothing
    assert store.totals("s3") == nothing


# --- agents and sessions ----------------------------------------------------


def test_a_session_has_the_figures_of_its_turns(store: Store) -> None:
    """The worked example: three requests give the nine figures of session.json."""
    store.save_session("gemini", "s1", NOON)
    store.finish_turn(record())
    assert store.session("gemini", "s1") == SessionRow(
        "gemini",
        "s1",
        created_at=NOON,
        last_activity_at=LATER,
        total_input_tokens=1200,
        total_output_tokens=60,
        total_cached_tokens=1000,
        total_net_tokens=1400,
        interaction_count=1,
        last_interaction_at=LATER,
        last_input_tokens=3300,
        requests=3,
        tool_calls=2,
    )


def test_a_turn_without_a_request_leaves_the_context(store: Store) -> None:
    """A turn that failed early counts, and the size of the context is what it was."""
    store.finish_turn(record("p1"))
    store.finish_turn(record("p2", Outcome.ERROR, usage=TurnUsage(), requests=()))
    session = store.session("gemini", "s1")
    assert session is not None
    assert (session.total_input_tokens, session.total_cached_tokens) == (1200, 1000)
    assert (session.interaction_count, session.last_input_tokens) == (2, 0)


def test_what_nobody_asked_for_is_no_interaction(store: Store) -> None:
    """Tokens that an agent used by itself are summed; they are not a prompt."""
    store.finish_turn(record("p1"))
    store.finish_turn(replace(record("p2"), prompted=False))
    session = store.session("gemini", "s1")
    assert session is not None
    assert (session.interaction_count, session.total_output_tokens) == (1, 120)


def test_a_session_in_use_again_keeps_its_sums(store: Store) -> None:
    """Opening a session that is known touches its time only."""
    store.finish_turn(record())
    before = store.session("gemini", "s1")
    assert before is not None
    again = LATER + timedelta(hours=1)
    store.save_session("gemini", "s1", again)
    assert store.session("gemini", "s1") == replace(before, last_activity_at=again)


def test_a_turn_without_a_session_makes_none(store: Store) -> None:
    """A turn that failed before there was a session has a row of its own, and no session."""
    store.finish_turn(record(session=None))
    assert store.turns()[0].session is None
    assert store.session("gemini", "s1") is None


def test_the_same_session_id_of_two_agents_is_two_sessions(store: Store) -> None:
    """Ids are the agents' own: nothing keeps two agents from choosing the same one."""
    store.finish_turn(record("p1"))
    store.finish_turn(replace(record("p2"), agent="echo"))
    for agent in ("gemini", "echo"):
        session = store.session(agent, "s1")
        assert session is not None
        assert session.interaction_count == 1


def test_an_agent_is_saved_over_what_was_known(open_store: OpenStore) -> None:
    """The last word on an agent stands, and survives the daemon."""
    store = open_store()
    gemini = AgentRow("gemini", "gemini", "acp", "flash", "s1")
    store.save_agent(replace(gemini, session=None))
    store.save_agent(AgentRow("echo", "echo", "acp"))
    store.save_agent(gemini)
    store.close()
    assert open_store().agents() == [AgentRow("echo", "echo", "acp"), gemini]


# --- the log of decisions ---------------------------------------------------


def decided(run: str, number: int) -> Decision:
    event = PromptAsked(f"p{number}") if number else StartAsked()
    commands = (BeginTurn(f"p{number}"),) if number else ()
    return Decision(run, "gemini", number / 7, NOON, event, commands, number)


def test_decisions_come_back_in_order_and_numbered(open_store: OpenStore) -> None:
    """The store counts the decisions of each run, over calls, other runs and restarts."""
    store = open_store()
    store.log_decisions([replace(decided("one", i), number=0) for i in (0, 1)])
    store.log_decisions([decided("two", 0)])
    store.log_decisions([])
    store.close()
    store = open_store()
    store.log_decisions([replace(decided("one", 2), number=0)])
    assert list(store.decisions("one")) == [decided("one", i) for i in range(3)]
    assert list(store.decisions("two")) == [decided("two", 0)]
    assert list(store.decisions("three")) == []
    assert store.runs() == ["one", "two"]


def test_a_long_log_is_read_in_pages(store: Store) -> None:
    """More decisions than one page holds come back, each once."""
    store.log_decisions([decided("one", i) for i in range(1203)])
    assert [d.number for d in store.decisions("one")] == list(range(1203))


def test_pruning_keeps_the_newest(store: Store) -> None:
    """Pruning deletes the oldest decisions, and numbers go on where they were."""
    store.log_decisions([decided("one", i) for i in range(5)])
    store.log_decisions([decided("two", i) for i in range(5)])
    assert store.prune_decisions(7) == 3
    assert [d.number for d in store.decisions("one")] == [3, 4]
    assert store.prune_decisions(7) == 0
    store.log_decisions([decided("two", 5)])
    assert [d.number for d in store.decisions("two")] == [0, 1, 2, 3, 4, 5]
    assert store.prune_decisions(0) == 8
    assert store.runs() == []


# --- threads ----------------------------------------------------------------


def test_one_thread_after_another_may_use_it(store: Store) -> None:
    """A worker thread may be another one each time."""
    for number in range(3):
        worker = threading.Thread(target=store.save_prompt, args=[prompt(f"p{number}")])
        worker.start()
        worker.join()
    assert [p.id for p in store.waiting_prompts()] == ["p0", "p1", "p2"]
