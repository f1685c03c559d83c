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
    TextSaid,
    TurnEnded,
)
from tars.errors import Fault, FaultKind
from tars.protocols import screen_reading as reading
from tars.protocols.codec import Opening
from tars.protocols.screen_rules import (
    Covers,
    Failure,
    Part,
    Paste,
    Question,
    ScreenRules,
    Sight,
)
from tars.protocols.screen_sequences import Kind, Piece, Sequences
from tars.protocols.screen_typing import harmless, typed

if TYPE_CHECKING:
    from tars.protocols.screen_grid import Grid

#: How much of what a program printed is kept until somebody wants to see its screen.
UNSEEN_BYTES = 16 * 1024
#: How long a paste has to have been shown before it is submitted.
SUBMIT_SECONDS = 0.15
#: How long a person's keys are the only ones, after the last of them.
PERSON_SECONDS = 5.0
#: What a program asks of its terminal: it is answered here, and not once more by each viewer.
_QUERIES = frozenset(
    ["c", ">c", "=c", "n", "?n", ">q", "?u", "x", "t", "?$p", "$p", ">u", "<u", "=u", ">m", ">n"]
)
_NOT_SHOWN = frozenset([*_QUERIES, "!p"])
_ANOTHER_SCREEN = frozenset({47, 1047, 1048, 1049})
_GONE = Fault(
    FaultKind.CRASHED,
    "The program ended in the middle of its turn.",
    "`tars attach` shows its screen while it runs.",
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
        self.rows, self.columns = rules.rows, rules.columns
        self._new_id = new_id
        self._session_id: str | None = None
        self._sequences = Sequences()
        self._grid: Grid | None = None
        self._unseen = bytearray()
        self._out = bytearray()
        self._watched = False
        self._shown: list[str] = []
        self._phase = _Phase.OPENING
        self._opening = Opening("")
        self._stirred = False
        self._soon: list[Said] = []
        self._person = False
        self._reacted: set[int] = set()
        self._turn = _Turn("")
        self._asked: tuple[str, Question] | None = None
        self._answered = False
        self._questions = 0
        self._spent = reading.Figures()

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
            self.grid()

    def prompt(self, text: str, session_id: str | None = None) -> None:
        if session_id is not None and session_id != self._session_id:
            self._soon.append(TurnEnded(Stop.ERROR, fault=_unknown_session(self.rules.name)))
            return
        self._turn = _Turn(harmless(text).strip("\n"))
        self._phase = _Phase.HELD
        self._stirred = True
        if self._session_id is None:
            self._begin_conversation()
        elif self._person:
            self._soon.append(Retrying("a person is typing in the agent's terminal"))
        elif self._is_ready():
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
        self._out += keys.get(option_id or "", b"") or question.deny or self.rules.cancel
        self._asked, self._answered = None, True
        self._stirred = False

    def forget_session(self) -> None:
        self._session_id = None

    def receive(self, data: bytes) -> list[Said]:
        """Take what the program printed."""
        self._stirred = True
        self._turn.heard = True
        self._answered = False
        if self._grid is None:
            self._unseen += data
            del self._unseen[:-UNSEEN_BYTES]
            return self._told()
        self._draw(self._grid, data)
        if self._phase is _Phase.WORKING:
            self._look_for_waiting()
            self._tell_whole_lines(self._grid)
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
                    self._settle_working(self.grid())
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

    def grid(self) -> "Grid":
        """The screen as it is now; it is made when somebody first wants to see it."""
        if self._grid is None:
            # Not at the top: a program that nobody looks at does not pay for it.
            from tars.protocols.screen_grid import Grid

            self._grid = Grid(self.rows, self.columns, history=self.rules.history)
            self._draw(self._grid, bytes(self._unseen))
            self._unseen.clear()
        return self._grid

    def resize(self, rows: int, columns: int) -> None:
        """The terminal has another size now."""
        self.rows, self.columns = rows, columns
        if self._grid is not None:
            self._grid.resize(rows, columns)
            self._turn.seen = []

    def watch(self, *, on: bool) -> None:
        """Keep what the program prints for `shown`, or no longer."""
        self._watched = on
        self._shown.clear()
        if on:
            self.grid()

    def shown(self) -> str:
        """Give what was printed since the last call, without what asks a terminal something."""
        text = "".join(self._shown)
        self._shown.clear()
        return text

    def redraw(self) -> str:
        """Give what shows the whole screen on a terminal of any state."""
        from tars.protocols.screen_redraw import redraw

        return redraw(self.grid())

    def person_typed(self) -> None:
        """A person pressed keys: for a while no prompt is typed in between."""
        self._person = self._stirred = True

    # --- opening ------------------------------------------------------------

    def _settle_opening(self) -> None:
        failure = self._failure()
        if failure is not None:
            self._soon.append(OpenFailed(failure))
            self._phase = _Phase.IDLE
        elif not self._react() and self._is_ready():
            self._phase = _Phase.IDLE
            self._begin_conversation()

    def _react(self) -> bool:
        """Press the keys for what stands in the way; each once."""
        for number, reaction in enumerate(self.rules.start):
            if number not in self._reacted and self._sees(reaction.sight):
                self._reacted.add(number)
                self._out += reaction.keys
                return True
        return False

    def _begin_conversation(self) -> None:
        wanted, fresh = self._opening.session_id, self._opening.new_id
        self._opening = Opening("")
        resumed = wanted is not None and self.rules.keeps_conversations
        if wanted is not None and not resumed:
            reason = f"{self.rules.name} keeps no conversation when its process ends"
            self._soon.append(SessionLost(wanted, reason))
        if self._phase is _Phase.HELD and self.rules.new_conversation:
            self._turn.before_it = self.rules.new_conversation
        self._session_id = wanted if resumed and wanted else fresh or self._new_id()
        self._soon.append(Opened(self._session_id, resumed=resumed))

    # --- a turn -------------------------------------------------------------

    def _settle_held(self) -> None:
        if self._turn.cancelled:
            self._end(Stop.CANCELLED)
        elif self._is_ready():
            self._type()

    def _type(self) -> None:
        """Type the prompt, or first what makes the program forget the conversation before."""
        grid, turn = self.grid(), self._turn
        turn.begin = grid.cursor_line
        turn.before = grid.line(grid.cursor.y)
        turn.repeats = self._prompts_shown(grid)
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
        else:
            self._submit()

    def _submit(self) -> None:
        self._out += self.rules.submit
        self._phase = _Phase.HELD if self._turn.before_it else _Phase.WORKING
        self._turn.before_it = ""
        self._turn.heard = False
        self._stirred = True

    def _settle_working(self, grid: "Grid") -> None:
        failure = self._failure()
        question = next((q for q in self.rules.asking if self._sees(q.sight)), None)
        if failure is not None:
            self._end(Stop.ERROR, failure)
        elif question is not None and not self._turn.cancelled:
            self._ask(question)
        elif self._thinks():
            self._asked = None
        elif self._is_done(grid):
            cancelled = self._turn.cancelled or any(map(self._sees, self.rules.cancelled))
            self._end(Stop.CANCELLED if cancelled else Stop.DONE)

    def _ask(self, question: Question) -> None:
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
        title = self._title(question.sight)
        self._soon.append(PermissionAsked(request, title, question.tool_kind, options))

    def _is_done(self, grid: "Grid") -> bool:
        if self._turn.cancelled:
            return self._is_ready()
        if not self._turn.heard:
            return False
        rules = self.rules
        if rules.answer is not None and self._prompts_shown(grid) <= self._turn.repeats:
            # It shows the prompt first: until then this is the screen of before.
            return grid.history.maxlen == len(grid.history) and self._is_ready()
        if rules.done or rules.ready:
            return any(map(self._sees, rules.done or rules.ready))
        return bool(self._answer_lines(grid))

    def _end(self, stop: Stop, fault: Fault | None = None) -> None:
        if self._phase in (_Phase.WORKING, _Phase.TYPED) and self._grid is not None:
            self._tell_rest(self._grid)
        usage = None if self._grid is None else self._usage(self._grid)
        self._soon.append(
            TurnEnded(stop, usage=None if usage is None else usage.reported(), fault=fault)
        )
        self._phase, self._asked = _Phase.IDLE, None

    # --- the answer ---------------------------------------------------------

    def _tell_whole_lines(self, grid: "Grid") -> None:
        """Tell the lines that another one follows and that were the same at the last look."""
        lines = (self._answer_lines(grid) or [])[:-1]
        turn = self._turn
        still = 0
        while still < min(len(lines), len(turn.seen)) and lines[still] == turn.seen[still]:
            still += 1
        turn.seen = lines
        if lines[: len(turn.told)] == turn.told and still > len(turn.told):
            self._tell(lines[len(turn.told) : still])

    def _tell_rest(self, grid: "Grid") -> None:
        lines = self._answer_lines(grid, ended=True) or []
        lines = reading.without_prompt(lines, self._turn.before)
        told = self._turn.told
        same = 0
        while same < min(len(lines), len(told)) and lines[same] == told[same]:
            same += 1
        self._tell(lines[same:])

    def _tell(self, lines: list[str]) -> None:
        if lines:
            first = not self._turn.told
            self._turn.told += lines
            self._soon.append(TextSaid(("" if first else "\n") + "\n".join(lines)))

    def _answer_lines(self, grid: "Grid", *, ended: bool = False) -> list[str] | None:
        rules, turn = self.rules.answer, self._turn
        if rules is None:
            lines = grid.everything(turn.begin)
            return reading.plain_answer(lines, turn.text, turn.before)
        lines = grid.everything()
        begin = self._prompt_line(lines)
        if begin is None:
            return None
        return reading.answer(lines, begin, rules, prompt=turn.text, working=not ended)

    def _prompt_line(self, lines: list[str]) -> int | None:
        """Where the program shows the prompt; None when it does not yet."""
        rules = self.rules.answer
        assert rules is not None
        shown = [
            i for i, line in enumerate(lines) if reading.shows_prompt(line, rules, self._turn.text)
        ]
        return shown[-1] if len(shown) > self._turn.repeats else None

    def _prompts_shown(self, grid: "Grid") -> int:
        rules = self.rules.answer
        if rules is None:
            return 0
        text = self._turn.text
        return sum(reading.shows_prompt(line, rules, text) for line in grid.everything())

    # --- looking ------------------------------------------------------------

    def _is_ready(self) -> bool:
        if self._thinks():
            return False
        return not self.rules.ready or any(map(self._sees, self.rules.ready))

    def _thinks(self) -> bool:
        return any(map(self._sees, self.rules.thinking))

    def _sees(self, sight: Sight) -> bool:
        return self._match(sight) is not None

    def _match(self, sight: Sight) -> "dict[str, str] | None":
        grid = self.grid()
        if sight.region.part is Part.TURN:
            text = "\n".join(self._lines_of_turn(grid))
        else:
            text = sight.region.of(grid.shown(), grid.cursor.y)
        match = sight.pattern.search(text)
        if match is None:
            return None
        groups = {name: value or "" for name, value in match.groupdict().items()}
        return {"": match[0], **groups}

    def _title(self, sight: Sight) -> str:
        found = self._match(sight) or {"": ""}
        return " ".join(found.get("title", found[""]).split())

    def _failure(self) -> Fault | None:
        for failure in self.rules.failed:
            if self._sees(failure.sight):
                return _fault(failure)
        return None

    def _look_for_waiting(self) -> None:
        for sight in self.rules.waiting:
            found = self._match(sight)
            if found is not None:
                reason = " ".join(found.get("reason", found[""]).split())
                if reason != self._turn.waiting_for:
                    self._turn.waiting_for = reason
                    self._soon.append(Retrying(reason))
                return

    def _usage(self, grid: "Grid") -> reading.Figures | None:
        sight = self.rules.usage
        if sight is None:
            return None
        session = sight.covers is Covers.SESSION
        lines = grid.everything() if session else self._lines_of_turn(grid)
        found = reading.figures("\n".join(lines), sight)
        if found is None or not session:
            return found
        before, self._spent = self._spent, found
        return found.minus(before)

    def _lines_of_turn(self, grid: "Grid") -> list[str]:
        """What came since the prompt was typed."""
        if self.rules.answer is None:
            return grid.everything(self._turn.begin)
        lines = grid.everything()
        if self._phase is _Phase.OPENING:
            return lines
        begin = self._prompt_line(lines)
        return [] if begin is None else lines[begin:]

    # --- drawing ------------------------------------------------------------

    def _draw(self, grid: "Grid", data: bytes) -> None:
        for piece in self._sequences.feed(data):
            grid.take(piece)
            if self._watched:
                self._show(piece)
        if grid.answers:
            self._out += grid.answers.encode()
            grid.answers = ""

    def _show(self, piece: Piece) -> None:
        match piece.kind:
            case Kind.TEXT | Kind.CONTROL:
                self._shown.append(piece.raw)
            case Kind.ESCAPE:
                self._shown.append(self.redraw() if piece.name == "c" else piece.raw)
            case Kind.STRING:
                # Titles and links; what ends with ? asks for a colour, the rest are pictures.
                if piece.name == "]" and "?" not in piece.raw[-3:]:
                    self._shown.append(piece.raw)
            case Kind.CSI:
                if piece.name in ("?h", "?l") and _ANOTHER_SCREEN & set(piece.numbers):
                    # The viewer has one already, and it shows the other one now.
                    self._shown.append(self.redraw())
                elif piece.name not in _NOT_SHOWN and (piece.name, piece.numbers) != ("J", (3,)):
                    self._shown.append(piece.raw)

    def _told(self) -> list[Said]:
        said, self._soon = self._soon, []
        return said


class _Turn:
    """What is known of the turn under way."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.begin = 0
        self.before = ""
        self.before_it = ""
        self.repeats = 0
        self.heard = False
        self.cancelled = False
        self.waiting_for = ""
        self.seen: list[str] = []
        self.told: list[str] = []


def _fault(failure: Failure) -> Fault:
    return Fault(failure.kind, failure.message, failure.advice)


def _unknown_session(name: str) -> Fault:
    return Fault(
        FaultKind.SESSION_UNKNOWN,
        f"{name} has one conversation only, the one on its screen.",
        "Leave `--session` out.",
    )
