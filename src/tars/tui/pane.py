"""What the six views have in common: when they look, and what they are told."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tars.control.client import Client
from tars.control.contract import FeedEvent, Status
from tars.errors import TarsError
from tars.tui.foreign_text import clean
from tars.tui.link import Link, sentence

if TYPE_CHECKING:
    from tars.tui.app import TarsApp


class Pane(Vertical):
    """One view. It is made when it is first opened, and looks only while it is on top.

    `look` is called at most twice a second: when an event `concerns` it, when `again` was called,
    and after `every` seconds in which neither happened. It asks for what the view shows, and
    changes only what is different. What it raises of TarsError is shown by the app.
    """

    heading: ClassVar[str]
    every: ClassVar[float] = 5.0
    #: The keys for moving in it, or in its lists.
    moves: ClassVar[Sequence[BindingType]] = ()

    async def look(self, link: Link, status: Status) -> None:
        """Ask what is needed beyond the status, and show it."""
        raise NotImplementedError

    def concerns(self, event: FeedEvent) -> bool:
        """Say whether what happened may change what is shown; called in the order of events."""
        return True

    def arrive(self) -> None:
        """The view comes to the top: the keys are its own from now on."""
        self.focus()

    def leave(self) -> None:
        """Another view comes to the top; streams that only this one shows can end."""

    def keys(self) -> Sequence[BindingType]:
        """Give all keys that do something as things are, for the help."""
        return [*self.deeds(), *self.moves]

    def deeds(self) -> Sequence[Binding]:
        """Give its own keys that do something as things are, but those for moving in it."""
        own = [binding for binding in self.BINDINGS if isinstance(binding, Binding)]
        return [
            binding
            for binding in own
            if binding not in self.moves and self.check_action(binding.action, ())
        ]

    def again(self) -> None:
        """Look again as soon as the pace allows."""
        self.tars.look_again()

    async def attempt(self, do: Callable[[Client], object]) -> bool:
        """Have the daemon do something, and look again; say whether it did. Why it did not is
        shown to the person."""
        try:
            await self.tars.link.ask(do)
        except TarsError as error:
            self.notify(clean(sentence(error)), severity="error", markup=False)
            return False
        finally:
            self.again()
        return True

    @property
    def tars(self) -> "TarsApp":
        """The app, with the link to the daemon and its clock."""
        return cast("TarsApp", self.app)
