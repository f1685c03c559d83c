"""Costs: what a span came to by model and agent, day by day, and what is left of every limit."""

import asyncio
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from tars.control.contract import FeedEvent, Status
from tars.tui import costs_view, days
from tars.tui.costs_view import SPANS
from tars.tui.link import Link
from tars.tui.pane import Pane
from tars.tui.panes import PANES
from tars.tui.shell_text import put

#: Days that columns are shown of, whatever the span is.
_DAYS = 30
#: What a cost can change with; requests outside tars come with the usual look.
_COUNTED = ("turn_finished", "turn_ended", "usage")


class CostsPane(Pane):
    """Sections of text beside each other where there is room."""

    heading: ClassVar[str] = PANES["costs"]
    moves: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
        Binding("pagedown,space", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "span", "Today, 7 or 30 days"),
        *moves,
    ]
    can_focus = True

    def __init__(self) -> None:
        super().__init__()
        self._span = next(iter(SPANS))

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="costs", can_focus=False):
            for side in (_SPENT, _LEFT):
                with VerticalScroll(classes="costs-side", can_focus=False):
                    for name, heading in side:
                        yield Static(heading, classes="title", id=f"costs-{name}-head")
                        yield Static(id=f"costs-{name}", classes="section")

    def concerns(self, event: FeedEvent) -> bool:
        """Turns that ended."""
        return event.event in _COUNTED

    async def look(self, link: Link, status: Status) -> None:
        """Ask for everything at once, and show it."""
        span = self._span
        summary, daily, blocks, limits, budgets = await asyncio.gather(
            link.ask(lambda client: client.cost_summary(range=span)),
            link.ask(lambda client: client.costs("daily", range=f"{_DAYS}d")),
            link.ask(lambda client: client.cost_blocks(range="today")),
            link.ask(lambda client: client.account_limits()),
            link.ask(lambda client: client.budgets()),
        )
        now = self.tars.clock()
        width = max(30, self.query(".costs-side").first().content_size.width - 4)
        put(
            self.query_one("#costs-total-head", Static),
            Text(f"Spent: {SPANS[span]}   (d changes it)"),
        )
        self._put("total", costs_view.totals(summary.totals))
        self._put("models", costs_view.bars(dict(summary.by_model), width))
        self._put("agents", costs_view.bars(dict(summary.by_agent), width))
        today = days.today(now, daily.range.timezone)
        self._put("days", costs_view.days(daily, today, _DAYS, width))
        self._put("budgets", costs_view.gauges(budgets.budgets, width))
        self._put("pace", costs_view.pace(blocks, summary))
        self._put("limits", costs_view.limits(limits, now, width))

    def _put(self, name: str, text: Text) -> None:
        put(self.query_one(f"#costs-{name}", Static), text)

    def action_span(self) -> None:
        """Today, the last 7 days, the last 30."""
        spans = list(SPANS)
        self._span = spans[(spans.index(self._span) + 1) % len(spans)]
        self.again()

    def action_scroll(self, lines: int) -> None:
        """Go on by lines."""
        self.query_one("#costs", VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_page(self, pages: int) -> None:
        """Go on by pages."""
        view = self.query_one("#costs", VerticalScroll)
        view.scroll_relative(y=pages * max(1, view.size.height - 1), animate=False)


_SPENT = (
    ("total", "Spent"),
    ("models", "By model"),
    ("agents", "By agent"),
    ("days", f"The last {_DAYS} days"),
)
_LEFT = (
    ("budgets", "Budgets"),
    ("pace", "Pace"),
    ("limits", "Limits of the accounts"),
)
