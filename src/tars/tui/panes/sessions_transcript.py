"""What was said in a session, to read: some pages of it, which come as they are scrolled to."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual import events, on, work

from tars.control.session_contract import Session
from tars.errors import NotRunning, TarsError
from tars.tui.foreign_text import clean
from tars.tui.link import sentence
from tars.tui.session_pages import Laid, Pages
from tars.tui.session_pieces import Line, Piece
from tars.tui.session_prose import wrapped
from tars.tui.session_reader import Reader
from tars.tui.session_transcript import CHARACTERS, PAGE, Entry, count, lines_of, nothing, page_of

if TYPE_CHECKING:
    from tars.tui.app import TarsApp


class Transcript(Reader):
    """It begins at its end, as one comes back to a talk."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._session: Session | None = None
        self._pages = Pages()
        self._problem = ""
        self._unfolded: set[int] = set()
        self._all_unfolded = False
        self._opened = 0
        self._loading = self._jumps = self._grew = False
        self._jump_to: int | None = None

    # --- of which session ---------------------------------------------------

    def open(self, session: Session | None) -> None:
        """Be the transcript of a session; nothing is asked before it is shown."""
        self._session = session
        self._pages.put(())
        self._problem = ""
        self._unfolded.clear()
        self._all_unfolded = self._jumps = self._grew = False
        self._opened += 1

    def appear(self) -> None:
        """It is shown now."""
        self._show()
        if not self._pages:
            self._go_to(None)

    def grow(self, session: Session) -> None:
        """More may have been said: have it, where the end is here."""
        before, self._session = self._session, session
        grew = before is None or count(before) != count(session) or session.status == "active"
        if grew and self.display and self._pages and self._pages.is_last:
            self._grew = True
            self._load()

    @property
    def place(self) -> str:
        """Say where one is in it."""
        if self._session is None or self._told:
            return ""
        if not self._pages:
            return "…"
        bottom = min(self.top + max(1, self.size.height), len(self._pages)) - 1
        there = max(count(self._session), self._pages.ends_at)
        return f"{(self._pages.owner(bottom) or 0) + 1:,} of {there:,}"

    # --- what is shown ------------------------------------------------------

    @property
    def _told(self) -> str:
        """What stands in place of what was said."""
        if self._problem:
            return self._problem
        return "" if self._session is None or self._pages else nothing(self._session)

    def _show(self, *, top: int | None = None) -> None:
        if self._told:
            said = wrapped([Piece(clean(self._told), "dim")], self._width, first=" ", rest=" ")
            self.show([(), *said], top=0)
        else:
            self.show(self._pages, top=top)
        self.post_message(self.Scrolled(self))

    @property
    def _width(self) -> int:
        return max(20, self.size.width - 1)

    def _lines_of(self, number: int, entry: Entry, *, width: int) -> Iterator[Line]:
        agent = self._session.agent if self._session is not None else ""
        unfolded = self._all_unfolded != (number in self._unfolded)
        return lines_of(entry, agent, width, unfolded=unfolded)

    async def _laid(self, laid: Laid) -> Laid:
        for _ in laid.lay(partial(self._lines_of, width=self._width)):
            # The keys go on while a long page is laid out.
            await asyncio.sleep(0)
        return laid

    @work(group="transcript-lay", exclusive=True)
    async def _lay_anew(self) -> None:
        """Lay out what is here, and keep what is in sight there."""
        opened, first = self._opened, self._pages.owner(self.top)
        laid = [await self._laid(Laid(page)) for page in self._pages.pages]
        if opened == self._opened and [one.page for one in laid] == self._pages.pages:
            self._pages.put(laid)
            self._show(top=0 if first is None else self._pages.begin_of(first))

    # --- what is asked for --------------------------------------------------

    def _go_to(self, at: int | None) -> None:
        """Have the page that begins so, or the last one, and show it."""
        self._jump_to = at
        self._jumps = True
        self._load()

    @work(group="transcript-load")
    async def _load(self) -> None:
        """Have what is wanted, and the pages that are in sight or near it."""
        if self._loading or self._session is None or nothing(self._session):
            return
        self._loading, opened = True, self._opened
        try:
            while opened == self._opened and await self._next(opened):
                pass
        except NotRunning:
            cast("TarsApp", self.app).look_again()
        except TarsError as error:
            if opened == self._opened:
                self._problem = sentence(error)
                self._show()
        finally:
            self._loading = False
            if opened != self._opened and self.display and self.is_attached:
                # Another session was opened meanwhile.
                self.appear()

    async def _next(self, opened: int) -> bool:
        """Do one thing of what is to be done; say whether there was any."""
        if self._jumps:
            self._jumps = False
            await self._jump(self._jump_to, opened)
        elif self._grew:
            self._grew = False
            await self._renew(opened)
        else:
            return await self._more(opened)
        return True

    async def _jump(self, at: int | None, opened: int) -> None:
        session = self._session
        if session is None:
            return
        start = max(0, count(session) - PAGE) if at is None else at
        laid = await self._page(start)
        if not laid.page.entries and start:
            # Less is kept than was said.
            laid = await self._page(0)
        if opened == self._opened:
            self._problem = ""
            self._pages.put([laid])
            self._show(top=0 if at == 0 else len(self._pages))

    async def _renew(self, opened: int) -> None:
        last, stays = self._pages.pages[-1], self.is_at_end
        laid = await self._page(last.at)
        if opened == self._opened and laid.page != last and self._pages.pages[-1:] == [last]:
            self._pages.renew_last(laid)
            self._show(top=len(self._pages) if stays else None)

    async def _more(self, opened: int) -> bool:
        """Have one page more where the end of what is here is near; say whether it was."""
        pages, height = self._pages, max(1, self.size.height)
        if not pages:
            return False
        if pages.begins_at > 0 and self.top < height:
            at = max(0, pages.begins_at - PAGE)
            laid = await self._page(at, pages.begins_at - at)
            if opened == self._opened:
                self._show(top=self.top + pages.put_above(laid))
            return bool(laid.lines)
        if not pages.is_last and self.top + 2 * height > len(pages):
            laid = await self._page(pages.ends_at)
            if opened == self._opened:
                self._show(top=self.top - pages.put_below(laid))
            return bool(laid.lines)
        return False

    async def _page(self, at: int, limit: int = PAGE) -> Laid:
        session = self._session
        id = session.id if session is not None else ""
        told = await cast("TarsApp", self.app).link.ask(
            lambda client: client.messages(id, after=at, limit=limit, characters=CHARACTERS)
        )
        return await self._laid(Laid(page_of(at, told)))

    # --- what keys and the mouse do -----------------------------------------

    def unfold(self) -> None:
        """Unfold all tool calls, or fold them."""
        self._all_unfolded = not self._all_unfolded
        self._unfolded.clear()
        self._lay_anew()

    @on(Reader.Scrolled)
    def _scrolled(self) -> None:
        if self._pages:
            self._load()

    @on(Reader.Ended)
    def _ended(self, ended: Reader.Ended) -> None:
        """The very end, or the very beginning, may not be here."""
        is_here = self._pages.is_last if ended.end else self._pages.begins_at == 0
        if not is_here:
            self._go_to(None if ended.end else 0)

    def on_click(self, click: events.Click) -> None:
        """Unfold what is clicked."""
        number = self._pages.owner(click.y + self.top)
        if number is not None:
            self._unfolded ^= {number}
            self._lay_anew()

    def on_resize(self, _event: events.Resize) -> None:
        """Lay out anew for another width."""
        if self._pages:
            self._lay_anew()
        else:
            self._show()
