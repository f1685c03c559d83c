"""An agent's screen on this terminal, and its keys to the agent."""

import codecs
import os
import select
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType
from typing import Any, Self

from tars.cli.attach_terminal import DETACH, Borrowed, Detached
from tars.cli.connection import connect
from tars.control.attach_contract import Attached, Ended, KeysRequest, Shown, View, ViewRequest
from tars.control.contract import Wire
from tars.errors import TarsError

_BELL = "\a"
#: What is typed in one go, at most: a large paste goes in pieces.
_MOST_KEYS = 64 * 1024


class ScreenView:
    """Keys are read in a thread of their own, so that they go at once."""

    def __init__(self, attached: Attached) -> None:
        self._agent = attached.agent
        self._viewer = attached.viewer or ""
        self._keyboard = True
        self._terminal = Borrowed(sys.stdin.fileno(), sys.stdout.fileno(), raw=True)
        self._keys = _Keys(sys.stdin.fileno(), self._type)
        self._resized = False
        self._before: Any = None

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGWINCH, self._note_size)
        self._terminal.__enter__()
        self._keys.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._keys.stop()
        finally:
            self._terminal.__exit__()
            signal.signal(signal.SIGWINCH, self._before)

    def follow(self, events: Iterator[tuple[str, Wire]]) -> str:
        """Show what comes, and say why nothing more does."""
        for _, event in events:
            match event:
                case Shown(text=text):
                    self._terminal.write(text)
                case View(keyboard=keyboard):
                    self._keyboard = keyboard
                case Ended(reason=reason):
                    return reason
                case _:  # what a newer daemon sends
                    pass
            self.look_around()
        return "The daemon has stopped."

    def look_around(self) -> None:
        """Pass on what happened at this terminal meanwhile."""
        if self._keys.detached.is_set():
            raise Detached
        if self._keys.failed is not None:
            raise self._keys.failed
        if self._resized:
            self._resized = False
            columns, rows = shutil.get_terminal_size()
            request = ViewRequest(viewer=self._viewer, rows=rows, columns=columns)
            connect().change_view(self._agent, request)

    def _type(self, text: str) -> None:
        if self._keyboard:
            request = KeysRequest(viewer=self._viewer, text=text)
            self._keyboard = connect().type_keys(self._agent, request).keyboard
        if not self._keyboard:
            # Somebody else types here.
            self._terminal.write(_BELL)

    def _note_size(self, _signal: int, _frame: FrameType | None) -> None:
        self._resized = True


class _Keys(threading.Thread):
    """Reads keys and passes them on until Ctrl-]."""

    def __init__(self, stdin: int, passes_on: Any) -> None:
        super().__init__(daemon=True)
        self.detached = threading.Event()
        self.failed: TarsError | None = None
        self._stdin = stdin
        self._passes_on = passes_on
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._woken, self._wakes = os.pipe()

    def stop(self) -> None:
        """End it. It may be waiting for the daemon, but never for long."""
        os.write(self._wakes, b"x")
        self.join()
        os.close(self._woken)
        os.close(self._wakes)

    def run(self) -> None:
        try:
            while self._woken not in (ready := self._ready()):
                if self._stdin in ready and not self._pass_on():
                    break
        except TarsError as error:
            self.failed = error

    def _ready(self) -> list[int]:
        return select.select([self._stdin, self._woken], [], [])[0]

    def _pass_on(self) -> bool:
        data = b""
        with suppress(OSError):
            # The terminal may be gone.
            data = os.read(self._stdin, _MOST_KEYS)
        keys, detach, _ = data.partition(DETACH)
        text = self._decoder.decode(keys)
        if text:
            self._passes_on(text)
        if detach or not data:
            self.detached.set()
            return False
        return True
