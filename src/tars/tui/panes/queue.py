"""The view of queue."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from tars.control.contract import Status
from tars.tui.link import Link
from tars.tui.pane import Pane
from tars.tui.panes import PANES
from tars.tui.shell_text import plain, put


class QueuePane(Pane):
    """Not built yet."""

    heading: ClassVar[str] = PANES["queue"]

    def compose(self) -> ComposeResult:
        yield Static(id="queue-text")

    async def look(self, link: Link, status: Status) -> None:
        """Name the agents."""
        put(self.query_one("#queue-text", Static), plain(" ".join(a.name for a in status.agents)))
