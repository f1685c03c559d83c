"""What a terminal program's screen means: regular expressions over named parts of it.

These are values; `agents.pty.description` reads them from a file. Keys are bytes, as a
keyboard sends them. Times are in seconds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tars.errors import FaultKind


class Part(StrEnum):
    """The parts of a screen that can be named. Empty lines below the last one do not count."""

    ALL = "all"
    TOP = "top"
    BOTTOM = "bottom"
    ROW = "row"
    CURSOR = "cursor line"
    #: What came since the prompt; also what scrolled off. Before the first prompt, all.
    TURN = "turn"


@dataclass(frozen=True, slots=True)
class Region:
    """`count` is how many lines of the top or bottom, or which row: 1 is the first, and -1
    the last."""

    part: Part = Part.ALL
    count: int = 0

    def of(self, lines: Sequence[str], cursor_row: int) -> str:
        """Cut the region out of a screen."""
        used = len(lines)
        while used and not lines[used - 1].strip():
            used -= 1
        shown = lines[:used]
        return "\n".join(self._chosen(shown, lines[cursor_row : cursor_row + 1]))

    def _chosen(self, shown: Sequence[str], cursor_line: Sequence[str]) -> Sequence[str]:
        match self.part:
            case Part.ALL | Part.TURN:
                return shown
            case Part.TOP:
                return shown[: self.count]
            case Part.BOTTOM:
                return shown[max(0, len(shown) - self.count) :]
            case Part.ROW:
                row = self.count - 1 if self.count > 0 else len(shown) + self.count
                return shown[row : row + 1] if row >= 0 else []
            case Part.CURSOR:
                return cursor_line


@dataclass(frozen=True, slots=True)
class Sight:
    """Something that is to be seen: `pattern` is searched for, with ^ and $ at every line."""

    pattern: re.Pattern[str]
    region: Region = Region()


@dataclass(frozen=True, slots=True)
class Question:
    """A question that the program asks, and the keys of its answers; those without keys are
    not offered. The pattern's group `title` is what is asked for."""

    sight: Sight
    tool_kind: str = "other"
    allow: bytes = b""
    allow_always: bytes = b""
    deny: bytes = b""


@dataclass(frozen=True, slots=True)
class Failure:
    """A screen that says that the program cannot work, or that the turn failed."""

    sight: Sight
    kind: FaultKind
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Reaction:
    """Keys that are pressed once when this is seen at the start."""

    sight: Sight
    keys: bytes


class Paste(StrEnum):
    """How a prompt of several lines is typed."""

    BRACKETED = "bracketed"
    LINES = "lines"
    LINE = "line"


class Covers(StrEnum):
    """What one match of the usage pattern covers."""

    REQUEST = "request"
    TURN = "turn"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """Which lines are the answer: those between the last `begin`, behind which the prompt is
    shown, and the last `end`. `pasted` is what is shown instead of a long prompt. Lines with
    `drop` are left out, and `strip` is cut from each. `open_ended`: while the program works,
    there is no `end` below the answer."""

    begin: re.Pattern[str]
    end: re.Pattern[str]
    pasted: re.Pattern[str] | None = None
    drop: tuple[re.Pattern[str], ...] = ()
    strip: re.Pattern[str] | None = None
    open_ended: bool = False


@dataclass(frozen=True, slots=True)
class UsageSight:
    """Where the program shows what it used. The pattern's groups name the figures."""

    pattern: re.Pattern[str]
    covers: Covers = Covers.REQUEST


@dataclass(frozen=True, slots=True)
class ScreenRules:
    """One program. The plain rules hold for any: it is ready, and has answered, when it has
    been silent for `quiet_seconds`."""

    name: str = "a terminal program"
    rows: int = 24
    columns: int = 80
    history: int = 2000
    quiet_seconds: float = 0.5
    ready: tuple[Sight, ...] = ()
    started: tuple[Sight, ...] = ()
    thinking: tuple[Sight, ...] = ()
    done: tuple[Sight, ...] = ()
    waiting: tuple[Sight, ...] = ()
    cancelled: tuple[Sight, ...] = ()
    asking: tuple[Question, ...] = ()
    failed: tuple[Failure, ...] = ()
    start: tuple[Reaction, ...] = ()
    paste: Paste = Paste.LINES
    submit: bytes = b"\r"
    submit_seconds: float | None = None
    #: The group `prompt` is the beginning of what stands in the field where prompts are typed.
    unsent: Sight | None = None
    clear_line: bytes = b""
    cancel: bytes = b"\x03"
    new_conversation: str = ""
    answer: AnswerRules | None = None
    usage: UsageSight | None = None
    keeps_conversations: bool = False

    @property
    def looks(self) -> bool:
        """Whether the screen has to be known before the first prompt."""
        return bool(self.ready or self.started or self.failed or self.start)
