"""How an agent is, with the evidence: one word for every state, and more for a busy one."""

from dataclasses import replace

import pytest

from tars.core.agent import Agent, Outcome, State
from tars.core.condition import Condition, Word, condition
from tars.core.events import (
    CancelAsked,
    Event,
    Exited,
    Hung,
    OverBudget,
    PermissionAnswered,
    PromptAsked,
    SpawnFailed,
    StartAsked,
    StopAsked,
    TimeUp,
    TurnEnded,
)
from tars.core.health import Delay, Signs
from tars.errors import Fault, FaultKind
from tests.core.script import (
    busy_agent,
    new_agent,
    permission,
    play,
    ready_agent,
    starting_agent,
)

QUOTA = Fault(FaultKind.QUOTA, "The limit is reached.")
WALL = 1000.0
BAD_KEY = Fault(FaultKind.BAD_KEY, "The key is not valid.")


def after(agent: Agent, *script: tuple[float, Event]) -> Agent:
    return play(agent, *script)[0]


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (new_agent(), Condition(Word.STOPPED, "nobody wants it to run", 0)),
        (
            after(new_agent(), (5, StartAsked(at_need=True))),
            Condition(Word.STOPPED, "a prompt starts it", 0),
        ),
        (starting_agent(), Condition(Word.STARTING, "its handshake is not answered yet", 0, 60)),
        (
            ready_agent(),
            Condition(Word.IDLE, "its handshake was answered, and nothing is asked", 0),
        ),
        (
            after(busy_agent(), (10, TurnEnded("p1", Outcome.ERROR, QUOTA, 100.0))),
            Condition(
                Word.LIMITED, "The limit is reached. tars tries the turn again by itself.", 10, 110
            ),
        ),
        (
            after(ready_agent(), (10, StopAsked())),
            Condition(Word.STOPPING, "its process is told to end (terminate)", 10),
        ),
        (
            after(new_agent(), (0, StartAsked()), (10, SpawnFailed(BAD_KEY))),
            Condition(Word.DEAD, "The key is not valid.", 10),
        ),
        (
            after(starting_agent(handshake_seconds=30), (30, TimeUp())),
            Condition(Word.WEDGED, "The agent did not answer its handshake within 30 s.", 30),
        ),
    ],
)
def test_every_state_has_its_word(agent: Agent, expected: Condition) -> None:
    """Since when it is so, and until when, where that is known."""
    assert condition(agent, Signs(0), 20, WALL) == expected


def test_a_dead_agent_that_comes_back_says_when() -> None:
    """The back-off is the end of it; what it died of is the evidence."""
    agent = after(ready_agent(), (10, Exited(7, 1)))
    found = condition(agent, Signs(0), 10, WALL)
    assert (found.word, found.since, found.until) == (Word.DEAD, 10, agent.deadline)
    assert "exited with status 1" in found.evidence


@pytest.mark.parametrize(
    ("signs", "evidence"),
    [
        (Signs(0), "it has its prompt, and has said nothing for 30 s"),
        (Signs(25, progressed_at=25), "it got on 5 s ago"),
        (Signs(28, progressed_at=10), "it wrote 2 s ago, and got on 20 s ago"),
        (Signs(5, tool_running=True), "a tool of it runs"),
        (Signs(5, delay=Delay("the model is busy", 5)), "it waits: the model is busy"),
    ],
)
def test_the_evidence_of_work_is_what_was_heard(signs: Signs, evidence: str) -> None:
    """Working since its turn began; how long ago it last got on is told apart."""
    found = condition(busy_agent(), signs, 30, WALL)
    assert found == Condition(Word.WORKING, evidence, 0)


def test_an_agent_that_waits_for_a_limit_by_itself_is_rate_limited() -> None:
    """It says until when; the turn goes on."""
    found = condition(busy_agent(), Signs(5, delay=Delay("rate limit", 5, 60)), 30, WALL)
    assert found == Condition(Word.LIMITED, "rate limit", 5, 60)


