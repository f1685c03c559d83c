"""The cells of `lifecycle.TABLE`: what each event means in each state.

Every cell takes (agent, event, now) and gives the next agent and the commands; its
docstring is the rule. `now` is monotonic, in seconds. Helpers stand at the end.
"""

from dataclasses import replace
from typing import Any

from tars.core import commands as c
from tars.core import events as e
from tars.core.agent import (
    Agent,
    Because,
    Ending,
    Outcome,
    Rung,
    State,
    Turn,
)
from tars.core.commands import Command, SignalName
from tars.core.permission import Pending, Rule, allowing, refusing
from tars.core.queue import Queue
from tars.core.restart import GiveUp, RestartHistory, Retry, StayDown, next_attempt
from tars.errors import Fault, FaultKind

Step = tuple[Agent, tuple[Command, ...]]


def ignore(agent: Agent, event: object, now: float) -> Step:
    """Nothing follows."""
    return agent, ()


def reconfigure(agent: Agent, event: e.Configured, now: float) -> Step:
    """New limits hold from now on; deadlines that already run keep running."""
    queue = Queue(event.spec.queue_limit, agent.queue.waiting)
    return replace(agent, spec=event.spec, queue=queue), ()


# --- starting ---------------------------------------------------------------


def start_afresh(agent: Agent, event: object, now: float) -> Step:
    """A person asked: what was tried before is forgotten."""
    history = RestartHistory(total=agent.restarts.total)
    return _start(replace(agent, wanted=True, restarts=history), now)


def start_now(agent: Agent, event: object, now: float) -> Step:
    """The back-off is over, or cut short."""
    return _start(replace(agent, wanted=True), now)


def start_for_prompt(agent: Agent, event: e.PromptAsked, now: float) -> Step:
    """An agent that said goodbye comes back for a prompt; one that was stopped does not."""
    if not agent.wanted:
        return agent, (_refuse(event.prompt, _stopped_fault(agent)),)
    agent, commands = _start(agent, now)
    if agent.state is State.READY:
        agent, more = begin_prompt(agent, event, now)
    else:
        agent, more = enqueue(agent, event, now)
    return agent, commands + more


def note_process(agent: Agent, event: e.Spawned, now: float) -> Step:
    """There is a process to answer for now."""
    return replace(agent, pid=event.pid, began=now), ()


def become_ready(agent: Agent, event: object, now: float) -> Step:
    """The handshake was answered: take the first prompt that waits."""
    return _ready(replace(agent, ready_since=now), now)


def give_up_spawning(agent: Agent, event: e.SpawnFailed, now: float) -> Step:
    """No process came of it: the fault decides whether another attempt makes sense."""
    return _after_loss(agent, now, event.fault)


def end_after_refusal(agent: Agent, event: e.HandshakeFailed, now: float) -> Step:
    """The agent said no; its process is ended before the fault is judged."""
    if agent.pid is None:
        return _after_loss(agent, now, event.fault)
    return _end(agent, now, Because.FAULT, Rung.TERMINATE, event.fault)


def end_deaf(agent: Agent, event: object, now: float) -> Step:
    """The handshake's time is up."""
    if agent.deadline is None or agent.deadline > now:
        return agent, ()
    seconds = agent.spec.handshake_seconds
    fault = Fault(
        FaultKind.TIMEOUT,
        f"The agent did not answer its handshake within {seconds:g} s.",
        "`tars logs --agent NAME` shows what it wrote; `handshake_seconds` gives it longer.",
    )
    if agent.pid is None:
        return replace(agent, deadline=now + seconds), ()
    return _end(agent, now, Because.UNWELL, Rung.TERMINATE, fault)


def lose_in_start(agent: Agent, event: e.Exited, now: float) -> Step:
    """It died before it was ready."""
    if event.pid != agent.pid:
        return agent, ()
    fault = event.fault or Fault(
        FaultKind.CRASHED,
        f"The agent {_ended(event.status)} while it started.",
        "`tars logs --agent NAME` shows what it wrote.",
    )
    return _after_loss(agent, now, fault)


