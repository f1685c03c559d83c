"""Cells of `lifecycle.TABLE`: an agent is made to go, or goes.

Every cell takes (agent, event, now) and gives the next agent and the commands; its
docstring is the rule. `now` is monotonic, in seconds.
"""

from dataclasses import replace

from tars.core import events as e
from tars.core import transitions as move
from tars.core.agent import Agent, Because, Ending, Outcome, Rung, Spec, State
from tars.core.queue import Queue
from tars.core.transitions import Step

# --- a stop -----------------------------------------------------------------


def unwant(agent: Agent, event: e.StopAsked, now: float) -> Step:
    """It is down already, and stays so."""
    return replace(agent, wanted=False), ()


def stop(agent: Agent, event: e.StopAsked, now: float) -> Step:
    """Down, whatever it was doing; the prompts that wait are told."""
    agent, dropped = _unwanted(agent, event)
    agent, commands = move.end(agent, now, Ending(Because.ASKED, Rung.TERMINATE))
    return agent, dropped + commands


def stop_busy(agent: Agent, event: e.StopAsked, now: float) -> Step:
    """The turn is interrupted first, so that what it used is still reported."""
    agent, dropped = _unwanted(agent, event)
    agent, commands = move.interrupt(agent, now, Because.ASKED)
    return agent, dropped + commands


def stop_without_process(agent: Agent, event: e.StopAsked, now: float) -> Step:
    """There is nothing to end."""
    agent, dropped = _unwanted(agent, event)
    return move.enter(agent, State.STOPPED, now), dropped


def stay_down(agent: Agent, event: e.StopAsked, now: float) -> Step:
    """It was going already; now it does not come back."""
    agent, dropped = _unwanted(agent, event)
    return _because(agent, Because.ASKED), dropped


def _unwanted(agent: Agent, event: e.StopAsked) -> Step:
    agent = replace(agent, wanted=False)
    if event.keep_queue:
        # A turn that is held waits as well: a successor runs it before all others.
        return replace(agent, held=None, queue=agent.queue.emptied()), ()
    return move.drop_all(agent, Outcome.REFUSED, move.stopped_fault(agent))


# --- a new process ----------------------------------------------------------


def restart(agent: Agent, event: object, now: float) -> Step:
    """A new process, asked for; the prompts that wait go on waiting."""
    return move.end(replace(agent, wanted=True), now, Ending(Because.RESTART, Rung.TERMINATE))


def restart_busy(agent: Agent, event: object, now: float) -> Step:
    """The turn under way is interrupted."""
    return move.interrupt(replace(agent, wanted=True), now, Because.RESTART)


def restart_limited(agent: Agent, event: object, now: float) -> Step:
    """A person may have seen to the limit: the held turn is tried as soon as there is a new
    process, and held again where the limit still holds."""
    held = agent.held and replace(agent.held, resumes=now, asked=True)
    return restart(replace(agent, held=held), event, now)


def come_back(agent: Agent, event: object, now: float) -> Step:
    """It is going, and is wanted again once it is gone."""
    agent = replace(agent, wanted=True)
    if agent.ending is not None and agent.ending.because is Because.TURN_DONE:
        return agent, ()
    return _because(agent, Because.RESTART), ()


def make_room(agent: Agent, event: e.Outgrown, now: float) -> Step:
    """Between turns, a process that has grown too large is replaced."""
    if agent.pid is None:
        return agent, ()
    return move.end(agent, now, Ending(Because.OUTGROWN, Rung.TERMINATE))


def make_room_later(agent: Agent, event: e.Outgrown, now: float) -> Step:
    """A turn is under way: the process is replaced when it has ended."""
    return replace(agent, outgrown=not agent.spec.one_shot), ()


# --- a new policy -----------------------------------------------------------


def reconfigure(agent: Agent, event: e.Configured, now: float) -> Step:
    """New limits hold from now on; deadlines that already run keep running."""
    return _with_spec(agent, event.spec), ()


def reconfigure_idle(agent: Agent, event: e.Configured, now: float) -> Step:
    """From one process for all prompts to one for each, or back, is a restart."""
    if event.spec.one_shot is agent.spec.one_shot:
        return reconfigure(agent, event, now)
    return restart(_with_spec(agent, event.spec), event, now)


