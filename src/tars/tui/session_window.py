"""A long list of which only some pages are here: what is missing, where one went. Pure."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from tars.control.session_contract import Session

#: How many sessions come at once, and how many such pages stay.
PAGE, KEPT = 100, 12

Key = tuple[str, str, str]


def key(session: Session) -> Key:
    """Tell sessions apart: an agent gives its ids as it likes."""
    return session.machine, session.agent, session.id


class Window:
    """`total` is None until it was told. An index counts from 0, in the order asked for."""

    def __init__(self) -> None:
        self.total: int | None = None
        self._pages: OrderedDict[int, Sequence[Session]] = OrderedDict()

    def __len__(self) -> int:
        return self.total or 0

    def row(self, index: int) -> Session | None:
        """Give a session, or None where its page is not here."""
        number, place = divmod(index, PAGE)
        page = self._pages.get(number, ())
        return page[place] if 0 <= place < len(page) else None

    def pages(self, first: int, last: int) -> list[int]:
        """Name the pages that hold these rows, as far as there are any."""
        last = min(last, len(self) - 1) if self.total is not None else last
        return list(range(max(0, first) // PAGE, last // PAGE + 1)) if last >= first else []

    def missing(self, first: int, last: int) -> list[int]:
        """Name the pages of these rows that are not here."""
        return [number for number in self.pages(first, last) if number not in self._pages]

    def put(self, number: int, sessions: Sequence[Session], total: int) -> None:
        """Take a page; the ones that were not looked at for longest leave."""
        self.total = total
        self._pages[number] = tuple(sessions)
        self._pages.move_to_end(number)
        while len(self._pages) > KEPT:
            self._pages.popitem(last=False)

    def renew(self, fresh: Mapping[int, Sequence[Session]], total: int) -> None:
        """Take pages anew. Where rows came, went or moved, no other page holds any more."""
        same = self.total == total and all(
            [*map(key, self._pages.get(number, ()))] == [*map(key, page)]
            for number, page in fresh.items()
        )
        if not same:
            self._pages.clear()
        for number, page in fresh.items():
            self.put(number, page, total)
        self.total = total

    def find(self, wanted: Key) -> int | None:
        """Say where a session is among the pages that are here."""
        for number, page in self._pages.items():
            for place, session in enumerate(page):
                if key(session) == wanted:
                    return number * PAGE + place
        return None

    @property
    def kinds(self) -> set[str]:
        """The kinds of agents of what is here."""
        return {session.agent_type for page in self._pages.values() for session in page}

    def clear(self) -> None:
        """Forget everything: something else is wanted."""
        self.total = None
        self._pages.clear()
