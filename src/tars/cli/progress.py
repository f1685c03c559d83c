"""What is being waited for, on stderr, once it takes longer than a second.

On a terminal one line that turns and counts, and is wiped when there is something
better to show; elsewhere one plain line. The cursor is never hidden, so that nothing is
left to repair whatever ends the process.
"""

import os
import sys
import time
from collections.abc import Callable
from typing import Self, TextIO

from tars.cli.render import one_line, seconds

PATIENCE_SECONDS = 1.0
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
WIPE = "\r\x1b[K"


def live_terminal() -> bool:
    """Whether a line may move: stdout and stderr are both a terminal that can."""
    return sys.stdout.isatty() and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


class Progress:
    """One thing that is waited for. `tick` is called some ten times a second.

    `clock` gives seconds. `hidden` keeps it from drawing while something else has the line.
    """

    def __init__(
        self,
        label: str,
        *,
        live: bool | None = None,
        out: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.hidden = False
        self._label = label
        self._live = live_terminal() if live is None else live
        self._out = out or sys.stderr
        self._clock = clock
        self._began = clock()
        self._detail = ""
        self._ends_at: float | None = None
        self._so_far = ""
        self._drawn = False
        self._announced: str | None = None
        self._turns = 0

    def tick(self) -> None:
        """Show how long it has taken, if that is worth showing by now."""
        elapsed = self._clock() - self._began
        if elapsed < PATIENCE_SECONDS or self.hidden:
            return
        if self._live:
            self._draw(elapsed)
        else:
            self._announce()

    def waiting_for(self, detail: str, ends_in: float | None = None) -> None:
        """Say what holds it up, and in how many seconds that ends; nothing when empty."""
        self._detail = one_line(detail)
        self._ends_at = None if ends_in is None else self._clock() + ends_in

    def so_far(self, input_tokens: int, output_tokens: int) -> None:
        """Say what it has used by now."""
        self._so_far = f"{input_tokens:,} in, {output_tokens:,} out"

    def wipe(self) -> None:
        """Give the line back."""
        if self._drawn:
            self._drawn = False
            self._out.write(WIPE)
            self._out.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def _left(self) -> str:
        """How long what holds it up goes on, where that is known."""
        if self._ends_at is None:
            return ""
        return f"{seconds(max(0.0, self._ends_at - self._clock()))} left"

    def _announce(self) -> None:
        """A plain line at first, and one for each new reason."""
        if self._announced is None or self._detail not in ("", self._announced):
            self._announced = self._detail
            reason = f": {self._detail}" if self._detail else " …"
            print(f"{self._label}{reason}", file=self._out, flush=True)

    def _draw(self, elapsed: float) -> None:
        frame = FRAMES[self._turns % len(FRAMES)]
        self._turns += 1
        facts = [self._label, seconds(elapsed), self._so_far, self._left(), self._detail]
        line = f"{frame} {' · '.join(filter(None, facts))}"
        self._out.write(WIPE + line[: _width(self._out) - 1])
        self._out.flush()
        self._drawn = True


def _width(out: TextIO) -> int:
    try:
        return os.get_terminal_size(out.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
