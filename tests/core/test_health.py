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
from tars.core.health import Look, Signs, next_look, shows_work, verdict
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
    agent = at_work()
    due = max(heard_at, 0) + 100
    assert next_look(agent, Signs(heard_at)) == due - 10
    watched = Signs(heard_at, look=Look(now, due - 10, processes=1))
    silence = Hung(
        "silent for 100 s, and its process used no CPU time to speak of",
        "`silence_seconds` allows longer silences.",
    )
    assert verdict(agent, watched, now) == (silence if hung else None)


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
    due = answer[0] + 100
    assert next_look(agent, Signs(10)) == due - 10
    assert verdict(agent, Signs(10, look=Look(due - 1, due - 10)), due - 1) is None
    assert verdict(agent, Signs(10, look=Look(due, due - 10)), due) is not None


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
    watched = Signs(0, rss_bytes=2, look=Look(100, 90))
    assert isinstance(verdict(agent, watched, 100), Hung)


# --- more than silence ------------------------------------------------------


def test_nobody_is_judged_unwatched() -> None:
    """Without two looks right before it there is no verdict, however late it is: the next
    look is due at once, and the verdict as soon as the tree was watched long enough."""
    agent = at_work()
    assert verdict(agent, Signs(0), 5000) is None
    once = Signs(0, look=Look(5000))
    assert verdict(agent, once, 5000) is None
    assert next_look(agent, once) == 5010
    early = Signs(0, look=Look(85, 75))
    assert verdict(agent, early, 100) is None
    assert next_look(agent, early) == 100
    hurried = Signs(0, look=Look(101, 100))
    assert verdict(agent, hurried, 101) is None
    assert next_look(agent, Signs(0, look=Look(70, 60))) == 90
    long_ago = Signs(0, look=Look(300, 90))
    assert verdict(agent, long_ago, 300) is None
    assert next_look(agent, long_ago) == 310
    assert isinstance(verdict(agent, Signs(0, look=Look(5010, 5000)), 5010), Hung)


def test_a_short_patience_watches_shortly() -> None:
    """The watch before a verdict is never longer than half of the silence."""
    assert next_look(busy_agent(silence_seconds=2), Signs(0)) == 1


@pytest.mark.parametrize(
    ("look", "works"),
    [
        (Look(100, None, cpu_seconds=9, over_seconds=10, born=3), False),
        (Look(100, 90, cpu_seconds=0.0, over_seconds=10), False),
        (Look(100, 90, cpu_seconds=0.19, over_seconds=10), False),
        (Look(100, 90, cpu_seconds=0.2, over_seconds=10), True),
        (Look(100, 90, cpu_seconds=0.01, over_seconds=0.05), False),
        (Look(100, 90, cpu_seconds=0.02, over_seconds=0.05), True),
        (Look(100, 90, born=1), True),
    ],
)
def test_work_is_a_share_of_a_core_or_a_new_process(look: Look, works: bool) -> None:
    """Timers that tick are no work, and neither is one step of the kernel's clock; the
    first look has nothing to compare with."""
    assert shows_work(look) is works


def test_a_tree_that_works_begins_its_patience_anew() -> None:
    """Silent and busy: it is looked at again when it would be due again, and so for ever."""
    agent = at_work()
    busy = Signs(0, look=Look(100, 90, cpu_seconds=9.9, over_seconds=10, worked_at=100))
    assert verdict(agent, busy, 100) is None
    assert next_look(agent, busy) == 190
    idle = Signs(0, look=Look(200, 190, processes=3, worked_at=100))
    found = verdict(agent, idle, 200)
    assert isinstance(found, Hung)
    assert found.reason == "silent for 100 s, and its 3 processes used no CPU time to speak of"


def test_an_idle_process_that_the_turn_began_is_given_longer() -> None:
    """Perhaps it is a tool that waits for something; but not for ever."""
    agent = at_work()
    assert verdict(agent, Signs(0, look=Look(100, 90, children=1)), 100) is None
    assert next_look(agent, Signs(0, look=Look(100, 90, children=1))) == 290
    assert verdict(agent, Signs(0, look=Look(300, 290, children=1)), 300) is not None


def test_bytes_that_lead_nowhere_are_given_longer() -> None:
    """A spinner turns on for ever: that is life, but no progress."""
    agent = at_work()
    spinning = Signs(290, progressed_at=0, look=Look(290, 280))
    assert verdict(agent, spinning, 290) is None
    assert next_look(agent, spinning) == 300
    found = verdict(agent, Signs(299, progressed_at=0, look=Look(300, 290)), 300)
    assert isinstance(found, Hung)
    assert found.reason.startswith("no progress for 300 s, whatever it wrote, and its process")


def test_a_spinner_that_stops_is_silence() -> None:
    """The last byte, not the last progress, begins the silence."""
    found = verdict(at_work(), Signs(5, progressed_at=0, look=Look(105, 95)), 105)
    assert isinstance(found, Hung)
    assert found.reason.startswith("silent for 100 s")


def test_progress_begins_all_patience_anew() -> None:
    """What moves the conversation on is worth more than any byte."""
    assert next_look(at_work(), Signs(250, progressed_at=250)) == 340


def test_a_short_silence_is_said_to_the_tenth() -> None:
    """Half a second is not no time."""
    found = verdict(busy_agent(silence_seconds=0.5), Signs(0, look=Look(0.5, 0.25)), 0.5)
    assert isinstance(found, Hung)
    assert found.reason.startswith("silent for 0.5 s")
