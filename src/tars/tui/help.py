"""`?`: the keys of the view on top, and those that work everywhere."""

from collections.abc import Iterable
from typing import ClassVar

from rich.table import Table
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tars.tui.pane import Pane


class HelpScreen(ModalScreen[None]):
    """Closed by the key that opened it, by Escape and by q."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss", "Close"),
    ]

    def __init__(self, pane: Pane | None) -> None:
        super().__init__()
        self._pane = pane

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            if self._pane is not None:
                yield Static(self._pane.heading, classes="title")
                yield Static(_table(self._pane.keys()))
            yield Static("Everywhere", classes="title")
            yield Static(_table(_EVERYWHERE))


_EVERYWHERE: list[BindingType] = [
    Binding("1 to 6", "", "The views"),
    Binding("ctrl+p", "", "Command palette: what is done in the view, views, themes"),
    Binding("question_mark", "", "This help", key_display="?"),
    Binding("S", "", "Start tars, where it is not running"),
    Binding("ctrl+z", "", "To the shell; `fg` comes back"),
    Binding("q", "", "Quit; the agents go on"),
]


def key_of(binding: Binding) -> str:
    """Name the keys of a binding as people do."""
    return binding.key_display or binding.key.replace(",", " ")


def _table(bindings: Iterable[BindingType]) -> Table:
    table = Table.grid(padding=(0, 2))
    for binding in bindings:
        if isinstance(binding, Binding) and binding.description:
            table.add_row(key_of(binding), binding.description)
    return table
