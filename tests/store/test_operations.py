"""A write that is put into words comes back as the same call."""

import inspect
from typing import get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.errors import StoreError
from tars.store.operations import Operation, Unfit, decode, encode, never_fits
from tars.store.spooled import METHODS
from tars.store.store import Store
from tests.store.samples import begun, prompt, record

#: What a store can only tell, and what its owner does with it as a whole.
READS = {
    *("agents", "attempt", "decisions", "marks", "model_requests", "runs", "session"),
    *("session_names", "totals", "turns", "unfinished_turns", "waiting_prompts"),
    *("apart", "behind", "catch_up", "close", "open", "reading", "writing"),
}
#: What is not worth waiting for a database that is away.
LEFT_OUT = {"forget", "hold_sessions", "prune_decisions"}
#: What becomes another write first.
TRANSLATED = {"log_decisions"}

st.register_type_strategy(int, st.integers(-(2**53), 2**53))
st.register_type_strategy(float, st.floats(allow_nan=False))


def test_every_write_of_the_store_can_wait() -> None:
    """A new method is either among them, or it is said here that it need not be."""
    public = {name for name in vars(Store) if not name.startswith("_")}
    assert public - READS - LEFT_OUT - TRANSLATED == set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_every_call_comes_back(name: str) -> None:
    """Whatever its arguments are, half characters and numbers without end among them."""
    method = METHODS[name]
    hints = get_type_hints(method)
    parameters = list(inspect.signature(method).parameters)[1:]

    @settings(max_examples=5, deadline=None)
    @given(st.fixed_dictionaries({each: st.from_type(hints[each]) for each in parameters}))
    def comes_back(arguments: dict[str, object]) -> None:
        operation = encode(method, **arguments)
        assert operation.name == name
        assert decode(method, operation) == arguments

    comes_back()


def test_half_characters_come_back() -> None:
    """An agent's last words may be cut in the midst of one."""
    row = prompt(text="half \ud800 of it \0")
    assert decode(METHODS["save_prompt"], encode(Store.save_prompt, row)) == {"prompt": row}


def test_what_was_left_out_is_left_out() -> None:
    """The method has its default for it, also that of a later version."""
    operation = encode(Store.finish_turn, record())
    assert set(decode(METHODS["finish_turn"], operation)) == {"turn"}


@pytest.mark.parametrize("arguments", ["no JSON", "[]", "3", '{"turn": 3}', '{"nobody": 1}', "{}"])
def test_what_cannot_be_read_is_a_clear_error(arguments: str) -> None:
    """It names the write, and quotes nothing of it."""
    with pytest.raises(Unfit, match="finish_turn") as caught:
        decode(METHODS["finish_turn"], Operation("finish_turn", arguments))
    assert never_fits(caught.value)


def test_what_may_pass_is_worth_another_try() -> None:
    """A full disk is; a bug, or what a database refuses by its rules, is not."""
    assert not never_fits(StoreError("The disk is full."))
    assert never_fits(OverflowError())


def test_no_prompt_is_in_its_repr() -> None:
    """An operation may stand in a log."""
    assert "haiku" not in repr(encode(Store.begin_prompt, prompt(), begun()))
