"""The view of logs."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from tars.control.contract import Status
from tars.tui.link import Link
from tars.tui.pane import Pane
from tars.tui.panes import PANES
from tars.tui.shell_text import plain, put


class LogsPane(Pane):
    """Not built yet."""

    heading: ClassVar[str] = PANES["logs"]

    def compose(self) -> ComposeResult:
        yield Static(id="logs-text")

    async def look(self, link: Link, status: Status) -> None:
        """Name the agents."""
        put(self.query_one("#logs-text", Static), plain(" ".join(a.name for a in status.agents)))
