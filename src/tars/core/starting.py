"""Cells of `lifecycle.TABLE`: an agent comes up, or does not.

Every cell takes (agent, event, now) and gives the next agent and the commands; its
docstring is the rule. `now` is monotonic, in seconds.
"""

from dataclasses import replace

from tars.core import events as e
from tars.core import transitions as move
from tars.core.agent import Agent, Because, Ending, Rung, State
from tars.core.restart import RestartHistory
from tars.core.transitions import Step
from tars.core.turns import begin_prompt, enqueue
from tars.errors import Fault, FaultKind


def start_afresh(agent: Agent, event: object, now: float) -> Step:
    """A person asked: what was tried before is forgotten. A start at need waits for a prompt."""
    if isinstance(event, e.StartAsked) and event.at_need:
        return replace(agent, wanted=agent.wanted or agent.state is State.STOPPED), ()
    history = RestartHistory(total=agent.restarts.total)
    return move.start(replace(agent, wanted=True, restarts=history), now)


def start_now(agent: Agent, event: object, now: float) -> Step:
    """The back-off is cut short."""
    return move.start(replace(agent, wanted=True), now)


def start_when_due(agent: Agent, event: e.TimeUp, now: float) -> Step:
    """The back-off is over."""
    if agent.deadline is None or agent.deadline > now:
        return agent, ()
    return move.start(agent, now)


def start_for_prompt(agent: Agent, event: e.PromptAsked, now: float) -> Step:
    """An agent that said goodbye comes back for a prompt; one that was stopped does not."""
    if not agent.wanted:
        return move.refuse(agent, event.prompt, move.stopped_fault(agent))
    agent, commands = move.start(agent, now)
    accept = begin_prompt if agent.state is State.READY else enqueue
    agent, more = accept(agent, event, now)
    return agent, commands + more


def note_process(agent: Agent, event: e.Spawned, now: float) -> Step:
    """There is a process to answer for now."""
    return replace(agent, pid=event.pid, began=now), ()


def become_ready(agent: Agent, event: e.HandshakeAnswered, now: float) -> Step:
    """The handshake was answered: take the first prompt that waits."""
    if agent.pid is None:
        return agent, ()
    return move.take_next(replace(agent, ready_since=now), now)


def give_up_spawning(agent: Agent, event: e.SpawnFailed, now: float) -> Step:
    """No process came of it: the fault decides whether another attempt makes sense."""
    if agent.pid is not None:
        return agent, ()
    return move.after_loss(agent, now, event.fault)


def end_after_refusal(agent: Agent, event: e.HandshakeFailed, now: float) -> Step:
    """The agent said no; its process is ended before the fault is judged."""
    return move.end(agent, now, Ending(Because.FAULT, Rung.TERMINATE, event.fault))


def end_deaf(agent: Agent, event: e.TimeUp, now: float) -> Step:
    """The handshake's time is up. A process that was ordered and has not come is waited for."""
    if agent.deadline is None or agent.deadline > now:
        return agent, ()
    seconds = agent.spec.handshake_seconds
    if agent.pid is None:
        return replace(agent, deadline=now + seconds), ()
    fault = Fault(
        FaultKind.TIMEOUT,
        f"The agent did not answer its handshake within {seconds:g} s.",
        f"{move.logs_advice(agent)} `handshake_seconds` gives it longer.",
    )
    return move.end(agent, now, Ending(Because.UNWELL, Rung.TERMINATE, fault))


def lose_in_start(agent: Agent, event: e.Exited, now: float) -> Step:
    """It died before it was ready, which is never a goodbye."""
    if event.pid != agent.pid:
        return agent, ()
    fault = event.fault or move.crash_fault(agent, event.status, "while it started")
    return move.after_loss(agent, now, fault)
