"""A codec for programs that have only a screen: what they draw is read, and keys are typed.

What a screen means is decided when it has been still for a moment, for a picture that is
half drawn means nothing; how the bytes were cut does not matter. Only the answer's text is
told as it appears, by whole lines that no longer change.
"""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from tars.conversation.model import (
    Opened,
    OpenFailed,
    PermissionAsked,
    PermissionOption,
    Retrying,
    Said,
    SessionLost,
    Stop,
    TurnEnded,
)
from tars.errors import Fault, FaultKind
from tars.protocols import screen_reading as reading
from tars.protocols.codec import Opening
from tars.protocols.screen_display import Display
from tars.protocols.screen_look import Look, Turn
from tars.protocols.screen_rules import Paste, Question, ScreenRules
from tars.protocols.screen_telling import Telling
from tars.protocols.screen_typing import harmless, typed

if TYPE_CHECKING:
    from tars.protocols.screen_grid import Grid

#: How long a paste has to have been shown before it is submitted.
SUBMIT_SECONDS = 0.15
#: How often that time begins anew while nothing of it is shown, and Enter is pressed once more.
MOST_WAITS = 40
#: How long a person's keys are the only ones, after the last of them.
PERSON_SECONDS = 5.0
#: How much of a screen says why its program could not start.
_LAST_LINES = 5
_GONE = Fault(
    FaultKind.CRASHED,
    "The program ended in the middle of its turn.",
    "`tars attach` shows its screen while it runs.",
)

_EMPTY = Fault(
    FaultKind.STOPPED,
    "Nothing of the prompt can be typed: it holds only blanks and control characters.",
    "Prompt with text; `tars attach` is for pressing keys.",
)


class _Phase(Enum):
    OPENING = "opening"
    IDLE = "idle"
    #: A prompt waits until the program is ready and no person types.
    HELD = "held"
    #: The prompt is typed, and not submitted yet.
    TYPED = "typed"
    WORKING = "working"


