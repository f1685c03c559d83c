"""The account's limits, as the app-server tells them after each response."""

from collections.abc import Iterable

from tars.agents.codex import messages as wire
from tars.conversation.model import Limit

#: The windows that an account has today, in minutes.
_NAMES = {300: "five_hour", 10080: "weekly"}
_FULL = 100.0


def told(limits: wire.RateLimits) -> tuple[Limit, ...]:
    """Give the limits that are named; an account without a plan has none."""
    windows = (("primary", limits.primary), ("secondary", limits.secondary))
    return tuple(_limit(limits, name, w) for name, w in windows if w is not None)


def free_at(limits: Iterable[Limit]) -> float | None:
    """When the last of the limits that are used up is renewed; seconds since the epoch."""
    used_up = [limit for limit in limits if (limit.used_percent or 0.0) >= _FULL]
    return max((limit.resets_at for limit in used_up if limit.resets_at), default=None)


def _limit(limits: wire.RateLimits, name: str, window: wire.LimitWindow) -> Limit:
    minutes = window.window_duration_mins
    if minutes is not None:
        name = _NAMES.get(minutes, f"{minutes}_minutes")
    # "codex" is the limit that everybody has; others belong to a model or a feature.
    other = limits.limit_id not in (None, "codex")
    return Limit(
        f"{limits.limit_id}:{name}" if other else name,
        window.used_percent,
        window.resets_at,
        limits.rate_limit_reached_type or "",
    )
