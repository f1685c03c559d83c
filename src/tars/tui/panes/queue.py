"""Queue & permissions: what waits for a person, and which prompts wait for an agent."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Static

from tars.control.contract import Status
from tars.control.queue_contract import QueuedPrompt
from tars.tui import lists, permitting, queue_view
from tars.tui.dialogs import Question
from tars.tui.link import Link
from tars.tui.lists import MovingList
from tars.tui.pane import Pane
from tars.tui.panes import PANES
from tars.tui.shell_text import put


class Asked(MovingList):
    """The requests for permission."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Answer")]


class QueuePane(Pane):
    """Two lists, one above the other; Tab changes between them, Enter answers, x withdraws."""

    heading: ClassVar[str] = PANES["queue"]
    moves = MovingList.BINDINGS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "withdraw", "Withdraw the prompt"),
        Binding("tab", "other", "Other list"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._status: Status | None = None
        self._prompts: list[QueuedPrompt] = []

    def keys(self) -> Sequence[BindingType]:
        """Its own, and those of its lists."""
        return [*Asked.BINDINGS, *super().keys()]

    def compose(self) -> ComposeResult:
        yield Static(id="asked-head", classes="title")
        yield Asked(id="asked")
        yield Static(id="waiting-head", classes="title")
        yield MovingList(id="waiting")

    def arrive(self) -> None:
        """The requests for permission have the keys first."""
        self.query_one("#asked", OptionList).focus()

    async def look(self, link: Link, status: Status) -> None:
        """Show what waits now; what is chosen stays chosen."""
        self._status = status
        self._prompts = (await link.ask(lambda client: client.queue())).prompts
        asked = queue_view.asked(status)
        now = self.tars.clock()
        lists.fill(
            self.query_one("#asked", OptionList),
            [(permission.id, queue_view.permission_line(permission)) for permission in asked],
        )
        lists.fill(
            self.query_one("#waiting", OptionList),
            [(prompt.turn, queue_view.prompt_line(prompt, now)) for prompt in self._prompts],
        )
        put(
            self.query_one("#asked-head", Static),
            _head(len(asked), "request for permission", "requests for permission"),
        )
        put(
            self.query_one("#waiting-head", Static),
            _head(len(self._prompts), "prompt that waits", "prompts that wait"),
        )

    @on(OptionList.OptionSelected, "#asked")
    def _selected(self, selected: OptionList.OptionSelected) -> None:
        self._answer(selected.option_id)

    def _answer(self, id: str | None) -> None:
        asked = queue_view.asked(self._status) if self._status is not None else []
        found = next((permission for permission in asked if permission.id == id), None)
        if found is not None:
            permitting.answer(self, found)

    @work(group="withdraw")
    async def action_withdraw(self) -> None:
        """Take the chosen prompt back, if a person says so."""
        turn = lists.chosen(self.query_one("#waiting", OptionList))
        prompt = next((found for found in self._prompts if found.turn == turn), None)
        if prompt is None:
            return
        asking = Question(
            f"Withdraw the prompt of {prompt.agent}?", "Withdraw it", details=prompt.preview
        )
        if not await self.app.push_screen_wait(asking):
            return
        await self.attempt(lambda client: client.cancel(turn=prompt.turn))

    def action_other(self) -> None:
        """Go to the other list."""
        lists = [self.query_one("#asked", OptionList), self.query_one("#waiting", OptionList)]
        lists[int(lists[0].has_focus)].focus()


def _head(count: int, one: str, many: str) -> Text:
    return Text(f"{count:,} {one if count == 1 else many}" if count else f"No {one}")
