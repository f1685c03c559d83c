"""An agent's conversation as it goes on, kept to what a screen can show. Pure."""

from collections import deque
from dataclasses import dataclass, field

from rich.text import Text

from tars.control import contract as c
from tars.control.attach_contract import Attached, Ended, Prompted
from tars.conversation.plain import plain
from tars.tui import figures
from tars.tui.foreign_text import clean

#: Parts that are kept, and characters of one: the end of it, for that is what is looked at.
_PARTS, _CHARACTERS = 200, 8_000
_STYLES = {
    "prompt": "bold cyan",
    "thought": "dim italic",
    "tool": "yellow",
    "notice": "yellow",
    "end": "dim",
    "error": "red",
}
_SIGNS = {"prompt": "> ", "tool": "◆ ", "notice": "! ", "end": "─ ", "error": "✗ "}
_TOOL = {"pending": "…", "in_progress": "…", "completed": "✓", "failed": "✗"}


@dataclass(slots=True)
class _Part:
    kind: str
    text: str
    key: str = ""


@dataclass(slots=True)
class Live:
    """What was said of late: prompts, answers, thoughts, tools, and how turns ended."""

    parts: deque[_Part] = field(default_factory=lambda: deque(maxlen=_PARTS))

    def hear(self, name: str, said: object) -> None:
        """Take one event of the agent's stream, or a sentence on why there is none."""
        match said:
            case Attached(text=text):
                self.parts.clear()
                self._add("text", text)
            case Prompted(text=text):
                self._begin("prompt", text)
            case c.Text(text=text):
                self._add("thought" if name == "thought" else "text", text)
            case c.Tool(id=id, title=title, kind=kind, status=status):
                self._tool(id, f"{_TOOL.get(status, '…')} {title or kind}")
            case c.Waiting(reason=reason) if reason:
                self._begin("notice", f"waits: {reason}")
            case c.Notice(message=message, advice=advice):
                self._begin("notice", f"{message} {advice}".strip())
            case c.FellBack(to_agent=to, reason=reason):
                self._begin("notice", f"{to} has it now: {reason}")
            case c.Lagged(dropped=dropped):
                self._begin("notice", f"{dropped:,} pieces were too much for this screen")
            case c.TurnResult():
                self._end(said)
            case Ended(reason=reason):
                self._begin("end", reason)
            case str():
                self._begin("error", said)
            case _:
                pass  # usage, and what a newer daemon tells

    def _end(self, result: c.TurnResult) -> None:
        if result.error is not None:
            self._begin("error", f"{result.error.message} {result.error.advice}".strip())
        usage = result.usage
        told = [result.outcome, f"{result.duration_ms / 1000:.1f} s"]
        told.append(f"{figures.tokens(usage.input_tokens)} in")
        told.append(f"{figures.tokens(usage.output_tokens)} out")
        if result.cost_usd is not None:
            told.append(figures.money(result.cost_usd))
        self._begin("end", " · ".join(told))

    def _add(self, kind: str, text: str) -> None:
        """Go on with what is being said."""
        if text and self.parts and self.parts[-1].kind == kind:
            last = self.parts[-1]
            last.text = (last.text + text)[-_CHARACTERS:]
        elif text:
            self._begin(kind, text)

    def _begin(self, kind: str, text: str, key: str = "") -> None:
        self.parts.append(_Part(kind, text[-_CHARACTERS:], key))

    def _tool(self, id: str, text: str) -> None:
        for part in self.parts:
            if part.kind == "tool" and part.key == id:
                part.text = text
                return
        self._begin("tool", text, id)

    def text(self, width: int, height: int) -> Text:
        """Give the end of it, wrapped to a width, at most so many lines."""
        lines: list[Text] = []
        for part in reversed(self.parts):
            lines = [*_lines(part, width), *lines]
            if len(lines) >= height:
                break
        return Text("\n").join(lines[-height:] if height > 0 else [])


def _lines(part: _Part, width: int) -> list[Text]:
    sign, style = _SIGNS.get(part.kind, ""), _STYLES.get(part.kind, "")
    body = plain(part.text)
    if part.kind == "text":
        body = body.strip("\n")
    found: list[Text] = []
    for number, line in enumerate(body.splitlines() or [""]):
        before = sign if number == 0 else " " * len(sign)
        found += _wrapped(Text(before + clean(line), style=style), width)
    return found


def _wrapped(line: Text, width: int) -> list[Text]:
    from rich.console import Console

    return list(line.wrap(Console(width=width), width, overflow="fold")) or [line]
