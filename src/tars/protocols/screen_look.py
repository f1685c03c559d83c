"""A look at a program's screen by its rules: what it does, what it asks, what it answered."""

from dataclasses import dataclass, field

from tars.errors import Fault
from tars.protocols import screen_reading as reading
from tars.protocols.screen_display import Display
from tars.protocols.screen_rules import Covers, Part, Question, ScreenRules, Sight


@dataclass(slots=True)
class Turn:
    """What is known of a turn. `begin` is the number of the line that the prompt was typed in,
    after `before`, or of what is behind the lines that have scrolled off; `echo` are the lines
    that the prompt takes there, and `cleared` says that the screen was cleared since, `clears`
    times in all. `spoken`: something was told; `went_on`: it has scrolled off, in the middle of
    a line when `cut`. `repeats` is how often the same prompt was on the screen already, and
    `before_it` a command that is typed first. `refused`: a tool was not allowed. `told` are the
    lines of the answer so far, and `seen` those of the last look. `waits` is how often Enter was
    put off, or pressed again."""

    text: str
    begin: int = 0
    before: str = ""
    before_it: str = ""
    repeats: int = 0
    heard: bool = False
    cancelled: bool = False
    refused: bool = False
    waiting_for: str = ""
    seen: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    waits: int = 0
    echo: list[str] = field(default_factory=list)
    clears: int = 0
    cleared: bool = False
    spoken: bool = False
    went_on: bool = False
    cut: bool = False


#: How many times it is waited for what a program shows once it has started.
MOST_STARTING = 10


