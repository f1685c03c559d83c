"""Prompts wait, become turns, ask for leave, and end; every one is reported once."""

import pytest

from tars.core.agent import Outcome, State, Turn
from tars.core.commands import (
    AnswerPermission,
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
    Exited,
    Hung,
    Outgrown,
    OverBudget,
    PermissionAnswered,
    PromptAsked,
    RanAway,
    Spawned,
    SpawnFailed,
    StopAsked,
    TimeUp,
    TurnEnded,
)
from tars.core.permission import Answerer, PermissionPolicy, Rule
from tars.errors import Fault, FaultKind
from tests.core.script import (
    busy_agent,
    busy_single,
    permission,
    play,
    ready_agent,
    single_agent,
)

OVERLOADED = Fault(FaultKind.OVERLOADED, "The model is overloaded.")
BAD_KEY = Fault(FaultKind.BAD_KEY, "The key is not valid.", "Get another one.")
INTERRUPT, TERMINATE, KILL = (Signal(7, name) for name in SignalName)


def test_one_prompt_at_a_time_first_in_first_out() -> None:
    """The next prompt begins when the one before it has ended."""
    agent, told = play(
        ready_agent(),
        (1, PromptAsked("p1")),
        (2, PromptAsked("p2")),
        (3, PromptAsked("p3")),
        (4, TurnEnded("p1", Outcome.OK)),
        (5, TurnEnded("p2", Outcome.OK)),
    )
    assert told == [
        BeginTurn("p1"),
        FinishTurn("p1", Outcome.OK),
        BeginTurn("p2"),
        FinishTurn("p2", Outcome.OK),
        BeginTurn("p3"),
    ]
    assert agent.turn == Turn("p3", 5, 5 + agent.spec.turn_seconds)


def test_a_full_queue_refuses_and_changes_nothing() -> None:
    """The prompt that finds no room hears how many wait."""
    agent = busy_agent("p2", "p3", queue_limit=2)
    same, told = play(agent, (1, PromptAsked("p4")))
    fault = Fault(
        FaultKind.QUEUE_FULL,
        "2 prompts wait already.",
        "Wait for some to finish, or raise `queue_limit`.",
    )
    assert (same, told) == (agent, [DropPrompt("p4", Outcome.REFUSED, fault)])


@pytest.mark.parametrize("prompt", ["p1", "p2"])
def test_a_prompt_is_not_taken_twice(prompt: str) -> None:
    """An id that runs or waits already is known: it is run and reported once."""
    agent = busy_agent("p2")
    assert play(agent, (1, PromptAsked(prompt))) == (agent, [])
    stopping, _ = play(agent, (1, StopAsked()))
    assert play(stopping, (2, PromptAsked("p1"))) == (stopping, [])


def test_a_waiting_prompt_is_withdrawn() -> None:
    """Cancelled in the queue: the agent never sees it."""
    agent, told = play(busy_agent("p2", "p3"), (1, CancelAsked("p2")))
    assert agent.queue.waiting == ("p3",)
    assert told == [DropPrompt("p2", Outcome.CANCELLED)]


def test_an_unknown_prompt_cannot_be_cancelled() -> None:
    """A wish for a prompt that is over, or never was, changes nothing."""
    agent = busy_agent("p2")
    assert play(agent, (1, CancelAsked("p9"))) == (agent, [])


def test_a_running_prompt_is_cancelled_in_the_protocol() -> None:
    """The agent is asked once; what it answers ends the turn as cancelled."""
    agent, told = play(
        busy_agent(cancel_seconds=10), (1, CancelAsked("p1")), (2, CancelAsked("p1"))
    )
    assert (agent.next_deadline, told) == (11, [CancelTurn("p1")])
    agent, told = play(agent, (3, TurnEnded("p1", Outcome.ERROR, OVERLOADED)))
    assert (agent.state, told) == (State.READY, [FinishTurn("p1", Outcome.CANCELLED)])


def test_a_cancel_that_comes_too_late_keeps_the_success() -> None:
    """The agent had finished already: the answer counts."""
    _, told = play(busy_agent(), (1, CancelAsked("p1")), (2, TurnEnded("p1", Outcome.OK)))
    assert told == [CancelTurn("p1"), FinishTurn("p1", Outcome.OK)]


