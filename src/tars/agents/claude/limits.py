"""The account's limits, as Claude Code tells them."""

from dataclasses import replace

from tars.agents.claude import messages as wire
from tars.conversation.model import Limit, LimitsTold, Said
from tars.protocols.jsonrpc import decoded

_REJECTED = "rejected"
#: More windows than an account has are not told apart.
_MAX_WINDOWS = 16


class Limits:
    """`ends` is when the limit ends that requests are refused for, in seconds since the epoch,
    or None."""

    def __init__(self) -> None:
        self.ends: float | None = None
        self._near: Limit | None = None

    def changed(self, line: bytes) -> list[Said] | None:
        """Read a `rate_limit_event`; None where it makes no sense."""
        told = decoded(line, wire.RATE_LIMIT_EVENT)
        return None if told is None else self._note(told.rate_limit_info)

    def told(self, error: wire.ErrorParams | None) -> list[Said]:
        """Read what an error says of the limit that it is about, if it says so."""
        limit = None if error is None else decoded(error.rate_limit_info, wire.RATE_LIMIT)
        return [] if limit is None else self._note(limit)

    def _note(self, told: wire.RateLimit) -> list[Said]:
        self.ends = told.resets_at if told.status == _REJECTED else None
        windows = list((told.windows or {}).items())[:_MAX_WINDOWS]
        known = {name: _limit(name, window) for name, window in windows if window is not None}
        if told.name:
            self._near = known[told.name] = _limit(told.name, told)
        elif self._near is not None:
            # All is well again, with the limit that was spoken of too.
            self._near = replace(self._near, used_percent=None, status=told.status or "")
            known.setdefault(self._near.name, self._near)
        return [LimitsTold(tuple(known.values()))] if known else []


def _limit(name: str, window: wire.Window) -> Limit:
    fraction = window.utilization
    return Limit(
        name=name[:100],
        used_percent=None if fraction is None else max(0.0, fraction * 100),
        resets_at=window.resets_at,
        status=(window.status or "")[:100],
    )