# --- prompts and turns ------------------------------------------------------


def begin_prompt(agent: Agent, event: e.PromptAsked, now: float) -> Step:
    """Nobody waits and the agent is free: the prompt is its turn."""
    return _begin(agent, event.prompt, now)


def enqueue(agent: Agent, event: e.PromptAsked, now: float) -> Step:
    """The prompt waits, unless too many do."""
    if agent.queue.full:
        fault = Fault(
            FaultKind.QUEUE_FULL,
            f"{len(agent.queue)} prompts wait already.",
            "Wait for some to finish, or raise `queue_limit`.",
        )
        return agent, (_refuse(event.prompt, fault),)
    return replace(agent, queue=agent.queue.put(event.prompt)), ()


def enqueue_if_back(agent: Agent, event: e.PromptAsked, now: float) -> Step:
    """The process is going: the prompt waits for the next one, if there will be one."""
    if agent.wanted:
        return enqueue(agent, event, now)
    return agent, (_refuse(event.prompt, _stopped_fault(agent)),)


def refuse_failed(agent: Agent, event: e.PromptAsked, now: float) -> Step:
    """Nothing works until somebody mends the cause, which the refusal repeats."""
    return agent, (_refuse(event.prompt, agent.fault or _stopped_fault(agent)),)


def withdraw(agent: Agent, event: e.CancelAsked, now: float) -> Step:
    """A prompt that still waits leaves the queue."""
    if event.prompt not in agent.queue:
        return agent, ()
    dropped = c.DropPrompt(event.prompt, Outcome.CANCELLED)
    return replace(agent, queue=agent.queue.without(event.prompt)), (dropped,)


def cancel(agent: Agent, event: e.CancelAsked, now: float) -> Step:
    """The turn under way is cancelled once; a second wish changes nothing."""
    turn = agent.turn
    if turn is None or event.prompt != turn.prompt:
        return withdraw(agent, event, now)
    return _cancel_turn(agent, now, Outcome.CANCELLED, None)


def cancel_hung(agent: Agent, event: e.Hung, now: float) -> Step:
    """The agent gets the chance to give the turn up before its process is ended."""
    fault = Fault(
        FaultKind.TIMEOUT,
        f"The turn was given up: {event.reason}.",
        "`silence_seconds` allows longer silences.",
    )
    return _cancel_turn(agent, now, Outcome.TIMEOUT, fault)


def lose_patience(agent: Agent, event: object, now: float) -> Step:
    """A permission nobody gave is refused; a turn out of time is cancelled; a cancel
    that is not obeyed ends the process."""
    due = tuple(p for p in agent.permissions if p.deadline <= now)
    if due:
        rest = tuple(p for p in agent.permissions if p.deadline > now)
        answers = tuple(c.AnswerPermission(p.request_id, refusing(p.options)) for p in due)
        return replace(agent, permissions=rest), answers
    turn = agent.turn
    if turn is None or agent.deadline is None or agent.deadline > now:
        return agent, ()
    if turn.ending is not None:
        fault = turn.fault or Fault(FaultKind.TIMEOUT, "The agent did not obey the cancel.")
        return _end(agent, now, Because.UNWELL, Rung.INTERRUPT, fault)
    fault = Fault(
        FaultKind.TIMEOUT,
        f"The turn took longer than {agent.spec.turn_seconds:g} s.",
        "`turn_seconds` or `--timeout` allows longer turns.",
    )
    return _cancel_turn(agent, now, Outcome.TIMEOUT, fault)


def finish_turn(agent: Agent, event: e.TurnEnded, now: float) -> Step:
    """The agent is done: record the turn and take the next prompt."""
    if agent.turn is None or event.prompt != agent.turn.prompt:
        return agent, ()
    agent, finished = _finished(agent, event.outcome, event.fault)
    if agent.spec.one_shot and agent.pid is not None:
        agent, commands = _end(agent, now, Because.TURN_DONE, Rung.LEAVE, None)
    else:
        agent, commands = _ready(agent, now)
    return agent, finished + commands


