"""A terminal with `tars chat` on it: keys go in, and its screen is looked at as a person does."""

import os
import re
import select
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pexpect
import pyte

from tests.support.processes import terminal_of
from tests.support.tars_home import TarsHome

PATIENCE = 20.0


class ChatTerminal:
    """`raw` is everything that was printed."""

    def __init__(self, child: "pexpect.spawn[Any]", rows: int, columns: int) -> None:
        self.child = child
        self.raw = ""
        self.screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=0.01)
        self._stream = pyte.ByteStream(self.screen)

    def send(self, keys: str) -> None:
        os.write(self.child.child_fd, keys.encode())

    def enter(self, text: str) -> None:
        """Type a line, as soon as the terminal takes it."""
        self.send(f"{text}\r")

    def shows(self, pattern: str, *, seconds: float = PATIENCE) -> str:
        """Wait until the screen matches, and give what of it does."""
        found = self.until(lambda text: re.search(pattern, text, re.DOTALL), seconds)
        return str(found[0])

    def shows_no_more(self, pattern: str) -> None:
        self.until(lambda text: not re.search(pattern, text, re.DOTALL), PATIENCE)

    def until(self, claim: Any, seconds: float = PATIENCE) -> Any:
        give_up = time.monotonic() + seconds
        while True:
            found = claim(self.text())
            if found:
                return found
            left = give_up - time.monotonic()
            assert left > 0, f"it shows:\n{self.text()}"
            if not self._read(left):
                assert claim(self.text()), f"it ended with:\n{self.text()}"

    def text(self) -> str:
        """The screen, with what has scrolled off before it."""
        above = [
            "".join(c.data for _, c in sorted(line.items())) for line in self.screen.history.top
        ]
        lines = [line.rstrip() for line in (*above, *self.screen.display)]
        return "\n".join(lines).rstrip()

    def tty(self) -> str:
        """The terminal's path, to have it open when the chat is gone."""
        return terminal_of(self.child.child_fd)

    def resize(self, rows: int, columns: int) -> None:
        self.screen.resize(rows, columns)
        self.child.setwinsize(rows, columns)

    def ended(self) -> int | None:
        """Wait for its end, and give its exit status."""
        give_up = time.monotonic() + PATIENCE
        # Somebody else may have the terminal open, and then it has no end.
        while self.child.isalive() and time.monotonic() < give_up:
            self._read(0.05)
        while select.select([self.child.child_fd], [], [], 0)[0] and self._read(0):
            pass
        return self.child.exitstatus

    def _read(self, seconds: float) -> bool:
        if not select.select([self.child.child_fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.child.child_fd, 65536)
        except OSError:
            return False
        self.raw += data.decode("utf-8", "replace")
        self._stream.feed(data)
        return bool(data)


@contextmanager
def chatting(
    tars: TarsHome,
    *words: str,
    rows: int = 24,
    columns: int = 80,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[ChatTerminal]:
    """`tars chat` on a terminal, from when a prompt can be typed."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "tars", "chat", *words],
        env={**tars.env, "TERM": "xterm-256color", **(env or {})},
        dimensions=(rows, columns),
        cwd=cwd or str(tars.home.root.parent),
        timeout=PATIENCE,
    )
    terminal = ChatTerminal(child, rows, columns)
    try:
        terminal.shows(r"\u203a.*\S · (ready|working|idle|starting|busy)")
        yield terminal
    finally:
        child.close(force=True)
