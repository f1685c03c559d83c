"""A terminal that is borrowed, and given back as it was, whatever happens."""

import os
import signal
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Self

#: Ctrl-], as in telnet.
DETACH = b"\x1d"
#: All that a program may have switched on, for tars passes on nothing else; a test compares
#: this with `protocols/screen_viewer.py`, which a command does not import.
_MODES = (1, 9, 66, 1000, 1002, 1003, 1004, 1005, 1006, 1007, 1015, 2004)
#: The window's title is put by and taken back, where a terminal can do that.
_ENTER = "\x1b[22;2t\x1b[?1049h\x1b[H\x1b[2J"
_LEAVE = (
    "\x1b[0m\x1b[r"
    + "".join(f"\x1b[?{mode}l" for mode in _MODES)
    + "\x1b(B\x1b)B\x0f\x1b[?7h\x1b[?25h\x1b>\x1b[2J\x1b[?1049l\x1b[23;2t"
    # The cursor is back where the shell had left it, or, where there is no other screen, in
    # the midst of the agent's: what is said next begins a line.
    "\r"
)


class Detached(Exception):
    """The person wants to leave."""


@contextmanager
def ending_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the command as an exception, so that it cleans up."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {n: signal.signal(n, end) for n in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Borrowed:
    """The terminal behind two descriptors. `raw`: every key is passed on, and the screen is
    another one meanwhile; else lines are typed, and Ctrl-] ends one at once."""

    def __init__(self, stdin: int, stdout: int, *, raw: bool) -> None:
        self._stdin, self._stdout = stdin, stdout
        self._raw = raw
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._stdin)
        if self._raw:
            tty.setraw(self._stdin, termios.TCSANOW)
            self.write(_ENTER)
        else:
            changed = termios.tcgetattr(self._stdin)
            changed[6][termios.VEOL] = DETACH
            termios.tcsetattr(self._stdin, termios.TCSANOW, changed)
        return self

    def __exit__(self, *_: object) -> None:
        # The terminal may be gone: that is what SIGHUP says.
        with suppress(OSError, termios.error):
            # What is not shown yet, and what was typed since, is nobody's any more.
            termios.tcsetattr(
                self._stdin, termios.TCSAFLUSH if self._raw else termios.TCSANOW, self._before
            )
        with suppress(OSError):
            if self._raw:
                self.write(_LEAVE)

    def write(self, text: str) -> None:
        """Show this, all of it."""
        data = text.encode()
        while data:
            data = data[os.write(self._stdout, data) :]
