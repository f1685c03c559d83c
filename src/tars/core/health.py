"""Is the agent well? Pure verdicts on what was observed; the loop feeds them back as events."""

from dataclasses import dataclass

from tars.core.agent import Agent, State
from tars.core.events import Hung, Outgrown


@dataclass(frozen=True, slots=True)
class Signs:
    """What was observed of a process.

    `heard_at` is when it last wrote a byte to stdout or stderr: any byte is life, for
    an agent may retry for minutes and say so on stderr alone. `tool_running`: a tool
    works for the agent, which is then silent with good reason.
    """

    heard_at: float
    tool_running: bool = False
    rss_bytes: int = 0


def verdict(agent: Agent, signs: Signs, now: float) -> Hung | Outgrown | None:
    """Judge one agent, or give None when all is well.

    Waiting for a permission is no silence, and the silence is counted anew after it.
    A process that lives for one prompt is never too large: it goes anyway.

    The turn's own deadline is not asked here: it is a deadline of the agent's state.
    """
    silent_until = _silent_until(agent, signs)
    if silent_until is not None and now >= silent_until:
        seconds = agent.spec.silence_seconds
        return Hung(f"silent for {seconds:g} s", "`silence_seconds` allows longer silences.")
    limit = agent.spec.max_rss_bytes
    if (
        limit is not None
        and not agent.spec.one_shot
        and signs.rss_bytes > limit
        and agent.state in (State.READY, State.BUSY)
        and not agent.outgrown
    ):
        return Outgrown(f"resident memory grew past {limit // 2**20} MiB")
    return None


def next_look(agent: Agent, signs: Signs) -> float | None:
    """When silence would become a verdict, or None when it cannot."""
    return _silent_until(agent, signs)


def _silent_until(agent: Agent, signs: Signs) -> float | None:
    turn = agent.turn
    if agent.state is not State.BUSY or turn is None or turn.ending is not None:
        return None
    if signs.tool_running or agent.permissions:
        return None
    excused = turn.began if turn.answered is None else turn.answered
    return max(signs.heard_at, excused) + agent.spec.silence_seconds
