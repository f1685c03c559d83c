"""The sessions behind the list: asked for page by page, searched, priced, and kept in step."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from tars.control.client import Client
from tars.control.contract import Status
from tars.control.session_contract import SearchHit, Session, SessionList
from tars.errors import SessionAmbiguous, SessionNotFound
from tars.tui import session_columns as columns
from tars.tui.link import Link
from tars.tui.session_costs import Costs
from tars.tui.session_found import PLACES, Found, may_be_id, words_for
from tars.tui.session_pieces import Line
from tars.tui.session_running import At, Running, running
from tars.tui.session_wants import Filter, Sort
from tars.tui.session_window import PAGE, Key, Window, key


@dataclass(frozen=True, slots=True)
class Moved:
    """Where the chosen session is now, and by how many rows it went down."""

    row: int
    by: int


class Browser:
    """What the list shows. `now` is the clock; `home` the person's folder."""

    def __init__(self, now: Callable[[], float], home: str = "") -> None:
        self.filter = Filter()
        self.sort = Sort.START
        self.found: Found | None = None
        self._now = now
        self._home = home
        self._window = Window()
        self._costs = Costs()
        self._running: Mapping[At, Running] = {}
        self._turn = 0

    # --- what is shown ------------------------------------------------------

    def __len__(self) -> int:
        return len(self._window) if self.found is None else len(self.found.keys)

    @property
    def is_known(self) -> bool:
        """Whether it was told by now how many there are."""
        return self.found is not None or self._window.total is not None

    def session(self, index: int) -> Session | None:
        """Give the session of a row, where it is here."""
        if self.found is None:
            return self._window.row(index)
        keys = self.found.keys
        return self.found.sessions.get(keys[index]) if 0 <= index < len(keys) else None

    def line(self, index: int, width: int) -> Line:
        """Give a row, or what stands for it until it is here."""
        session = self.session(index)
        if session is None:
            return columns.waiting(index, width)
        excerpt = self.found.excerpt(key(session)) if self.found is not None else ""
        turn = self._running.get((session.agent, session.id))
        shown = columns.Shown(
            self.cost(session),
            self._moment,
            excerpt,
            self._home,
            turn.lasts_ms(self._now()) if turn is not None else 0,
            turn.tokens if turn is not None else 0,
        )
        return columns.line(session, shown, width)

    def note(self, status: Status) -> bool:
        """Learn which turns are under way; say whether any is."""
        self._running = running(status, self._now())
        return bool(self._running)

    def cost(self, session: Session) -> str:
        """Say in a word what a session cost."""
        return self._costs.of(session)

    @property
    def kinds(self) -> set[str]:
        """The kinds of agents of the sessions that are here."""
        return self._window.kinds

    @property
    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    # --- what is wanted -----------------------------------------------------

    def want(self, *, filter: Filter | None = None, sort: Sort | None = None) -> None:
        """Want others, or another order. What is under way for those before is not taken."""
        self.filter = filter or self.filter
        self.sort = sort or self.sort
        self._turn += 1
        self._window.clear()

    def end_search(self) -> None:
        """Show all again that the filter leaves."""
        self.found = None
        self._turn += 1

    async def search(self, link: Link, text: str) -> bool:
        """Find sessions; say whether somebody still wants this. Raises TarsError."""
        self._turn += 1
        turn = self._turn
        query = self._query()
        found = await link.ask(lambda client: _search(client, text, query))
        if turn != self._turn:
            return False
        self.found = found
        return True

    def _query(self) -> dict[str, str]:
        return self.filter.query(self._moment.astimezone().date())

    # --- what is asked ------------------------------------------------------

    async def refresh(self, link: Link, sight: tuple[int, int], cursor: int) -> Moved:
        """Ask anew for what is in sight. Raises TarsError."""
        if self.found is not None:
            await self._refresh_found(link, sight)
            return Moved(cursor, 0)
        chosen, turn = self._window.row(cursor), self._turn
        before, numbers = len(self._window), self._window.pages(*sight) or [0]
        fresh = await self._pages(link, numbers)
        if turn != self._turn:
            return Moved(cursor, 0)
        total = fresh[max(fresh)].total
        self._window.renew({number: each.sessions for number, each in fresh.items()}, total)
        if chosen is None:
            return Moved(cursor, 0)
        row = self._window.find(key(chosen))
        if row is None and total != before:
            row = await self._look_for(link, key(chosen), cursor + total - before, turn)
        return Moved(cursor, 0) if row is None else Moved(row, row - cursor)

    async def _look_for(self, link: Link, wanted: Key, near: int, turn: int) -> int | None:
        """Find a session that went out of sight: as many rows came above it as there are more."""
        missing = self._window.missing(near, near)
        if missing:
            fresh = await self._pages(link, missing)
            if turn != self._turn:
                return None
            self._put(fresh)
        return self._window.find(wanted)

    async def fill(self, link: Link, sight: tuple[int, int]) -> bool:
        """Ask for the next of what is missing of these rows: sessions, then their costs. Say
        whether there was any. Raises TarsError."""
        turn = self._turn
        if self.found is not None:
            hits = self.found.wanted(*sight)
            if hits:
                await self._take_found(link, hits, turn)
                return True
        else:
            missing = self._window.missing(*sight)
            if missing:
                fresh = await self._pages(link, missing)
                if turn == self._turn:
                    self._put(fresh)
                return True
        return await self._price(link, sight)

    def _put(self, fresh: dict[int, SessionList]) -> None:
        for number, page in fresh.items():
            self._window.put(number, page.sessions, page.total)

    async def _pages(self, link: Link, numbers: Sequence[int]) -> dict[int, SessionList]:
        asked, sort = self._query(), self.sort.value[0]

        def page(client: Client) -> dict[int, SessionList]:
            return {
                number: client.sessions(**asked, sort=sort, after=number * PAGE, limit=PAGE)
                for number in numbers
            }

        return await link.ask(page)

    async def _price(self, link: Link, sight: tuple[int, int]) -> bool:
        rows = (self.session(index) for index in range(sight[0], min(sight[1] + 1, len(self))))
        asked = self._costs.wanted(session for session in rows if session is not None)
        if asked:
            await self.price(link, asked)
        return bool(asked)

    async def price(self, link: Link, asked: Sequence[Session]) -> None:
        """Ask what some sessions cost. Raises TarsError."""
        ids = ",".join(session.id for session in asked)
        report = await link.ask(
            lambda client: client.costs(report="by-session", range="all", session=ids)
        )
        self._costs.take(asked, report)

    async def _refresh_found(self, link: Link, sight: tuple[int, int]) -> None:
        found, turn = self.found, self._turn
        if found is not None:
            rows = found.keys[max(0, sight[0]) : sight[1] + 1]
            active = [
                found.hits[one]
                for one in rows
                if one in found.hits
                and one in found.sessions
                and found.sessions[one].status == "active"
            ]
            await self._take_found(link, active, turn)

    async def _take_found(self, link: Link, hits: Sequence[SearchHit], turn: int) -> None:
        sessions = await link.ask(lambda client: _each(client, hits))
        if turn == self._turn and self.found is not None:
            self.found.take(sessions)
            # What is gone meanwhile is asked for no more.
            there = {key(session) for session in sessions}
            gone = {(hit.machine, hit.agent, hit.session) for hit in hits} - there
            self.found.keys = [one for one in self.found.keys if one not in gone]


async def used_kinds(link: Link) -> list[str]:
    """Ask of which kinds of agents anything was ever counted. Raises TarsError."""
    report = await link.ask(lambda client: client.costs(report="by-agent", range="all"))
    return [row.agent for row in report.rows if isinstance(row.agent, str) and row.agent]


def _search(client: Client, text: str, query: dict[str, str]) -> Found:
    by_id = None
    if may_be_id(text.strip()):
        with suppress(SessionNotFound, SessionAmbiguous):
            by_id = client.session(text.strip())
    hits = client.search(words_for(text), limit=PLACES, **query).hits
    return Found.of(text.strip(), hits, by_id)


def _each(client: Client, hits: Sequence[SearchHit]) -> list[Session]:
    found = []
    for hit in hits:
        with suppress(SessionNotFound, SessionAmbiguous):
            found.append(client.session(hit.session, agent=hit.agent))
    return found
