"""When to look again: at most twice a second, and hardly ever while nothing happens. Pure."""

from dataclasses import dataclass

#: Between two looks, in seconds, however much happens.
LEAST = 0.5


@dataclass(slots=True)
class Pace:
    """Times are seconds of one clock. `every` is how soon what no event tells of is stale."""

    every: float
    looked: float | None = None
    wanted: bool = True
    awake: bool = True

    def note(self) -> None:
        """Something happened, or somebody asked."""
        self.wanted = True

    def sleep(self) -> None:
        """Nobody looks."""
        self.awake = False

    def wake(self) -> None:
        """Somebody looks again, and sees at once how things stand."""
        self.awake, self.wanted = True, True

    def did(self, now: float) -> None:
        """It was looked at."""
        self.looked, self.wanted = now, False

    def due_in(self, now: float) -> float | None:
        """Give in how many seconds to look: 0 is now, None when something wakes it first."""
        if not self.awake:
            return None
        if self.looked is None:
            return 0.0
        wait = LEAST if self.wanted else self.every
        return max(0.0, self.looked + wait - now)
