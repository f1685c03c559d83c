"""One turn, shown as it happens: the answer on stdout, everything else on stderr."""

import sys
from dataclasses import dataclass, field
from typing import BinaryIO, TextIO

from tars.cli.progress import Progress
from tars.cli.render import Cleaner, fault_line, one_line, seconds_until, turn_line
from tars.control.contract import (
    FellBack,
    Lagged,
    Notice,
    Started,
    Text,
    Tool,
    TurnResult,
    Usage,
    Waiting,
    Wire,
)
from tars.control.shown_text import moment

#: What is worth a line; the steps between are not.
TOOL_WORDS = {"in_progress": "runs", "completed": "done", "failed": "failed"}


@dataclass(slots=True)
class TurnView:
    """`terminal`: stdout is one, so the answer is cleaned of what would command it;
    elsewhere its bytes go as they are. `quiet` keeps the answer's text back. `owner` is the
    agent whose name stands before each line anyway, where there is one."""

    progress: Progress
    terminal: bool
    quiet: bool = False
    owner: str = ""
    out: BinaryIO = field(default_factory=lambda: sys.stdout.buffer)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    _cleaner: Cleaner = field(default_factory=Cleaner)
    _shown: int = 0
    _open: bool = False
    _handed_on: bool = False
    _lagged: bool = False
    _mid_line: bool = False
    _asking: bool = False
    _tools: dict[str, str] = field(default_factory=dict)
    _titles: dict[str, str] = field(default_factory=dict)

    def show(self, event: Wire) -> None:
        """Show an event that is nobody else's. What a newer daemon sends is passed over."""
        match event:
            case Text():
                self.text(event)
            case Tool():
                self.tool(event)
            case Waiting():
                if event.reason:
                    self.begin_line()
                until = f" Until {moment(event.until)}." if event.until else ""
                self.progress.waiting_for(event.reason + until, seconds_until(event.until))
            case Lagged():
                self.lagged()
            case FellBack():
                self.fell_back(event)
            case Notice():
                self.say(f"{self._voice}{one_line(f'{event.message} {event.advice}')}")
            case Started():
                self.progress.waiting_for("")
            case Usage():
                self.progress.so_far(event.input_tokens, event.output_tokens)
            case _:
                pass

    def text(self, said: Text) -> None:
        """Show a piece of the answer. After a gap nothing more is shown until the end,
        which has the whole answer."""
        if not self.quiet and not self._lagged:
            self._shown += len(said.text)
            self._write(said.text)

    def fell_back(self, event: FellBack) -> None:
        """Another agent has the prompt now, and answers from the beginning."""
        self._begin_afresh()
        # A reason may end without a stop, for it may be the agent's own words.
        reason = one_line(event.reason).rstrip(".")
        who = "" if event.from_agent == self.owner else f"{event.from_agent}: "
        skipped = ", ".join(one_line(name) for name in event.passed_over)
        skipped = f" {skipped} cannot take it now." if skipped else ""
        self.say(f"{self._voice}{who}{reason}.{skipped} Asking {event.to_agent} instead.")

    def _begin_afresh(self) -> None:
        if self._shown and self._open:
            self._write("\n")
        self._shown, self._handed_on = 0, True

    def lagged(self) -> None:
        self._lagged = True

    def tool(self, tool: Tool) -> None:
        """Tell that a tool call began or ended, each once. Its end may come without the
        title that its beginning had."""
        title = one_line(tool.title) or self._titles.get(tool.id) or one_line(tool.kind) or "tool"
        self._titles[tool.id] = title
        word = TOOL_WORDS.get(tool.status)
        if word is not None and self._tools.get(tool.id) != word:
            self._tools[tool.id] = word
            self.say(f"[{title}: {word}]")

    def begin_line(self) -> None:
        """Leave the answer's line for narration. The newline goes to stderr: stdout holds
        the answer and nothing else."""
        self.progress.wipe()
        if (self._mid_line or self._asking) and self.err.isatty():
            self.err.write("\n")
            self.err.flush()
        self._mid_line = self._asking = False
        self.progress.hidden = False

    def say(self, line: str) -> None:
        """Write a line of narration, on a line of its own."""
        self.begin_line()
        print(line, file=self.err, flush=True)

    def ask(self, question: str) -> None:
        """Write a question; what is typed follows it. Its line is the person's until
        there is an answer."""
        self.begin_line()
        self.err.write(question)
        self.err.flush()
        self._asking = True

    def answered(self) -> None:
        """The person ended the question's line."""
        self._asking = False

    def end(self, result: TurnResult) -> None:
        """Show what is still missing of the answer, and what the turn used."""
        if result.fell_back_from and not self._handed_on:
            # It was dropped, too, when this reader was too slow.
            self._begin_afresh()
        if not self.quiet and (self._lagged or not self._shown):
            self._write(result.text[self._shown :])
        self.progress.wipe()
        if self.terminal and self._mid_line:
            self._emit("\n")
        if result.error is not None:
            self.say(f"{self._voice}{fault_line(result.error)}")
        elif result.outcome not in ("ok", "cancelled"):
            self.say(f"{self._voice}the turn ended: {one_line(result.outcome)}.")
        elif result.outcome == "ok" and not result.text:
            # An empty or blocked answer looks like a success, and ends like one.
            self.say(f"{self._voice}the model gave no text.")
        if (
            self.err.isatty()
            and not self.quiet
            and (result.usage.requests + result.usage.input_tokens or result.outcome == "ok")
        ):
            self.say(turn_line(result))

    @property
    def _voice(self) -> str:
        return "" if self.owner else "tars: "

    def _write(self, text: str) -> None:
        shown = self._cleaner.clean(text) if self.terminal else text
        if not shown:
            return
        if self._asking:
            self.begin_line()
        self.progress.wipe()
        self._emit(shown)

    def _emit(self, text: str) -> None:
        self.out.write(text.encode("utf-8", "replace"))
        self.out.flush()
        self._open = not text.endswith("\n")
        self._mid_line = self.terminal and not text.endswith("\n")
        # A progress line would be written over the answer's last line.
        self.progress.hidden = self._mid_line
