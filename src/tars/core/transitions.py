"""The moves that the table's cells share, each from one state of an agent to the next.

A cell judges an event; a move carries the judgement out and keeps what has to stay true:

- `pid` is None only where there is no process, or where one was ordered and neither
  `Spawned` nor `SpawnFailed` has come: while STARTING, BUSY (one process per prompt) or
  STOPPING. Such a process is awaited, never forgotten.
- What only a live process has is given up with it. A turn ends in `finish` alone, which
  reports it.
- A turn that is held is no process's: it lives through restarts, ahead of all that wait,
  until `take_next` tries it again, `let_go` reports it, or the daemon leaves and keeps it for
  its successor. There is never one beside a turn.
- STARTING, BUSY, LIMITED, STOPPING and WAITING always have a deadline.
"""

from dataclasses import replace
from typing import Any

from tars.core import commands as c
from tars.core import events as e
from tars.core.agent import Agent, Because, Ending, Held, Outcome, Rung, Spec, State, Turn
from tars.core.commands import Command, SignalName
from tars.core.restart import GiveUp, Retry, StayDown, next_attempt
from tars.errors import Fault, FaultKind

Step = tuple[Agent, tuple[Command, ...]]

#: How long SIGKILL has at least, before it is sent again.
KILL_SECONDS = 1.0


def enter(
    agent: Agent, state: State, now: float, deadline: float | None = None, **changes: Any
) -> Agent:
    """Change the state; what only a live process has is given up where there is none."""
    if state in (State.STOPPED, State.WAITING, State.FAILED, State.STARTING):
        changes = {
            "pid": None,
            "began": None,
            "ready_since": None,
            "outgrown": False,
            "permissions": (),
            **changes,
        }
    if state is not State.STOPPING:
        changes["ending"] = None
    return replace(agent, state=state, since=now, deadline=deadline, **changes)


def start(agent: Agent, now: float) -> Step:
    """Order a process, or be ready without one where every prompt has its own."""
    if agent.spec.one_shot:
        fresh = enter(agent, State.STARTING, now)
        return take_next(replace(fresh, ready_since=now), now)
    deadline = now + agent.spec.handshake_seconds
    return enter(agent, State.STARTING, now, deadline), (c.Spawn(),)


def take_next(agent: Agent, now: float) -> Step:
    """Between turns: make room if the process has grown too large, else take the turn that is
    held, else the first prompt."""
    agent = enter(agent, State.READY, now, permissions=())
    if agent.outgrown:
        return end(agent, now, Ending(Because.OUTGROWN, Rung.TERMINATE))
    if agent.held is not None:
        return _take_held(agent, agent.held, now)
    prompt, queue = agent.queue.take()
    if prompt is None:
        return agent, ()
    return begin(replace(agent, queue=queue), prompt, now)


def begin(agent: Agent, prompt: str, now: float) -> Step:
    """The prompt is the agent's turn from now on."""
    deadline = now + agent.spec.turn_seconds
    turn = Turn(prompt, now, deadline)
    return enter(agent, State.BUSY, now, deadline, turn=turn), (c.BeginTurn(prompt),)


def _take_held(agent: Agent, held: Held, now: float) -> Step:
    """Try it again when its time has come. Where waiting was turned off, its fault ends it."""
    if not waits(agent.spec):
        agent, finished = let_go(agent, Outcome.ERROR, held.fault)
        agent, commands = take_next(agent, now)
        return agent, finished + commands
    if held.resumes > now:
        return enter(agent, State.LIMITED, now, held.resumes), ()
    deadline = now + agent.spec.turn_seconds
    turn = Turn(held.prompt, now, deadline, again=not held.asked)
    agent = enter(agent, State.BUSY, now, deadline, turn=turn, held=None)
    return agent, (c.ResumeTurn(held.prompt),)


def waits(spec: Spec) -> bool:
    """Whether turns wait for the end of a limit at all."""
    return spec.waits_for_limits and spec.limit_wait_seconds > 0


def end_turn(agent: Agent, event: e.TurnEnded | e.Exited, outcome: Outcome, now: float) -> Step:
    """The turn's attempt is over: hold it where a limit stopped it that ends in time, else
    finish it. It is held once unless a person had it tried early, and never when somebody wants
    its end."""
    turn, fault, seconds = agent.turn, event.fault, event.retry_after
    if (
        turn is None
        or fault is None
        or seconds is None
        or outcome is not Outcome.ERROR
        or turn.again
        or turn.ending is not None
        or not waits(agent.spec)
        or seconds > agent.spec.limit_wait_seconds
    ):
        return finish(agent, outcome, fault)
    held = Held(turn.prompt, fault, now, now + max(0.0, seconds))
    # A process that goes on may still wait for what it asked in the first attempt.
    lives = isinstance(event, e.TurnEnded) and agent.pid is not None
    answers = _unanswered(agent) if lives else ()
    agent = replace(agent, turn=None, held=held, permissions=(), fault=fault)
    return agent, (*answers, c.HoldTurn(turn.prompt, fault))