def finish_turn_then_end(agent: Agent, event: e.TurnEnded, now: float) -> Step:
    """The turn obeyed its cancel: record it, and go on with ending the process."""
    if agent.turn is None or event.prompt != agent.turn.prompt:
        return agent, ()
    agent, finished = _finished(agent, event.outcome, event.fault)
    if agent.ending is None or agent.ending.rung is not Rung.CANCEL:
        return agent, finished
    agent, commands = _to_rung(agent, Rung.TERMINATE, now)
    return agent, finished + commands


def fail_turn_without_process(agent: Agent, event: e.SpawnFailed, now: float) -> Step:
    """One process per prompt, and this prompt got none."""
    agent, finished = _finished(agent, Outcome.ERROR, event.fault)
    if event.fault.needs_a_person:
        agent, commands = _fail(agent, now, event.fault)
    else:
        agent, commands = _ready(agent, now)
    return agent, finished + commands


# --- permissions ------------------------------------------------------------


def weigh_permission(agent: Agent, event: e.PermissionAsked, now: float) -> Step:
    """The policy answers, or a person has `permission_seconds` to. A turn that is being
    cancelled gets its answer at once: the agent would not hear the cancel before it."""
    if agent.turn is None or agent.turn.ending is not None:
        return answer_nobody(agent, event, now)
    match agent.spec.permissions.rule(event.tool_kind):
        case Rule.ALLOW:
            return agent, (c.AnswerPermission(event.request_id, allowing(event.options)),)
        case Rule.DENY:
            return agent, (c.AnswerPermission(event.request_id, refusing(event.options)),)
        case Rule.ASK:
            deadline = now + agent.spec.permission_seconds
            pending = Pending(event.request_id, event.options, deadline)
            return replace(agent, permissions=(*agent.permissions, pending)), ()


def answer_permission(agent: Agent, event: e.PermissionAnswered, now: float) -> Step:
    """Somebody answered in time."""
    rest = tuple(p for p in agent.permissions if p.request_id != event.request_id)
    if rest == agent.permissions:
        return agent, ()
    answer = c.AnswerPermission(event.request_id, event.option_id)
    return replace(agent, permissions=rest), (answer,)


def answer_nobody(agent: Agent, event: e.PermissionAsked, now: float) -> Step:
    """No turn that anybody wants stands behind it: an agent always gets an answer."""
    return agent, (c.AnswerPermission(event.request_id, None),)


# --- stopping ---------------------------------------------------------------


def unwant(agent: Agent, event: e.StopAsked, now: float) -> Step:
    """It is down already, and stays so."""
    return replace(agent, wanted=False), ()


def stop(agent: Agent, event: e.StopAsked, now: float) -> Step:
    """Down, whatever it was doing; the prompts that wait are told."""
    agent, dropped = _unwanted(agent, event)
    agent, commands = _end(agent, now, Because.ASKED, Rung.TERMINATE, None)
    return agent, dropped + commands


def stop_busy(agent: Agent, event: e.StopAsked, now: float) -> Step:
    """The turn is interrupted first, so that what it used is still reported."""
    agent, dropped = _unwanted(agent, event)
    agent, commands = _interrupt(agent, now, Because.ASKED)
    return agent, dropped + commands


def stop_without_process(agent: Agent, event: e.StopAsked, now: float) -> Step:
    """There is nothing to end."""
    agent, dropped = _unwanted(agent, event)
    return _enter(agent, State.STOPPED, now), dropped


def stay_down(agent: Agent, event: e.StopAsked, now: float) -> Step:
    """It was going already; now it does not come back."""
    agent, dropped = _unwanted(agent, event)
    return _because(agent, Because.ASKED), dropped


def restart(agent: Agent, event: object, now: float) -> Step:
    """A new process, asked for; the prompts that wait go on waiting."""
    return _end(replace(agent, wanted=True), now, Because.RESTART, Rung.TERMINATE, None)


def restart_busy(agent: Agent, event: object, now: float) -> Step:
    """The turn under way is interrupted."""
    return _interrupt(replace(agent, wanted=True), now, Because.RESTART)