def test_a_disobeyed_cancel_climbs_the_ladder() -> None:
    """Cancel, SIGINT, SIGTERM, SIGKILL, each after its time; the turn ends with the process."""
    agent = busy_agent("p2", cancel_seconds=10, grace_seconds=5)
    agent, told = play(
        agent,
        (0, CancelAsked("p1")),
        (9, TimeUp()),
        (10, TimeUp()),
        (14, TimeUp()),
        (15, TimeUp()),
        (20, TimeUp()),
        (25, TimeUp()),
    )
    assert told == [CancelTurn("p1"), INTERRUPT, TERMINATE, KILL, KILL]
    agent, told = play(agent, (26, Exited(7, -9)))
    assert told == [FinishTurn("p1", Outcome.CANCELLED)]
    assert (agent.state, agent.queue.waiting) == (State.WAITING, ("p2",))
    assert agent.fault == Fault(FaultKind.TIMEOUT, "The agent did not obey the cancel.")


def test_a_turn_has_a_deadline() -> None:
    """A turn out of time is cancelled, and recorded as timed out."""
    agent, told = play(busy_agent(turn_seconds=100), (99, TimeUp()), (100, TimeUp()))
    assert told == [CancelTurn("p1")]
    agent, told = play(agent, (101, TurnEnded("p1", Outcome.CANCELLED)))
    fault = Fault(
        FaultKind.TIMEOUT,
        "The turn took longer than 100 s.",
        "`turn_seconds` or `--timeout` allows longer turns.",
    )
    assert told == [FinishTurn("p1", Outcome.TIMEOUT, fault)]
    assert agent.fault == fault


def test_a_hung_turn_is_cancelled_first() -> None:
    """The agent may give the turn up; if it does not, its process is ended for that reason."""
    agent, told = play(busy_agent(), (50, Hung("silent for 50 s", "Wait.")), (51, Hung("silent")))
    assert told == [CancelTurn("p1")]
    agent, told = play(agent, (60, TimeUp()), (61, Exited(7, -2)))
    fault = Fault(
        FaultKind.TIMEOUT,
        "The turn was given up: silent for 50 s.",
        "Wait.",
    )
    assert told == [INTERRUPT, FinishTurn("p1", Outcome.TIMEOUT, fault), Spawn()]
    assert agent.fault == fault


OVER = OverBudget("p1", "The budget is used up.", "Wait.", 99.0)
OVER_FAULT = Fault(FaultKind.OVER_BUDGET, "The budget is used up.", "Wait.", 99.0)


def test_a_turn_over_its_budget_is_cancelled_once() -> None:
    """In the protocol, and it ends as cancelled, with the budget's words; the next one begins."""
    agent, told = play(busy_agent("p2"), (50, OVER), (51, OVER))
    assert told == [CancelTurn("p1")]
    agent, told = play(agent, (52, TurnEnded("p1", Outcome.CANCELLED)))
    assert told == [FinishTurn("p1", Outcome.CANCELLED, OVER_FAULT), BeginTurn("p2")]


def test_a_turn_that_runs_away_is_cancelled_with_the_reason() -> None:
    """Its process stays, and the cancel is told once."""
    found = RanAway("p1", "The same call 20 times.", "Look at it.")
    agent, told = play(busy_agent(), (50, found), (51, found))
    assert told == [CancelTurn("p1")]
    agent, told = play(agent, (52, TurnEnded("p1", Outcome.CANCELLED)))
    fault = Fault(FaultKind.RUNAWAY, "The same call 20 times.", "Look at it.")
    assert told == [FinishTurn("p1", Outcome.CANCELLED, fault)]
    assert (agent.state, agent.fault) == (State.READY, fault)


@pytest.mark.parametrize("verdict", [OverBudget("p0", "enough"), RanAway("p0", "enough")])
def test_a_verdict_on_another_turn_is_ignored(verdict: OverBudget | RanAway) -> None:
    """It came when its turn was over already."""
    agent = busy_agent("p2")
    assert play(agent, (50, verdict)) == (agent, [])


def test_the_end_of_another_turn_is_ignored() -> None:
    """Only the prompt under way can end."""
    agent = busy_agent()
    assert play(agent, (1, TurnEnded("p0", Outcome.OK))) == (agent, [])


