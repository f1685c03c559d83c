"""An agent is made to go: by a stop, a restart, its size, or a new policy."""

from dataclasses import replace

import pytest

from tars.core.agent import Agent, Because, Outcome, Spec, State
from tars.core.commands import (
    BeginTurn,
    CancelTurn,
    DropPrompt,
    FinishTurn,
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
    Outgrown,
    PromptAsked,
    RestartAsked,
    Spawned,
    SpawnFailed,
    StartAsked,
    StopAsked,
    TimeUp,
    TurnEnded,
)
from tars.core.transitions import stopped_fault
from tars.errors import Fault, FaultKind
from tests.core.script import (
    busy_agent,
    busy_single,
    new_agent,
    play,
    ready_agent,
    single_agent,
    starting_agent,
)

OVERLOADED = Fault(FaultKind.OVERLOADED, "The model is overloaded.")
STOPPED = stopped_fault(new_agent())
INTERRUPT, TERMINATE, KILL = (Signal(7, name) for name in SignalName)


def test_stop_escalates_from_term_to_kill() -> None:
    """A child that ignores SIGTERM is killed when its grace runs out."""
    agent, told = play(
        ready_agent(grace_seconds=5), (5, StopAsked()), (9, TimeUp()), (10, TimeUp())
    )
    assert told == [TERMINATE, KILL]
    agent, told = play(agent, (11, Exited(7, -9)))
    assert (agent.state, agent.wanted, agent.pid, told) == (State.STOPPED, False, None, [])


def test_a_stop_that_is_obeyed_needs_one_signal() -> None:
    """SIGTERM was enough, and nothing is due any more."""
    agent, told = play(ready_agent(), (5, StopAsked()), (6, Exited(7, 0)))
    assert (agent.state, agent.next_deadline, told) == (State.STOPPED, None, [TERMINATE])


def test_the_exit_of_another_process_ends_nothing() -> None:
    """A wrong pid is somebody else's: the process that was to end still is."""
    agent, _ = play(ready_agent(), (5, StopAsked()))
    assert play(agent, (6, Exited(8, 0))) == (agent, [])


def test_a_busy_agent_is_asked_to_give_up_its_turn_first() -> None:
    """The turn ends with what it used; then the process is terminated."""
    agent, told = play(busy_agent("p2"), (1, StopAsked()))
    assert told == [DropPrompt("p2", Outcome.REFUSED, STOPPED), CancelTurn("p1")]
    assert agent.turn is not None
    agent, told = play(agent, (2, TurnEnded("p1", Outcome.CANCELLED)), (3, Exited(7, 0)))
    assert told == [FinishTurn("p1", Outcome.INTERRUPTED), TERMINATE]
    assert agent.state is State.STOPPED


def test_a_busy_agent_that_is_deaf_climbs_every_rung() -> None:
    """Cancel, SIGINT, SIGTERM, SIGKILL; the turn is finished exactly once, at the end."""
    agent, told = play(
        busy_agent(cancel_seconds=10, grace_seconds=5),
        (0, StopAsked()),
        (10, TimeUp()),
        (15, TimeUp()),
        (20, TimeUp()),
        (21, Exited(7, -9)),
    )
    assert told == [
        CancelTurn("p1"),
        INTERRUPT,
        TERMINATE,
        KILL,
        FinishTurn("p1", Outcome.INTERRUPTED),
    ]
    assert agent.state is State.STOPPED


def test_a_turn_that_ends_on_a_higher_rung_changes_no_rung() -> None:
    """It is recorded, once; the process goes on being ended."""
    agent, told = play(
        busy_agent(cancel_seconds=10),
        (0, StopAsked()),
        (10, TimeUp()),
        (11, TurnEnded("p1", Outcome.OK)),
        (12, TurnEnded("p1", Outcome.OK)),
    )
    assert told == [CancelTurn("p1"), INTERRUPT, FinishTurn("p1", Outcome.OK)]
    assert (agent.state, agent.next_deadline) == (State.STOPPING, 15)