def come_back(agent: Agent, event: object, now: float) -> Step:
    """It is going, and is wanted again once it is gone."""
    if agent.ending is not None and agent.ending.because is Because.TURN_DONE:
        return replace(agent, wanted=True), ()
    return _because(replace(agent, wanted=True), Because.RESTART), ()


def make_room(agent: Agent, event: object, now: float) -> Step:
    """Between turns, a process that has grown too large is replaced."""
    if agent.pid is None:
        return agent, ()
    return _end(agent, now, Because.OUTGROWN, Rung.TERMINATE, None)


def make_room_later(agent: Agent, event: object, now: float) -> Step:
    """A turn is under way: the process is replaced when it has ended."""
    return replace(agent, outgrown=not agent.spec.one_shot), ()


def end_newborn(agent: Agent, event: e.Spawned, now: float) -> Step:
    """The process came after the wish to stop it."""
    agent = replace(agent, pid=event.pid, began=now)
    return _to_rung(agent, Rung.TERMINATE, now)


def climb(agent: Agent, event: object, now: float) -> Step:
    """The rung had its time: the next one. Above SIGKILL there is only SIGKILL again."""
    if agent.ending is None or agent.deadline is None or agent.deadline > now:
        return agent, ()
    match agent.ending.rung:
        case Rung.CANCEL:
            return _to_rung(agent, Rung.INTERRUPT, now)
        case Rung.LEAVE | Rung.INTERRUPT:
            return _to_rung(agent, Rung.TERMINATE, now)
        case Rung.TERMINATE | Rung.KILL:
            return _to_rung(agent, Rung.KILL, now)


def conclude(agent: Agent, event: e.Exited, now: float) -> Step:
    """The process that was to end has ended."""
    if event.pid != agent.pid:
        return agent, ()
    return _conclude(agent, now)


def conclude_unborn(agent: Agent, event: object, now: float) -> Step:
    """The process that was to end never came."""
    return _conclude(agent, now)


# --- losing the process -----------------------------------------------------


def lose_idle(agent: Agent, event: e.Exited, now: float) -> Step:
    """It went while nobody asked it anything. A trusted status 0 is a goodbye."""
    if event.pid != agent.pid:
        return agent, ()
    clean = event.status == 0 and agent.spec.trusts_exit_status
    return _after_loss(agent, now, _crash(event), clean=clean)


def lose_busy(agent: Agent, event: e.Exited, now: float) -> Step:
    """It went in mid-turn, which is never a success, whatever its status."""
    if event.pid != agent.pid:
        return agent, ()
    fault = _crash(event)
    ending = agent.turn.ending if agent.turn is not None else None
    if agent.spec.one_shot:
        agent, finished = _finished(agent, ending or Outcome.ERROR, None if ending else fault)
        agent, commands = _ready(replace(agent, pid=None, began=None), now)
    else:
        agent, finished = _finished(agent, ending or Outcome.INTERRUPTED, fault)
        agent, commands = _after_loss(agent, now, fault)
    return agent, finished + commands


# --- helpers ----------------------------------------------------------------


def _enter(
    agent: Agent, state: State, now: float, deadline: float | None = None, **changes: Any
) -> Agent:
    """Change the state; what only a live process has is given up where there is none."""
    if state in (State.STOPPED, State.WAITING, State.FAILED, State.STARTING):
        changes = {
            "pid": None,
            "began": None,
            "ready_since": None,
            "turn": None,
            "outgrown": False,
            "permissions": (),
            **changes,
        }
    if state is not State.STOPPING:
        changes["ending"] = None
    return replace(agent, state=state, since=now, deadline=deadline, **changes)


def _start(agent: Agent, now: float) -> Step:
    if agent.spec.one_shot:
        fresh = _enter(agent, State.STARTING, now)
        return _ready(replace(fresh, ready_since=now), now)
    deadline = now + agent.spec.handshake_seconds
    return _enter(agent, State.STARTING, now, deadline), (c.Spawn(),)


