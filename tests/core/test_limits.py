"""A limit of the account that ends by itself: the turn waits for that, and is tried once more."""

from typing import Any

import pytest

from tars.core.agent import Agent, Outcome, Spec, State
from tars.core.commands import (
    AnswerPermission,
    BeginTurn,
    CancelTurn,
    Command,
    DropPrompt,
    FinishTurn,
    HoldTurn,
    ResumeTurn,
    Signal,
    SignalName,
    Spawn,
)
from tars.core.events import (
    CancelAsked,
    Configured,
    Event,
    Exited,
    HandshakeAnswered,
    HandshakeFailed,
    Outgrown,
    OverBudget,
    PromptAsked,
    RestartAsked,
    Spawned,
    SpawnFailed,
    StartAsked,
    StopAsked,
    TimeUp,
    TurnEnded,
)
from tars.core.restart import RestartPolicy, When
from tars.errors import Fault, FaultKind
from tests.core.script import busy_agent, busy_single, permission, play

QUOTA = Fault(FaultKind.QUOTA, "The limit is reached.", "Wait.", until=1_700_000_000.0)
TERMINATE = Signal(7, SignalName.TERMINATE)
HELD = HoldTurn("p1", QUOTA)


def met(prompt: str = "p1", seconds: float | None = 100.0) -> TurnEnded:
    return TurnEnded(prompt, Outcome.ERROR, QUOTA, seconds)


def limited_agent(*waiting: str, **policy: Any) -> Agent:
    """p1 met a limit at 10, which ends at 110."""
    agent, told = play(busy_agent(*waiting, **policy), (10, met()))
    assert (agent.state, agent.next_deadline, told) == (State.LIMITED, 110, [HELD])
    return agent


def limited_single(*waiting: str, **policy: Any) -> Agent:
    """The same, of an agent with a process per prompt; that process is gone."""
    agent, told = play(
        busy_single(*waiting, **policy), (0, Spawned(7)), (10, met()), (11, Exited(7, 1))
    )
    assert (agent.state, agent.pid, agent.next_deadline, told) == (State.LIMITED, None, 110, [HELD])
    return agent


def test_a_turn_that_met_a_limit_is_tried_once_more_when_it_ends() -> None:
    """It is the same turn, with all its time; not before the limit ends; the process stays."""
    agent, told = play(limited_agent(turn_seconds=50), (109, TimeUp()))
    assert (agent.state, agent.pid, told) == (State.LIMITED, 7, [])
    agent, told = play(agent, (110, TimeUp()))
    assert (agent.state, agent.next_deadline, told) == (State.BUSY, 160, [ResumeTurn("p1")])
    agent, told = play(agent, (120, TurnEnded("p1", Outcome.OK)))
    assert (agent.state, agent.fault, told) == (State.READY, None, [FinishTurn("p1", Outcome.OK)])


def test_a_second_limit_ends_the_turn() -> None:
    """With its fault; then the next prompt has its turn, and may be held for itself."""
    agent, told = play(limited_agent("p2"), (110, TimeUp()), (120, met()))
    assert told == [ResumeTurn("p1"), FinishTurn("p1", Outcome.ERROR, QUOTA), BeginTurn("p2")]
    agent, told = play(agent, (130, met("p2")))
    assert (agent.state, told) == (State.LIMITED, [HoldTurn("p2", QUOTA)])


@pytest.mark.parametrize(
    ("policy", "event"),
    [
        ({}, met(seconds=None)),
        ({}, met(seconds=21_601.0)),
        ({"limit_wait_seconds": 99.0}, met()),
        ({"limit_wait_seconds": 0.0}, met(seconds=0.0)),
        ({"waits_for_limits": False}, met()),
        ({}, TurnEnded("p1", Outcome.REFUSED, QUOTA, 100.0)),
    ],
)
def test_what_is_not_waited_for_fails_with_its_fault(
    policy: dict[str, Any], event: TurnEnded
) -> None:
    """No known end, one beyond the cap, waiting turned off, or no error at all."""
    agent, told = play(busy_agent(**policy), (10, event))
    assert (agent.state, told) == (State.READY, [FinishTurn("p1", event.outcome, QUOTA)])