def test_a_permission_that_is_asked_outdoes_all_else() -> None:
    """Since it was asked, until it is refused; after the answer it works again."""
    agent = after(busy_agent(permission_seconds=300), (10, permission("r1", "edit")))
    found = condition(agent, Signs(10, delay=Delay("rate limit", 5, 60)), 30, WALL)
    evidence = "it asks for leave to use a tool (edit)"
    assert found == Condition(Word.PERMISSION, evidence, 10, 310)
    agent = after(agent, (40, PermissionAnswered("r1", "proceed")))
    assert condition(agent, Signs(41), 42, WALL).since == 40


def test_a_turn_without_life_is_wedged_until_it_obeys() -> None:
    """Also while its process is made to go, for it has not obeyed."""
    agent = after(busy_agent(cancel_seconds=10), (600, Hung("silent for 600 s")))
    found = condition(agent, Signs(0), 601, WALL)
    assert found == Condition(Word.WEDGED, "The turn was given up: silent for 600 s.", 0)
    agent = after(agent, (610, TimeUp()))
    assert agent.state is State.STOPPING
    assert condition(agent, Signs(0), 611, WALL).word is Word.WEDGED


@pytest.mark.parametrize("event", [CancelAsked("p1"), Hung("too long", wedged=False)])
def test_a_turn_that_is_merely_given_up_is_not_wedged(event: Event) -> None:
    """A cancel, or the prompt's own time-out, says nothing of the agent's health."""
    found = condition(after(busy_agent(), (5, event)), Signs(0), 6, WALL)
    assert found == Condition(Word.WORKING, "its turn was told to end", 0)


@pytest.mark.parametrize(
    ("outcome", "fault", "evidence"),
    [
        (Outcome.OK, None, "its last turn ended well"),
        (Outcome.ERROR, BAD_KEY, "its last turn failed (bad key)"),
        (Outcome.ERROR, QUOTA, "its last turn failed (quota)"),
        (Outcome.CANCELLED, None, "its last turn was cancelled"),
        (Outcome.REFUSED, None, "it refused its last turn"),
    ],
)
def test_an_idle_agent_says_how_its_last_turn_ended(
    outcome: Outcome, fault: Fault | None, evidence: str
) -> None:
    """Nothing more is claimed: that it works is not known."""
    agent = after(busy_agent(), (10, TurnEnded("p1", outcome, fault)))
    expected = Condition(Word.IDLE, f"{evidence}, and nothing is asked", 10)
    assert condition(agent, Signs(0), 20, WALL) == expected


def test_a_turn_that_was_given_up_is_told() -> None:
    """Also of the process that took the place of the one that hung."""
    agent = after(
        busy_agent(), (600, Hung("silent for 600 s")), (601, TurnEnded("p1", Outcome.CANCELLED))
    )
    assert condition(agent, Signs(0), 602, WALL).evidence == (
        "its last turn was given up (timeout), and nothing is asked"
    )


def test_a_budget_that_is_used_up_is_no_limit_of_the_account() -> None:
    """Its agent is idle, whatever else it may be asked; how its last turn ended is told."""
    agent = after(busy_agent(), (10, OverBudget("p1", "Nothing is left.", until=WALL + 90)))
    agent = after(agent, (11, TurnEnded("p1", Outcome.CANCELLED)))
    found = condition(agent, Signs(0), 20, WALL)
    assert (found.word, found.evidence) == (
        Word.IDLE,
        "its last turn was cancelled (over budget), and nothing is asked",
    )


@pytest.mark.parametrize("way", ["not waited for", "cancelled"])
def test_an_idle_agent_whose_limit_holds_is_rate_limited(way: str) -> None:
    """Whether nobody waits for its end, or nobody does any more; until then, or a success."""
    known = replace(QUOTA, until=WALL + 90)
    met = TurnEnded("p1", Outcome.ERROR, known, 100.0 if way == "cancelled" else None)
    agent = after(busy_agent(), (10, met))
    if way == "cancelled":
        agent = after(agent, (10, CancelAsked("p1")))
    expected = Condition(Word.LIMITED, "The limit is reached.", 10, 110)
    assert condition(agent, Signs(0), 20, WALL) == expected
    assert condition(agent, Signs(0), 111, WALL + 91).word is Word.IDLE
    agent = after(agent, (30, PromptAsked("p2")), (40, TurnEnded("p2", Outcome.OK)))
    assert condition(agent, Signs(0), 41, WALL + 21).word is Word.IDLE
