"""Cells of `lifecycle.TABLE`: prompts wait, become turns, ask for leave, and end.

Every cell takes (agent, event, now) and gives the next agent and the commands; its
docstring is the rule. `now` is monotonic, in seconds.
"""

from dataclasses import replace

from tars.core import commands as c
from tars.core import events as e
from tars.core import transitions as move
from tars.core.agent import Agent, Because, Ending, Outcome, Rung
from tars.core.commands import Command
from tars.core.permission import Answerer, Pending, Rule, allowing, refusing
from tars.core.transitions import Step
from tars.errors import Fault, FaultKind

# --- prompts that wait ------------------------------------------------------


def begin_prompt(agent: Agent, event: e.PromptAsked, now: float) -> Step:
    """Nobody waits and the agent is free: the prompt is its turn."""
    return move.begin(agent, event.prompt, now)


def enqueue(agent: Agent, event: e.PromptAsked, now: float) -> Step:
    """The prompt waits, unless too many do. One that is known already is not taken twice."""
    if _known(agent, event.prompt):
        return agent, ()
    if agent.queue.full:
        fault = Fault(
            FaultKind.QUEUE_FULL,
            f"{len(agent.queue)} prompts wait already.",
            "Wait for some to finish, or raise `queue_limit`.",
        )
        return move.refuse(agent, event.prompt, fault)
    return replace(agent, queue=agent.queue.put(event.prompt)), ()


def enqueue_if_back(agent: Agent, event: e.PromptAsked, now: float) -> Step:
    """The process is going: the prompt waits for the next one, if there will be one."""
    if agent.wanted or _known(agent, event.prompt):
        return enqueue(agent, event, now)
    return move.refuse(agent, event.prompt, move.stopped_fault(agent))


def refuse_failed(agent: Agent, event: e.PromptAsked, now: float) -> Step:
    """Nothing works until somebody mends the cause, which the refusal repeats."""
    return move.refuse(agent, event.prompt, agent.fault or move.stopped_fault(agent))


def withdraw(agent: Agent, event: e.CancelAsked, now: float) -> Step:
    """A prompt that still waits leaves the queue; a held turn is not tried again."""
    if agent.held is not None and event.prompt == agent.held.prompt:
        return move.let_go(agent, Outcome.CANCELLED, None)
    if event.prompt not in agent.queue:
        return agent, ()
    dropped = c.DropPrompt(event.prompt, Outcome.CANCELLED)
    return replace(agent, queue=agent.queue.without(event.prompt)), (dropped,)


# --- the turn under way -----------------------------------------------------


def note_process_of_turn(agent: Agent, event: e.Spawned, now: float) -> Step:
    """The prompt has its process. If it was cancelled meanwhile, the process hears it now."""
    turn = agent.turn
    agent = replace(agent, pid=event.pid, began=now)
    if turn is None or turn.ending is None:
        return agent, ()
    deadline = now + agent.spec.cancel_seconds
    return replace(agent, deadline=deadline), move.cancelling(agent, turn.prompt)


def cancel(agent: Agent, event: e.CancelAsked, now: float) -> Step:
    """The turn under way is cancelled once; a second wish changes nothing."""
    if agent.turn is None or event.prompt != agent.turn.prompt:
        return withdraw(agent, event, now)
    return move.cancel(agent, now, Outcome.CANCELLED)


def cancel_hung(agent: Agent, event: e.Hung, now: float) -> Step:
    """The agent gets the chance to give the turn up before its process is ended."""
    fault = Fault(FaultKind.TIMEOUT, f"The turn was given up: {event.reason}.", event.advice)
    agent, commands = move.cancel(agent, now, Outcome.TIMEOUT, fault)
    turn = agent.turn and replace(agent.turn, wedged=event.wedged)
    return replace(agent, turn=turn), commands


def cancel_over_budget(agent: Agent, event: e.OverBudget, now: float) -> Step:
    """A budget is used up: the turn is cancelled, as if a person had, and says which one."""
    if agent.turn is None or event.prompt != agent.turn.prompt:
        return agent, ()
    return move.cancel(agent, now, Outcome.CANCELLED, _over_budget(event))


def cancel_runaway(agent: Agent, event: e.RanAway, now: float) -> Step:
    """The turn goes round in circles: it is cancelled, and says in which."""
    if agent.turn is None or event.prompt != agent.turn.prompt:
        return agent, ()
    fault = Fault(FaultKind.RUNAWAY, event.reason, event.advice)
    return move.cancel(agent, now, Outcome.CANCELLED, fault)


def lose_patience(agent: Agent, event: e.TimeUp, now: float) -> Step:
    """A permission nobody gave is refused; a turn out of time is cancelled; a cancel
    that is not obeyed ends the process."""
    due = tuple(p for p in agent.permissions if p.deadline <= now)
    if due:
        refusals = (_answer(p, refusing(p.options), Answerer.TIMEOUT) for p in due)
        return _answered(agent, now, tuple(refusals))
    turn = agent.turn
    if turn is None or agent.deadline is None or agent.deadline > now:
        return agent, ()
    if turn.ending is not None:
        fault = turn.fault or Fault(FaultKind.TIMEOUT, "The agent did not obey the cancel.")
        return move.end(agent, now, Ending(Because.UNWELL, Rung.INTERRUPT, fault))
    fault = Fault(
        FaultKind.TIMEOUT,
        f"The turn took longer than {agent.spec.turn_seconds:g} s.",
        "`turn_seconds` or `--timeout` allows longer turns.",
    )
    return move.cancel(agent, now, Outcome.TIMEOUT, fault)


