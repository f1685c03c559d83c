"""The one table from what happened to the exit status, the same for every command."""

from collections.abc import Iterable

from tars.errors import (
    UNAVAILABLE,
    AgentUnavailable,
    FaultKind,
    NameInvalid,
    NotRunning,
    Refused,
    RequestInvalid,
    TarsError,
)

DONE = 0
FAILED = 1
WRONG_USAGE = 2
NOT_RUNNING = 3  # as `systemctl status` has it
AGENT_UNAVAILABLE = 4
REFUSED = 5
#: Of a command that was to be run by us, as shells, `env` and `timeout` have it.
NOT_RUNNABLE, NOT_FOUND = 126, 127
CANCELLED = 130

#: Each class speaks for its subclasses.
ERRORS: dict[type[BaseException], int] = {
    RequestInvalid: WRONG_USAGE,
    NameInvalid: WRONG_USAGE,
    NotRunning: NOT_RUNNING,
    AgentUnavailable: AGENT_UNAVAILABLE,
    Refused: REFUSED,
    TarsError: FAILED,
    OSError: FAILED,
    KeyboardInterrupt: CANCELLED,
}

#: How a turn ended, unless its fault says that the agent cannot work at all.
OUTCOMES = {
    "ok": DONE,
    "cancelled": CANCELLED,
    "error": FAILED,
    "timeout": FAILED,
    "interrupted": FAILED,
    "refused": REFUSED,
}


#: From the worst to the best, for what was done with several agents.
WORST_FIRST = (CANCELLED, FAILED, WRONG_USAGE, NOT_RUNNING, AGENT_UNAVAILABLE, REFUSED, DONE)


def worst(statuses: Iterable[int]) -> int:
    """Give the one status for several."""
    return min(statuses, key=WORST_FIRST.index, default=DONE)


def of_error(error: BaseException) -> int:
    """Give the exit status for an exception."""
    return next((ERRORS[kind] for kind in type(error).__mro__ if kind in ERRORS), FAILED)


def of_turn(outcome: str, fault_kind: str | None) -> int:
    """Give the exit status for the end of a turn, by its words on the wire. One that a budget
    ended was refused, whenever that was."""
    if outcome != "ok" and fault_kind == FaultKind.OVER_BUDGET:
        return REFUSED
    if outcome not in ("ok", "cancelled") and fault_kind in UNAVAILABLE:
        return AGENT_UNAVAILABLE
    return OUTCOMES.get(outcome, FAILED)
