"""What agents say that makes no sense, in the log: the first of each kind, and then counts.

An agent may write garbage as fast as it can. It must not push everything else out of the log.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tars.conversation.model import Garbled
from tars.runtime.log import log

#: How often the log says how much there was.
EVERY_SECONDS = 60.0
#: How many kinds are told apart for each process.
MAX_KINDS = 20


@dataclass(slots=True)
class _Heap:
    """One process's. `reasons` and `size`: what came since the log last said how much; the size
    is in bytes."""

    told_at: float
    known: set[str] = field(default_factory=set)
    reasons: Counter[str] = field(default_factory=Counter)
    size: int = 0


class Garbage:
    """Every agent's. `clock` gives the time in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._heaps: dict[str, _Heap] = {}

    def heard(self, agent: str, garbled: Garbled) -> None:
        """Log it, or count it."""
        heap = self._heaps.setdefault(agent, _Heap(self._clock()))
        reason = garbled.reason
        if reason not in heap.known and len(heap.known) < MAX_KINDS:
            heap.known.add(reason)
            log.warning("agent_garbled", agent=agent, reason=reason, size=garbled.size)
            return
        heap.reasons[reason if reason in heap.known else "others"] += 1
        heap.size += garbled.size
        if self._clock() - heap.told_at >= EVERY_SECONDS:
            self._tell(agent, heap)

    def ended(self, agent: str) -> None:
        """Its process is gone: say how much there was, and begin anew with the next one."""
        heap = self._heaps.pop(agent, None)
        if heap is not None and heap.reasons:
            self._tell(agent, heap)

    def _tell(self, agent: str, heap: _Heap) -> None:
        log.warning(
            "agent_garbled_more",
            agent=agent,
            count=heap.reasons.total(),
            size=heap.size,
            reasons=dict(heap.reasons),
        )
        heap.told_at, heap.size = self._clock(), 0
        heap.reasons.clear()
