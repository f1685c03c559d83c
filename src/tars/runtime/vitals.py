"""Memory and CPU of a process, with or without its descendants, sampled seldom."""

from dataclasses import dataclass
from time import monotonic

from tars.runtime.process_table import weigh, with_descendants


@dataclass(frozen=True, slots=True)
class Vitals:
    """`rss_bytes` is resident memory; `cpu_percent` of one core since the sample before
    (0.0 at the first)."""

    rss_bytes: int = 0
    cpu_percent: float = 0.0


class Gauge:
    """Measures one process tree."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._cpu_seconds = 0.0
        self._sampled_at: float | None = None
        self._descendants = False

    def sample(self, *, descendants: bool) -> Vitals:
        """Look once; a process that is gone weighs nothing.

        Where there is no list of children to read, finding descendants reads the whole
        process table: leave it out while nothing happens, when there are none that matter.
        """
        family = with_descendants([self._pid]) if descendants else [self._pid]
        weights = [weigh(pid) for pid in family]
        cpu_seconds = sum(cpu for _, cpu in weights)
        now = monotonic()
        percent = 0.0
        # Another family's seconds cannot be compared.
        same = descendants is self._descendants
        if same and self._sampled_at is not None and now > self._sampled_at:
            used = max(0.0, cpu_seconds - self._cpu_seconds)
            percent = 100.0 * used / (now - self._sampled_at)
        self._cpu_seconds, self._sampled_at = cpu_seconds, now
        self._descendants = descendants
        return Vitals(sum(rss for rss, _ in weights), round(percent, 1))
