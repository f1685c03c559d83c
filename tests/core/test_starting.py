"""An agent comes up: the process, its handshake, and what happens when either fails."""

import pytest

from tars.core.agent import Outcome, State
from tars.core.commands import BeginTurn, DropPrompt, Signal, SignalName, Spawn
from tars.core.events import (
    CancelAsked,
    Event,
    Exited,
    HandshakeAnswered,
    HandshakeFailed,
    PromptAsked,
    RestartAsked,
    Spawned,
    SpawnFailed,
    StartAsked,
    StopAsked,
    TimeUp,
)
from tars.core.restart import RestartPolicy, When
from tars.errors import Fault, FaultKind
from tests.core.script import new_agent, permission, play, ready_agent, starting_agent

OVERLOADED = Fault(FaultKind.OVERLOADED, "The model is overloaded.")
NOT_INSTALLED = Fault(FaultKind.NOT_INSTALLED, "There is no command gemini.", "Install it.")
TERMINATE, KILL = Signal(7, SignalName.TERMINATE), Signal(7, SignalName.KILL)


def test_ready_means_that_the_handshake_was_answered() -> None:
    """A process alone is not ready; the answer to its handshake makes it so."""
    agent, told = play(new_agent(handshake_seconds=60), (1, StartAsked()), (2, Spawned(7)))
    assert (agent.state, agent.pid, agent.began) == (State.STARTING, 7, 2)
    assert agent.next_deadline == 61
    assert told == [Spawn()]
    agent, told = play(agent, (3, HandshakeAnswered()))
    assert (agent.state, agent.ready_since, agent.next_deadline) == (State.READY, 3, None)
    assert told == []


def test_no_process_answers_no_handshake() -> None:
    """An answer before the process was there is nobody's."""
    agent, told = play(new_agent(), (0, StartAsked()), (1, HandshakeAnswered()))
    assert (agent.state, told) == (State.STARTING, [Spawn()])


def test_prompts_that_came_early_are_run_when_ready() -> None:
    """First in, first out, from the moment the agent is ready."""
    agent, told = play(
        starting_agent(), (1, PromptAsked("p1")), (2, PromptAsked("p2")), (3, HandshakeAnswered())
    )
    assert told == [BeginTurn("p1")]
    assert agent.queue.waiting == ("p2",)


def test_a_prompt_that_came_early_can_be_withdrawn() -> None:
    """A prompt cancelled before the agent was ready is dropped, not run."""
    agent, told = play(
        starting_agent(), (1, PromptAsked("p1")), (2, CancelAsked("p1")), (3, HandshakeAnswered())
    )
    assert told == [DropPrompt("p1", Outcome.CANCELLED)]
    assert agent.state is State.READY


def test_a_permission_before_any_turn_is_refused() -> None:
    """No turn stands behind it; it is answered all the same."""
    _, told = play(starting_agent(), (1, permission()))
    assert [type(command).__name__ for command in told] == ["AnswerPermission"]


def test_a_handshake_has_a_deadline() -> None:
    """An agent that never answers is ended rung by rung, and tried again later."""
    agent, told = play(starting_agent(handshake_seconds=60, grace_seconds=5), (60, TimeUp()))
    assert (agent.state, told) == (State.STOPPING, [TERMINATE])
    agent, told = play(agent, (65, TimeUp()), (66, Exited(7, -9)))
    assert (agent.state, told) == (State.WAITING, [KILL])
    assert agent.fault is not None
    assert agent.fault.kind is FaultKind.TIMEOUT
    assert "within 60 s" in agent.fault.message
    assert "`tars logs --agent gemini`" in agent.fault.advice


def test_an_early_deadline_is_no_deadline() -> None:
    """A `TimeUp` before its time changes nothing, in any state."""
    agent = starting_agent(handshake_seconds=60)
    assert play(agent, (59, TimeUp())) == (agent, [])
    waiting, _ = play(agent, (1, Exited(7, 1)))
    assert waiting.state is State.WAITING
    assert play(waiting, (1, TimeUp())) == (waiting, [])


