"""Events reach the agent they name; the log alone tells the whole story again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.core.agent import Outcome, Spec, State
from tars.core.commands import Command, DropPrompt, FinishTurn, Spawn
from tars.core.events import (
    CancelAsked,
    Configured,
    Event,
    Exited,
    HandshakeAnswered,
    HandshakeFailed,
    Hung,
    Outgrown,
    OverBudget,
    PermissionAnswered,
    PromptAsked,
    RanAway,
    RestartAsked,
    Spawned,
    SpawnFailed,
    StartAsked,
    StopAsked,
    TimeUp,
    TurnEnded,
)
from tars.core.fleet import Fleet
from tars.errors import AgentNotFound, Fault, FaultKind
from tests.core.script import permission


def two_agents() -> Fleet:
    fleet, _ = Fleet().step("a", Configured(Spec("a", handshake_seconds=30)), 0)
    fleet, _ = fleet.step("b", Configured(Spec("b", handshake_seconds=20)), 0)
    return fleet


def test_an_agent_begins_with_its_configuration() -> None:
    """The first event makes it; the order is that of the configuration."""
    fleet = two_agents()
    assert list(fleet) == ["a", "b"]
    assert (fleet["a"].state, fleet["a"].since) == (State.STOPPED, 0)


def test_an_event_changes_only_the_agent_it_names() -> None:
    """The other agent is the very same value."""
    fleet = two_agents()
    after, commands = fleet.step("a", StartAsked(), 1)
    assert commands == (Spawn(),)
    assert after["b"] is fleet["b"]
    assert (fleet["a"].state, after["a"].state) == (State.STOPPED, State.STARTING)


def test_a_second_configuration_changes_the_policy() -> None:
    """The agent that is there keeps its state."""
    fleet, _ = two_agents().step("a", StartAsked(), 1)
    fleet, _ = fleet.step("a", Configured(Spec("a", turn_seconds=9)), 2)
    assert (fleet["a"].state, fleet["a"].spec.turn_seconds) == (State.STARTING, 9)


def test_an_unknown_name_is_the_callers_fault() -> None:
    """Nothing but `Configured` makes an agent."""
    with pytest.raises(AgentNotFound, match="'c'") as caught:
        two_agents().step("c", StartAsked(), 1)
    assert caught.value.advice == "`tars agents` shows the names."


def test_an_agent_can_be_taken_out() -> None:
    """The others stay; an unknown name is no fault."""
    assert list(two_agents().without("a")) == ["b"]
    assert list(two_agents().without("c")) == ["a", "b"]


def test_the_next_deadline_is_the_earliest_of_all() -> None:
    """And due are exactly those whose deadline has passed."""
    fleet = two_agents()
    assert fleet.next_deadline is None
    assert fleet.due(10**9) == ()
    for name in fleet:
        fleet, _ = fleet.step(name, StartAsked(), 1)
    assert fleet.next_deadline == 21
    assert [fleet.due(now) for now in (20, 21, 30, 31)] == [(), ("b",), ("b",), ("a", "b")]


# --- whatever is told -----------------------------------------------------------

FAULTS = st.sampled_from(
    [Fault(kind, "It went wrong.") for kind in (FaultKind.BAD_KEY, FaultKind.OVERLOADED)]
)
PIDS = st.integers(1, 3)
PROMPTS = st.sampled_from(["p1", "p2", "p3", "p4"])
REQUESTS = st.sampled_from(["r1", "r2"])
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(StartAsked),
    st.builds(StopAsked, st.booleans()),
    st.builds(RestartAsked),
    st.builds(
        Configured,
        st.builds(
            Spec,
            st.just("a"),
            one_shot=st.booleans(),
            trusts_exit_status=st.booleans(),
            queue_limit=st.integers(0, 2),
        ),
    ),
    st.builds(Spawned, PIDS),
    st.builds(SpawnFailed, FAULTS),
    st.builds(HandshakeAnswered),
    st.builds(HandshakeFailed, FAULTS),
    st.builds(PromptAsked, PROMPTS),
    st.builds(CancelAsked, PROMPTS),
    st.builds(TurnEnded, PROMPTS, st.sampled_from(Outcome)),
    st.builds(Exited, PIDS, st.sampled_from([0, 1, -9]), st.none() | FAULTS),
    st.builds(TimeUp),
    st.builds(Hung, st.just("silent")),
    st.builds(Outgrown, st.just("too large")),
    st.builds(OverBudget, PROMPTS, st.just("nothing is left")),
    st.builds(RanAway, PROMPTS, st.just("round and round")),
    st.builds(permission, REQUESTS),
    st.builds(PermissionAnswered, REQUESTS, st.sampled_from(["proceed", None])),
)
LOG = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), EVENTS, st.floats(0, 100)), min_size=20, max_size=60
)


def replay(log: list[tuple[str, Event, float]]) -> tuple[Fleet, list[Command]]:
    """Feed a log of (name, event, seconds since the one before) into a fresh fleet."""
    fleet, told, now = two_agents(), list[Command](), 0.0
    for name, event, later in log:
        now += later
        fleet, commands = fleet.step(name, event, now)
        told.extend(commands)
    return fleet, told


@settings(max_examples=75, deadline=None)
@given(LOG)
def test_the_log_alone_tells_the_whole_story_again(log: list[tuple[str, Event, float]]) -> None:
    """Even from events that no honest world would send: no step raises, and a second
    reading gives the same commands and the same fleet, jitter included."""
    assert replay(log) == replay(log)


@settings(max_examples=75, deadline=None)
@given(LOG)
def test_no_prompt_is_reported_more_often_than_it_was_asked(
    log: list[tuple[str, Event, float]],
) -> None:
    """Whatever the world claims, every report answers a prompt that somebody asked."""
    _, told = replay(log)
    asked = [event.prompt for _, event, _ in log if isinstance(event, PromptAsked)]
    reported = [c.prompt for c in told if isinstance(c, FinishTurn | DropPrompt)]
    assert all(reported.count(prompt) <= asked.count(prompt) for prompt in reported)