def _ready(agent: Agent, now: float) -> Step:
    agent = _enter(agent, State.READY, now, turn=None, permissions=())
    if agent.outgrown:
        return make_room(replace(agent, outgrown=False), None, now)
    prompt, queue = agent.queue.take()
    if prompt is None:
        return agent, ()
    return _begin(replace(agent, queue=queue), prompt, now)


def _begin(agent: Agent, prompt: str, now: float) -> Step:
    deadline = now + agent.spec.turn_seconds
    turn = Turn(prompt, now, deadline)
    return _enter(agent, State.BUSY, now, deadline, turn=turn), (c.BeginTurn(prompt),)


def _finished(agent: Agent, outcome: Outcome, fault: Fault | None) -> Step:
    """Record the turn. Once it was told to end, only a success is news."""
    turn = agent.turn
    if turn is None:
        return agent, ()
    if turn.ending is not None and outcome is not Outcome.OK:
        outcome, fault = turn.ending, turn.fault
    kept = None if outcome is Outcome.OK else (fault or agent.fault)
    agent = replace(agent, turn=None, permissions=(), fault=kept)
    return agent, (c.FinishTurn(turn.prompt, outcome, fault),)


def _cancel_turn(agent: Agent, now: float, outcome: Outcome, fault: Fault | None) -> Step:
    if agent.turn is None or agent.turn.ending is not None:
        return agent, ()
    turn = replace(agent.turn, ending=outcome, fault=fault)
    deadline = now + agent.spec.cancel_seconds
    commands = _cancel_commands(agent, turn)
    return replace(agent, turn=turn, deadline=deadline, permissions=()), commands


def _cancel_commands(agent: Agent, turn: Turn) -> tuple[Command, ...]:
    answers = tuple(c.AnswerPermission(p.request_id, None) for p in agent.permissions)
    if not agent.spec.one_shot:
        return (*answers, c.CancelTurn(turn.prompt))
    # One process per prompt has no protocol to cancel in: its interrupt is SIGINT.
    if agent.pid is None:
        return answers
    return (*answers, c.Signal(agent.pid, SignalName.INTERRUPT))


def _interrupt(agent: Agent, now: float, because: Because) -> Step:
    """End a busy process, its turn first."""
    turn = agent.turn
    if turn is None:
        return _end(agent, now, because, Rung.TERMINATE, None)
    commands: tuple[Command, ...] = ()
    if turn.ending is None:
        turn = replace(turn, ending=Outcome.INTERRUPTED)
        commands = _cancel_commands(agent, turn)
    agent = _enter(
        agent,
        State.STOPPING,
        now,
        now + agent.spec.cancel_seconds,
        turn=turn,
        permissions=(),
        ending=Ending(because, Rung.CANCEL),
    )
    return agent, commands


def _end(agent: Agent, now: float, because: Because, rung: Rung, fault: Fault | None) -> Step:
    """Begin to end the process; one that is not born yet is awaited, none is concluded."""
    ending = Ending(because, rung, fault)
    if agent.pid is None:
        waits_for_birth = agent.state is State.STARTING
        agent = _enter(agent, State.STOPPING, now, now + agent.spec.grace_seconds, ending=ending)
        return (agent, ()) if waits_for_birth else _conclude(agent, now)
    agent = _enter(agent, State.STOPPING, now, ending=ending, permissions=())
    return _to_rung(agent, rung, now)


_SIGNALS = {
    Rung.INTERRUPT: SignalName.INTERRUPT,
    Rung.TERMINATE: SignalName.TERMINATE,
    Rung.KILL: SignalName.KILL,
}


def _to_rung(agent: Agent, rung: Rung, now: float) -> Step:
    if agent.ending is None:
        return agent, ()
    deadline = now + agent.spec.grace_seconds
    if agent.pid is None:
        return replace(agent, deadline=deadline), ()
    agent = replace(agent, ending=replace(agent.ending, rung=rung), deadline=deadline)
    signal = _SIGNALS.get(rung)
    return agent, () if signal is None or agent.pid is None else (c.Signal(agent.pid, signal),)