def finish_turn(agent: Agent, event: e.TurnEnded, now: float) -> Step:
    """The agent is done: record the turn, or hold it until a limit ends, and take the next
    prompt. A process of its own goes by itself, or is made to."""
    if agent.turn is None or event.prompt != agent.turn.prompt:
        return agent, ()
    agent, finished = move.end_turn(agent, event, event.outcome, now)
    if agent.spec.one_shot and agent.pid is not None:
        agent, commands = move.end(agent, now, Ending(Because.TURN_DONE, Rung.LEAVE))
    else:
        agent, commands = move.take_next(agent, now)
    return agent, finished + commands


def fail_turn_without_process(agent: Agent, event: e.SpawnFailed, now: float) -> Step:
    """One process per prompt, and this prompt got none."""
    if agent.pid is not None:
        return agent, ()
    agent, finished = move.finish(agent, Outcome.ERROR, event.fault)
    return _without_process(agent, finished, event.fault, now)


def lose_busy(agent: Agent, event: e.Exited, now: float) -> Step:
    """It went in mid-turn, which is never a success, whatever its status."""
    if event.pid != agent.pid:
        return agent, ()
    fault = event.fault or move.crash_fault(agent, event.status, "in mid-turn")
    if agent.spec.one_shot:
        agent, finished = move.end_turn(agent, replace(event, fault=fault), Outcome.ERROR, now)
        return _without_process(agent, finished, fault, now)
    agent, finished = move.finish(agent, Outcome.INTERRUPTED, fault)
    agent, commands = move.after_loss(agent, now, fault)
    return agent, finished + commands


def _without_process(agent: Agent, finished: tuple[Command, ...], fault: Fault, now: float) -> Step:
    """Only this prompt is lost, or none, unless the next one could fare no better."""
    if fault.needs_a_person and agent.held is None:
        agent, commands = move.fail(agent, now, fault)
    else:
        agent, commands = move.take_next(replace(agent, pid=None, began=None), now)
    return agent, finished + commands


# --- a limit of the account ---------------------------------------------------


def resume_when_due(agent: Agent, event: e.TimeUp, now: float) -> Step:
    """The limit is over: the held turn is tried again, ahead of all that wait."""
    if agent.deadline is None or agent.deadline > now:
        return agent, ()
    return move.take_next(agent, now)


def cancel_held(agent: Agent, event: e.CancelAsked, now: float) -> Step:
    """Without a turn that is held the next prompt has its turn, and meets the limit by
    itself if it still holds."""
    agent, commands = withdraw(agent, event, now)
    if agent.held is not None:
        return agent, commands
    agent, more = move.take_next(agent, now)
    return agent, commands + more


def let_held_go(agent: Agent, event: e.OverBudget, now: float) -> Step:
    """A turn that waits for the end of a limit would use more than its budget has."""
    if agent.held is None or event.prompt != agent.held.prompt:
        return agent, ()
    return move.let_go(agent, Outcome.CANCELLED, _over_budget(event))


def end_held(agent: Agent, event: e.OverBudget, now: float) -> Step:
    """Without the turn that was held the next prompt has its turn."""
    agent, commands = let_held_go(agent, event, now)
    if agent.held is not None:
        return agent, commands
    agent, more = move.take_next(agent, now)
    return agent, commands + more


def _over_budget(event: e.OverBudget) -> Fault:
    return Fault(FaultKind.OVER_BUDGET, event.reason, event.advice, event.until)


# --- permissions ------------------------------------------------------------


def weigh_permission(agent: Agent, event: e.PermissionAsked, now: float) -> Step:
    """The policy answers, or a person has `permission_seconds` to. A turn that is being
    cancelled gets its answer at once: the agent would not hear the cancel before it."""
    if agent.turn is None or agent.turn.ending is not None:
        return answer_nobody(agent, event, now)
    rule, whose = agent.spec.permissions.rule(event.tool_kind)
    match rule:
        case Rule.ALLOW:
            return agent, (_answer(event, allowing(event.options), whose),)
        case Rule.DENY:
            return agent, (_answer(event, refusing(event.options), whose),)
        case Rule.ASK:  # pragma: no branch
            deadline = now + agent.spec.permission_seconds
            pending = Pending(event.request_id, event.options, deadline, event.tool_kind, now)
            return replace(agent, permissions=(*agent.permissions, pending)), ()


def answer_permission(agent: Agent, event: e.PermissionAnswered, now: float) -> Step:
    """Somebody answered in time. No option means a refusal, in the agent's own terms."""
    for pending in agent.permissions:
        if pending.request_id == event.request_id:
            refused = event.option_id is None
            option = refusing(pending.options) if refused else event.option_id
            return _answered(agent, now, (_answer(pending, option, event.by, event.who),))
    return agent, ()


def answer_nobody(agent: Agent, event: e.PermissionAsked, now: float) -> Step:
    """No turn that anybody wants stands behind it: an agent always gets an answer."""
    return agent, (c.AnswerPermission(event.request_id, None),)


def _answer(
    asked: e.PermissionAsked | Pending, option: str | None, by: Answerer, who: str = ""
) -> c.AnswerPermission:
    return c.AnswerPermission(asked.request_id, option, by, who)


def _answered(agent: Agent, now: float, answers: tuple[c.AnswerPermission, ...]) -> Step:
    """Answer requests. The agent was silent with good reason until now."""
    answered = {a.request_id for a in answers}
    rest = tuple(p for p in agent.permissions if p.request_id not in answered)
    turn = agent.turn and replace(agent.turn, answered=now)
    return replace(agent, permissions=rest, turn=turn), answers


def _known(agent: Agent, prompt: str) -> bool:
    return prompt == agent.under_way or prompt in agent.queue
