"""What is asked in front of the sessions: which to show, and where to write one to."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tars.tui import session_words as words
from tars.tui.foreign_text import clean
from tars.tui.lists import MovingList
from tars.tui.session_wants import Filter, Range, Status

_ON, _OFF, _YES, _NO = "(●)", "( )", "[x]", "[ ]"


class Choices(MovingList):
    """A list of what may be wanted: Space chooses, as Enter does."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "select", "Choose", show=False)]


class FilterPanel(ModalScreen[None]):
    """Three lists of what may be wanted. Each choice is told at once, so that the list behind
    shows what it leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f,q", "dismiss", "Done"),
        Binding("c", "clear", "All again"),
        Binding("right,l", "app.focus_next", "Next", show=False),
        Binding("left,h", "app.focus_previous", "Previous", show=False),
    ]

    def __init__(
        self, filter: Filter, kinds: Sequence[str], told: Callable[[Filter], None]
    ) -> None:
        super().__init__()
        self._filter = filter
        self._kinds = list(dict.fromkeys([*kinds, *filter.kinds]))
        self._told = told

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            with Horizontal(id="filter-lists"):
                for name in ("Status", "Agents", "Range"):
                    with Vertical():
                        yield Static(name, classes="title")
                        yield Choices(id=f"filter-{name.lower()}")
            yield Static("Enter chooses · ← → move · c all again · Esc done", classes="muted")

    def on_mount(self) -> None:
        self._fill()
        self.query_one("#filter-status").focus()

    def learn(self, kinds: Sequence[str]) -> None:
        """Offer more kinds of agents."""
        if self.is_attached and not set(kinds) <= set(self._kinds):
            self._kinds = sorted({*self._kinds, *kinds})
            self._fill()

    def _fill(self) -> None:
        chosen = self._filter
        self._list(
            "status",
            [(s.name, s.value[1], _ON if s is chosen.status else _OFF) for s in Status],
        )
        kinds = [
            (kind, f"{words.icon(kind)} {clean(kind)}", _YES if kind in chosen.kinds else _NO)
            for kind in self._kinds
        ]
        self._list("agents", kinds)
        self._list("range", [(r.name, r.value, _ON if r is chosen.range else _OFF) for r in Range])

    def _list(self, name: str, rows: list[tuple[str, str, str]]) -> None:
        options = self.query_one(f"#filter-{name}", OptionList)
        at = options.highlighted
        options.clear_options()
        options.add_options(Option(Text(f"{mark} {shown}"), id=id) for id, shown, mark in rows)
        options.highlighted = at if at is not None and at < len(rows) else (0 if rows else None)

    @on(OptionList.OptionSelected, "#filter-status")
    def _status(self, chosen: OptionList.OptionSelected) -> None:
        self._choose(replace(self._filter, status=Status[chosen.option_id or "ALL"]))

    @on(OptionList.OptionSelected, "#filter-range")
    def _range(self, chosen: OptionList.OptionSelected) -> None:
        self._choose(replace(self._filter, range=Range[chosen.option_id or "ALL"]))

    @on(OptionList.OptionSelected, "#filter-agents")
    def _kind(self, chosen: OptionList.OptionSelected) -> None:
        kinds = {*self._filter.kinds} ^ {chosen.option_id or ""}
        self._choose(replace(self._filter, kinds=tuple(sorted(kinds))))

    def _choose(self, filter: Filter) -> None:
        self._filter = filter
        self._fill()
        self._told(filter)

    def action_clear(self) -> None:
        """Want all again."""
        self._choose(Filter())


#: Format → the ending of a file's name, and what it is for.
FORMATS = {
    "markdown": (".md", "Markdown, to read"),
    "json": (".json", "JSON: everything, can be imported"),
    "jsonl": (".jsonl", "JSON lines: the same"),
    "csv": (".csv", "CSV: a line for each turn"),
}


class ExportPanel(ModalScreen[tuple[str, str] | None]):
    """Asks where to and how; gives the path and the format, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Leave it")]

    def __init__(self, title: str, stem: str) -> None:
        super().__init__()
        self._title = title
        self._stem = stem

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(f"Export {clean(self._title)}"), classes="title")
            yield Input(f"{self._stem}.md", id="export-path", placeholder="A file or a folder")
            yield MovingList(
                *(Option(Text(said), id=form) for form, (_, said) in FORMATS.items()),
                id="export-format",
            )
            yield Static("Enter writes · Tab to the formats · Esc leaves it", classes="muted")

    def on_mount(self) -> None:
        self.query_one("#export-format", OptionList).highlighted = 0
        self.query_one("#export-path").focus()

    @property
    def _format(self) -> str:
        return list(FORMATS)[self.query_one("#export-format", OptionList).highlighted or 0]

    @on(OptionList.OptionHighlighted)
    def _form(self) -> None:
        """A name that ends as a format does ends as this one does."""
        path = self.query_one("#export-path", Input)
        name = PurePath(path.value)
        if name.suffix in {ending for ending, _ in FORMATS.values()}:
            path.value = str(name.with_suffix(FORMATS[self._format][0]))

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def _done(self) -> None:
        path = self.query_one("#export-path", Input).value.strip()
        if path:
            self.dismiss((path, self._format))
