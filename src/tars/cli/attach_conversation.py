"""An agent's live conversation on this terminal: what anybody asks it, and what it says."""

import os
import select
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, Self

from tars.cli.attach_terminal import DETACH, Borrowed, Detached
from tars.cli.connection import complain, connect
from tars.cli.interrupts import cancel
from tars.cli.questions import Questions, pass_on
from tars.cli.render import clean, one_line
from tars.control.attach_contract import Attached, Prompted
from tars.control.contract import (
    Lagged,
    Notice,
    PermissionStatus,
    PromptRequest,
    Text,
    Tool,
    TurnResult,
    Waiting,
    Wire,
)
from tars.errors import TarsError

_DIM, _BOLD, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"


class Conversation:
    """The terminal stays as it is, but that Ctrl-] ends a line at once."""

    def __init__(self, attached: Attached) -> None:
        self._attached = attached
        self._agent = attached.agent
        self._stdin = sys.stdin.fileno()
        self._terminal = Borrowed(self._stdin, sys.stdout.fileno(), raw=False)
        self._questions = Questions(self._line, self._show, self._stdin)
        self._turn = attached.turn
        self._mine: set[str] = set()
        self._typed = b""
        self._at_start = True
        self._thinks = False
        self._interrupted = False
        self._before: Any = None

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._note_interrupt)
        self._terminal.__enter__()
        self._line(f"{_DIM}Attached to {self._agent}. Ctrl-] detaches.{_PLAIN}")
        if self._attached.text:
            self._show(clean(self._attached.text))
        return self

    def __exit__(self, *_: object) -> None:
        self._terminal.__exit__()
        signal.signal(signal.SIGINT, self._before)
        if not self._at_start:
            print(flush=True)

    def follow(self, events: Iterator[tuple[str, Wire]]) -> str:
        """Show what comes, and say why nothing more does."""
        for name, event in events:
            self._tell(name, event)
            self.look_around()
        return "The daemon has stopped."

    def look_around(self) -> None:
        """Pass on what was typed meanwhile."""
        if self._interrupted:
            self._interrupted = False
            self._cancel()
        if not select.select([self._stdin], [], [], 0)[0]:
            return
        data = os.read(self._stdin, 64 * 1024)
        self._typed += data
        if DETACH in data or not data:
            raise Detached
        while b"\n" in self._typed:
            line, _, self._typed = self._typed.partition(b"\n")
            self._at_start = True
            self._take(line.decode("utf-8", "replace").strip())

    def _take(self, line: str) -> None:
        answer = self._questions.take(line)
        if answer is not None:
            pass_on(answer, self._line)
        elif line and not self._questions.open:
            self._submit(line)

    def _submit(self, text: str) -> None:
        try:
            accepted = connect().submit(PromptRequest(text=text, agent=self._agent))
        except TarsError as error:
            complain(error)
            return
        self._mine.add(accepted.turn)
        if accepted.position:
            self._line(f"{_DIM}{accepted.position} before it.{_PLAIN}")

    def _cancel(self) -> None:
        if self._turn is None:
            self._line(f"{_DIM}Nothing to cancel. Ctrl-] detaches.{_PLAIN}")
            return
        cancel(self._agent, self._turn)

    def _note_interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        self._interrupted = True

    # --- showing ------------------------------------------------------------

    def _tell(self, name: str, event: Wire) -> None:
        match event:
            case Prompted(turn=turn, text=text):
                self._turn = turn
                if turn not in self._mine:
                    self._line(f"{_BOLD}> {clean(text)}{_PLAIN}")
            case Text(text=text):
                self._show_piece(clean(text), thought=name == "thought")
            case Tool(title=title, status=status):
                self._line(f"{_DIM}[{status}] {one_line(title)}{_PLAIN}")
            case PermissionStatus():
                self._fresh_line()
                self._questions.put(event)
            case Waiting(reason=reason) if reason:
                self._line(f"{_DIM}{one_line(reason)}{_PLAIN}")
            case Lagged(dropped=dropped):
                self._line(f"{_DIM}({dropped} messages were missed){_PLAIN}")
            case Notice():
                self._line(f"{_DIM}{one_line(f'{event.message} {event.advice}')}{_PLAIN}")
            case TurnResult():
                self._end(event)
            case _:  # what is of no interest here, or a newer daemon sends
                pass

    def _end(self, result: TurnResult) -> None:
        self._turn = None
        self._questions.forget()
        self._mine.discard(result.turn)
        self._thinks = False
        if result.error is not None:
            self._line(one_line(f"{result.error.message} {result.error.advice}"))
        elif result.outcome != "ok":
            self._line(f"{_DIM}({result.outcome}){_PLAIN}")
        else:
            self._fresh_line()

    def _show_piece(self, text: str, *, thought: bool) -> None:
        if thought is not self._thinks:
            self._fresh_line()
            self._thinks = thought
        self._show(f"{_DIM}{text}{_PLAIN}" if thought else text)
        self._at_start = text.endswith("\n")

    def _line(self, text: str) -> None:
        self._fresh_line()
        self._show(text + "\n")
        self._at_start = True

    def _fresh_line(self) -> None:
        if not self._at_start:
            self._show("\n")
        self._at_start = True

    def _show(self, text: str) -> None:
        self._terminal.write(text)
        self._at_start = text.endswith("\n")
