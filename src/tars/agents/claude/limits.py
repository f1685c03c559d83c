"""The account's limits, as Claude Code tells them."""

from msgspec import Raw

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

    def changed(self, line: bytes) -> list[Said] | None:
        """Read a `rate_limit_event`; None where it makes no sense."""
        told = decoded(line, wire.RATE_LIMIT_EVENT)
        return None if told is None else self._note(told.rate_limit_info)

    def told(self, info: Raw) -> list[Said]:
        """Read what an error says of the limit that it is about, if it says so."""
        limit = decoded(info, wire.RATE_LIMIT)
        return [] if limit is None else self._note(limit)

    def _note(self, told: wire.RateLimit) -> list[Said]:
        self.ends = told.resets_at if told.status == _REJECTED else None
        windows = list((told.windows or {}).items())[:_MAX_WINDOWS]
        known = {name: _limit(name, window) for name, window in windows if window is not None}
        if told.name:
            known[told.name] = _limit(told.name, told)
        return [LimitsTold(tuple(known.values()))] if known else []


def _limit(name: str, window: wire.Window) -> Limit:
    fraction = window.utilization
    return Limit(
        name=name[:100],
        used_percent=None if fraction is None else max(0.0, fraction * 100),
        resets_at=window.resets_at,
        status=(window.status or "")[:100],
    )