def test_a_process_that_was_ordered_is_waited_for() -> None:
    """Before the operating system has answered, there is nothing to end: only more time."""
    agent, told = play(new_agent(handshake_seconds=60), (0, StartAsked()), (60, TimeUp()))
    assert (agent.state, agent.next_deadline, told) == (State.STARTING, 120, [Spawn()])


def test_what_cannot_heal_is_not_tried_again() -> None:
    """A fault that needs a person fails the agent at once; the prompts are told why."""
    agent, told = play(
        new_agent(), (0, StartAsked()), (0, PromptAsked("p1")), (1, SpawnFailed(NOT_INSTALLED))
    )
    assert (agent.state, agent.fault, agent.next_deadline) == (State.FAILED, NOT_INSTALLED, None)
    assert told == [Spawn(), DropPrompt("p1", Outcome.ERROR, NOT_INSTALLED)]


def test_a_failed_agent_refuses_with_the_reason() -> None:
    """Each prompt to a failed agent hears what has to be mended."""
    agent, _ = play(new_agent(), (0, StartAsked()), (1, SpawnFailed(NOT_INSTALLED)))
    same, told = play(agent, (2, PromptAsked("p1")))
    assert same == agent
    assert told == [DropPrompt("p1", Outcome.REFUSED, NOT_INSTALLED)]


@pytest.mark.parametrize("wish", [StartAsked(), RestartAsked()])
def test_a_failed_agent_starts_afresh_when_asked(wish: Event) -> None:
    """Somebody mended it: what was tried before is forgotten, but not how often."""
    agent, _ = play(starting_agent(), (1, Exited(7, 1)))
    agent, _ = play(agent, (9, TimeUp()), (9, SpawnFailed(NOT_INSTALLED)))
    assert agent.state is State.FAILED
    agent, told = play(agent, (10, wish))
    assert (agent.state, told) == (State.STARTING, [Spawn()])
    assert (agent.restarts.times, agent.restarts.streak, agent.restarts.total) == ((), 0, 1)


def test_a_failed_agent_can_be_stopped() -> None:
    """There is nothing to end; it is down by wish now, and keeps its fault for the status."""
    agent, _ = play(new_agent(), (0, StartAsked()), (1, SpawnFailed(NOT_INSTALLED)))
    agent, told = play(agent, (2, StopAsked()))
    assert (agent.state, agent.wanted, agent.fault, told) == (
        State.STOPPED,
        False,
        NOT_INSTALLED,
        [],
    )


def test_what_may_heal_is_tried_again() -> None:
    """A failed spawn for a passing reason waits for its next attempt."""
    agent, _ = play(new_agent(), (0, StartAsked()), (1, SpawnFailed(OVERLOADED)))
    assert agent.state is State.WAITING
    deadline = agent.next_deadline
    assert deadline is not None
    assert 1.25 <= deadline <= 1.25 + 0.25 * 0.25
    agent, told = play(agent, (deadline, TimeUp()))
    assert (agent.state, told) == (State.STARTING, [Spawn()])


def test_a_living_process_was_not_failed_to_be_made() -> None:
    """A failure to spawn that comes while a process lives is nobody's, and loses nothing."""
    agent = starting_agent()
    assert play(agent, (1, SpawnFailed(OVERLOADED))) == (agent, [])


@pytest.mark.parametrize(
    ("fault", "state"), [(OVERLOADED, State.WAITING), (NOT_INSTALLED, State.FAILED)]
)
def test_a_refused_handshake_ends_the_process_first(fault: Fault, state: State) -> None:
    """The fault is judged once the process is gone."""
    agent, told = play(starting_agent(), (1, HandshakeFailed(fault)))
    assert (agent.state, told) == (State.STOPPING, [TERMINATE])
    agent, told = play(agent, (2, Exited(7, 0)))
    assert (agent.state, agent.fault, told) == (state, fault, [])


def test_a_handshake_refused_before_the_birth_leaves_no_orphan() -> None:
    """The process that is still to come is awaited and ended."""
    agent, _ = play(new_agent(), (0, StartAsked()), (1, HandshakeFailed(OVERLOADED)))
    agent, told = play(agent, (2, Spawned(7)))
    assert (agent.state, told) == (State.STOPPING, [TERMINATE])