class ScreenCodec:
    """One program on its terminal. `new_id` names its conversations, which it has no names for."""

    def __init__(self, rules: ScreenRules, *, new_id: Callable[[], str]) -> None:
        self.rules = rules
        self._display = Display(rules.rows, rules.columns, history=rules.history)
        self._look = Look(rules, self._display)
        self._telling = Telling(rules, self._look, self._display)
        self._new_id = new_id
        self._session_id: str | None = None
        self._out = bytearray()
        self._phase = _Phase.OPENING
        self._opening = Opening("")
        self._reacted: set[int] = set()
        self._turn = Turn("")
        self._soon: list[Said] = []
        #: Something happened since the last look at a screen that was still.
        self._stirred = False
        self._person = False
        self._prompted = False
        self._asked: tuple[str, Question] | None = None
        self._answered = False
        self._questions = 0

    # --- the codec's side ---------------------------------------------------

    @property
    def session_id(self) -> str | None:
        return self._session_id

    @property
    def quiet_seconds(self) -> float | None:
        if self._soon:
            return 0.0
        if not self._stirred or (self._phase is _Phase.IDLE and not self._person):
            return None
        if self._person:
            return PERSON_SECONDS
        if self._phase is _Phase.TYPED:
            return self.rules.submit_seconds or SUBMIT_SECONDS
        return self.rules.quiet_seconds

    def open(self, opening: Opening) -> None:
        self._opening = opening
        self._stirred = True
        if self.rules.looks:
            assert self.screen is not None, "it is made now, and knows all that is printed"

    def prompt(self, text: str, session_id: str | None = None) -> None:
        if session_id is not None and session_id != self._session_id:
            self._soon.append(TurnEnded(Stop.ERROR, fault=_unknown_session(self.rules.name)))
            return
        self._turn = Turn(harmless(text).strip("\n"))
        if not self._turn.text.strip():
            self._soon.append(TurnEnded(Stop.ERROR, fault=_EMPTY))
            return
        self._prompted = True
        self._phase = _Phase.HELD
        self._stirred = True
        if self._session_id is None:
            self._begin_conversation()
        elif self._person:
            self._soon.append(Retrying("a person is typing in the agent's terminal"))
        elif self._look.is_ready():
            self._type()

    def cancel(self) -> None:
        if self._phase in (_Phase.OPENING, _Phase.IDLE):
            return
        self._turn.cancelled = True
        self._stirred = True
        if self._phase is _Phase.WORKING:
            self._out += self.rules.cancel
        elif self._phase is _Phase.TYPED:
            self._out += self.rules.clear_line or self.rules.cancel
        self._asked = None

    def answer(self, request_id: str, option_id: str | None) -> None:
        if self._asked is None or self._asked[0] != request_id:
            return
        question = self._asked[1]
        keys = {"allow": question.allow, "always": question.allow_always}
        allowed = keys.get(option_id or "", b"")
        self._turn.refused = self._turn.refused or not allowed
        self._out += allowed or question.deny or self.rules.cancel
        self._asked, self._answered = None, True
        self._stirred = False

    def forget_session(self) -> None:
        self._session_id = None

    def receive(self, data: bytes) -> list[Said]:
        """Take what the program printed."""
        self._stirred = True
        self._turn.heard = True
        self._answered = False
        if self._phase is _Phase.WORKING and self._display.seen:
            for portion in self._telling.portions(data):
                self._display.feed(portion)
                self._soon += self._telling.scrolled(self._turn)
            self._tell_what_holds_it_up()
            self._soon += self._telling.whole_lines(self._turn)
        else:
            self._display.feed(data)
        self._out += self._display.answers.encode()
        self._display.answers = ""
        return self._told()

    def settle(self) -> list[Said]:
        """The screen has been still: take what it shows."""
        if not self._soon:
            self._stirred = False
            self._person = False
            match self._phase:
                case _Phase.OPENING:
                    self._settle_opening()
                case _Phase.IDLE:
                    pass
                case _Phase.HELD:
                    self._settle_held()
                case _Phase.TYPED:
                    self._settle_typed()
                case _Phase.WORKING:
                    self._settle_working()
        return self._told()

    def eof(self) -> list[Said]:
        if self._phase in (_Phase.HELD, _Phase.TYPED, _Phase.WORKING):
            self._end(Stop.ERROR, _GONE)
        return self._told()

    def outgoing(self) -> bytes:
        data = bytes(self._out)
        self._out.clear()
        return data

    # --- the viewers' side --------------------------------------------------

    @property
    def screen(self) -> "Grid":
        """The screen as it is now; it is made when somebody first looks."""
        return self._display.grid

    def resize(self, rows: int, columns: int) -> None:
        """The terminal has another size now."""
        self._display.resize(rows, columns)
        self._turn.seen = []

    def watch(self, *, on: bool) -> None:
        """Keep what the program prints for `shown`, or no longer: nobody is there to type."""
        self._display.watch(on=on)
        self._person = self._person and on

    def shown(self) -> str:
        """Give what was printed since the last call."""
        return self._display.shown()

    def redraw(self) -> str:
        """Give what shows the whole screen on a terminal of any state."""
        return self._display.redraw()

    def last_words(self) -> str:
        """Give the last lines of the screen, as long as no prompt and no answer is on it."""
        if self._prompted:
            return ""
        lines = [line for line in self.screen.everything() if line.strip()]
        return "\n".join(lines[-_LAST_LINES:])

    def person_typed(self) -> None:
        """A person pressed keys: for a while no prompt is typed in between."""
        self._person = self._prompted = self._stirred = True

    # --- opening ------------------------------------------------------------

    def _settle_opening(self) -> None:
        failure = self._look.failure()
        if failure is not None:
            self._soon.append(OpenFailed(failure))
            self._phase = _Phase.IDLE
        elif not self._react() and self._look.is_ready():
            self._stirred = self._look.is_starting()
            if not self._stirred:
                self._phase = _Phase.IDLE
                self._begin_conversation()

    def _react(self) -> bool:
        """Press the keys for what stands in the way; each once."""
        for number, reaction in enumerate(self.rules.start):
            if number not in self._reacted and self._look.sees(reaction.sight):
                self._reacted.add(number)
                self._out += reaction.keys
                return True
        return False

    def _begin_conversation(self) -> None:
        wanted, fresh = self._opening.session_id, self._opening.new_id
        self._opening = Opening("")
        resumed = wanted is not None and not fresh and self.rules.keeps_conversations
        if wanted is not None and not resumed:
            reason = f"{self.rules.name} keeps no conversation when its process ends"
            self._soon.append(SessionLost(wanted, reason))
        if self._phase is _Phase.HELD:
            self._turn.before_it = self.rules.new_conversation
        self._session_id = wanted if resumed and wanted else fresh or self._new_id()
        self._soon.append(Opened(self._session_id, resumed=resumed))

    # --- a turn -------------------------------------------------------------

    def _settle_held(self) -> None:
        if self._turn.cancelled:
            self._end(Stop.CANCELLED)
        elif self._look.is_ready():
            self._type()

    def _type(self) -> None:
        """Type the prompt, or first what makes the program forget the conversation before."""
        grid, turn = self._display.grid, self._turn
        turn.begin = grid.cursor_line
        turn.before = grid.line(grid.cursor.y)
        turn.clears = grid.clears
        turn.echo = reading.echo_of(turn.text, turn.before)
        turn.repeats = self._look.prompts_shown(turn)
        self._look.turn = turn
        if turn.before_it:
            self._out += typed(turn.before_it, Paste.LINE)
        else:
            self._out += typed(turn.text, self.rules.paste)
        self._phase = _Phase.TYPED
        self._stirred = True
        if self.rules.submit_seconds is None and self.rules.paste is Paste.LINES:
            self._submit()

    def _settle_typed(self) -> None:
        if self._turn.cancelled:
            self._end(Stop.CANCELLED)
        elif self._is_unread():
            self._stirred = True
        else:
            self._submit()

    def _is_unread(self) -> bool:
        """Whether the program still shows an empty field: it has not read the paste then, and would
        take an Enter that is right behind it for a part of it. It is waited for, not for ever."""
        if self.rules.submit_seconds is None or not self.rules.ready or not self._look.is_ready():
            return False
        self._turn.waits += 1
        return self._turn.waits <= MOST_WAITS

    def _submit(self) -> None:
        self._out += self.rules.submit
        self._phase = _Phase.HELD if self._turn.before_it else _Phase.WORKING
        self._turn.before_it, self._turn.waits, self._turn.heard = "", 0, False
        self._stirred = True

    def _submit_again(self) -> None:
        """Press it once more: a program that was busy has lost the key, or took it for text."""
        self._turn.waits += 1
        if self._turn.waits <= MOST_WAITS:
            self._out += self.rules.clear_line if self._turn.cancelled else self.rules.submit
            self._stirred = True

    def _settle_working(self) -> None:
        failure = self._look.failure()
        question = self._look.question()
        if failure is not None:
            self._end(Stop.ERROR, failure)
        elif question is not None and not self._turn.cancelled:
            self._ask(*question)
        elif self._look.thinks():
            self._asked = None
        elif self._look.is_unsent(self._turn):
            self._submit_again()
        elif self._look.is_done(self._turn):
            self._end_done()

    def _end_done(self) -> None:
        cancelled = self._look.was_cancelled()
        if self._turn.cancelled or (cancelled and not self._turn.refused):
            self._end(Stop.CANCELLED)
        elif cancelled:
            # Nobody wanted that: the key that refuses a tool gives up the turn as well.
            self._end(Stop.REFUSED, _refused(self.rules.name))
        else:
            self._end(Stop.DONE)

    def _ask(self, question: Question, title: str) -> None:
        if self._asked is not None or self._answered:
            return
        self._questions += 1
        request = f"q{self._questions}"
        self._asked = request, question
        kinds = (
            ("allow", "Allow once", "allow_once", question.allow),
            ("always", "Always allow", "allow_always", question.allow_always),
            ("deny", "Refuse", "reject_once", question.deny),
        )
        options = tuple(PermissionOption(i, name, kind) for i, name, kind, keys in kinds if keys)
        self._soon.append(PermissionAsked(request, title, question.tool_kind, options))

    def _end(self, stop: Stop, fault: Fault | None = None) -> None:
        usage = None
        if self._phase is _Phase.WORKING:
            self._soon += self._telling.rest(self._turn)
            usage = self._look.usage()
        reported = None if usage is None else usage.reported()
        self._soon.append(TurnEnded(stop, usage=reported, fault=fault))
        self._phase, self._asked = _Phase.IDLE, None

    # --- what it says -------------------------------------------------------

    def _tell_what_holds_it_up(self) -> None:
        reason = self._look.waits_for()
        if reason is not None and reason != self._turn.waiting_for:
            self._turn.waiting_for = reason
            self._soon.append(Retrying(reason))

    def _told(self) -> list[Said]:
        said, self._soon = self._soon, []
        return said


def _refused(name: str) -> Fault:
    return Fault(
        FaultKind.STOPPED,
        f"A tool was not allowed, and on its screen {name} then gives up the turn.",
        "`permissions` in the configuration says what is allowed; `tars permit` answers a request.",
    )


def _unknown_session(name: str) -> Fault:
    return Fault(
        FaultKind.SESSION_UNKNOWN,
        f"{name} has one conversation only, the one on its screen.",
        "Leave `--session` out.",
    )