def let_go(agent: Agent, outcome: Outcome, fault: Fault | None) -> Step:
    """Record the turn that is held, if there is one: it is not tried again."""
    if agent.held is None:
        return agent, ()
    finished = c.FinishTurn(agent.held.prompt, outcome, fault)
    return replace(agent, held=None, last=outcome), (finished,)


def finish(agent: Agent, outcome: Outcome, fault: Fault | None) -> Step:
    """Record the turn, if there is one. Once it was told to end, only a success is news."""
    turn = agent.turn
    if turn is None:
        return agent, ()
    if turn.ending is not None and outcome is not Outcome.OK:
        outcome, fault = turn.ending, turn.fault
    kept = None if outcome is Outcome.OK else (fault or agent.fault)
    agent = replace(agent, turn=None, permissions=(), fault=kept, last=outcome)
    return agent, (c.FinishTurn(turn.prompt, outcome, fault),)


# --- giving up a turn -------------------------------------------------------


def cancel(agent: Agent, now: float, outcome: Outcome, fault: Fault | None = None) -> Step:
    """Tell the turn to end, once; the agent has `cancel_seconds` to obey."""
    if agent.turn is None or agent.turn.ending is not None:
        return agent, ()
    turn = replace(agent.turn, ending=outcome, fault=fault)
    deadline = now + agent.spec.cancel_seconds
    commands = cancelling(agent, turn.prompt)
    return replace(agent, turn=turn, deadline=deadline, permissions=()), commands


def cancelling(agent: Agent, prompt: str) -> tuple[Command, ...]:
    """What makes the agent give up a prompt. Gemini CLI hears no cancel while it waits
    for a permission: every request is answered first."""
    answers = _unanswered(agent)
    if not agent.spec.one_shot:
        return (*answers, c.CancelTurn(prompt))
    # One process per prompt has no protocol to cancel in: its interrupt is SIGINT.
    if agent.pid is None:
        return answers
    return (*answers, c.Signal(agent.pid, SignalName.INTERRUPT))


def _unanswered(agent: Agent) -> tuple[Command, ...]:
    """Every request gets an answer, although nobody gave one."""
    return tuple(c.AnswerPermission(p.request_id, None) for p in agent.permissions)


def interrupt(agent: Agent, now: float, because: Because) -> Step:
    """End a busy process, its turn first, so that what the turn used is still reported."""
    turn = agent.turn
    commands: tuple[Command, ...] = ()
    if turn is not None and turn.ending is None:
        turn = replace(turn, ending=Outcome.INTERRUPTED)
        commands = cancelling(agent, turn.prompt)
    agent = enter(
        agent,
        State.STOPPING,
        now,
        now + agent.spec.cancel_seconds,
        turn=turn,
        permissions=(),
        ending=Ending(because, Rung.CANCEL),
    )
    return agent, commands


# --- ending the process -----------------------------------------------------

_SIGNALS = {
    Rung.INTERRUPT: SignalName.INTERRUPT,
    Rung.TERMINATE: SignalName.TERMINATE,
    Rung.KILL: SignalName.KILL,
}


def end(agent: Agent, now: float, ending: Ending) -> Step:
    """Begin to end the process; one that was ordered is awaited, none is concluded."""
    ordered = agent.pid is None and agent.state in (State.STARTING, State.BUSY)
    none = agent.pid is None and not ordered
    agent = enter(agent, State.STOPPING, now, permissions=(), ending=ending)
    return conclude(agent, now) if none else climb_to(agent, ending, ending.rung, now)


def climb_to(agent: Agent, ending: Ending, rung: Rung, now: float) -> Step:
    """Go to a rung, and give it `grace_seconds`. A process that was ordered is waited for."""
    grace = agent.spec.grace_seconds
    # A grace of nothing must not repeat SIGKILL as fast as the machine can.
    seconds = max(grace, KILL_SECONDS) if rung is Rung.KILL or agent.pid is None else grace
    agent = replace(agent, deadline=now + seconds)
    if agent.pid is None:
        return agent, ()
    signal = _SIGNALS.get(rung)
    commands = () if signal is None else (c.Signal(agent.pid, signal),)
    return replace(agent, ending=replace(ending, rung=rung)), commands