def test_a_turn_that_is_being_cancelled_is_not_cancelled_twice() -> None:
    """A stop after a cancel keeps the turn's outcome: it was cancelled."""
    agent, told = play(busy_agent(), (1, CancelAsked("p1")), (2, StopAsked()), (3, Exited(7, 0)))
    assert told == [CancelTurn("p1"), FinishTurn("p1", Outcome.CANCELLED)]
    assert agent.state is State.STOPPED


def test_a_stop_while_starting_ends_the_process() -> None:
    """It need not be ready to be ended; its answer no longer matters."""
    agent, told = play(
        starting_agent(), (1, PromptAsked("p1")), (2, StopAsked()), (3, HandshakeAnswered())
    )
    assert (agent.state, told) == (
        State.STOPPING,
        [DropPrompt("p1", Outcome.REFUSED, STOPPED), TERMINATE],
    )


def test_a_stop_before_the_birth_leaves_no_orphan() -> None:
    """The process that was ordered is awaited, however long it takes, and ended."""
    agent, told = play(new_agent(grace_seconds=5), (0, StartAsked()), (1, StopAsked()))
    assert (agent.state, agent.pid, told) == (State.STOPPING, None, [Spawn()])
    agent, told = play(agent, (6, TimeUp()), (99, TimeUp()), (100, Spawned(7)), (105, TimeUp()))
    assert (agent.state, told) == (State.STOPPING, [TERMINATE, KILL])
    agent, _ = play(agent, (106, Exited(7, -9)))
    assert agent.state is State.STOPPED


def test_a_stop_before_a_birth_that_never_comes() -> None:
    """The operating system made nothing: there is nothing to end."""
    agent, told = play(
        new_agent(), (0, StartAsked()), (1, StopAsked()), (2, SpawnFailed(OVERLOADED))
    )
    assert (agent.state, told) == (State.STOPPED, [Spawn()])


def test_a_living_process_is_not_lost_to_a_late_failure() -> None:
    """While a process is being ended, a failure to spawn is nobody's."""
    agent, _ = play(ready_agent(), (1, StopAsked()))
    assert play(agent, (2, SpawnFailed(OVERLOADED))) == (agent, [])


def test_a_stop_before_the_birth_of_a_prompts_process() -> None:
    """Ordered for a prompt, stopped before it came: awaited, ended, reported."""
    agent, told = play(busy_single("p2"), (1, StopAsked()), (50, TimeUp()), (51, Spawned(7)))
    assert told == [DropPrompt("p2", Outcome.REFUSED, STOPPED), TERMINATE]
    agent, told = play(agent, (52, Exited(7, -15)))
    assert (agent.state, told) == (State.STOPPED, [FinishTurn("p1", Outcome.INTERRUPTED)])


def test_a_stop_before_a_prompts_process_that_never_comes() -> None:
    """The turn is reported all the same."""
    agent, told = play(busy_single(), (1, StopAsked()), (2, SpawnFailed(OVERLOADED)))
    assert (agent.state, told) == (State.STOPPED, [FinishTurn("p1", Outcome.INTERRUPTED)])


def test_a_prompts_process_is_interrupted_by_a_stop() -> None:
    """Its protocol has no cancel: SIGINT first, then the ladder as for any other."""
    _, told = play(
        busy_single(cancel_seconds=10, grace_seconds=5),
        (0, Spawned(7)),
        (0, StopAsked()),
        (10, TimeUp()),
        (15, TimeUp()),
        (20, TimeUp()),
    )
    assert told == [INTERRUPT, INTERRUPT, TERMINATE, KILL]


def test_an_idle_agent_without_process_stops_at_once() -> None:
    """There is nothing to wait for."""
    agent, told = play(single_agent(), (1, StopAsked()))
    assert (agent.state, told) == (State.STOPPED, [])


def test_a_stop_in_a_back_off_tells_the_prompts() -> None:
    """Nothing runs, nothing is tried again."""
    agent, _ = play(starting_agent(), (1, PromptAsked("p1")), (2, Exited(7, 1)))
    agent, told = play(agent, (3, StopAsked()))
    assert (agent.state, agent.next_deadline) == (State.STOPPED, None)
    assert told == [DropPrompt("p1", Outcome.REFUSED, STOPPED)]


