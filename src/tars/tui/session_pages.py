"""The part of a transcript that is here: some pages, laid out, which grow at either end. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tars.tui.session_pieces import Line
from tars.tui.session_transcript import Entry, Page

#: How many pages stay; those at the other end leave.
KEPT = 8
#: How many lines are laid out without a break.
_AT_ONCE = 40


@dataclass(slots=True)
class Laid:
    """A page as lines, each with the number of the entry that it is of."""

    page: Page
    lines: list[Line] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)

    def lay(self, lines: Callable[[int, Entry], Iterator[Line]]) -> Iterator[None]:
        """Lay out one entry after the other, a few lines at a time; whoever asks may do something
        else in between."""
        for number, entry in enumerate(self.page.entries, self.page.at):
            for line in lines(number, entry):
                self.lines.append(line)
                self.owners.append(number)
                if len(self.lines) % _AT_ONCE == 0:
                    yield


class Pages(Sequence[Line]):
    """Lines of pages that follow each other."""

    def __init__(self) -> None:
        self._laid: list[Laid] = []

    def __len__(self) -> int:
        return sum(len(laid.lines) for laid in self._laid)

    def __getitem__(self, index: int) -> Line:  # type: ignore[override]  # nobody slices it
        laid, place = self._at(index)
        return laid.lines[place]

    def _at(self, index: int) -> tuple[Laid, int]:
        for laid in self._laid:
            if index < len(laid.lines):
                return laid, index
            index -= len(laid.lines)
        raise IndexError(index)

    def owner(self, index: int) -> int | None:
        """Give the number of the entry that a line is of."""
        if not 0 <= index < len(self):
            return None
        laid, place = self._at(index)
        return laid.owners[place]

    def begin_of(self, number: int) -> int:
        """Give the first line of an entry, or else of all."""
        before = 0
        for laid in self._laid:
            if number in laid.owners:
                return before + laid.owners.index(number)
            before += len(laid.lines)
        return 0

    @property
    def pages(self) -> list[Page]:
        """Those that are here."""
        return [laid.page for laid in self._laid]

    @property
    def begins_at(self) -> int:
        """How many entries come before the first one here."""
        return self._laid[0].page.at if self._laid else 0

    @property
    def ends_at(self) -> int:
        """How many entries there are up to the last one here."""
        if not self._laid:
            return 0
        last = self._laid[-1].page
        return last.at + len(last.entries)

    @property
    def is_last(self) -> bool:
        """Whether nothing comes behind the last one here."""
        return not self._laid or self._laid[-1].page.last

    def put(self, laid: Sequence[Laid]) -> None:
        """Have these, and no others."""
        self._laid = list(laid)

    def put_below(self, laid: Laid) -> int:
        """Add a page behind the last; give how many lines left at the top."""
        self._laid.append(laid)
        gone = 0
        while len(self._laid) > KEPT:
            gone += len(self._laid.pop(0).lines)
        return gone

    def put_above(self, laid: Laid) -> int:
        """Add a page before the first; give how many lines came at the top."""
        self._laid.insert(0, laid)
        del self._laid[KEPT:]
        return len(laid.lines)

    def renew_last(self, laid: Laid) -> None:
        """Have the last page as it is now."""
        self._laid[-1:] = [laid]