@pytest.mark.parametrize("status", [0, 1, -9])
@pytest.mark.parametrize("trusts", [True, False])
def test_a_death_while_starting_is_a_failure(status: int, trusts: bool) -> None:
    """Whatever its status and whoever trusts it: nothing was ever ready."""
    agent, told = play(starting_agent(trusts_exit_status=trusts), (1, Exited(7, status)))
    assert (agent.state, agent.pid, told) == (State.WAITING, None, [])
    assert agent.fault is not None
    assert "while it started" in agent.fault.message


def test_last_words_outdo_the_exit_status() -> None:
    """What the agent says went wrong is the fault, not the number."""
    agent, _ = play(starting_agent(), (1, Exited(7, 0, NOT_INSTALLED)))
    assert (agent.state, agent.fault) == (State.FAILED, NOT_INSTALLED)


def test_the_exit_of_another_process_is_ignored() -> None:
    """Only this agent's own process counts, in every state with a process."""
    for agent in (starting_agent(pid=7), ready_agent(pid=7)):
        assert play(agent, (1, Exited(8, 1))) == (agent, [])


def test_a_second_start_changes_nothing() -> None:
    """Starting is idempotent."""
    for agent in (starting_agent(), ready_agent()):
        assert play(agent, (1, StartAsked())) == (agent, [])


def test_a_stopped_agent_refuses_prompts() -> None:
    """Nobody wants it to run: the prompt is told how to change that."""
    _, told = play(new_agent(), (0, PromptAsked("p1")))
    fault = Fault(
        FaultKind.STOPPED, "The agent gemini is stopped.", "`tars start gemini` starts it."
    )
    assert told == [DropPrompt("p1", Outcome.REFUSED, fault)]


def test_a_prompt_brings_back_an_agent_that_said_goodbye() -> None:
    """A clean end of a trusted agent is a rest, not a stop."""
    agent, told = play(ready_agent(trusts_exit_status=True), (5, Exited(7, 0)))
    assert (agent.state, agent.wanted, told) == (State.STOPPED, True, [])
    agent, told = play(agent, (6, PromptAsked("p1")), (7, Spawned(8)), (8, HandshakeAnswered()))
    assert (agent.state, told) == (State.BUSY, [Spawn(), BeginTurn("p1")])


def test_after_a_goodbye_a_stop_keeps_it_down() -> None:
    """Once somebody stops it, a prompt does not bring it back."""
    agent, _ = play(ready_agent(trusts_exit_status=True), (5, Exited(7, 0)), (6, StopAsked()))
    agent, told = play(agent, (7, PromptAsked("p1")))
    assert agent.state is State.STOPPED
    assert [type(command).__name__ for command in told] == ["DropPrompt"]


def test_last_words_do_not_spoil_a_goodbye() -> None:
    """A trusted status 0 outdoes what was last on stderr, but not what a person has to mend."""
    chatty = Fault(FaultKind.CRASHED, "The agent exited with status 0; the end of its stderr: bye")
    for fault, state in ((chatty, State.STOPPED), (NOT_INSTALLED, State.FAILED)):
        agent, _ = play(ready_agent(trusts_exit_status=True), (5, Exited(7, 0, fault)))
        assert agent.state is state


def test_gemini_exits_0_when_it_is_terminated() -> None:
    """Where the status is not trusted, 0 is a failure like any other."""
    agent, _ = play(ready_agent(trusts_exit_status=False), (5, Exited(7, 0)))
    assert agent.state is State.WAITING
    assert agent.fault is not None
    assert agent.fault.message == "The agent exited with status 0 unasked."


@pytest.mark.parametrize("wish", [StartAsked(), RestartAsked()])
def test_a_back_off_can_be_cut_short(wish: Event) -> None:
    """Somebody who asks does not wait."""
    waiting, _ = play(starting_agent(), (1, Exited(7, 1)))
    agent, told = play(waiting, (1, wish))
    assert (agent.state, told) == (State.STARTING, [Spawn()])


