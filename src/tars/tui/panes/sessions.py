"""Sessions: all that were remembered, in a list that is never waited for."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Input, Static

from tars.control.contract import FeedEvent, Status
from tars.control.session_contract import Session
from tars.errors import NotRunning, TarsError
from tars.tui import session_columns as columns
from tars.tui import session_deeds as deeds
from tars.tui.link import Link, sentence
from tars.tui.pane import Pane
from tars.tui.panes import PANES
from tars.tui.panes.sessions_detail import SessionDetail
from tars.tui.session_browser import Browser, used_kinds
from tars.tui.session_heading import heading
from tars.tui.session_panels import FilterPanel
from tars.tui.session_pieces import plain
from tars.tui.session_reader import Reader
from tars.tui.session_table import SessionTable
from tars.tui.session_wants import Filter
from tars.tui.shell_text import put

#: What happens all the time within a turn; the figures of it come with the next look.
_SMALL = ("text", "thought")
#: How long typing has to rest before it is searched for, in seconds.
_REST = 0.25


class SessionsPane(Pane):
    """The list, and in front of it the one session that was opened."""

    heading: ClassVar[str] = PANES["sessions"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open"),
        Binding("slash", "find", "Find", key_display="/"),
        Binding("f", "filter", "Filter"),
        Binding("s", "sort", "Sort"),
        Binding("r", "resume", "Resume"),
        Binding("e", "export", "Export"),
        Binding("a", "archive", "Archive"),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        home = str(Path.home())
        self.browser = Browser(lambda: self.tars.clock(), home)
        self.table = SessionTable(self.browser, id="sessions-table")
        self.detail = SessionDetail(home)
        self._head = Static(id="sessions-head")
        self._find = Input(id="sessions-find", placeholder="Words, a name or an id; Escape ends it")
        self._columns = Static(id="sessions-columns")
        self._list = Vertical(id="sessions-list")
        self._problem = ""
        self._filling = False
        self._resting: Timer | None = None

    def compose(self) -> ComposeResult:
        with self._list:
            yield self._head
            yield self._find
            yield self._columns
            yield self.table
        yield self.detail

    def on_mount(self) -> None:
        """While a turn is under way its session lasts longer every second."""
        self._ticking = self.set_interval(1.0, self._tick, pause=True)

    def _tick(self) -> None:
        if self.display and self._list.display and self.app.app_focus:
            self.table.refresh()

    def arrive(self) -> None:
        """The keys are the list's, or those of what is in front of it."""
        if self.detail.session is not None:
            self.detail.take_keys()
        else:
            self.table.focus()

    def concerns(self, event: FeedEvent) -> bool:
        """All but what streams within a turn."""
        return event.event not in _SMALL

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out what makes no sense where one is."""
        is_open = self.detail.session is not None
        if action in ("open", "find", "filter", "sort"):
            return not is_open
        if action == "back":
            return is_open or self._find.display or self.browser.found is not None
        return True

    def keys(self) -> Sequence[BindingType]:
        """Its own, and those of the list or of the session that is open."""
        inner = [*SessionDetail.BINDINGS, *Reader.BINDINGS] if self.detail.session else None
        return [*self.deeds(), *(inner or SessionTable.BINDINGS)]

    # --- looking ------------------------------------------------------------

    async def look(self, link: Link, status: Status) -> None:
        """Ask anew for what is in sight; what is chosen stays so, wherever it went."""
        if self.browser.note(status):
            self._ticking.resume()
        else:
            self._ticking.pause()
        if self.detail.session is not None:
            await self.detail.look(link)
            return
        try:
            await self._refresh(link)
        except NotRunning:
            raise
        except TarsError as error:
            self._fail(error)
            return
        self._tell()
        self._fill()

    async def _refresh(self, link: Link) -> None:
        table = self.table
        moved = await self.browser.refresh(link, table.sight, table.cursor)
        table.changed()
        if moved.by and moved.row == table.cursor + moved.by:
            at_top = table.scroll_offset.y == 0
            table.place(moved.row, shift=0 if at_top else moved.by)

    def _tell(self) -> None:
        width = self.table.size.width
        head = heading(self.browser, self.table.cursor, self._problem, max(20, self.size.width - 2))
        put(self._head, head)
        put(
            self._columns,
            Text(plain(columns.heading(width)), no_wrap=True, overflow="crop"),
        )

    @work(group="sessions-fill", exclusive=False)
    async def _fill(self) -> None:
        """Ask for what is missing in sight, until nothing is: the list meanwhile goes on."""
        if self._filling:
            return
        self._filling = True
        try:
            while self.is_attached and await self.browser.fill(self.tars.link, self.table.sight):
                self.table.changed()
                self._tell()
            self._problem = ""
            self._tell()
        except NotRunning:
            self.again()
        except TarsError as error:
            self._fail(error)
        finally:
            self._filling = False

    def _fail(self, error: TarsError) -> None:
        self._problem = sentence(error)
        self._tell()

    @on(SessionTable.Moved)
    def _moved(self) -> None:
        self._tell()
        self._fill()

    def _anew(self) -> None:
        """Others are wanted: from the first one on."""
        self._problem = ""
        self.table.changed()
        self.table.place(0)
        self._tell()
        self._fill()

    # --- what is chosen -----------------------------------------------------

    @property
    def chosen(self) -> Session | None:
        """The session that keys act on."""
        return self.detail.session or self.browser.session(self.table.cursor)

    @on(SessionTable.Opened)
    def action_open(self) -> None:
        """Open a session."""
        session = self.browser.session(self.table.cursor)
        if session is not None and self.detail.session is None:
            self._list.display = False
            self.detail.display = True
            self.detail.open(session)
            self.refresh_bindings()
            self._look_closer()

    @work(group="sessions-detail", exclusive=True)
    async def _look_closer(self) -> None:
        """Ask for what is opened, at once."""
        try:
            await self.detail.look(self.tars.link)
        except TarsError:
            # The next look says what is wrong.
            self.again()

    def _close(self) -> None:
        self.detail.close()
        self.detail.display = False
        self._list.display = True
        self.table.focus()
        self.refresh_bindings()
        self.again()

    @work(group="sessions-deed", exclusive=True)
    async def action_resume(self) -> None:
        """Talk on with the agent."""
        if self.chosen is not None:
            await deeds.resume(self.tars, self.chosen, self.tars.status)
            self.again()

    @work(group="sessions-export")  # one under way is told of, whatever else is done
    async def action_export(self) -> None:
        """Write it to a file."""
        if self.chosen is not None:
            await deeds.export(self.tars, self.chosen)

    @work(group="sessions-deed", exclusive=True)
    async def action_archive(self) -> None:
        """Put it away, or take it back."""
        if self.chosen is not None and await deeds.archive(self.tars, self.chosen):
            self.again()

    # --- which are shown ----------------------------------------------------

    @work(group="sessions-filter", exclusive=True)
    async def action_filter(self) -> None:
        """Choose which sessions are shown."""
        status = self.tars.status
        kinds = {agent.kind for agent in status.agents} if status is not None else set()
        panel = FilterPanel(self.browser.filter, sorted(kinds | self.browser.kinds), self.want)
        await self.tars.push_screen(panel)
        with suppress(TarsError):
            panel.learn(await used_kinds(self.tars.link))

    def action_sort(self) -> None:
        """Order by the next figure."""
        self.browser.want(sort=self.browser.sort.next)
        self._anew()

    def want(self, filter: Filter) -> None:
        """Show the sessions that a filter leaves."""
        if filter != self.browser.filter:
            self.browser.want(filter=filter)
            self._search_again(anew=True)
            self._anew()

    # --- searching ----------------------------------------------------------

    def action_find(self) -> None:
        """Search."""
        self._find.display = True
        self._find.focus()
        self.refresh_bindings()

    @on(Input.Changed, "#sessions-find")
    def _typed(self) -> None:
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(_REST, self._search_again)

    @on(Input.Submitted, "#sessions-find")
    def _entered(self) -> None:
        self.table.focus()
        self._search_again()

    def _search_again(self, *, anew: bool = False) -> None:
        text = self._find.value.strip()
        found = self.browser.found
        if text and not anew and found is not None and found.text == text:
            return
        if text:
            self._search(text)
        elif found is not None:
            self.browser.end_search()
            self._anew()
            self.refresh_bindings()
            self.again()

    @work(group="sessions-search", exclusive=True)
    async def _search(self, text: str) -> None:
        try:
            if await self.browser.search(self.tars.link, text):
                self._anew()
        except NotRunning:
            self.again()
        except TarsError as error:
            self._fail(error)

    def action_back(self) -> None:
        """Close what is open, or end the search."""
        if self.detail.session is not None:
            self._close()
            return
        self._find.value = ""
        self._find.display = False
        self.table.focus()
        self._search_again()
