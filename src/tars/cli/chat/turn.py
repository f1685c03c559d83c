"""One turn as it is shown: what was asked, thoughts, tool calls, the answer, and what it used.

Lines that are whole are given once; what still changes can be looked at with `live`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tars.cli.chat.inline import clipped, cut_hard, wrapped
from tars.cli.chat.markdown import Markdown
from tars.cli.chat.paint import BOLD, CYAN, DIM, GREEN, MARK, RED, YELLOW, styled
from tars.cli.render import Cleaner, clean, count, fault_line, one_line, turn_line
from tars.control.contract import FellBack, Lagged, Notice, Text, Tool, TurnResult, Waiting, Wire
from tars.control.shown_text import moment

#: Lines of text are not longer, however wide the terminal is.
WIDEST = 120
#: How much of a long prompt is shown again.
PROMPT_LINES = 12
#: Marks that turn the direction of writing hide what a text says.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_MARKS = {
    "pending": ("○", DIM),
    "in_progress": ("●", YELLOW),
    "completed": ("✓", GREEN),
    "failed": ("✗", RED),
}
_OVER = ("completed", "failed")


class Prose(Protocol):
    """A text that comes in pieces."""

    def feed(self, piece: str) -> list[str]:
        """Give the lines that are whole now."""

    def live(self) -> list[str]:
        """Show what is not."""

    def end(self) -> list[str]:
        """Give the rest."""


class Lines:
    """A text as it is, broken to the width, in one style."""

    def __init__(self, width: Callable[[], int], style: str = "") -> None:
        self._width = width
        self._style = style
        self._rest = ""

    def feed(self, piece: str) -> list[str]:
        *whole, self._rest = (self._rest + piece).split("\n")
        return [line for text in whole for line in self._broken(text)]

    def live(self) -> list[str]:
        return self._broken(self._rest) if self._rest else []

    def end(self) -> list[str]:
        out, self._rest = self.live(), ""
        return out

    def _broken(self, text: str) -> list[str]:
        return wrapped([(text, self._style)], self._width())


class Plain(Lines):
    """A text as it is: who reads it breaks the lines."""

    def _broken(self, text: str) -> list[str]:
        return [text]


@dataclass(slots=True)
class _Call:
    title: str
    status: str


class Turn:
    """`rich`: the answer is Markdown for a terminal, else it is left as it is. `said` counts the
    characters of the answer that came. After a `gap` the end brings what is missing."""

    def __init__(
        self, id: str, prompt: str, width: Callable[[], int], *, rich: bool = True, note: str = ""
    ) -> None:
        self.id = id
        self.prompt = prompt
        self.note = note
        self.session: str | None = None
        self.said = 0
        self.gap = False
        self.waiting = ""
        self._columns = width
        self._rich = rich
        self._cleaner = Cleaner()
        self._text: Prose | None = None
        self._section = self._speaks = ""
        self._calls: dict[str, _Call] = {}

    def begin(self) -> list[str]:
        """Show what was asked."""
        if not self.prompt:
            return []
        return ["", *prompt_lines(self.prompt, self._width(), self.note)]

    def tell(self, name: str, event: Wire) -> list[str]:
        """Give the lines that an event brought."""
        match event:
            case Text(text=text):
                self.waiting = ""
                if name != "thought":
                    if self.gap:
                        return []
                    self.said += len(text)
                return self._say("thought" if name == "thought" else "answer", text)
            case Tool():
                self.waiting = ""
                return self._call(event)
            case Waiting(reason=reason, until=until):
                when = f" Until {moment(until)}." if until else ""
                self.waiting = one_line(reason + when) if reason else ""
                return []
            case Lagged():
                self.gap = True
                return []
            case Notice():
                told = self._dim(one_line(f"{event.message} {event.advice}"))
                return [*self._flush(), *self._put("note", told)]
            case FellBack():
                reason = one_line(event.reason).rstrip(".")
                out = [
                    *self._flush(),
                    *self._put(
                        "note",
                        self._dim(
                            f"{event.from_agent}: {reason}. Asking {event.to_agent} instead."
                        ),
                    ),
                ]
                self.id, self.said = event.turn, 0
                return out
            case _:
                return []

    def end(self, result: TurnResult) -> list[str]:
        """Show what is missing of the answer, how the turn ended and what it used."""
        out: list[str] = []
        if self.gap or not self.said:
            self.gap = False
            out += self._say("answer", result.text[self.said :])
        out += self._flush()
        for call in self._calls.values():
            out += self._put("tools", [self._call_line(call)])
        self._calls = {}
        if result.error is not None:
            fault = wrapped([(fault_line(result.error), RED)], self._width())
            out += self._put("end", fault)
        elif result.outcome == "cancelled":
            out += self._put("end", self._dim("Cancelled."))
        elif result.outcome != "ok":
            out += self._put("end", self._dim(f"The turn ended: {one_line(result.outcome)}."))
        elif not result.text:
            out += self._put("end", self._dim("The model gave no text."))
        if result.usage.requests + result.usage.input_tokens or result.outcome == "ok":
            out += self._put("used", self._dim(turn_line(result)))
        return out

    def leave(self) -> list[str]:
        """Give what there is of an answer that goes on unseen, or after something else."""
        out = self._flush()
        self._section = "aside"
        return out

    def live(self) -> list[str]:
        """Show what still changes: the end of the text, and the tool calls that run."""
        out = self._text.live() if self._text else []
        if out and self._section != self._speaks:
            out = ["", *out]
        if self._calls:
            lines = [self._call_line(call) for call in self._calls.values()]
            tight = self._section == "tools" and not out
            out += lines if tight else ["", *lines]
        if self.waiting:
            out += ["", *self._dim(f"Waiting for {self.waiting}")]
        return out

    # --- parts ------------------------------------------------------------------

    def _say(self, section: str, text: str) -> list[str]:
        out: list[str] = []
        if self._text is None or self._speaks != section:
            out = self._flush()
            self._text, self._speaks = self._new_text(section), section
        whole = self._text.feed(_TURNING.sub("", self._cleaner.clean(text)))
        return out + self._put(section, whole)

    def _new_text(self, section: str) -> Prose:
        if not self._rich:
            return Plain(self._width)
        return Lines(self._width, DIM) if section == "thought" else Markdown(self._width)

    def _flush(self) -> list[str]:
        """Give the rest of the text that is under way."""
        text, self._text = self._text, None
        return self._put(self._speaks, text.end()) if text else []

    def _call(self, tool: Tool) -> list[str]:
        call = self._calls.get(tool.id)
        title = one_line(tool.title) or (call.title if call else "") or one_line(tool.kind)
        out = self._flush() if call is None else []
        now = _Call(title or "tool", tool.status)
        if tool.status not in _OVER:
            self._calls[tool.id] = now
            return out
        self._calls.pop(tool.id, None)
        return out + self._put("tools", [self._call_line(now)])

    def _call_line(self, call: _Call) -> str:
        mark, style = _MARKS.get(call.status, ("●", YELLOW))
        return f"{styled(mark, style)} {clipped(call.title, self._width() - 2)}"

    def _put(self, section: str, lines: list[str]) -> list[str]:
        return [*self._gap(section), *lines] if lines else []

    def _gap(self, section: str) -> list[str]:
        """A line between what is of different kinds."""
        before, self._section = self._section, section
        return [""] if before != section else []

    def _dim(self, text: str) -> list[str]:
        return wrapped([(text, DIM)], self._width())

    def _width(self) -> int:
        return min(self._columns(), WIDEST)


def prompt_lines(prompt: str, width: int, note: str = "") -> list[str]:
    """Show a prompt, the beginning of it where it is long."""
    lines = clean(prompt).strip().expandtabs(4).splitlines()
    shown = [piece for line in lines[:PROMPT_LINES] for piece in _prompt_line(line, width - 2)]
    missing = len(lines) - PROMPT_LINES + max(0, len(shown) - 2 * PROMPT_LINES)
    shown = shown[: 2 * PROMPT_LINES]
    if missing > 0:
        shown.append(styled(f"… {count(missing, 'more line')}", DIM))
    if note:
        shown.append(styled(clipped(note, width - 2), DIM))
    marks = [styled(MARK, BOLD, CYAN), *[" "] * len(shown)]
    return [f"{mark} {line}".rstrip() for mark, line in zip(marks, shown, strict=False)]


def _prompt_line(line: str, width: int) -> list[str]:
    return cut_hard([(_TURNING.sub("", line), BOLD)], width)
