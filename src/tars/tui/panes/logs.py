"""Logs: what the daemon does, and what an agent writes to its stderr, as it comes."""

from collections import deque
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, RichLog, Static
from textual.worker import Worker

from tars.control.contract import FeedEvent, Status
from tars.control.log_text import LogEntry, entry
from tars.errors import TarsError
from tars.tui import logs_view
from tars.tui.link import Link, sentence
from tars.tui.logs_view import Wanted
from tars.tui.pane import Pane
from tars.tui.panes import PANES
from tars.tui.shell_text import plain, put

#: Lines that are kept, and those of them that are asked for at first.
MOST, FIRST = 5_000, 1_000
#: Lines that are laid out in one look: more would hold up the keys.
AT_ONCE = 1_000


class LogsPane(Pane):
    """The daemon's log in words, or an agent's stderr as it is, followed at its end."""

    heading: ClassVar[str] = PANES["logs"]
    can_focus = True
    moves: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
        Binding("right", "across(1)", "Right", show=False),
        Binding("left", "across(-1)", "Left", show=False),
        Binding("pagedown,space", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("g,home", "top", "First", show=False),
        Binding("G,end", "end", "Last, and follow", show=False),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "source", "Of whom"),
        Binding("l", "level", "Level"),
        Binding("d", "steps", "Decisions"),
        Binding("slash", "find", "Find", key_display="/"),
        Binding("f", "follow", "Follow"),
        Binding("escape", "unfind", "Close the search", show=False),
        *moves,
    ]

    def __init__(self) -> None:
        super().__init__()
        self._wanted = Wanted()
        self._agents: tuple[str, ...] = ()
        self._kept: deque[LogEntry] = deque(maxlen=MOST)
        self._fresh: deque[str] = deque(maxlen=MOST)
        self._stream: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="logs-head")
        yield RichLog(id="logs-lines", max_lines=MOST, wrap=False, auto_scroll=True)
        yield Input(id="logs-find", placeholder="Find: part of a line; Escape ends it")

    def on_mount(self) -> None:
        self._lines.can_focus = False

    @property
    def _lines(self) -> RichLog:
        return self.query_one("#logs-lines", RichLog)

    # --- what comes ---------------------------------------------------------

    def arrive(self) -> None:
        """Follow the log from here on."""
        super().arrive()
        self._follow()

    def leave(self) -> None:
        """Nobody looks: the daemon need not send."""
        if self._stream is not None:
            self._stream.cancel()

    def concerns(self, event: FeedEvent) -> bool:
        """The log itself tells when there is more of it."""
        return False

    async def look(self, link: Link, status: Status) -> None:
        """Show what has come since the last look, and go on where the stream was lost."""
        self._agents = tuple(agent.name for agent in status.agents)
        if self._stream is None or self._stream.is_finished:
            self._follow()
        for _ in range(min(AT_ONCE, len(self._fresh))):
            found = self._entry(self._fresh.popleft())
            self._kept.append(found)
            if self._wanted.takes(found):
                self._lines.write(logs_view.line(found))
        if self._fresh:
            self.again()
        put(self.query_one("#logs-head", Static), self._head())

    def _follow(self) -> None:
        self.leave()
        self._kept.clear()
        self._fresh.clear()
        self._lines.clear()
        self._stream = self.run_worker(self._hear(), group="logs", exclusive=True)

    async def _hear(self) -> None:
        agent = self._wanted.agent
        try:
            await self.tars.link.follow(
                lambda client: client.logs(agent=agent, lines=FIRST, follow=True), self._line
            )
        except TarsError as error:
            self._line(sentence(error))

    def _line(self, line: str) -> None:
        self._fresh.append(line)
        self.again()

    def _entry(self, line: str) -> LogEntry:
        return entry(line) if self._wanted.agent is None else LogEntry(plain(line).plain)

    # --- what is wanted -----------------------------------------------------

    def _want(self, wanted: Wanted) -> None:
        self._wanted = wanted
        lines = self._lines
        lines.clear()
        for found in self._kept:
            if wanted.takes(found):
                lines.write(logs_view.line(found))
        put(self.query_one("#logs-head", Static), self._head())

    def _head(self) -> Text:
        return logs_view.head(self._wanted, following=self._lines.auto_scroll)

    def action_source(self) -> None:
        """The daemon's log, then each agent's stderr."""
        self._wanted = self._wanted.next_source(self._agents)
        self._follow()
        self.again()

    def action_level(self) -> None:
        """Everything, then what is graver."""
        self._want(self._wanted.next_level())

    def action_steps(self) -> None:
        """With or without the daemon's every decision."""
        self._want(self._wanted.other_steps())

    def action_find(self) -> None:
        """Only lines with a text."""
        field = self.query_one("#logs-find", Input)
        field.display = True
        field.focus()

    def action_unfind(self) -> None:
        """All lines again."""
        field = self.query_one("#logs-find", Input)
        field.value = ""
        field.display = False
        self.focus()

    def on_input_changed(self, changed: Input.Changed) -> None:
        self._want(self._wanted.finding(changed.value))

    def on_input_submitted(self) -> None:
        self.focus()

    def action_follow(self) -> None:
        """Stay at the end as lines come, or where one is."""
        self._lines.auto_scroll = not self._lines.auto_scroll
        if self._lines.auto_scroll:
            self._lines.scroll_end(animate=False)
        put(self.query_one("#logs-head", Static), self._head())

    def action_scroll(self, lines: int) -> None:
        """Go on by lines; who looks at something is not taken away from it."""
        self._stay()
        self._lines.scroll_relative(y=lines, animate=False)

    def action_across(self, halves: int) -> None:
        """Go on to the ends of long lines, by half of what is in sight."""
        width = max(2, self._lines.size.width)
        self._lines.scroll_relative(x=halves * (width // 2), animate=False)

    def action_page(self, pages: int) -> None:
        """Go on by pages."""
        self._stay()
        self._lines.scroll_relative(y=pages * max(1, self._lines.size.height - 1), animate=False)

    def action_top(self) -> None:
        """The first line that is kept."""
        self._stay()
        self._lines.scroll_home(animate=False)

    def action_end(self) -> None:
        """The last line, and every one that comes."""
        self._lines.auto_scroll = False
        self.action_follow()

    def _stay(self) -> None:
        if self._lines.auto_scroll:
            self.action_follow()