def reconfigure_busy(agent: Agent, event: e.Configured, now: float) -> Step:
    """As when idle; the turn is interrupted in the way that its process understands."""
    if event.spec.one_shot is agent.spec.one_shot:
        return reconfigure(agent, event, now)
    agent, commands = restart_busy(agent, event, now)
    return _with_spec(agent, event.spec), commands


def reconfigure_limited(agent: Agent, event: e.Configured, now: float) -> Step:
    """As when idle. Where turns wait no longer, the held one ends and the next is taken."""
    agent, commands = reconfigure_idle(agent, event, now)
    if agent.state is not State.LIMITED:
        return agent, commands
    agent, more = move.take_next(agent, now)
    return agent, commands + more


def reconfigure_ending(agent: Agent, event: e.Configured, now: float) -> Step:
    """What follows the process that is going is what the new policy has."""
    changed = event.spec.one_shot is not agent.spec.one_shot
    agent = _with_spec(agent, event.spec)
    if changed and agent.ending is not None and agent.ending.because is Because.TURN_DONE:
        agent = _because(agent, Because.RESTART)
    return agent, ()


def _with_spec(agent: Agent, spec: Spec) -> Agent:
    return replace(agent, spec=spec, queue=Queue(spec.queue_limit, agent.queue.waiting))


# --- the ladder -------------------------------------------------------------


def end_newborn(agent: Agent, event: e.Spawned, now: float) -> Step:
    """The process came after the wish to end it."""
    agent = replace(agent, pid=event.pid, began=now)
    return _climb_to(agent, Rung.TERMINATE, now)


def finish_turn_then_end(agent: Agent, event: e.TurnEnded, now: float) -> Step:
    """The turn obeyed its cancel: record it, and go on with ending the process."""
    if agent.turn is None or event.prompt != agent.turn.prompt:
        return agent, ()
    agent, finished = move.finish(agent, event.outcome, event.fault)
    if agent.ending is None or agent.ending.rung is not Rung.CANCEL:
        return agent, finished
    agent, commands = _climb_to(agent, Rung.TERMINATE, now)
    return agent, finished + commands


def climb(agent: Agent, event: e.TimeUp, now: float) -> Step:
    """The rung had its time: the next one. Above SIGKILL there is only SIGKILL again."""
    if agent.ending is None or agent.deadline is None or agent.deadline > now:
        return agent, ()
    match agent.ending.rung:
        case Rung.CANCEL:
            return _climb_to(agent, Rung.INTERRUPT, now)
        case Rung.LEAVE | Rung.INTERRUPT:
            return _climb_to(agent, Rung.TERMINATE, now)
        case Rung.TERMINATE | Rung.KILL:  # pragma: no branch
            return _climb_to(agent, Rung.KILL, now)


def _climb_to(agent: Agent, rung: Rung, now: float) -> Step:
    return move.climb_to(agent, agent.ending or Ending(Because.ASKED, rung), rung, now)


def _because(agent: Agent, because: Because) -> Agent:
    ending = agent.ending
    return agent if ending is None else replace(agent, ending=replace(ending, because=because))


# --- the process is gone ----------------------------------------------------


def conclude(agent: Agent, event: e.Exited, now: float) -> Step:
    """The process that was to end has ended."""
    if event.pid != agent.pid:
        return agent, ()
    return move.conclude(agent, now)


def conclude_unborn(agent: Agent, event: e.SpawnFailed, now: float) -> Step:
    """The process that was to end never came."""
    if agent.pid is not None:
        return agent, ()
    return move.conclude(agent, now)


def lose_idle(agent: Agent, event: e.Exited, now: float) -> Step:
    """It went while nobody asked it anything. A trusted status 0 is a goodbye."""
    if event.pid != agent.pid:
        return agent, ()
    clean = event.status == 0 and agent.spec.trusts_exit_status
    fault = event.fault or move.crash_fault(agent, event.status, "unasked")
    return move.after_loss(agent, now, fault, clean=clean)


def lose_limited(agent: Agent, event: e.Exited, now: float) -> Step:
    """It went while a turn is held, for which it is wanted: not even status 0 is a goodbye."""
    if event.pid != agent.pid:
        return agent, ()
    fault = event.fault or move.crash_fault(agent, event.status, "unasked")
    return move.after_loss(agent, now, fault)
