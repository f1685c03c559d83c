"""The six views of the screen, by the names that keys and the palette open them by."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tars.tui.pane import Pane

#: Name → heading, in the order of the digits.
PANES = {
    "overview": "Overview",
    "agents": "Agents",
    "sessions": "Sessions",
    "costs": "Costs",
    "logs": "Logs",
    "queue": "Queue & permissions",
}


def opened(name: str) -> "Pane":
    """Make a view. Each is imported when it is first opened: the first one is there sooner."""
    match name:
        case "agents":
            from tars.tui.panes.agents import AgentsPane

            return AgentsPane()
        case "sessions":
            from tars.tui.panes.sessions import SessionsPane

            return SessionsPane()
        case "costs":
            from tars.tui.panes.costs import CostsPane

            return CostsPane()
        case "logs":
            from tars.tui.panes.logs import LogsPane

            return LogsPane()
        case "queue":
            from tars.tui.panes.queue import QueuePane

            return QueuePane()
        case _:
            from tars.tui.panes.overview import OverviewPane

            return OverviewPane()
