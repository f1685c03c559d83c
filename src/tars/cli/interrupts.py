"""Ctrl-C while an answer comes: the first cancels, the second leaves."""

import signal
from dataclasses import dataclass
from types import FrameType
from typing import Any, Self

from tars.cli.connection import complain, connect
from tars.errors import TarsError


@dataclass(slots=True)
class Interrupts:
    """Counts Ctrl-C while a turn runs: the first is noted, the second raises
    KeyboardInterrupt. Where SIGINT is ignored (a job of `nohup`), it stays ignored."""

    count: int = 0
    _before: Any = None

    def __enter__(self) -> Self:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, _signal: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1:
            raise KeyboardInterrupt


def cancel(agent: str, turn: str) -> None:
    """Ask for the end of a turn. What goes wrong is told, and the turn goes on."""
    try:
        connect().cancel(agent=agent, turn=turn)
    except TarsError as error:
        complain(error)