def test_an_end_without_a_fault_is_never_held() -> None:
    """A time alone says nothing of what would be waited for."""
    _, told = play(busy_agent(), (10, TurnEnded("p1", Outcome.ERROR, None, 100.0)))
    assert told == [FinishTurn("p1", Outcome.ERROR)]


def test_a_turn_that_was_cancelled_is_not_held() -> None:
    """Somebody wants its end."""
    agent, told = play(busy_agent(), (5, CancelAsked("p1")), (10, met()))
    assert agent.state is State.READY
    assert told == [CancelTurn("p1"), FinishTurn("p1", Outcome.CANCELLED)]


def test_what_the_first_attempt_asked_is_answered() -> None:
    """The process goes on, and an agent always gets an answer; one that is gone gets none."""
    agent, told = play(busy_agent(), (5, permission("r1")), (10, met()))
    assert (agent.permissions, told) == ((), [AnswerPermission("r1", None), HELD])
    gone = (10, Exited(7, 1, QUOTA, 100.0))
    _, told = play(busy_single(), (0, Spawned(7)), (5, permission("r1")), gone)
    assert told == [HELD]


def test_a_limit_that_is_over_is_tried_at_once() -> None:
    """Clocks differ; an end in the past is now."""
    agent, told = play(busy_agent(), (10, met(seconds=-5.0)))
    assert (agent.state, told) == (State.BUSY, [HELD, ResumeTurn("p1")])


def test_prompts_queue_behind_the_held_one() -> None:
    """The held one runs first, once; asked again it is known."""
    agent, told = play(limited_agent(), (20, PromptAsked("p2")), (21, PromptAsked("p1")))
    assert (agent.queue.waiting, agent.under_way, told) == (("p2",), "p1", [])
    _, told = play(agent, (110, TimeUp()), (120, TurnEnded("p1", Outcome.OK)))
    assert told == [ResumeTurn("p1"), FinishTurn("p1", Outcome.OK), BeginTurn("p2")]


@pytest.mark.parametrize("event", [StartAsked(), met(), permission("r1")])
def test_what_changes_nothing_while_it_waits(event: Event) -> None:
    """A start that is repeated must not use up the attempt; requests are always answered."""
    agent = limited_agent()
    same, told = play(agent, (20, event))
    assert same == agent
    assert told in ([], [AnswerPermission("r1", None)])


def test_cancelling_the_held_turn_frees_the_agent() -> None:
    """It is reported, and the next prompt has its turn."""
    agent, told = play(limited_agent("p2"), (20, CancelAsked("p1")))
    assert (agent.state, told) == (
        State.BUSY,
        [FinishTurn("p1", Outcome.CANCELLED), BeginTurn("p2")],
    )
    agent, told = play(limited_agent(), (20, CancelAsked("p1")))
    assert (agent.state, agent.deadline) == (State.READY, None)


def test_cancelling_one_that_queues_leaves_the_held_turn() -> None:
    """Only the named prompt goes."""
    agent, told = play(limited_agent("p2"), (20, CancelAsked("p2")))
    assert (agent.state, agent.queue.waiting) == (State.LIMITED, ())
    assert told == [DropPrompt("p2", Outcome.CANCELLED)]


def test_a_stop_ends_the_held_turn() -> None:
    """It began, so it is interrupted; what queues behind it is refused."""
    agent, told = play(limited_agent("p2"), (20, StopAsked()))
    assert (agent.state, agent.held) == (State.STOPPING, None)
    finished, dropped, signal = told
    assert isinstance(finished, FinishTurn)
    assert isinstance(dropped, DropPrompt)
    assert (finished.prompt, finished.outcome) == ("p1", Outcome.INTERRUPTED)
    assert (dropped.prompt, dropped.outcome, signal) == ("p2", Outcome.REFUSED, TERMINATE)
    agent, told = play(limited_single(), (20, StopAsked()))
    assert (agent.state, len(told)) == (State.STOPPED, 1)


def test_the_daemons_leaving_keeps_the_held_turn_as_it_does_the_queue() -> None:
    """Nothing of them is reported: a successor runs them."""
    agent, told = play(limited_agent("p2"), (20, StopAsked(keep_queue=True)))
    assert (agent.held, agent.queue.waiting, told) == (None, (), [TERMINATE])
    agent, told = play(agent, (21, Exited(7, -15)))
    assert (agent.state, told) == (State.STOPPED, [])