def _conclude(agent: Agent, now: float) -> Step:
    ending = agent.ending
    agent, finished = _finished(agent, Outcome.INTERRUPTED, None)
    because = Because.ASKED if ending is None else ending.because
    commands: tuple[Command, ...]
    match because:
        case Because.ASKED:
            agent, commands = _enter(agent, State.STOPPED, now), ()
        case Because.RESTART | Because.OUTGROWN:
            agent, commands = _start(agent, now)
        case Because.TURN_DONE:
            agent, commands = _ready(replace(agent, pid=None, began=None), now)
        case Because.UNWELL | Because.FAULT:
            fault = ending.fault if ending is not None else None
            agent, commands = _after_loss(agent, now, fault or _unknown_fault())
    return agent, finished + commands


def _after_loss(agent: Agent, now: float, fault: Fault, *, clean: bool = False) -> Step:
    """The process is gone and nobody asked for it: try again, wait, or give up."""
    if fault.needs_a_person:
        return _fail(agent, now, fault)
    if agent.spec.one_shot:
        return _start(replace(agent, fault=fault), now)
    lived = 0.0 if agent.ready_since is None else now - agent.ready_since
    match next_attempt(agent.spec.restart, agent.restarts, now, lived_seconds=lived, clean=clean):
        case Retry(delay, history):
            agent = replace(agent, restarts=history, fault=fault)
            if delay == 0.0:
                return _start(agent, now)
            return _enter(agent, State.WAITING, now, now + delay), ()
        case GiveUp(attempts, window):
            reason = Fault(
                FaultKind.GAVE_UP,
                f"Gave up after {attempts} restarts within {window:g} s. {fault.message}",
                fault.advice or "`tars restart NAME` tries again.",
            )
            return _fail(agent, now, reason)
        case StayDown():
            return _rest(agent, now, fault, clean=clean)


def _rest(agent: Agent, now: float, fault: Fault, *, clean: bool) -> Step:
    """Down without a restart. After a goodbye, prompts that wait bring it back."""
    if not clean:
        agent, dropped = _dropped(replace(agent, wanted=False, fault=fault), Outcome.ERROR, fault)
        return _enter(agent, State.STOPPED, now), dropped
    if agent.queue.waiting:
        return _start(agent, now)
    return _enter(agent, State.STOPPED, now), ()


def _fail(agent: Agent, now: float, fault: Fault) -> Step:
    agent, dropped = _dropped(replace(agent, fault=fault), Outcome.ERROR, fault)
    return _enter(agent, State.FAILED, now), dropped


def _unwanted(agent: Agent, event: e.StopAsked) -> Step:
    agent = replace(agent, wanted=False)
    if event.keep_queue:
        return replace(agent, queue=agent.queue.emptied()), ()
    return _dropped(agent, Outcome.REFUSED, _stopped_fault(agent))


def _dropped(agent: Agent, outcome: Outcome, fault: Fault) -> Step:
    commands = tuple(c.DropPrompt(p, outcome, fault) for p in agent.queue.waiting)
    return replace(agent, queue=agent.queue.emptied()), commands


def _refuse(prompt: str, fault: Fault) -> Command:
    return c.DropPrompt(prompt, Outcome.REFUSED, fault)


def _because(agent: Agent, because: Because) -> Agent:
    ending = agent.ending
    return agent if ending is None else replace(agent, ending=replace(ending, because=because))


def _stopped_fault(agent: Agent) -> Fault:
    name = agent.spec.name
    return Fault(
        FaultKind.STOPPED, f"The agent {name} is stopped.", f"`tars start {name}` starts it."
    )


def _crash(event: e.Exited) -> Fault:
    return event.fault or Fault(
        FaultKind.CRASHED,
        f"The agent {_ended(event.status)} unasked.",
        "`tars logs --agent NAME` shows what it wrote.",
    )


def _ended(status: int) -> str:
    return f"was killed by signal {-status}" if status < 0 else f"exited with status {status}"


def _unknown_fault() -> Fault:
    return Fault(FaultKind.INTERNAL, "The agent was ended for no recorded reason.")