def test_prompts_wait_out_a_back_off() -> None:
    """A crash loses no prompt that was not begun."""
    agent, told = play(starting_agent(), (1, PromptAsked("p1")), (2, Exited(7, 1)))
    agent, more = play(agent, (2, PromptAsked("p2")), (2, CancelAsked("p1")))
    assert (agent.state, agent.queue.waiting) == (State.WAITING, ("p2",))
    assert told + more == [DropPrompt("p1", Outcome.CANCELLED)]


def test_too_many_crashes_are_given_up_with_the_reason() -> None:
    """More than `max_restarts` within the window: failed, and the prompts are told."""
    policy = RestartPolicy(max_restarts=2, window_seconds=600)
    agent = starting_agent(restart=policy)
    for now in (100.0, 200.0):
        agent, _ = play(agent, (now, Exited(7, 1)), (now + 60, TimeUp()), (now + 60, Spawned(7)))
        assert agent.state is State.STARTING
    agent, told = play(agent, (299, PromptAsked("p1")), (300, Exited(7, 3)))
    assert agent.state is State.FAILED
    assert agent.fault == Fault(
        FaultKind.GAVE_UP,
        "Gave up after 2 restarts within 600 s. The agent exited with status 3 while it started.",
        "`tars logs --agent gemini` shows what it wrote.",
    )
    assert told == [DropPrompt("p1", Outcome.ERROR, agent.fault)]


def test_giving_up_without_advice_names_the_restart() -> None:
    """Where the fault itself has no advice, the way back is named."""
    agent = starting_agent(restart=RestartPolicy(max_restarts=0))
    agent, _ = play(agent, (1, Exited(7, 1, OVERLOADED)))
    assert agent.fault is not None
    assert agent.fault.advice == "`tars restart gemini` tries again."


def test_the_first_restart_after_a_stable_life_is_immediate() -> None:
    """A process that was ready for `stable_seconds` is replaced at once, without back-off."""
    policy = RestartPolicy(stable_seconds=60)
    agent, told = play(ready_agent(restart=policy), (60, Exited(7, -9)))
    assert (agent.state, told) == (State.STARTING, [Spawn()])
    agent, told = play(ready_agent(restart=policy), (59, Exited(7, -9)))
    assert (agent.state, told) == (State.WAITING, [])


def test_never_means_never() -> None:
    """Without restarts, a crash leaves the agent stopped and its prompts reported."""
    agent, told = play(
        starting_agent(restart=RestartPolicy(when=When.NEVER)),
        (1, PromptAsked("p1")),
        (2, Exited(7, 1)),
    )
    assert (agent.state, agent.wanted) == (State.STOPPED, False)
    assert told == [DropPrompt("p1", Outcome.ERROR, agent.fault)]


def test_always_follows_even_a_goodbye() -> None:
    """`always` restarts after a clean exit as well."""
    policy = RestartPolicy(when=When.ALWAYS)
    agent, _ = play(ready_agent(trusts_exit_status=True, restart=policy), (5, Exited(7, 0)))
    assert agent.state is State.WAITING


def test_a_start_at_need_waits_for_a_prompt() -> None:
    """It starts nothing, and the first prompt then starts the agent. A stop undoes it."""
    agent, told = play(new_agent(), (0, StartAsked(at_need=True)))
    assert (agent.state, agent.wanted, told) == (State.STOPPED, True, [])
    agent, told = play(agent, (1, PromptAsked("p1")))
    assert (agent.state, told) == (State.STARTING, [Spawn()])
    agent, _ = play(new_agent(), (0, StartAsked(at_need=True)), (1, StopAsked()))
    assert not agent.wanted


def test_a_start_at_need_leaves_a_failed_agent_alone() -> None:
    """What needs a person still does."""
    failed, _ = play(new_agent(), (0, StartAsked()), (1, SpawnFailed(NOT_INSTALLED)))
    assert play(failed, (2, StartAsked(at_need=True))) == (failed, [])