def conclude(agent: Agent, now: float) -> Step:
    """There is no process any more, as was wanted: what follows depends on why."""
    ending = agent.ending or Ending(Because.ASKED, Rung.LEAVE)
    agent, finished = finish(agent, Outcome.INTERRUPTED, None)
    agent, commands = _follow(agent, ending, now)
    return agent, finished + commands


def _follow(agent: Agent, ending: Ending, now: float) -> Step:
    match ending.because:
        case Because.ASKED:
            return enter(agent, State.STOPPED, now), ()
        case Because.RESTART | Because.OUTGROWN:
            return start(agent, now)
        case Because.TURN_DONE:
            return take_next(replace(agent, pid=None, began=None), now)
        case Because.UNWELL | Because.FAULT:  # pragma: no branch
            return after_loss(agent, now, ending.fault or _no_reason())


# --- after the process ------------------------------------------------------


def after_loss(agent: Agent, now: float, fault: Fault, *, clean: bool = False) -> Step:
    """The process is gone and nobody asked for it: try again, wait, or give up."""
    if fault.needs_a_person:
        return fail(agent, now, fault)
    if agent.spec.one_shot:
        return start(replace(agent, fault=fault), now)
    lived = 0.0 if agent.ready_since is None else now - agent.ready_since
    match next_attempt(agent.spec.restart, agent.restarts, now, lived_seconds=lived, clean=clean):
        case Retry(delay, history):
            agent = replace(agent, restarts=history, fault=fault)
            if delay == 0.0:
                return start(agent, now)
            return enter(agent, State.WAITING, now, now + delay), ()
        case GiveUp(attempts, window):
            reason = Fault(
                FaultKind.GAVE_UP,
                f"Gave up after {attempts} restarts within {window:g} s. {fault.message}",
                fault.advice or f"`tars restart {agent.spec.name}` tries again.",
            )
            return fail(agent, now, reason)
        case StayDown():  # pragma: no branch
            return _rest(agent, now, fault, clean=clean)


def fail(agent: Agent, now: float, fault: Fault) -> Step:
    """Nothing more is tried until somebody asks; the prompts that wait are told why."""
    agent, dropped = drop_all(replace(agent, fault=fault), Outcome.ERROR, fault)
    return enter(agent, State.FAILED, now), dropped


def _rest(agent: Agent, now: float, fault: Fault, *, clean: bool) -> Step:
    """Down without a restart. After a goodbye it is still wanted: a prompt brings it back."""
    if clean:
        return enter(agent, State.STOPPED, now), ()
    agent, dropped = drop_all(replace(agent, wanted=False, fault=fault), Outcome.ERROR, fault)
    return enter(agent, State.STOPPED, now), dropped


# --- prompts that are not run -----------------------------------------------


def drop_all(agent: Agent, outcome: Outcome, fault: Fault) -> Step:
    """Every prompt that waits is told that it will not be run; a turn that is held is over."""
    seen = Outcome.INTERRUPTED if outcome is Outcome.REFUSED else outcome
    agent, finished = let_go(agent, seen, fault)
    commands = tuple(c.DropPrompt(p, outcome, fault) for p in agent.queue.waiting)
    return replace(agent, queue=agent.queue.emptied()), finished + commands


def refuse(agent: Agent, prompt: str, fault: Fault) -> Step:
    """This prompt is not taken; nothing else changes."""
    return agent, (c.DropPrompt(prompt, Outcome.REFUSED, fault),)


# --- faults -----------------------------------------------------------------


def stopped_fault(agent: Agent) -> Fault:
    """Nobody wants the agent to run."""
    name = agent.spec.name
    return Fault(
        FaultKind.STOPPED, f"The agent {name} is stopped.", f"`tars start {name}` starts it."
    )


def crash_fault(agent: Agent, status: int, when: str) -> Fault:
    """The process went; a negative status is the number of the signal that ended it."""
    how = f"was killed by signal {-status}" if status < 0 else f"exited with status {status}"
    return Fault(FaultKind.CRASHED, f"The agent {how} {when}.", logs_advice(agent))


def logs_advice(agent: Agent) -> str:
    return f"`tars logs --agent {agent.spec.name}` shows what it wrote."


def _no_reason() -> Fault:
    return Fault(FaultKind.INTERNAL, "The agent was ended for no recorded reason.")
