"""An agent in words, as every view tells it: its state with a colour, and what it does. Pure."""

from tars.control.contract import AgentStatus
from tars.control.shown_text import duration
from tars.tui import figures
from tars.tui.foreign_text import clean

#: State → the word for it, and its colour.
_STATES = {
    "stopped": ("stopped", "dim"),
    "starting": ("starting", "cyan"),
    "ready": ("ready", "green"),
    "busy": ("busy", "cyan"),
    "limited": ("rate-limited", "yellow"),
    "stopping": ("stopping", "yellow"),
    "waiting": ("restarting", "yellow"),
    "failed": ("failed", "red"),
}


def state(agent: AgentStatus) -> tuple[str, str]:
    """Give the word for how an agent is, and a colour; what it asks a person comes first."""
    if agent.permissions:
        return "asks you", "bold yellow"
    word = agent.condition.word if agent.condition is not None else ""
    if word == "wedged":
        return "wedged", "red"
    if word == "rate_limited":
        return "rate-limited", "yellow"
    return _STATES.get(agent.state, (clean(agent.state), ""))


def doing(agent: AgentStatus) -> list[str]:
    """Give facts on what it does now, each a few words."""
    facts = []
    if agent.turn is not None:
        facts.append(f"turn {duration(agent.turn.elapsed_seconds)}")
        if agent.turn.output_tokens:
            facts.append(f"{figures.tokens(agent.turn.output_tokens)} out")
        if agent.turn.waiting_for:
            facts.append(f"waits for {clean(agent.turn.waiting_for)}")
    elif agent.condition is not None and agent.condition.word == "idle":
        facts.append(f"idle {duration(agent.condition.since_seconds)}")
    if agent.next_attempt_in_seconds is not None:
        facts.append(f"again in {duration(agent.next_attempt_in_seconds)}")
    if agent.waits_for:
        facts.append(f"after {clean(', '.join(agent.waits_for))}")
    if agent.queued:
        facts.append(f"{agent.queued:,} queued")
    if agent.restarts:
        facts.append(f"{agent.restarts:,} restart{'' if agent.restarts == 1 else 's'}")
    if agent.model:
        facts.append(clean(agent.model))
    return facts