def test_a_fault_stands_until_a_turn_succeeds() -> None:
    """The last error stays in the status until something went well."""
    agent, _ = play(busy_agent(), (1, TurnEnded("p1", Outcome.ERROR, OVERLOADED)))
    assert agent.fault == OVERLOADED
    agent, _ = play(agent, (2, PromptAsked("p2")))
    assert agent.fault == OVERLOADED
    agent, _ = play(agent, (3, TurnEnded("p2", Outcome.OK)))
    assert agent.fault is None


def test_a_death_in_mid_turn_interrupts_it() -> None:
    """Whatever the status: the turn is reported, the next prompt waits for a new process."""
    agent, told = play(busy_agent("p2", trusts_exit_status=True), (1, Exited(7, 0)))
    assert (agent.state, agent.queue.waiting) == (State.WAITING, ("p2",))
    fault = Fault(
        FaultKind.CRASHED,
        "The agent exited with status 0 in mid-turn.",
        "`tars logs --agent gemini` shows what it wrote.",
    )
    assert told == [FinishTurn("p1", Outcome.INTERRUPTED, fault)]


def test_a_signal_is_named_in_the_fault() -> None:
    """A negative status is told as the signal that it is."""
    agent, _ = play(busy_agent(), (1, Exited(7, -9)))
    assert agent.fault is not None
    assert agent.fault.message == "The agent was killed by signal 9 in mid-turn."


def test_the_death_of_another_process_does_not_end_the_turn() -> None:
    """A wrong pid is somebody else's."""
    agent = busy_agent()
    assert play(agent, (1, Exited(8, 0))) == (agent, [])


# --- one process per prompt ---------------------------------------------------


def test_each_prompt_has_its_own_process() -> None:
    """BeginTurn orders the process; its exit makes way for the next prompt."""
    agent, told = play(single_agent(), (1, PromptAsked("p1")), (1, PromptAsked("p2")))
    assert (agent.state, agent.pid, told) == (State.BUSY, None, [BeginTurn("p1")])
    agent, told = play(agent, (2, Spawned(7)), (3, TurnEnded("p1", Outcome.OK)))
    assert (agent.state, agent.pid, told) == (State.STOPPING, 7, [FinishTurn("p1", Outcome.OK)])
    agent, told = play(agent, (4, Exited(7, 0)))
    assert (agent.state, agent.pid, told) == (State.BUSY, None, [BeginTurn("p2")])


def test_a_process_that_outlives_its_prompt_is_ended() -> None:
    """It has its grace to leave by itself; then SIGTERM, then SIGKILL."""
    agent, told = play(
        busy_single(grace_seconds=5),
        (1, Spawned(7)),
        (2, TurnEnded("p1", Outcome.OK)),
        (6, TimeUp()),
        (7, TimeUp()),
        (12, TimeUp()),
        (13, Exited(7, -9)),
    )
    assert told == [FinishTurn("p1", Outcome.OK), TERMINATE, KILL]
    assert (agent.state, agent.pid) == (State.READY, None)


def test_the_interrupt_of_a_prompts_process_is_sigint() -> None:
    """There is no protocol to cancel in; the exit is the answer."""
    agent, told = play(busy_single("p2"), (1, Spawned(7)), (2, CancelAsked("p1")))
    assert told == [INTERRUPT]
    agent, told = play(agent, (3, Exited(7, 130)))
    assert told == [FinishTurn("p1", Outcome.CANCELLED), BeginTurn("p2")]


def test_a_disobedient_process_of_a_prompt_is_killed() -> None:
    """SIGINT as the cancel, then the ladder; afterwards the next prompt has its process."""
    _, told = play(
        busy_single("p2", cancel_seconds=10, grace_seconds=5),
        (0, Spawned(7)),
        (0, CancelAsked("p1")),
        (10, TimeUp()),
        (15, TimeUp()),
        (20, TimeUp()),
        (21, Exited(7, -9)),
    )
    assert told == [
        INTERRUPT,
        INTERRUPT,
        TERMINATE,
        KILL,
        FinishTurn("p1", Outcome.CANCELLED),
        BeginTurn("p2"),
    ]