def test_a_daemon_that_leaves_keeps_its_prompts() -> None:
    """They are the successor's: the queue is emptied and nobody is told anything."""
    agent, told = play(busy_agent("p2", "p3"), (1, StopAsked(keep_queue=True)))
    assert (agent.queue.waiting, told) == ((), [CancelTurn("p1")])
    agent, told = play(agent, (2, Exited(7, 0)))
    assert (agent.state, told) == (State.STOPPED, [FinishTurn("p1", Outcome.INTERRUPTED)])


def test_a_stopping_agent_refuses_prompts() -> None:
    """Nobody will be there to run them."""
    agent, _ = play(ready_agent(), (1, StopAsked()))
    same, told = play(agent, (2, PromptAsked("p1")))
    assert (same, told) == (agent, [DropPrompt("p1", Outcome.REFUSED, STOPPED)])


@pytest.mark.parametrize("wish", [StartAsked(), RestartAsked()])
def test_a_start_while_stopping_comes_back(wish: Event) -> None:
    """One process after the other, never two; prompts wait for the second."""
    agent, told = play(ready_agent(), (1, StopAsked()), (2, wish), (3, PromptAsked("p1")))
    assert (agent.state, agent.wanted, told) == (State.STOPPING, True, [TERMINATE])
    agent, told = play(agent, (4, Exited(7, 0)), (5, Spawned(8)), (6, HandshakeAnswered()))
    assert told == [Spawn(), BeginTurn("p1")]


def test_a_stop_while_coming_back_stays_down() -> None:
    """The last wish counts; the prompts that waited for the return are told."""
    agent, told = play(ready_agent(), (1, RestartAsked()), (2, PromptAsked("p1")), (3, StopAsked()))
    assert told == [TERMINATE, DropPrompt("p1", Outcome.REFUSED, STOPPED)]
    agent, told = play(agent, (4, Exited(7, 0)))
    assert (agent.state, told) == (State.STOPPED, [])


def test_a_restart_keeps_the_prompts_that_wait() -> None:
    """The turn under way is interrupted; the queue goes to the new process."""
    agent, told = play(
        busy_agent("p2"),
        (1, RestartAsked()),
        (2, TurnEnded("p1", Outcome.CANCELLED)),
        (3, Exited(7, 0)),
        (4, Spawned(8)),
        (5, HandshakeAnswered()),
    )
    assert told == [
        CancelTurn("p1"),
        FinishTurn("p1", Outcome.INTERRUPTED),
        TERMINATE,
        Spawn(),
        BeginTurn("p2"),
    ]
    assert agent.pid == 8


def test_a_restart_of_an_idle_agent_is_immediate() -> None:
    """Without back-off, and without a place in the crash history."""
    agent, told = play(ready_agent(), (1, RestartAsked()), (2, Exited(7, 0)))
    assert (agent.state, agent.restarts.total, told) == (State.STARTING, 0, [TERMINATE, Spawn()])


def test_a_waiting_prompt_can_be_withdrawn_while_the_process_goes() -> None:
    """It waits like anywhere else."""
    agent, told = play(busy_agent("p2"), (1, RestartAsked()), (2, CancelAsked("p2")))
    assert told == [CancelTurn("p1"), DropPrompt("p2", Outcome.CANCELLED)]
    assert agent.queue.waiting == ()


def test_a_process_that_grew_is_replaced_between_turns() -> None:
    """Never in mid-turn; the prompts that wait go to the new process."""
    agent, told = play(busy_agent("p2"), (1, Outgrown("too large")))
    assert (agent.state, told) == (State.BUSY, [])
    agent, told = play(agent, (2, TurnEnded("p1", Outcome.OK)))
    assert told == [FinishTurn("p1", Outcome.OK), TERMINATE]
    agent, told = play(agent, (3, Exited(7, 0)), (4, Spawned(8)), (5, HandshakeAnswered()))
    assert told == [Spawn(), BeginTurn("p2")]
    assert not agent.outgrown


def test_an_idle_process_that_grew_is_replaced_at_once() -> None:
    """Nobody waits for it."""
    agent, told = play(ready_agent(), (1, Outgrown("too large")), (2, Exited(7, -15)))
    assert (agent.state, told) == (State.STARTING, [TERMINATE, Spawn()])


