"""When a prompt goes to another agent, and to which."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.core.agent import Outcome
from tars.core.fallback import (
    NOBODY_ELSES,
    Attempt,
    earlier_attempts,
    falls_back,
    next_agent,
    next_attempt,
    passed_over,
)
from tars.errors import Fault, FaultKind


def fault(kind: FaultKind) -> Fault:
    return Fault(kind, "It went wrong.")


QUOTA, STOPPED = fault(FaultKind.QUOTA), fault(FaultKind.STOPPED)
CRASHED, SLOW = fault(FaultKind.CRASHED), fault(FaultKind.TIMEOUT)

TABLE = [
    # A turn that ended.
    (Attempt(Outcome.OK), False),
    (Attempt(Outcome.OK, QUOTA), False),
    (Attempt(Outcome.CANCELLED), False),
    (Attempt(Outcome.CANCELLED, CRASHED), False),
    (Attempt(Outcome.ERROR, QUOTA), True),
    (Attempt(Outcome.ERROR), True),
    (Attempt(Outcome.REFUSED), False),
    (Attempt(Outcome.REFUSED, fault(FaultKind.MODEL_ERROR)), False),
    # The agent hung, or the turn took as long as a person lets it.
    (Attempt(Outcome.TIMEOUT, SLOW), True),
    (Attempt(Outcome.TIMEOUT, SLOW, over_limit=True), False),
    # The agent crashed, or somebody stopped it.
    (Attempt(Outcome.INTERRUPTED, CRASHED), True),
    (Attempt(Outcome.INTERRUPTED), False),
    (Attempt(Outcome.INTERRUPTED, STOPPED), False),
    # A prompt that had no turn.
    (Attempt(Outcome.REFUSED, QUOTA, began=False), True),
    (Attempt(Outcome.REFUSED, STOPPED, began=False), False),
    (Attempt(Outcome.REFUSED, None, began=False), False),
    (Attempt(Outcome.REFUSED, fault(FaultKind.QUEUE_FULL), began=False), False),
    (Attempt(Outcome.ERROR, fault(FaultKind.GAVE_UP), began=False), True),
    (Attempt(Outcome.CANCELLED, None, began=False), False),
    # A prompt that goes on with a conversation of this agent.
    (Attempt(Outcome.ERROR, QUOTA, bound=True), False),
]


@pytest.mark.parametrize(("attempt", "expected"), TABLE)
def test_table(attempt: Attempt, expected: bool) -> None:
    """Failures of the agent move the prompt on; wishes and limits of a person do not."""
    assert falls_back(attempt) is expected


@pytest.mark.parametrize("kind", FaultKind)
def test_every_kind_of_fault(kind: FaultKind) -> None:
    """An error moves the prompt on unless its kind is nobody else's to mend."""
    assert falls_back(Attempt(Outcome.ERROR, fault(kind))) is (kind not in NOBODY_ELSES)


def everybody(_name: str) -> bool:
    return True


def test_the_first_agents_chain_comes_first() -> None:
    """Then the chains of those it led to; whoever was tried or is down is passed over."""
    chains = {"a": ["b", "c"], "b": ["d", "a"]}
    assert next_agent(["a"], chains, everybody) == "b"
    assert next_agent(["a", "b"], chains, everybody) == "c"
    assert next_agent(["a", "b", "c"], chains, everybody) == "d"
    assert next_agent(["a", "b", "c", "d"], chains, everybody) is None
    assert next_agent(["a"], chains, lambda name: name != "b") == "c"
    assert next_agent(["x"], chains, everybody) is None


NAMES = st.sampled_from("abcd")


@given(st.dictionaries(NAMES, st.lists(NAMES)), NAMES)
def test_a_chain_ends(chains: dict[str, list[str]], first: str) -> None:
    """Whatever leads where, nobody is asked twice."""
    tried = [first]
    while (following := next_agent(tried, chains, everybody)) is not None:
        assert following not in tried
        tried.append(following)
    assert len(tried) <= 4


def test_attempts_are_named_after_the_first() -> None:
    """So that whoever finds a later one knows those before it."""
    assert next_attempt("a1b2") == "a1b2-2"
    assert next_attempt("a1b2-2") == "a1b2-3"
    assert next_attempt("a1b2-9") == "a1b2-10"
    assert earlier_attempts("a1b2") == ()
    assert earlier_attempts("a1b2-2") == ("a1b2",)
    assert earlier_attempts("a1b2-4") == ("a1b2", "a1b2-2", "a1b2-3")


def test_who_was_passed_over_is_named() -> None:
    """Those of the chain before the one that was chosen, without those that were tried."""
    chains = {"a": ["b", "c"], "c": ["a", "b", "d"]}
    assert passed_over(("a",), chains, "c") == ("b",)
    assert passed_over(("a", "c"), chains, "d") == ("b",)
    assert passed_over(("a",), chains, "b") == ()
    assert passed_over(("a",), {}, "b") == ()
