"""One session, opened: what it used and did, and on the other side what was said in it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from tars.control.session_contract import Session
from tars.errors import SessionAmbiguous, SessionNotFound, TarsError
from tars.tui import session_summary
from tars.tui.foreign_text import clean
from tars.tui.link import Link, sentence
from tars.tui.panes.sessions_transcript import Transcript
from tars.tui.session_pieces import Piece
from tars.tui.session_prose import wrapped
from tars.tui.session_reader import Reader
from tars.tui.session_summary import Whole
from tars.tui.session_whole import asked_whole, older_turns
from tars.tui.shell_text import put

if TYPE_CHECKING:
    from tars.tui.app import TarsApp

SUMMARY, TRANSCRIPT = "summary", "transcript"


class Sides(Static):
    """The two sides of a session, which can be clicked, and where one is in it."""

    class Turned(Message):
        """Somebody wants the other side."""

    def show(self, side: str, place: str) -> None:
        """Mark the side that is shown."""
        text = Text(no_wrap=True, overflow="ellipsis")
        for name in (SUMMARY, TRANSCRIPT):
            style = "bold reverse" if name == side else "none"
            text.append(f" {name.capitalize()} ", style=style)
        text.append(f"  {place}", style="dim")
        put(self, text)

    def on_click(self) -> None:
        """Turn over."""
        self.post_message(self.Turned())


class SessionDetail(Vertical):
    """Shown in front of the list; `session` is None while it is not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,t", "turn", "Transcript", key_display="tab"),
        Binding("o", "unfold", "Tool calls"),
    ]

    def __init__(self, home: str) -> None:
        super().__init__(id="session-detail")
        self.session: Session | None = None
        self._home = home
        self._whole: Whole | None = None
        self._problem = ""
        self._head = Reader(id="detail-head")
        self._sides = Sides(id="detail-sides")
        self._summary = Reader(id="detail-summary")
        self._transcript = Transcript(id="detail-transcript")

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._sides
        yield self._summary
        yield self._transcript

    def on_mount(self) -> None:
        """What stands above is not scrolled."""
        self._head.can_focus = False

    # --- opening and closing ------------------------------------------------

    def open(self, session: Session) -> None:
        """Show a session; what is known of it is there at once."""
        self.session, self._whole, self._problem = session, Whole(session), ""
        self._transcript.open(session)
        self._turn_to(self._summary)
        self._show()
        self._summary.to(0)

    def close(self) -> None:
        """Show none."""
        self.session = self._whole = None
        self._transcript.open(None)

    def take_keys(self) -> None:
        """The keys are those of the side that is shown."""
        (self._transcript if self._transcript.display else self._summary).focus()

    def action_turn(self) -> None:
        """Turn to the other side."""
        if self._transcript.display:
            self._turn_to(self._summary)
        else:
            self._turn_to(self._transcript)
            self._transcript.appear()
        self._show()

    @on(Sides.Turned)
    def _turned(self) -> None:
        self.action_turn()

    def _turn_to(self, side: Reader) -> None:
        for reader in (self._summary, self._transcript):
            reader.display = reader is side
        side.focus()

    def action_unfold(self) -> None:
        """Unfold all tool calls, or fold them."""
        if not self._transcript.display:
            self.action_turn()
        self._transcript.unfold()

    # --- what is shown ------------------------------------------------------

    async def look(self, link: Link) -> None:
        """Ask anew for what is shown. Raises TarsError."""
        whole = self._whole
        if whole is None:
            return
        try:
            fresh = await asked_whole(link, whole)
        except (SessionNotFound, SessionAmbiguous) as error:
            self._problem = sentence(error)
            self._show()
            return
        if self._whole is not whole:
            # Another one was opened meanwhile, or more turns came.
            self.look_again()
            return
        self._whole, self.session, self._problem = fresh, fresh.session, ""
        self._show()
        self._transcript.grow(fresh.session)

    def look_again(self) -> None:
        """Look as soon as the pace allows."""
        self._tars.look_again()

    def _show(self) -> None:
        whole, width = self._whole, self.size.width - 2
        if whole is None or width < 1:
            return
        now = datetime.fromtimestamp(self._tars.clock(), UTC)
        self._head.show(session_summary.headings(whole.session, now, self._home, width))
        problem = clean(self._problem or whole.problem)
        told = wrapped([Piece(problem, "bad")], width, first=" ", rest=" ")
        above = told if problem else []
        self._summary.show([*above, *session_summary.lines(whole, width)])
        self._show_sides()

    def _show_sides(self) -> None:
        transcript = self._transcript
        side = TRANSCRIPT if transcript.display else SUMMARY
        place = transcript.place if transcript.display else ""
        self._sides.show(side, place)

    def on_resize(self, _event: events.Resize) -> None:
        """Lay out anew for another width."""
        self._show()

    @on(Reader.Scrolled, "#detail-transcript")
    def _scrolled(self) -> None:
        self._show_sides()

    @on(Reader.Scrolled, "#detail-summary")
    def _scrolled_summary(self) -> None:
        whole, reader = self._whole, self._summary
        near = reader.top + 2 * reader.size.height >= len(reader.lines)
        if near and whole is not None and 0 < len(whole.turns) < whole.total_turns:
            self._load_turns()

    @work(group="detail-turns", exclusive=True)
    async def _load_turns(self) -> None:
        whole = self._whole
        if whole is None:
            return
        try:
            older = await older_turns(self._tars.link, whole)
        except TarsError:
            # The next look says what is wrong.
            self.look_again()
            return
        if self._whole is whole:
            known = {turn.number for turn in whole.turns}
            more = [turn for turn in older if turn.number not in known]
            if more:
                self._whole = replace(whole, turns=[*whole.turns, *more])
                self._show()

    @property
    def _tars(self) -> "TarsApp":
        return cast("TarsApp", self.app)
