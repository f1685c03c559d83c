"""`tars status --watch`: the status, drawn again and again, until q or Ctrl-C.

On a terminal it has a screen of its own, which is given back whatever happens; elsewhere one
follows the other. A daemon that goes away is waited for.
"""

import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from tars.cli import exit_codes
from tars.cli.attach_terminal import ending_signals
from tars.control.contract import Status
from tars.control.shown_text import printable
from tars.errors import TarsError

#: A screen of its own, without a cursor, on which a line that is too long is cut off.
ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
#: Draw over what is there, and clear what remains: nothing flickers.
TOP, REST, REST_OF_LINE = "\x1b[H", "\x1b[J", "\x1b[K"

Look = Callable[[], Status]
Show = Callable[[Status], str]


def watched(look: Look, show: Show, *, every: float, on_screen: bool) -> int:
    """Show it every so many seconds. Gives the exit status when somebody types q."""
    known = os.environ.get("TERM", "") not in ("", "dumb")
    if not (on_screen and known and sys.stdout.isatty()):
        _one_after_another(look, show, every)
    with ending_signals(), Screen() as screen:
        while True:
            screen.draw(_now(look, show))
            if screen.told_to_leave(every):
                return exit_codes.DONE


def _one_after_another(look: Look, show: Show, every: float) -> None:
    """Print until Ctrl-C, or until nobody reads any more."""
    while True:
        sys.stdout.write(_now(look, show))
        sys.stdout.flush()
        time.sleep(every)


def _now(look: Look, show: Show) -> str:
    """Give the status in words. A daemon that hangs or is being exchanged is not the end."""
    try:
        return show(look())
    except TarsError as error:
        return f"tars          {printable(str(error))}\n"


class Screen:
    """The terminal meanwhile. What was typed is read without an echo; Ctrl-C, Ctrl-Z and a new
    size do what they do everywhere."""

    def __init__(self) -> None:
        self._keys: Any = None
        self._wake = (-1, -1)
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Screen":
        self._wake = os.pipe()
        for end in self._wake:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        self._before = {
            signal.SIGWINCH: signal.signal(signal.SIGWINCH, _noted),
            signal.SIGTSTP: signal.signal(signal.SIGTSTP, self._suspended),
        }
        self._enter()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for end in self._wake:
            os.close(end)

    def draw(self, text: str) -> None:
        """Draw what fits, the last line being for what does not."""
        try:
            rows = os.get_terminal_size(1).lines
        except OSError:
            rows = 24
        lines = text.splitlines()
        if rows and len(lines) > rows:
            left = len(lines) - rows + 1
            lines = [*lines[: rows - 1], f"({left} more lines; a larger window shows them)"]
        drawn = f"{REST_OF_LINE}\n".join(lines)
        self._write(f"{TOP}{drawn}{REST_OF_LINE}{REST}")

    def told_to_leave(self, seconds: float) -> bool:
        """Wait for so long, or for a key or a new size of the terminal."""
        until = time.monotonic() + seconds
        ears = [self._wake[0], *([] if self._keys is None else [0])]
        while (left := until - time.monotonic()) > 0:
            heard, _, _ = select.select(ears, [], [], left)
            if 0 in heard:
                typed = os.read(0, 1024)
                if not typed:
                    self._keys_are_gone(ears)
                if b"q" in typed or b"Q" in typed:
                    return True
            if self._wake[0] in heard:
                os.read(self._wake[0], 1024)
                return False
        return False

    def _keys_are_gone(self, ears: list[int]) -> None:
        self._keys = None
        ears.remove(0)

    def _enter(self) -> None:
        # In the background nobody's keys are read, and the terminal is left as it is.
        with suppress(OSError, termios.error):
            if os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp():
                self._keys = termios.tcgetattr(0)
                tty.setcbreak(0, termios.TCSANOW)
        self._write(ENTER)

    def _leave(self) -> None:
        # The terminal may be gone: that is what SIGHUP says.
        with suppress(OSError):
            self._write(LEAVE)
        if self._keys is not None:
            with suppress(OSError, termios.error):
                termios.tcsetattr(0, termios.TCSAFLUSH, self._keys)
            self._keys = None

    def _suspended(self, _signal: int, _frame: FrameType | None) -> None:
        self._leave()
        with _usual(signal.SIGTSTP):
            os.kill(os.getpid(), signal.SIGTSTP)
        self._enter()

    def _write(self, text: str) -> None:
        data = text.encode(errors="replace")
        while data:
            data = data[os.write(1, data) :]


@contextmanager
def _usual(number: int) -> Iterator[None]:
    """Let a signal do for once what it does to everybody."""
    handler = signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, handler)


def _noted(_signal: int, _frame: FrameType | None) -> None:
    """The pipe was told: that is enough."""
