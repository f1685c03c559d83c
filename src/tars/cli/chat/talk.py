"""Which turns a chat shows: its own prompts, and those that others send to its session.

Every prompt has a stream of its own, which also tells what happens while it waits, and when
another agent takes over. What else is said in the agent's conversation is overheard; one's own
turns are left out there. When the daemon goes away, a turn is remembered until it is heard of
again, or until its outcome is found in the store.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from tars.cli.chat.inline import wrapped
from tars.cli.chat.links import Failed, Joined, Lost, News, Overheard, Told
from tars.cli.chat.paint import DIM, MARK, RED, YELLOW, styled
from tars.cli.chat.turn import Turn
from tars.cli.questions import permit_line
from tars.cli.render import count, one_line
from tars.control.attach_contract import Attached, Prompted
from tars.control.contract import (
    Accepted,
    FellBack,
    PermissionStatus,
    Started,
    TurnResult,
    Wire,
)
from tars.errors import TarsError

#: Events of a turn that may belong to the session: more of them are read from its end.
_MOST_HELD = 2_000


@dataclass(slots=True)
class Own:
    """A prompt that was sent from here. `turn` is its id once the daemon has it. One that
    `fell_back` is in a conversation of another agent, which is not this one. `held` came before
    the end of the turn before it, which has a stream of its own."""

    text: str
    turn: str = ""
    position: int = 0
    fell_back: bool = False
    held: list[Told] = field(default_factory=list)
    shown: Turn | None = None


@dataclass(slots=True)
class _Heard:
    """A turn that somebody else asked for, or whose own stream broke. It is shown where it is
    known to be of the session."""

    turn: Turn
    belongs: bool = False
    held: list[tuple[str, Wire]] = field(default_factory=list)


class Talk:
    """The state of a chat. `show` takes lines that are whole; `width` is that of the terminal.

    `session` is the conversation, None until the first answer; `lost` are turns whose outcome
    has to be looked for, by id. `restore` gives a prompt back that was not taken."""

    def __init__(
        self,
        show: Callable[[list[str]], None],
        width: Callable[[], int],
        *,
        rich: bool,
        restore: Callable[[str], None],
    ) -> None:
        self._show = show
        self._width = width
        self._rich = rich
        self._restore = restore
        self.session: str | None = None
        self.adopts = False
        self.connected: bool | None = None
        self.questions: list[PermissionStatus] = []
        self.lost: dict[str, Turn] = {}
        self.ended = 0
        self._own: dict[int, Own] = {}
        self._keys = 0
        self._heard: _Heard | None = None
        self._before: list[Joined | Overheard] = []

    # --- what the face asks ------------------------------------------------------

    def sends(self, text: str) -> int:
        """Note a prompt that is sent now, and give the key to tell of it."""
        self._keys += 1
        self._own[self._keys] = Own(text)
        return self._keys

    @property
    def under_way(self) -> str | None:
        """The turn of this session that runs now."""
        for own in self._own.values():
            if own.shown is not None:
                return own.shown.id
        return self._heard.turn.id if self._heard and self._heard.belongs else None

    @property
    def waiting(self) -> list[Own]:
        """Own prompts that have not begun."""
        return [own for own in self._own.values() if own.shown is None]

    @property
    def elsewhere(self) -> bool:
        """Whether the agent is at work in another session."""
        return self._heard is not None and not self._heard.belongs

    def live(self) -> list[str]:
        """Show what still changes."""
        out: list[str] = []
        for turn in self._turns():
            out += turn.live()
        for own in self.waiting:
            first = one_line(own.text[:500])
            where = f"after {count(own.position, 'prompt')}" if own.position else "waits"
            out += ["", styled(f"{MARK} {first[: self._width() - 20]} ({where})", DIM)]
        return out

    def new_session(self, session: str | None, *, adopts: bool = False) -> None:
        """Go to another conversation; what is under way in the old one is no longer shown."""
        self._leave_turns()
        self.session, self.adopts = session, adopts

    def adopt(self, session: str) -> None:
        """Take this as the conversation, as long as there is none."""
        if self.session is None and self.adopts:
            self.session = session
            if self._heard is not None and self._heard.turn.session == session:
                self._belongs(self._heard)

    @property
    def stranger(self) -> str | None:
        """A session that might turn out to be this chat's."""
        heard = self._heard
        if self.session is None and self.adopts and heard is not None and not heard.belongs:
            return heard.turn.session
        return None

    def leave(self) -> None:
        """Show what there is of what goes on unseen."""
        self._leave_turns()

    def answered(self, request_id: str) -> None:
        """Nobody needs to answer this any more."""
        self.questions = [asked for asked in self.questions if asked.id != request_id]

    # --- what is heard -----------------------------------------------------------

    def take(self, news: News) -> None:
        """Let a piece of news change what is shown."""
        match news:
            case Joined() | Overheard():
                if any(not own.turn for own in self._own.values()):
                    # It may be one's own prompt, whose id is still on its way.
                    self._before.append(news)
                else:
                    self._overhear(news)
            case Lost():
                self._lose(news)
            case Told():
                self._told_in_order(news)
            case Failed(key=key, error=error):
                self._fail(key, error)

    def found(self, result: TurnResult) -> None:
        """Show the outcome of a turn that was lost, as the store has it."""
        turn = self.lost.pop(result.turn, None)
        if turn is not None:
            turn.gap = True
            self._end(turn, result)

    def _told_in_order(self, news: Told) -> None:
        own = self._own.get(news.key)
        begun = [o for o in self._own.values() if o.shown is not None and not o.fell_back]
        if (
            own is not None
            and begun
            and own.shown is None
            and (own.held or isinstance(news.event, Started))
        ):
            own.held.append(news)
            return
        self._told(news.key, news.name, news.event)
        self._tell_held()

    def _tell_held(self) -> None:
        for own in list(self._own.values()):
            held, own.held = own.held, []
            for news in held:
                self._told_in_order(news)

    def _told(self, key: int, name: str, event: Wire) -> None:
        own = self._own.get(key)
        if own is None:
            return
        match event:
            case Accepted():
                own.turn, own.position = event.turn, event.position
                self._overhear_rest()
            case Started():
                if not own.fell_back:
                    self.session = event.session or self.session
                self._begin_own(own)
            case TurnResult():
                del self._own[key]
                turn = self._begun(own)
                if not own.fell_back and self.session is None:
                    self.session = event.session
                self._end(turn, event)
                self._overhear_rest()
            case PermissionStatus():
                self._ask(self._begun(own), event)
            case FellBack():
                own.fell_back = True
                self._show(self._begun(own).tell(name, event))
                own.turn = event.turn
            case _ if own.shown is not None:
                self._show(own.shown.tell(name, event))
                own.turn = own.shown.id
            case _:
                pass

    def _begin_own(self, own: Own) -> None:
        for other in self._own.values():
            other.position = max(0, other.position - 1)
        self._begun(own)

    def _begun(self, own: Own) -> Turn:
        if own.shown is None:
            own.shown = self._turn(own.turn, own.text)
            self._show(own.shown.begin())
        return own.shown

    def _fail(self, key: int, error: TarsError) -> None:
        own = self._own.pop(key, None)
        if own is None:
            return
        if own.turn:
            # Its stream broke, and the daemon has it: it is heard of again.
            turn = own.shown or self._turn(own.turn, own.text)
            turn.gap = True
            self.lost[own.turn] = turn
            self._forget_questions()
        else:
            self._restore(own.text)
            self.say(f"{error} {error.advice}", RED)
        self._overhear_rest()
        self._tell_held()

    def _lose(self, lost: Lost) -> None:
        if self.connected is not False:
            self.say(
                f"{lost.reason} What you type is kept until it is back; Ctrl-D leaves.", YELLOW
            )
        self.connected = False
        if self._heard is not None and self._heard.belongs:
            self._heard.turn.gap = True
            self.lost[self._heard.turn.id] = self._heard.turn
        self._heard = None
        self._forget_questions()

    # --- what is overheard -------------------------------------------------------

    def _overhear_rest(self) -> None:
        if any(not own.turn for own in self._own.values()):
            return
        held, self._before = self._before, []
        for news in held:
            self._overhear(news)

    def _overhear(self, news: Joined | Overheard) -> None:
        if isinstance(news, Joined):
            self._join(news.attached)
            return
        match news.event:
            case Prompted(turn=id, text=text):
                self._heard = None
                if not self._is_own(id):
                    known = self.lost.pop(id, None)
                    turn = known or self._turn(id, text, note="sent from elsewhere")
                    self._heard = _Heard(turn, belongs=known is not None)
                    if known is not None and not known.said:
                        known.gap = False
                        self._show(known.begin())
            case Started(session=session) if self._heard is not None:
                self._heard.turn.session = session
                if session is not None and session == self.session:
                    self._belongs(self._heard)
            case _ if self._heard is not None:
                self._tell_heard(self._heard, news.name, news.event)
            case _:
                pass

    def _join(self, attached: Attached) -> None:
        if self.connected is False:
            self.say("tars is back.")
        self.connected = True
        self._heard = None
        id = attached.turn
        if id is None or self._is_own(id):
            return
        turn = self.lost.pop(id, None)
        self._heard = _Heard(turn or self._turn(id, ""), belongs=turn is not None)
        self._heard.turn.gap = False
        missing = attached.text[self._heard.turn.said :]
        self._heard.turn.session = attached.session
        mine = attached.session is not None and attached.session == self.session
        if mine and not self._heard.belongs:
            self._belongs(self._heard)
        if missing:
            self._tell_heard(self._heard, "text", _text(missing))

    def _belongs(self, heard: _Heard) -> None:
        if heard.belongs:
            return
        heard.belongs = True
        self._show(heard.turn.begin())
        held, heard.held = heard.held, []
        for name, event in held:
            self._tell_heard(heard, name, event)

    def _tell_heard(self, heard: _Heard, name: str, event: Wire) -> None:
        if not heard.belongs:
            heard.held.append((name, event))
            if len(heard.held) > _MOST_HELD:
                heard.held.clear()
                heard.turn.gap = True
            if isinstance(event, TurnResult):
                self._heard = None
            return
        match event:
            case PermissionStatus():
                self._ask(heard.turn, event)
            case FellBack():
                # Another agent has it now, whose conversation is not followed.
                self._show(heard.turn.tell(name, event))
                self.lost[event.turn] = heard.turn
                self._heard = None
            case TurnResult():
                self._heard = None
                self._end(heard.turn, event)
            case _:
                self._show(heard.turn.tell(name, event))

    # --- parts -------------------------------------------------------------------

    def say(self, text: str, style: str = DIM) -> None:
        """Say something of the chat itself."""
        for turn in self._turns():
            self._show(turn.leave())
        self._show(["", *wrapped([(one_line(text), style)], self._width())])

    def _ask(self, turn: Turn, asked: PermissionStatus) -> None:
        self._show(turn.leave())
        if all(asked.id != other.id for other in self.questions):
            self.questions.append(asked)

    def _end(self, turn: Turn, result: TurnResult) -> None:
        self.ended += 1
        self._forget_questions()
        self._show(turn.end(result))

    def _forget_questions(self) -> None:
        self.questions = []

    def _turn(self, id: str, prompt: str, note: str = "") -> Turn:
        return Turn(id, prompt, self._width, rich=self._rich, note=note)

    def _turns(self) -> list[Turn]:
        shown = [own.shown for own in self._own.values() if own.shown is not None]
        heard = [self._heard.turn] if self._heard and self._heard.belongs else []
        return [*shown, *heard, *self.lost.values()]

    def _is_own(self, id: str) -> bool:
        return any(own.turn == id for own in self._own.values())

    def _leave_turns(self) -> None:
        for turn in self._turns():
            self._show(turn.leave())
        for asked in self.questions:
            self.say(permit_line(asked))
        self.questions = []
        self._own.clear()
        self.lost.clear()
        if self._heard is not None:
            self._heard.belongs = False


def _text(text: str) -> Wire:
    from tars.control.contract import Text

    return Text(text=text)
