"""How a turn of Claude Code's ended, as its result says."""

from tars.agents.claude import faults
from tars.agents.claude.messages import Result
from tars.conversation.model import Stop
from tars.errors import Fault

_STOPS = {
    "refusal": Stop.REFUSED,
    "max_tokens": Stop.LIMIT,
    "model_context_window_exceeded": Stop.LIMIT,
}
_LIMITS = frozenset({"error_max_turns", "error_max_budget_usd"})


def aborted(result: Result) -> bool:
    """Whether the turn was cut short."""
    return (result.terminal_reason or "").startswith("aborted")


def is_of(result: Result, id: str, *, queued: bool = False) -> bool:
    """Whether a result is this prompt's. One that names no prompt may be of a turn that the
    agent began by itself: it says so, or has said that the prompt is still queued."""
    if named := result.prompt_ids or (result.prompt_id and [result.prompt_id]):
        return id in named
    return bytes(result.origin) == b"null" and not queued


def words(result: Result) -> str:
    """Give the result's own words."""
    return result.result or "; ".join(result.errors)


def judged(
    result: Result, *, cancelled: bool, limit_ends: float | None
) -> tuple[Stop, Fault | None]:
    """Say how the turn ended. `limit_ends` is when the account's limit ends that was reached."""
    if cancelled and aborted(result):
        return Stop.CANCELLED, None
    if not result.is_error:
        return _STOPS.get(result.stop_reason or "", Stop.DONE), None
    if result.subtype in _LIMITS:
        return Stop.LIMIT, None
    return Stop.ERROR, faults.classify(result.api_error_status, words(result), limit_ends)
