"""How an agent is, in one word for a person, with the evidence for it.

A state says what tars does with an agent; its condition says how the agent fares. Pure:
told from the agent, what was observed of it, and the time.
"""

from dataclasses import dataclass
from enum import StrEnum

from tars.core.agent import Agent, Because, Outcome, State
from tars.core.health import Signs, life_at
from tars.errors import Fault, FaultKind


class Word(StrEnum):
    """The values are the public contract."""

    STOPPED = "stopped"
    STARTING = "starting"
    IDLE = "idle"
    WORKING = "working"
    PERMISSION = "waiting_for_permission"
    LIMITED = "rate_limited"
    WEDGED = "wedged"
    STOPPING = "stopping"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Condition:
    """`since` is when it began, and `until` when it ends by itself, where that is known;
    both monotonic, in seconds. `evidence` is a phrase for a person."""

    word: Word
    evidence: str
    since: float
    until: float | None = None


def condition(agent: Agent, signs: Signs, now: float, wall: float) -> Condition:
    """Tell how an agent is at `now`, which is `wall` in seconds since the epoch."""
    match agent.state:
        case State.STOPPED:
            evidence = "a prompt starts it" if agent.wanted else "nobody wants it to run"
            return Condition(Word.STOPPED, evidence, agent.since)
        case State.STARTING:
            evidence = "its handshake is not answered yet"
            return Condition(Word.STARTING, evidence, agent.since, agent.deadline)
        case State.READY:
            return _idle(agent, now, wall)
        case State.BUSY:
            return _in_turn(agent, signs, now)
        case State.LIMITED:
            since = agent.since if agent.held is None else agent.held.since
            return Condition(Word.LIMITED, waits_for(_fault(agent)), since, agent.deadline)
        case State.STOPPING:
            return _ending(agent)
        case State.WAITING:
            return Condition(Word.DEAD, _fault(agent), agent.since, agent.deadline)
        case State.FAILED:  # pragma: no branch
            return Condition(Word.DEAD, _fault(agent), agent.since)


def waits_for(limit: str) -> str:
    """Say what a turn that is held waits for, and that nobody has to do anything."""
    return f"{limit} tars tries the turn again by itself."


def limit_ends(agent: Agent, now: float, wall: float) -> float | None:
    """When the limit ends that stopped the last turn of an idle agent, monotonic; None where
    there is none, or it is over."""
    fault = agent.fault
    if agent.state is not State.READY or fault is None or fault.until is None:
        return None
    if fault.kind is FaultKind.OVER_BUDGET:  # a bound of ours, and no limit of its account
        return None
    return now + fault.until - wall if fault.until > wall else None


#: How a turn ended → what is said of it. One that failed says of what.
_LAST = {
    Outcome.OK: "its last turn ended well",
    Outcome.CANCELLED: "its last turn was cancelled",
    Outcome.ERROR: "its last turn failed",
    Outcome.TIMEOUT: "its last turn was given up",
    Outcome.INTERRUPTED: "its last turn was interrupted",
    Outcome.REFUSED: "it refused its last turn",
}


def _idle(agent: Agent, now: float, wall: float) -> Condition:
    until = limit_ends(agent, now, wall)
    if until is not None:
        return Condition(Word.LIMITED, _fault(agent), agent.since, until)
    if agent.last is not None:
        known = _LAST[agent.last]
    else:
        known = "a prompt starts its process" if agent.pid is None else "its handshake was answered"
    if agent.fault is not None:
        known += f" ({agent.fault.kind.value.replace('_', ' ')})"
    return Condition(Word.IDLE, f"{known}, and nothing is asked", agent.since)


def _in_turn(agent: Agent, signs: Signs, now: float) -> Condition:
    turn = agent.turn
    assert turn is not None, "a busy agent has a turn"
    if turn.wedged and turn.fault is not None:
        return Condition(Word.WEDGED, turn.fault.message, life_at(agent, signs))
    if turn.ending is not None:
        return Condition(Word.WORKING, "its turn was told to end", turn.began)
    if agent.permissions:
        first = agent.permissions[0]
        evidence = f"it asks for leave to use a tool ({first.tool_kind})"
        return Condition(Word.PERMISSION, evidence, first.asked, first.deadline)
    delay = signs.delay
    if delay is not None and delay.until is not None:
        return Condition(Word.LIMITED, delay.reason, delay.since, delay.until)
    began = turn.began if turn.answered is None else turn.answered
    return Condition(Word.WORKING, _at_work(agent, signs, now), began)


def _at_work(agent: Agent, signs: Signs, now: float) -> str:
    if signs.delay is not None:
        return f"it waits: {signs.delay.reason}"
    if signs.tool_running:
        return "a tool of it runs"
    if signs.heard_at <= agent.since:
        return f"it has its prompt, and has said nothing for {now - agent.since:.0f} s"
    alive = life_at(agent, signs)
    if alive >= signs.heard_at:
        return f"it got on {now - alive:.0f} s ago"
    return f"it wrote {now - signs.heard_at:.0f} s ago, and got on {now - alive:.0f} s ago"


def _ending(agent: Agent) -> Condition:
    ending = agent.ending
    assert ending is not None, "a process that is made to go has a reason"
    if ending.because is Because.UNWELL:
        return Condition(Word.WEDGED, _reason(ending.fault), agent.since)
    return Condition(Word.STOPPING, f"its process is told to end ({ending.rung})", agent.since)


def _fault(agent: Agent) -> str:
    return _reason(agent.fault if agent.held is None else agent.held.fault)


def _reason(fault: Fault | None) -> str:
    return "for no recorded reason" if fault is None else fault.message