def test_a_cancel_before_the_birth_is_heard_after_it() -> None:
    """The process was ordered when its prompt was cancelled: it is interrupted as it comes."""
    agent, told = play(busy_single(cancel_seconds=10), (1, CancelAsked("p1")), (2, Spawned(7)))
    assert (agent.state, agent.next_deadline, told) == (State.BUSY, 12, [INTERRUPT])


def test_a_birth_after_all_patience_leaves_no_orphan() -> None:
    """Even when the cancel's time is up before the process came, it is awaited and ended."""
    agent, told = play(
        busy_single(cancel_seconds=10, grace_seconds=5),
        (0, CancelAsked("p1")),
        (10, TimeUp()),
        (15, TimeUp()),
    )
    assert (agent.state, agent.next_deadline, told) == (State.STOPPING, 20, [])
    agent, told = play(agent, (16, Spawned(7)), (17, Exited(7, -15)))
    assert told == [TERMINATE, FinishTurn("p1", Outcome.CANCELLED)]
    assert (agent.state, agent.pid) == (State.READY, None)


def test_a_prompt_without_process_fails_alone() -> None:
    """A passing fault costs this prompt; the next one has its own attempt."""
    agent, told = play(busy_single("p2"), (1, SpawnFailed(OVERLOADED)))
    assert told == [FinishTurn("p1", Outcome.ERROR, OVERLOADED), BeginTurn("p2")]
    assert agent.state is State.BUSY


def test_a_prompt_without_process_may_fail_the_agent() -> None:
    """What needs a person would fail every prompt: they are all told at once."""
    agent, told = play(busy_single("p2"), (1, SpawnFailed(BAD_KEY)))
    assert told == [
        FinishTurn("p1", Outcome.ERROR, BAD_KEY),
        DropPrompt("p2", Outcome.ERROR, BAD_KEY),
    ]
    assert (agent.state, agent.fault) == (State.FAILED, BAD_KEY)


def test_last_words_that_need_a_person_stop_the_storm() -> None:
    """A process that died of what only a person mends is not followed by another."""
    agent, told = play(busy_single("p2"), (1, Spawned(7)), (2, Exited(7, 0, BAD_KEY)))
    assert told == [
        FinishTurn("p1", Outcome.ERROR, BAD_KEY),
        DropPrompt("p2", Outcome.ERROR, BAD_KEY),
    ]
    assert (agent.state, agent.pid) == (State.FAILED, None)


def test_a_crash_of_one_process_costs_one_prompt() -> None:
    """No back-off: the next prompt's process is a new one anyway."""
    agent, told = play(busy_single("p2"), (1, Spawned(7)), (2, Exited(7, 0)))
    fault = agent.fault
    assert fault is not None
    assert fault.kind is FaultKind.CRASHED
    assert told == [FinishTurn("p1", Outcome.ERROR, fault), BeginTurn("p2")]
    assert agent.pid is None


def test_a_living_process_is_not_lost_to_a_late_failure() -> None:
    """A failure to spawn that comes while a process lives is nobody's."""
    agent, _ = play(busy_single(), (1, Spawned(7)))
    assert play(agent, (2, SpawnFailed(OVERLOADED))) == (agent, [])


def test_a_process_of_one_prompt_is_never_too_large() -> None:
    """It goes anyway."""
    agent, _ = play(busy_single(), (1, Spawned(7)), (2, Outgrown("too large")))
    assert not agent.outgrown
    idle = single_agent()
    assert play(idle, (1, Outgrown("too large"))) == (idle, [])


# --- permissions --------------------------------------------------------------


@pytest.mark.parametrize(("rule", "option"), [(Rule.ALLOW, "proceed"), (Rule.DENY, "cancel")])
def test_a_policy_answers_at_once(rule: Rule, option: str) -> None:
    """Nobody is asked where the policy knows, or a choice is remembered; each says whose it was."""
    policy = PermissionPolicy(Rule.ASK, {"execute": rule})
    agent, told = play(busy_agent(permissions=policy), (1, permission()))
    assert (agent.permissions, told) == ((), [AnswerPermission("r1", option, Answerer.POLICY)])
    policy = PermissionPolicy(Rule.ASK, remembered={"execute": rule})
    agent, told = play(busy_agent(permissions=policy), (1, permission()))
    assert (agent.permissions, told) == ((), [AnswerPermission("r1", option, Answerer.REMEMBERED)])


