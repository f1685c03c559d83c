"""Overview: the agents, today, the sessions of late, and what a person should know of."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from tars.control.contract import FeedEvent, Status
from tars.tui import overview_view
from tars.tui.link import Link
from tars.tui.pane import Pane
from tars.tui.panes import PANES
from tars.tui.shell_text import put

_RECENT = 8
#: What happens all the time within a turn; the figures of it come with the next look.
_SMALL = ("text", "thought", "tool")


class OverviewPane(Pane):
    """Sections of text; there is nothing to choose, only to scroll."""

    heading: ClassVar[str] = PANES["overview"]
    moves: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [*moves]
    can_focus = True

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="overview", can_focus=False):
            for name, heading in _SECTIONS:
                yield Static(heading, classes="title", id=f"{name}-head")
                yield Static(id=f"{name}-text", classes="section")

    def concerns(self, event: FeedEvent) -> bool:
        """All but what streams within a turn."""
        return event.event not in _SMALL

    async def look(self, link: Link, status: Status) -> None:
        """Show how everything is."""
        recent = (await link.ask(lambda client: client.sessions(limit=_RECENT))).sessions
        days = await self._days(link)
        width = max(20, self.query_one("#agents-text").content_size.width)
        self._put("agents", overview_view.agents(status, width))
        self._put("today", overview_view.today(status, days))
        self._put("recent", overview_view.recent(recent, self.tars.clock(), width))
        concerns = overview_view.concerns(status)
        self._put("concerns", concerns)
        for part in ("head", "text"):
            self.query_one(f"#concerns-{part}").display = bool(concerns)

    async def _days(self, link: Link) -> Sequence[float]:
        """Give what each of the last seven days cost, by its price or else its tokens."""
        report = await link.ask(lambda client: client.costs(report="daily", range="7d"))
        return overview_view.heights(report, self.tars.clock())

    def _put(self, name: str, text: Text) -> None:
        put(self.query_one(f"#{name}-text", Static), text)

    def action_scroll(self, lines: int) -> None:
        """Go on by lines."""
        self.query_one("#overview", VerticalScroll).scroll_relative(y=lines, animate=False)


_SECTIONS = (
    ("concerns", "Worth knowing"),
    ("agents", "Agents"),
    ("today", "Today"),
    ("recent", "Sessions of late"),
)
