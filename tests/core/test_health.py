"""Verdicts: silence in a turn, and memory between turns."""

from dataclasses import replace

import pytest

from tars.core.agent import Agent, Outcome, State
from tars.core.events import (
    CancelAsked,
    Event,
    Hung,
    Outgrown,
    PermissionAnswered,
    StopAsked,
    TimeUp,
    TurnEnded,
)
from tars.core.health import Signs, next_look, verdict
from tests.core.script import (
    busy_agent,
    busy_single,
    new_agent,
    permission,
    play,
    ready_agent,
    starting_agent,
)

MIB = 2**20


def at_work(*script: tuple[float, Event]) -> Agent:
    """Busy since 0, with 100 s of silence allowed."""
    agent, _ = play(busy_agent(silence_seconds=100, permission_seconds=500), *script)
    return agent


@pytest.mark.parametrize(
    ("heard_at", "now", "hung"),
    [
        (0, 99, False),
        (0, 100, True),
        (-500, 99, False),
        (-500, 100, True),
        (50, 149, False),
        (50, 150, True),
    ],
)
def test_silence_is_counted_from_the_last_byte_or_the_turns_begin(
    heard_at: float, now: float, hung: bool
) -> None:
    """Any byte is life; what was heard before the turn began does not count against it."""
    agent, signs = at_work(), Signs(heard_at)
    silence = Hung("silent for 100 s", "`silence_seconds` allows longer silences.")
    assert verdict(agent, signs, now) == (silence if hung else None)
    assert next_look(agent, signs) == max(heard_at, 0) + 100


def test_a_running_tool_may_be_silent() -> None:
    """The tool works; the agent has nothing to say."""
    signs = Signs(0, tool_running=True)
    assert verdict(at_work(), signs, 10**6) is None
    assert next_look(at_work(), signs) is None


def test_waiting_for_a_person_is_not_silence() -> None:
    """While a permission is pending nothing is counted."""
    agent = at_work((10, permission()))
    assert verdict(agent, Signs(10), 10**6) is None
    assert next_look(agent, Signs(10)) is None


@pytest.mark.parametrize("answer", [(400, PermissionAnswered("r1", "proceed")), (510, TimeUp())])
def test_silence_is_counted_anew_after_an_answer(answer: tuple[float, Event]) -> None:
    """However long the answer took: the agent has its whole time to go on."""
    agent = at_work((10, permission()), answer)
    assert agent.state is State.BUSY
    assert next_look(agent, Signs(10)) == answer[0] + 100
    assert verdict(agent, Signs(10), answer[0] + 99) is None
    assert verdict(agent, Signs(10), answer[0] + 100) is not None


def test_a_turn_that_was_told_to_end_is_not_judged_again() -> None:
    """The cancel has its own deadline."""
    assert verdict(at_work((1, CancelAsked("p1"))), Signs(0), 10**6) is None


@pytest.mark.parametrize(
    "agent",
    [
        new_agent(),
        starting_agent(),
        ready_agent(),
        at_work((1, StopAsked())),
        at_work((1, TurnEnded("p1", Outcome.OK))),
    ],
    ids=lambda agent: agent.state,
)
def test_silence_means_nothing_outside_a_turn(agent: Agent) -> None:
    """An idle agent has nothing to say, a starting one has its handshake's deadline."""
    assert verdict(agent, Signs(0), 10**6) is None
    assert next_look(agent, Signs(0)) is None


@pytest.mark.parametrize("agent", [ready_agent(), busy_agent()], ids=lambda agent: agent.state)
def test_growing_past_the_limit_is_told_once(agent: Agent) -> None:
    """Idle or busy; not at the limit, only past it; and not again once it is known."""
    agent = replace(agent, spec=replace(agent.spec, max_rss_bytes=10 * MIB))
    assert verdict(agent, Signs(0, rss_bytes=10 * MIB), 1) is None
    grown = verdict(agent, Signs(0, rss_bytes=10 * MIB + 1), 1)
    assert grown == Outgrown("resident memory grew past 10 MiB")
    after, _ = play(agent, (1, grown))
    assert verdict(after, Signs(0, rss_bytes=10 * MIB + 1), 2) is None


def test_without_a_limit_nothing_is_too_large() -> None:
    """The default is no limit."""
    assert verdict(ready_agent(), Signs(0, rss_bytes=2**50), 1) is None


def test_only_a_process_that_stays_can_grow_too_large() -> None:
    """A starting one is not judged yet, and one that lives for one prompt goes anyway."""
    signs = Signs(0, rss_bytes=2)
    assert verdict(starting_agent(max_rss_bytes=1), signs, 1) is None
    assert verdict(busy_single(max_rss_bytes=1), signs, 1) is None


def test_a_hang_outdoes_the_size() -> None:
    """A turn that is given up matters more than the memory it took."""
    agent = busy_agent(silence_seconds=100, max_rss_bytes=1)
    assert isinstance(verdict(agent, Signs(0, rss_bytes=2), 100), Hung)