def test_a_person_answers() -> None:
    """The request waits for its answer, which goes to the agent once."""
    agent, told = play(busy_agent(permission_seconds=300), (1, permission()))
    assert ([p.request_id for p in agent.permissions], agent.next_deadline) == (["r1"], 301)
    assert told == []
    agent, told = play(
        agent,
        (2, PermissionAnswered("r1", "proceed", who="cli 42")),
        (3, PermissionAnswered("r1", "cancel")),
    )
    answer = AnswerPermission("r1", "proceed", Answerer.PERSON, "cli 42")
    assert (agent.permissions, told) == ((), [answer])


def test_a_person_refuses() -> None:
    """No option refuses in the agent's own terms, so that the turn goes on."""
    _, told = play(busy_agent(), (1, permission()), (2, PermissionAnswered("r1", None)))
    assert told == [AnswerPermission("r1", "cancel", Answerer.PERSON)]


def test_an_answer_to_nothing_is_ignored() -> None:
    """An unknown request changes nothing."""
    agent, _ = play(busy_agent(), (1, permission()))
    assert play(agent, (2, PermissionAnswered("r9", "proceed"))) == (agent, [])


def test_a_permission_nobody_gives_is_refused_in_time() -> None:
    """Each request has its own time, and the turn goes on."""
    agent, told = play(
        busy_agent(permission_seconds=300, turn_seconds=1000),
        (1, permission("r1")),
        (2, permission("r2")),
        (301, TimeUp()),
    )
    assert told == [AnswerPermission("r1", "cancel", Answerer.TIMEOUT)]
    assert (agent.state, agent.next_deadline) == (State.BUSY, 302)
    agent, told = play(agent, (302, TimeUp()))
    assert (agent.next_deadline, told) == (
        1000,
        [AnswerPermission("r2", "cancel", Answerer.TIMEOUT)],
    )


def test_a_cancel_answers_first() -> None:
    """An agent that waits for a permission would not hear the cancel."""
    agent, told = play(
        busy_agent(), (1, permission("r1")), (2, CancelAsked("p1")), (3, permission("r2"))
    )
    assert told == [AnswerPermission("r1", None), CancelTurn("p1"), AnswerPermission("r2", None)]
    assert agent.permissions == ()


def test_a_stop_answers_first() -> None:
    """Requests that are open, or come while the process is ended, are answered."""
    agent, told = play(busy_agent(), (1, permission("r1")), (2, StopAsked()), (3, permission("r2")))
    assert told == [AnswerPermission("r1", None), CancelTurn("p1"), AnswerPermission("r2", None)]
    assert agent.permissions == ()


def test_a_prompts_process_gets_its_answer_before_the_signal() -> None:
    """The same holds where the cancel is a signal."""
    _, told = play(busy_single(), (1, Spawned(7)), (2, permission("r1")), (3, CancelAsked("p1")))
    assert told == [AnswerPermission("r1", None), INTERRUPT]


def test_a_permission_between_turns_is_refused() -> None:
    """No turn stands behind it."""
    _, told = play(ready_agent(), (1, permission("r1")))
    assert told == [AnswerPermission("r1", None)]


def test_a_death_takes_its_permissions_along() -> None:
    """Nobody is left to answer; nothing stays pending, and no deadline of it."""
    agent, told = play(busy_agent(), (1, permission()), (2, Exited(7, 1)))
    assert (agent.state, agent.permissions) == (State.WAITING, ())
    assert [type(command).__name__ for command in told] == ["FinishTurn"]
    agent, _ = play(busy_single(), (1, Spawned(7)), (2, permission()), (3, Exited(7, 1)))
    assert (agent.state, agent.permissions) == (State.READY, ())


def test_a_turn_that_ends_takes_its_permissions_along() -> None:
    """The agent itself gave the request up."""
    agent, told = play(busy_agent(), (1, permission()), (2, TurnEnded("p1", Outcome.OK)))
    assert (agent.permissions, told) == ((), [FinishTurn("p1", Outcome.OK)])


def test_a_goodbye_is_never_said_in_mid_turn() -> None:
    """After a stable life, the new process comes at once and the turn is still reported."""
    agent, told = play(busy_agent(), (3600, Exited(7, 1)))
    assert agent.state is State.STARTING
    assert told[1:] == [Spawn()]