def test_a_start_lets_a_finished_process_go() -> None:
    """One process per prompt: it goes as before, the agent is wanted already."""
    agent, _ = play(busy_single("p2"), (1, Spawned(7)), (2, TurnEnded("p1", Outcome.OK)))
    agent, told = play(agent, (3, StartAsked()), (4, Exited(7, 0)))
    assert told == [BeginTurn("p2")]


def test_a_stop_after_the_prompt_stays_down() -> None:
    """One process per prompt: it was going, and no other follows."""
    agent, _ = play(busy_single("p2"), (1, Spawned(7)), (2, TurnEnded("p1", Outcome.OK)))
    agent, told = play(agent, (3, StopAsked()), (4, Exited(7, 0)))
    assert (agent.state, told) == (State.STOPPED, [DropPrompt("p2", Outcome.REFUSED, STOPPED)])


# --- a new policy ---------------------------------------------------------------


@pytest.mark.parametrize(
    "agent",
    [
        new_agent(),
        starting_agent(),
        ready_agent(),
        busy_agent("p2"),
        play(busy_agent("p2"), (1, RestartAsked()))[0],
        play(starting_agent(), (1, Exited(7, 1)))[0],
    ],
    ids=lambda agent: agent.state,
)
def test_new_limits_disturb_nobody(agent: Agent) -> None:
    """Only the policy changes: not the state, the process, the turn, or what waits."""
    spec = Spec("gemini", queue_limit=1, turn_seconds=1)
    changed, told = play(agent, (1, Configured(spec)))
    assert told == []
    assert (changed.spec, changed.queue.limit) == (spec, 1)
    assert changed.queue.waiting == agent.queue.waiting
    assert replace(changed, spec=agent.spec, queue=agent.queue) == agent


def test_an_idle_process_gives_way_to_one_per_prompt() -> None:
    """The process that nobody needs any more is ended; the agent is ready without one."""
    agent, told = play(ready_agent(), (1, Configured(Spec("gemini", one_shot=True))))
    assert (agent.state, told) == (State.STOPPING, [TERMINATE])
    agent, told = play(agent, (2, Exited(7, 0)), (3, PromptAsked("p1")))
    assert (agent.pid, told) == (None, [BeginTurn("p1")])


def test_a_process_comes_where_every_prompt_had_one() -> None:
    """The way back: ready means now that a process answers."""
    agent, told = play(single_agent(), (1, Configured(Spec("gemini"))))
    assert (agent.state, told) == (State.STARTING, [Spawn()])


def test_a_turn_is_interrupted_the_way_its_process_understands() -> None:
    """The cancel is still the old protocol's; what waits goes on in the new way."""
    agent, told = play(busy_agent("p2"), (1, Configured(Spec("gemini", one_shot=True))))
    assert told == [CancelTurn("p1")]
    agent, told = play(agent, (2, TurnEnded("p1", Outcome.CANCELLED)), (3, Exited(7, 0)))
    assert told == [FinishTurn("p1", Outcome.INTERRUPTED), TERMINATE, BeginTurn("p2")]


def test_a_finished_process_is_followed_by_the_new_kind() -> None:
    """It goes by itself; then one process for all prompts is made."""
    agent, _ = play(busy_single("p2"), (1, Spawned(7)), (2, TurnEnded("p1", Outcome.OK)))
    agent, told = play(agent, (3, Configured(Spec("gemini"))), (4, Exited(7, 0)))
    assert (agent.state, told) == (State.STARTING, [Spawn()])
    assert agent.queue.waiting == ("p2",)


def test_a_deaf_agent_that_is_stopped_is_not_tried_again() -> None:
    """The stop outdoes the reason for which the process was being ended."""
    agent, _ = play(starting_agent(), (60, TimeUp()), (61, StopAsked()))
    assert agent.ending is not None
    assert agent.ending.because is Because.ASKED
    agent, told = play(agent, (62, Exited(7, 0)))
    assert (agent.state, agent.next_deadline, told) == (State.STOPPED, None, [])
