"""Several agents on one screen: whole lines only, each with the name of who said it."""

import os
import sys
from dataclasses import dataclass, field
from typing import TextIO

#: One colour after the other; red is for what went wrong.
COLORS = ("\x1b[36m", "\x1b[32m", "\x1b[33m", "\x1b[35m", "\x1b[34m")
RESET = "\x1b[0m"
LEAST_COLUMNS = 20


@dataclass(slots=True)
class Screen:
    """Where all of them write. While somebody is asked, nothing is shown: the line is the
    person's. It is shown afterwards."""

    asking: bool = False
    _held: list[tuple[TextIO, str]] = field(default_factory=list)

    def line(self, to: TextIO, line: str) -> None:
        self._held.append((to, line))
        if not self.asking:
            self.release()

    def release(self) -> None:
        """Show what was held back."""
        self.asking = False
        held, self._held = self._held, []
        for to, line in held:
            to.write(f"{line}\n")
            to.flush()


class Lines:
    """A stream for one agent, of bytes or of text: it keeps what is no whole line yet, or no
    longer one than the terminal is wide. `columns` 0 is no terminal."""

    def __init__(self, screen: Screen, to: TextIO, prefix: str, *, columns: int = 0) -> None:
        self._screen = screen
        self._to = to
        self._prefix = prefix
        self._columns = columns
        self._rest = ""

    def write(self, text: bytes | str) -> int:
        piece = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        *whole, self._rest = (self._rest + piece).split("\n")
        for line in whole:
            self._show(line)
        while self._columns and len(self._rest) > self._columns:
            at = self._rest.rfind(" ", 0, self._columns)
            at = at if at > 0 else self._columns
            self._show(self._rest[:at])
            self._rest = self._rest[at:].removeprefix(" ")
        return len(text)

    def flush(self) -> None:
        """What is no line yet waits for the rest of it."""

    def isatty(self) -> bool:
        """Nobody may move about in what others write to as well."""
        return False

    def _show(self, line: str) -> None:
        width = self._columns or max(len(line), 1)
        for start in range(0, max(len(line), 1), width):
            self._screen.line(self._to, f"{self._prefix}{line[start : start + width]}".rstrip())


def prefixes(names: list[str], *, color: bool) -> dict[str, str]:
    """Give everybody a prefix of the same width, in a colour of their own."""
    width = max(map(len, names))
    plain = {name: f"{name.ljust(width)} │ " for name in names}
    if not color:
        return plain
    return {
        name: f"{COLORS[n % len(COLORS)]}{prefix}{RESET}"
        for n, (name, prefix) in enumerate(plain.items())
    }


def columns_beside(names: list[str]) -> int:
    """How wide the text beside the names may be on this terminal."""
    try:
        width = os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (OSError, ValueError):
        width = 80
    return max(width - max(map(len, names)) - 3, LEAST_COLUMNS)


def colorful() -> bool:
    """Whether stdout is a terminal that shows colours, and its person wants them."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and sys.stdout.isatty()
