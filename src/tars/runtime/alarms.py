"""When each agent is to be looked at again, the soonest first."""

import heapq

_NEVER = float("inf")


class Alarms:
    """One time for each name; to set and to take one costs the same for a thousand as for one.

    A time may be too early, when what it was for has moved on: whoever is due is asked again.
    """

    def __init__(self) -> None:
        self._times: dict[str, float] = {}
        # Holds the times of before, too: those are skipped when they come up.
        self._heap: list[tuple[float, str]] = []

    @property
    def soonest(self) -> float:
        """The first time of all; infinity when there is none."""
        while self._heap and self._times.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else _NEVER

    def set(self, name: str, at: float) -> None:
        """Have this name due at `at`, unless it is due before that already."""
        if at < self._times.get(name, _NEVER):
            self._times[name] = at
            heapq.heappush(self._heap, (at, name))

    def take(self, now: float) -> list[str]:
        """Give the names that are due, and forget their times."""
        due = []
        while self.soonest <= now:
            _, name = heapq.heappop(self._heap)
            del self._times[name]
            due.append(name)
        return due

    def forget(self, name: str) -> None:
        self._times.pop(name, None)
