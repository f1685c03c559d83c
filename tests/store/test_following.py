"""A failed attempt and the next one are one fact: both are kept, or neither."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tars.core.agent import Outcome
from tars.errors import Fault, FaultKind, StoreError
from tars.store.rows import PromptRow, TurnBegun, TurnRecord
from tars.store.store import Store
from tests.store.conftest import OpenStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def asked(prompt: str, agent: Any) -> PromptRow:
    return PromptRow(prompt, agent, "hello", NOON, timeout_seconds=9.0)


def failed(prompt: str, agent: str) -> TurnRecord:
    fault = Fault(FaultKind.QUOTA, "No quota.")
    return TurnRecord(prompt, agent, Outcome.ERROR, NOON, NOON, 5, fault=fault)


def begin(store: Store) -> None:
    store.begin_prompt(asked("ab", "a"), TurnBegun("ab", "a", NOON))


def test_the_next_attempt_waits_as_soon_as_the_failed_one_is_over(open_store: OpenStore) -> None:
    """With all that the agent needs, and with the names of those that were tried."""
    store = open_store()
    begin(store)
    store.finish_turn(failed("ab", "a"), asked("ab-2", "b"))
    store.begin_turn(TurnBegun("ab-2", "b", NOON))
    store.finish_turn(failed("ab-2", "b"), asked("ab-3", "c"))
    store.save_prompt(asked("cd", "a"))
    after_a_crash = open_store()
    assert after_a_crash.unfinished_turns() == []
    third, other = after_a_crash.waiting_prompts()
    assert (third.id, third.agent, third.text) == ("ab-3", "c", "hello")
    assert third.timeout_seconds == 9.0
    assert third.fell_back_from == ("a", "b")
    assert (other.id, other.fell_back_from) == ("cd", ())


def test_neither_is_kept_where_one_cannot_be(store: Store) -> None:
    """The turn is still under way for whoever comes next: nothing is reported twice."""
    begin(store)
    with pytest.raises(StoreError):
        store.finish_turn(failed("ab", "a"), asked("ab-2", None))
    assert [turn.id for turn in store.unfinished_turns()] == ["ab"]
    assert store.waiting_prompts() == []
    store.finish_turn(failed("ab", "a"), asked("ab-2", "b"))
    assert [prompt.id for prompt in store.waiting_prompts()] == ["ab-2"]
