"""A limit of the account that ends by itself: from the agent's wall clock to seconds from now."""

import time

from tars.errors import Fault, FaultKind
from tars.runtime.turn import LiveTurn

#: The agent's clock and ours may differ a little; a request that is early is a wasted one.
MARGIN_SECONDS = 1.0

_LIMITS = (FaultKind.QUOTA, FaultKind.RATE_LIMIT)


def retry_after(fault: Fault | None, turn: LiveTurn | None, now: float) -> float | None:
    """Give the seconds until a turn that ended like this may be tried again.

    None where no limit ended it, nobody knows for how long it holds, or the prompt's own
    time-out comes first. `now` is monotonic.
    """
    if fault is None or fault.until is None or turn is None or fault.kind not in _LIMITS:
        return None
    seconds = max(0.0, fault.until - time.time()) + MARGIN_SECONDS
    timeout = turn.prompt.timeout_seconds
    if timeout is not None and now + seconds >= turn.began + timeout:
        return None
    return seconds