class Look:
    """`turn` is the one under way, or the last one; None before the first."""

    def __init__(self, rules: ScreenRules, display: Display) -> None:
        self.turn: Turn | None = None
        self._rules = rules
        self._display = display
        self._spent = reading.Figures()
        self._starting = 0

    # --- the state ----------------------------------------------------------

    def is_ready(self) -> bool:
        """Whether a prompt can be typed. A program without a description always looks so."""
        if self.thinks():
            return False
        return not self._rules.ready or any(map(self.sees, self._rules.ready))

    def is_starting(self) -> bool:
        """Whether a program that takes keys will still lose them, at a look at a still screen.
        Who has set it to show nothing of its start waits a while, and not for ever."""
        if not self._rules.started or any(map(self.sees, self._rules.started)):
            return False
        self._starting += 1
        return self._starting <= MOST_STARTING

    def is_unsent(self, turn: Turn) -> bool:
        """Whether the prompt still stands where it was typed, and nothing came of it."""
        rules = self._rules
        found = None if rules.unsent is None or turn.spoken else self._match(rules.unsent)
        if found is None:
            return False
        pasted = None if rules.answer is None else rules.answer.pasted
        return reading.is_prompt(found.get("prompt", ""), turn.text, pasted)

    def thinks(self) -> bool:
        return any(map(self.sees, self._rules.thinking))

    def is_done(self, turn: Turn) -> bool:
        """Whether the answer is whole."""
        if turn.cancelled:
            return self.is_ready()
        if not turn.heard:
            return False
        if self._rules.answer is not None and self.prompts_shown(turn) <= turn.repeats:
            # It shows the prompt first: until then this is the screen of before. In a long
            # answer it may have scrolled off for good.
            return self.scrolled_away(turn) and self.is_ready()
        if self._rules.done or self._rules.ready:
            return any(map(self.sees, self._rules.done or self._rules.ready))
        # After clearing the screen, or moving up on it, there may be nothing to read.
        above = self._display.grid.cursor_line < turn.begin
        return turn.spoken or turn.cleared or above or bool(self.answer(turn))

    def scrolled_away(self, turn: Turn) -> bool:
        """Whether the answer is longer than what is kept, so that its beginning is gone."""
        history = self._display.grid.history
        return len(history) == history.maxlen and self.prompts_shown(turn) <= turn.repeats

    def note_clearing(self, turn: Turn) -> None:
        """Read the answer from the top, when the program has cleared its screen."""
        grid = self._display.grid
        if grid.clears != turn.clears:
            turn.clears, turn.begin = grid.clears, grid.cleared_at
            turn.cleared, turn.went_on, turn.echo = True, False, []

    def was_cancelled(self) -> bool:
        """Whether the screen says that a person cancelled the turn."""
        return any(map(self.sees, self._rules.cancelled))

    def question(self) -> tuple[Question, str] | None:
        """Give what is asked now, and its title."""
        for question in self._rules.asking:
            found = self._match(question.sight)
            if found is not None:
                return question, _words(found.get("title", found[""]))
        return None

    def failure(self) -> Fault | None:
        """Say why it cannot work, or why the turn failed: that is known when it is over."""
        over = self.turn is None or self.is_ready()
        for failure in self._rules.failed:
            if (over or failure.sight.region.part is not Part.TURN) and self.sees(failure.sight):
                return Fault(failure.kind, failure.message, failure.advice)
        return None

    def waits_for(self) -> str | None:
        """Say what holds the program up, where it shows that."""
        for sight in self._rules.waiting:
            found = self._match(sight)
            if found is not None:
                return _words(found.get("reason", found[""]))
        return None

    def sees(self, sight: Sight) -> bool:
        return self._match(sight) is not None

    def _match(self, sight: Sight) -> dict[str, str] | None:
        """The groups of the match by name, and the whole of it under an empty one."""
        grid = self._display.grid
        if sight.region.part is Part.TURN:
            text = "\n".join(self._lines_of_turn())
        else:
            text = sight.region.of(grid.shown(), grid.cursor.y)
        match = sight.pattern.search(text)
        if match is None:
            return None
        return {"": match[0], **{k: v or "" for k, v in match.groupdict().items()}}

    # --- the answer ---------------------------------------------------------

    def answer(self, turn: Turn, *, ended: bool = False) -> list[str] | None:
        """Give the answer's lines; None while it is not to be seen."""
        rules, grid = self._rules.answer, self._display.grid
        if rules is None:
            plain, _ = reading.without_echo(grid.everything(turn.begin), turn.echo)
            return reading.trimmed(plain, leading=not turn.went_on)
        lines = grid.everything()
        begin = self._prompt_line(lines, turn)
        if begin is None:
            return None
        return reading.answer(lines, begin, rules, prompt=turn.text, working=not ended)

    def prompts_shown(self, turn: Turn) -> int:
        """How often this prompt is on the screen, and in what scrolled off it."""
        rules = self._rules.answer
        if rules is None:
            return 0
        lines = self._display.grid.everything()
        return sum(reading.shows_prompt(line, rules, turn.text) for line in lines)

    def usage(self) -> reading.Figures | None:
        """Give what the turn used, where the screen shows it."""
        sight = self._rules.usage
        if sight is None:
            return None
        if sight.covers is not Covers.SESSION:
            return reading.figures("\n".join(self._lines_of_turn()), sight)
        found = reading.figures("\n".join(self._display.grid.everything()), sight)
        if found is None:
            return None
        before, self._spent = self._spent, found
        return found.minus(before)

    def _prompt_line(self, lines: list[str], turn: Turn) -> int | None:
        """Where the program shows the prompt; None when it does not yet."""
        rules = self._rules.answer
        assert rules is not None
        shown = [i for i, line in enumerate(lines) if reading.shows_prompt(line, rules, turn.text)]
        return shown[-1] if len(shown) > turn.repeats else None

    def _lines_of_turn(self) -> list[str]:
        """What came since the prompt was typed; before the first prompt, everything."""
        grid, turn = self._display.grid, self.turn
        if turn is None:
            return grid.everything()
        if self._rules.answer is None:
            return grid.everything(turn.begin)
        lines = grid.everything()
        begin = self._prompt_line(lines, turn)
        return [] if begin is None else lines[begin:]


def _words(text: str) -> str:
    return " ".join(text.split())
