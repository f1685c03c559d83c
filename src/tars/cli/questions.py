"""Permission requests that are met while a turn streams.

On a terminal they are asked in place. The answer is looked for, never waited for: the
stream goes on meanwhile, and somebody else may answer with `tars permit`.
"""

import os
import select
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tars.cli.connection import complain, connect
from tars.cli.render import one_line
from tars.control.contract import OptionStatus, PermissionStatus
from tars.control.shown_text import printable
from tars.errors import BudgetAsks, PermissionNotFound, TarsError


@dataclass(frozen=True, slots=True)
class Answer:
    """What was chosen; without an option and `deny`, allowing once. `remember`: also for the
    next requests for this kind of tool."""

    request_id: str
    option: str | None = None
    deny: bool = False
    remember: bool = False


def permit_line(asked: PermissionStatus) -> str:
    """Say what to type elsewhere."""
    wish = one_line(f"{asked.agent} asks for permission: {asked.title}")
    more = "`tars status` shows all of it. " if asked.details else ""
    return f"{wish}. {more}Answer with: tars permit {asked.id}  (or --deny, --always)"


def details_lines(asked: PermissionStatus) -> list[str]:
    """Give what would be done, line by line; nothing of it can pass for a line of ours."""
    return [f"  | {printable(line.expandtabs(4))}".rstrip() for line in asked.details.splitlines()]


def pass_on(answer: Answer, say: Callable[[str], None]) -> None:
    """Give the daemon an answer. What goes wrong is told, and the turn goes on."""
    try:
        connect().permit(
            answer.request_id,
            option=answer.option,
            deny=answer.deny,
            remember=answer.remember,
            face="cli",
        )
    except PermissionNotFound:
        say("It was no longer asked.")
    except TarsError as error:
        complain(error)


def agrees(asked: BudgetAsks) -> bool:
    """Ask whether a prompt may go over a budget, where somebody is there to be asked."""
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"tars: {one_line(str(asked))}", file=sys.stderr)
    print("Send it all the same? y, n: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@dataclass(slots=True)
class Questions:
    """The requests that wait for somebody at this terminal. `say` writes a line, `ask`
    text without a line's end; `stdin` is a descriptor of the terminal."""

    say: Callable[[str], None]
    ask: Callable[[str], None]
    stdin: int
    _waiting: deque[PermissionStatus] = field(default_factory=deque)
    _typed: bytes = b""

    @property
    def open(self) -> bool:
        """Whether something was asked and not answered."""
        return bool(self._waiting)

    def put(self, asked: PermissionStatus) -> None:
        """Ask, at once or when the questions before it are answered."""
        self._waiting.append(asked)
        if len(self._waiting) == 1:
            self._ask_next()

    def forget(self) -> None:
        """Nobody asks any more."""
        self._waiting.clear()

    def poll(self) -> Answer | None:
        """Give the answer to the first question, if it was typed by now."""
        if not self._waiting:
            return None
        line = self._typed_line()
        return None if line is None else self.take(line)

    def take(self, line: str) -> Answer | None:
        """Understand a line as the answer to the first question; ask again if it is none."""
        if not self._waiting:
            return None
        asked = self._waiting[0]
        answer = understood(line.strip().lower(), asked)
        if answer is None:
            self.ask(choice(asked))
            return None
        self._waiting.popleft()
        if self._waiting:
            self._ask_next()
        return answer

    def _ask_next(self) -> None:
        asked = self._waiting[0]
        self.say(one_line(f"{asked.agent} asks for permission: {asked.title}"))
        for line in details_lines(asked):
            self.say(line)
        for number, option in enumerate(asked.options, 1):
            self.say(f"  {number}  {one_line(option.name)}")
        self.ask(choice(asked))

    def _typed_line(self) -> str | None:
        if not select.select([self.stdin], [], [], 0)[0]:
            return None
        data = os.read(self.stdin, 4096)
        if not data:  # Ctrl-D: nobody will answer here
            self.say("")
            for asked in self._waiting:
                self.say(permit_line(asked))
            self._waiting.clear()
            return None
        self._typed += data
        if b"\n" not in self._typed:
            return None
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode("utf-8", "replace")


def choice(asked: PermissionStatus) -> str:
    """Say what may be typed."""
    numbers = f", or 1 to {len(asked.options)}" if asked.options else ""
    return f"Allow? y, n, a (always{_kind(asked)}){numbers}: "


def _kind(asked: PermissionStatus) -> str:
    kind = one_line(asked.tool_kind)
    return f" {kind}" if kind else ""


def understood(line: str, asked: PermissionStatus) -> Answer | None:
    """Give the answer that a line in lower case is; None where it is none."""
    if line in ("y", "yes"):
        return Answer(asked.id)
    if line in ("a", "always"):
        return Answer(asked.id, remember=True)
    if line in ("n", "no"):
        return Answer(asked.id, deny=True)
    if line.isascii() and line.isdigit() and 1 <= int(line) <= len(asked.options):
        chosen: OptionStatus = asked.options[int(line) - 1]
        return Answer(asked.id, option=chosen.id)
    return None