def test_a_restart_tries_it_at_once_in_a_new_process() -> None:
    """Whoever asks for one may have seen to the limit."""
    agent, told = play(
        limited_agent(),
        (20, RestartAsked()),
        (21, Exited(7, -15)),
        (22, Spawned(8)),
        (23, HandshakeAnswered()),
    )
    assert (agent.state, told) == (State.BUSY, [TERMINATE, Spawn(), ResumeTurn("p1")])
    agent, told = play(limited_single(), (20, RestartAsked()))
    assert (agent.state, told) == (State.BUSY, [ResumeTurn("p1")])


@pytest.mark.parametrize("limited", [limited_agent, limited_single])
def test_an_attempt_that_a_person_asked_for_is_not_the_last(limited: Any) -> None:
    """The limit still holds: the turn is held until it ends, and is tried once more then."""
    restart: list[tuple[float, Event]] = [(20, RestartAsked())]
    if limited is limited_agent:
        restart += [(21, Exited(7, -15)), (22, Spawned(8)), (23, HandshakeAnswered())]
    else:
        restart += [(22, Spawned(8))]
    agent, _ = play(limited(), *restart)
    agent, told = play(agent, (30, met(seconds=80.0)))
    assert told == [HELD]
    if limited is limited_single:
        agent, _ = play(agent, (31, Exited(8, 1)))
    assert (agent.state, agent.next_deadline) == (State.LIMITED, 110)
    agent, _ = play(agent, (110, TimeUp()))
    agent, told = play(agent, (120, met()))
    assert told == [FinishTurn("p1", Outcome.ERROR, QUOTA)]


@pytest.mark.parametrize("status", [0, 1, -9])
def test_a_process_that_goes_meanwhile_comes_back_and_waits_on(status: int) -> None:
    """Whatever its status: the held turn wants it. It is tried when the limit ends."""
    agent, told = play(
        limited_agent("p2", trusts_exit_status=True),
        (20, Exited(9, status)),
        (20, Exited(7, status)),
        (21, TimeUp()),
        (22, Spawned(8)),
        (23, HandshakeAnswered()),
    )
    assert (agent.state, agent.pid, agent.next_deadline, told) == (State.LIMITED, 8, 110, [Spawn()])
    assert agent.held is not None
    assert agent.held.since == 10
    _, told = play(agent, (110, TimeUp()))
    assert told == [ResumeTurn("p1")]


def test_a_limit_that_ends_while_there_is_no_process_is_met_by_the_next() -> None:
    """The turn is tried as soon as the handshake is answered."""
    agent, told = play(
        limited_agent(),
        (20, Exited(7, 1)),
        (130, TimeUp()),
        (131, Spawned(8)),
        (132, HandshakeAnswered()),
    )
    assert (agent.state, told) == (State.BUSY, [Spawn(), ResumeTurn("p1")])


def test_a_process_that_never_comes_back_ends_the_held_turn() -> None:
    """Whether the policy forbids it, or a person has to mend something."""
    never = RestartPolicy(when=When.NEVER)
    agent, told = play(limited_agent(restart=never), (20, Exited(7, 1)))
    assert (agent.state, told[0].outcome) == (State.STOPPED, Outcome.ERROR)  # type: ignore[union-attr]
    bad_key = Fault(FaultKind.BAD_KEY, "The key is not valid.")
    agent, told = play(
        limited_agent(),
        (20, Exited(7, 1)),
        (21, TimeUp()),
        (22, Spawned(8)),
        (23, HandshakeFailed(bad_key)),
        (24, Exited(8, 1)),
    )
    assert agent.state is State.FAILED
    assert FinishTurn("p1", Outcome.ERROR, bad_key) in told


@pytest.mark.parametrize("state", [State.WAITING, State.STARTING, State.STOPPING])
def test_a_held_turn_can_be_cancelled_in_every_state(state: State) -> None:
    """Whatever becomes of the process, which goes on as it was to."""
    scripts: dict[State, list[tuple[float, Event]]] = {
        State.WAITING: [(20, Exited(7, 1))],
        State.STARTING: [(20, Exited(7, 1)), (21, TimeUp())],
        State.STOPPING: [(20, RestartAsked())],
    }
    agent, _ = play(limited_agent(), *scripts[state])
    assert agent.state is state
    after, told = play(agent, (22, CancelAsked("p1")))
    assert (after.state, after.held, told) == (
        state,
        None,
        [FinishTurn("p1", Outcome.CANCELLED)],
    )


