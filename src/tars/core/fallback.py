"""Where a prompt goes that an agent could not answer: pure, and each agent is tried once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tars.core.agent import Outcome
from tars.errors import Fault, FaultKind

#: Somebody's wish, or what no other agent would do better at.
NOBODY_ELSES = frozenset(
    {
        FaultKind.STOPPED,
        FaultKind.QUEUE_FULL,
        FaultKind.SESSION_UNKNOWN,
        FaultKind.SESSION_LOCKED,
        FaultKind.DISK,
    }
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a prompt fared with one agent. `began`: it was a turn there. `bound`: the prompt
    names a conversation, which only this agent has. `over_limit`: the turn took as long as a
    person allows one to."""

    outcome: Outcome
    fault: Fault | None = None
    began: bool = True
    bound: bool = False
    over_limit: bool = False


def falls_back(attempt: Attempt) -> bool:
    """Whether another agent should have the prompt: this one failed, and nobody wanted that."""
    if attempt.bound or (attempt.fault is not None and attempt.fault.kind in NOBODY_ELSES):
        return False
    match attempt.outcome:
        case Outcome.OK | Outcome.CANCELLED:
            return False
        case Outcome.ERROR:
            return True
        case Outcome.TIMEOUT:
            return not attempt.over_limit
        case Outcome.INTERRUPTED:
            # Without a fault somebody stopped or restarted the agent.
            return attempt.fault is not None
        case Outcome.REFUSED:  # pragma: no branch
            # The agent's own refusal is an answer; one before any turn says that it is down.
            return not attempt.began and attempt.fault is not None


def next_agent(
    tried: Sequence[str], chains: Mapping[str, Sequence[str]], able: Callable[[str], bool]
) -> str | None:
    """Choose who is asked next, or None when nobody is left.

    First comes the chain of the agent that was asked first, then those of the agents it led
    to. Whoever was tried, or is not able to take a prompt now, is passed over.
    """
    for asked in tried:
        for name in chains.get(asked, ()):
            if name not in tried and able(name):
                return name
    return None


def passed_over(
    tried: Sequence[str], chains: Mapping[str, Sequence[str]], chosen: str
) -> tuple[str, ...]:
    """Name those who were not able to take it before one was chosen, in their order."""
    order = dict.fromkeys(n for asked in tried for n in chains.get(asked, ()) if n not in tried)
    names = tuple(order)
    return names[: names.index(chosen)] if chosen in names else ()


def next_attempt(prompt: str) -> str:
    """Name the attempt that follows: `a1b2` is followed by `a1b2-2`, then `a1b2-3`."""
    first, _, number = prompt.partition("-")
    return f"{first}-{int(number or 1) + 1}"


def earlier_attempts(prompt: str) -> tuple[str, ...]:
    """Name the attempts before this one, the first of them first."""
    first, _, number = prompt.partition("-")
    if not number.isdecimal():
        return ()
    return (first, *(f"{first}-{n}" for n in range(2, int(number))))
