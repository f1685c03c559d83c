"""What is asked in front of a view: a yes or no, and a permission with all that is known of it."""

from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tars.control.contract import PermissionStatus
from tars.control.shown_text import duration
from tars.tui.foreign_text import clean
from tars.tui.lists import MovingList
from tars.tui.shell_text import plain, put

#: Answers that the dialog has besides the agent's own, by the ids of their options.
_REMEMBER, _LATER = " remember", " later"


class Question(ModalScreen[bool]):
    """Asks yes or no; Escape is no. The answer that changes nothing is the one chosen first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes"),
        Binding("n,escape,q", "dismiss(False)", "No"),
    ]

    def __init__(self, question: str, yes: str, *, details: str = "") -> None:
        super().__init__()
        self._question = question
        self._yes = yes
        self._details = details

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(plain(self._question), classes="title")
            if self._details:
                yield Static(plain(self._details))
            yield MovingList(
                Option(Text("n  No, leave it"), id="no"), Option(Text(f"y  {self._yes}"), id="yes")
            )

    @on(OptionList.OptionSelected)
    def _chosen(self, chosen: OptionList.OptionSelected) -> None:
        self.dismiss(chosen.option_id == "yes")


class Permission(ModalScreen[tuple[str | None, bool] | None]):
    """Asks what an agent may do. Gives the option that was chosen, and whether it holds for the
    agent's next requests of this kind; None when it is left open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Leave it open"),
    ]

    def __init__(self, asked: PermissionStatus) -> None:
        super().__init__()
        self._asked = asked

    def compose(self) -> ComposeResult:
        asked = self._asked
        with Vertical(classes="dialog"):
            yield Static(plain(f"{asked.agent} asks: {asked.title}"), classes="title")
            yield Static(_left(asked), classes="muted")
            if asked.details:
                with VerticalScroll(id="permission-details"):
                    yield Static(details(asked.details))
            yield MovingList(*self._options())

    def on_mount(self) -> None:
        """Begin at what holds just this once: a key pressed too soon must not allow for ever."""
        options = self.query_one(OptionList)
        once = (n for n, one in enumerate(self._asked.options) if one.kind.endswith("_once"))
        options.highlighted = next(once, options.option_count - 1)
        options.focus()

    def know(self, still: Mapping[str, PermissionStatus]) -> None:
        """Show for how long it is open still; close where nobody waits for an answer any more."""
        asked = still.get(self._asked.id)
        if asked is not None:
            put(self.query_one(".muted", Static), _left(asked))
        else:
            told = f"{self._asked.agent} waits for no answer any more: {self._asked.title}"
            self.notify(clean(told), markup=False)
            self.dismiss(None)

    def _options(self) -> list[Option]:
        found = [Option(plain(option.name), id=option.id) for option in self._asked.options]
        if any(option.kind == "allow_once" for option in self._asked.options):
            kind = f"Allow, and all that follow of the kind {self._asked.tool_kind!r} too"
            found.append(Option(plain(kind), id=_REMEMBER))
        return [*found, Option(Text("Leave it open"), id=_LATER)]

    @on(OptionList.OptionSelected)
    def _chosen(self, chosen: OptionList.OptionSelected) -> None:
        if chosen.option_id == _LATER:
            self.dismiss(None)
        elif chosen.option_id == _REMEMBER:
            self.dismiss((None, True))
        else:
            self.dismiss((chosen.option_id, False))


def _left(asked: PermissionStatus) -> Text:
    return plain(f"{asked.tool_kind}, open for {duration(asked.expires_in_seconds)} more")


def details(text: str) -> Text:
    """Show several lines of anybody's text as they are."""
    return Text("\n").join(plain(line) for line in text.splitlines())