def test_a_giant_is_replaced_while_its_turn_waits() -> None:
    """There is no better time; the turn goes on waiting in the new process."""
    agent, told = play(
        limited_agent(),
        (20, Outgrown("too large")),
        (21, Exited(7, -15)),
        (22, Spawned(8)),
        (23, HandshakeAnswered()),
    )
    assert (agent.state, agent.deadline, told) == (State.LIMITED, 110, [TERMINATE, Spawn()])


def test_a_new_policy_that_still_waits_changes_nothing() -> None:
    """The deadline that runs keeps running."""
    agent, told = play(limited_agent(), (20, Configured(Spec("gemini", queue_limit=3))))
    assert (agent.state, agent.deadline, agent.queue.limit, told) == (State.LIMITED, 110, 3, [])


def test_turning_the_waiting_off_ends_the_held_turn() -> None:
    """With the fault that it waits for; the next prompt has its turn."""
    off = Configured(Spec("gemini", limit_wait_seconds=0.0))
    agent, told = play(limited_agent("p2"), (20, off))
    assert agent.state is State.BUSY
    assert told == [FinishTurn("p1", Outcome.ERROR, QUOTA), BeginTurn("p2")]


def test_another_kind_of_process_is_a_restart_that_keeps_the_held_turn() -> None:
    """From one process for all prompts to one for each: the turn waits on without one."""
    single = Configured(Spec("gemini", one_shot=True))
    agent, told = play(limited_agent(), (20, single), (21, Exited(7, -15)))
    assert (agent.state, agent.pid, agent.deadline) == (State.LIMITED, None, 110)
    assert told == [TERMINATE]


def test_a_process_of_one_prompt_goes_before_the_wait() -> None:
    """And the second attempt has a process of its own."""
    agent, told = play(limited_single(), (110, TimeUp()), (111, Spawned(8)))
    assert (agent.state, agent.pid, told) == (State.BUSY, 8, [ResumeTurn("p1")])


def test_last_words_may_tell_of_the_limit_too() -> None:
    """A process that lives for one prompt says it as it dies; a person is not needed then."""
    agent, told = play(busy_single(), (0, Spawned(7)), (10, Exited(7, 1, QUOTA, 100.0)))
    assert (agent.state, agent.pid, agent.deadline, told) == (State.LIMITED, None, 110, [HELD])
    agent, told = play(busy_single(), (0, Spawned(7)), (10, Exited(7, 1, QUOTA)))
    assert (agent.state, told) == (State.FAILED, [FinishTurn("p1", Outcome.ERROR, QUOTA)])


def test_a_second_attempt_that_gets_no_process_ends_the_turn() -> None:
    """It was resumed once, and is reported once."""
    fault = Fault(FaultKind.CRASHED, "The process could not be made.")
    agent, told = play(limited_single(), (110, TimeUp()), (111, SpawnFailed(fault)))
    expected: list[Command] = [ResumeTurn("p1"), FinishTurn("p1", Outcome.ERROR, fault)]
    assert (agent.state, told) == (State.READY, expected)


OVER = OverBudget("p1", "The budget is used up.", "Wait.", 99.0)
SPENT = Fault(FaultKind.OVER_BUDGET, "The budget is used up.", "Wait.", 99.0)


def test_a_held_turn_over_its_budget_is_not_tried_again() -> None:
    """It ends as cancelled, and the next prompt has its turn; another turn's verdict is ignored."""
    agent = limited_agent("p2")
    assert play(agent, (20, OverBudget("p2", "enough"))) == (agent, [])
    agent, told = play(agent, (20, OVER))
    assert told == [FinishTurn("p1", Outcome.CANCELLED, SPENT), BeginTurn("p2")]


def test_a_held_turn_over_its_budget_ends_while_its_process_comes_back() -> None:
    """There is nobody to cancel it with: it is reported, and the rest goes on as it would."""
    agent, _ = play(limited_agent("p2"), (15, RestartAsked()))
    assert agent.state is State.STOPPING
    agent, told = play(agent, (20, OVER))
    assert (agent.state, told) == (State.STOPPING, [FinishTurn("p1", Outcome.CANCELLED, SPENT)])
