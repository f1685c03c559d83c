"""The account's limits, as Codex's rollouts tell them with each response."""

import msgspec
from msgspec import Raw, Struct

from tars.history.decoding import UNDECODABLE
from tars.history.source import Limit
from tars.history.timestamps import milliseconds

#: The windows that an account has today, in minutes.
_NAMES = {300: "five_hour", 10080: "weekly"}
#: How limits begin that are told by a name, and how long a name may be.
_ID = b'{"limit_id":'
_LONGEST_ID = 100
_MOST_KINDS = 16


class _Window(Struct):
    used_percent: float | None = None
    window_minutes: int | None = None
    resets_at: float | None = None
    #: Older versions tell how long it is until then.
    resets_in_seconds: float | None = None


class _Limits(Struct):
    limit_id: str | None = None
    primary: _Window | None = None
    secondary: _Window | None = None
    plan_type: str | None = None


_limits = msgspec.json.Decoder(_Limits)


class Limits:
    """The newest of each kind: every count has them, so that only the last ones are decoded."""

    def __init__(self) -> None:
        self._newest: dict[bytes, tuple[Raw, str]] = {}

    def note(self, limits: Raw, timestamp: str | None) -> None:
        """Remember what a count says, if it says something."""
        text = bytes(limits)
        if text == b"null":
            return
        # What has no name is all of one kind.
        kind = text[:_LONGEST_ID].partition(b",")[0] if text.startswith(_ID) else b""
        if kind in self._newest or len(self._newest) < _MOST_KINDS:
            self._newest[kind] = limits, timestamp or ""

    def told(self) -> list[Limit]:
        """Give the limits; an account without a plan has none."""
        newest: dict[str, Limit] = {}
        for limits, timestamp in self._newest.values():
            at = milliseconds(timestamp) or 0
            newest.update((limit.name, limit) for limit in _limits_of(limits, at))
        return list(newest.values())


def _limits_of(raw: Raw, at: int) -> list[Limit]:
    try:
        limits = _limits.decode(raw)
    except UNDECODABLE:
        return []
    windows = (("primary", limits.primary), ("secondary", limits.secondary))
    return [
        _limit(limits, name, window, at)
        for name, window in windows
        if window is not None and window.used_percent is not None
    ]


def _limit(limits: _Limits, name: str, window: _Window, at: int) -> Limit:
    minutes = window.window_minutes or 0
    if minutes:
        name = _NAMES.get(minutes, f"{minutes}_minutes")
    # "codex" is the limit that everybody has; others belong to a model or a feature.
    if limits.limit_id not in (None, "codex"):
        name = f"{limits.limit_id}:{name}"
    resets_at = None
    if window.resets_at is not None:
        resets_at = int(window.resets_at * 1000)
    elif window.resets_in_seconds is not None:
        resets_at = at + int(window.resets_in_seconds * 1000)
    used = max(0.0, (window.used_percent or 0.0) / 100)
    return Limit("codex", name, used, minutes, resets_at, at, limits.plan_type or "")
