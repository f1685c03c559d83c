"""What Claude Code remembers of its account's limits, in `.claude.json`.

It asks the server for them when a person looks at `/usage`, and at times by itself; the file has
the last answer. It also has secrets: nothing but the limits and the plan's name is decoded.
"""

import msgspec
from msgspec import Struct, field

from tars.history.decoding import UNDECODABLE
from tars.history.source import Found, Limit, Mark, Reading
from tars.history.timestamps import milliseconds

#: A larger one is none. It has every project's last figures, and grows to some megabytes.
_LARGEST = 64 * 1024 * 1024
_WEEK = 7 * 24 * 60
#: The limits and their windows in minutes.
_WINDOWS = {
    "five_hour": 5 * 60,
    "seven_day": _WEEK,
    "seven_day_opus": _WEEK,
    "seven_day_sonnet": _WEEK,
}


class _Window(Struct):
    utilization: float | None = None
    resets_at: str | None = None


class _Windows(Struct):
    five_hour: _Window | None = None
    seven_day: _Window | None = None
    seven_day_opus: _Window | None = None
    seven_day_sonnet: _Window | None = None


class _Cached(Struct):
    at: float = field(default=0, name="fetchedAtMs")
    utilization: _Windows | None = None


class _Owner(Struct):
    plan: str | None = field(default=None, name="organizationType")


class _Account(Struct):
    cached: _Cached | None = field(default=None, name="cachedUsageUtilization")
    owner: _Owner | None = field(default=None, name="oauthAccount")


_account = msgspec.json.Decoder(_Account)


def read(found: Found) -> Reading:
    """Read the limits. Raises OSError when the file cannot be opened or read."""
    reading = Reading(Mark(found.size))
    if found.size > _LARGEST:
        reading.problem = f"It is larger than {_LARGEST >> 20} MiB."
        return reading
    with open(found.path, "rb") as file:
        data = file.read(_LARGEST)
    try:
        account = _account.decode(data)
    except UNDECODABLE:
        # Half written, or of a version that writes something else there.
        return reading
    reading.limits = _limits(account)
    return reading


def _limits(account: _Account) -> list[Limit]:
    cached = account.cached
    if cached is None or cached.utilization is None:
        return []
    plan = ((account.owner and account.owner.plan) or "").removeprefix("claude_")
    limits = []
    for name, minutes in _WINDOWS.items():
        window: _Window | None = getattr(cached.utilization, name)
        if window is not None and window.utilization is not None:
            resets_at = milliseconds(window.resets_at or "")
            used = max(0.0, window.utilization / 100)
            limits.append(Limit("claude", name, used, minutes, resets_at, int(cached.at), plan))
    return limits
