"""The text of an answer, told as a screen brings it: a line is told when it no longer changes.

That is so when another line follows and it was the same at two looks, and when it has scrolled
off: a program without a description is followed however much it prints.
"""

import re
from collections.abc import Iterator, Sequence

from tars.conversation.model import TextSaid
from tars.protocols import screen_reading as reading
from tars.protocols.screen_display import Display
from tars.protocols.screen_look import Look, Turn
from tars.protocols.screen_rules import ScreenRules

#: Where the screen, or what scrolled off it, is about to be cleared: ED and RIS of ECMA-48.
_CLEARING = re.compile(rb"(?=\x1b(?:\[[0-9;]*J|c))")
_REST_LOST = "(the answer is longer than what is kept of the screen: its rest was lost)"


class Telling:
    """Reads the answer of a turn, and gives each line of it once."""

    def __init__(self, rules: ScreenRules, look: Look, display: Display) -> None:
        self._rules = rules
        self._look = look
        self._display = display

    def portions(self, data: bytes) -> Iterator[bytes]:
        """Cut what was printed so that no line is lost if `scrolled` is asked after each part:
        before it is cleared, and before more scrolls off than is kept. A line takes a byte at
        least."""
        if self._rules.answer is not None:
            yield data
            return
        for part in _CLEARING.split(data):
            for at in range(0, len(part), self._rules.history):
                yield part[at : at + self._rules.history]

    def scrolled(self, turn: Turn) -> list[TextSaid]:
        """Tell what scrolled off; the answer is read from behind it from then on."""
        if self._rules.answer is not None:
            return []
        grid = self._display.grid
        self._look.note_clearing(turn)
        said = self._lost(turn, grid.first - turn.begin) if turn.begin < grid.first else []
        lines, end, cut = grid.scrolled_since(turn.begin)
        if end <= turn.begin:
            return said
        lines, turn.echo = reading.without_echo(lines, turn.echo)
        lines = reading.trimmed(lines, leading=not turn.went_on)
        turn.begin = end
        same = _same(lines, turn.told)
        agrees = same == min(len(lines), len(turn.told))
        turn.told = turn.told[len(lines) :] if agrees else []
        turn.seen = turn.seen[len(lines) :] if agrees else []
        said += self._say(turn, lines[same:])
        turn.went_on = turn.went_on or bool(lines)
        turn.cut = cut
        return said

    def whole_lines(self, turn: Turn) -> list[TextSaid]:
        """Tell the lines that another one follows and that were the same at the last look."""
        lines = (self._look.answer(turn) or [])[:-1]
        still = _same(lines, turn.seen)
        turn.seen = lines
        while still and not lines[still - 1]:
            # It may turn out to be the end of the answer, where empty lines do not count.
            still -= 1
        if lines[: len(turn.told)] != turn.told or still <= len(turn.told):
            return []
        return self._tell(turn, lines[len(turn.told) : still])

    def rest(self, turn: Turn) -> list[TextSaid]:
        """Tell what was not told yet: the turn is over."""
        lines = self._look.answer(turn, ended=True)
        if lines is None:
            return self._say(turn, [_REST_LOST]) if self._look.scrolled_away(turn) else []
        lines = reading.without_prompt(lines, turn.before)
        return self._tell(turn, lines[_same(lines, turn.told) :])

    def _lost(self, turn: Turn, count: int) -> list[TextSaid]:
        turn.begin = self._display.grid.first
        turn.echo, turn.told, turn.seen, turn.cut = [], [], [], False
        turn.went_on = True
        return self._say(turn, [f"({count} lines were lost)"])

    def _tell(self, turn: Turn, lines: list[str]) -> list[TextSaid]:
        turn.told += lines
        return self._say(turn, lines)

    def _say(self, turn: Turn, lines: list[str]) -> list[TextSaid]:
        if not lines:
            return []
        begins = not turn.spoken or turn.cut
        turn.spoken, turn.cut = True, False
        return [TextSaid(("" if begins else "\n") + "\n".join(lines))]


def _same(lines: Sequence[str], others: Sequence[str]) -> int:
    """How many lines both have in common at their beginning."""
    count = 0
    for one, other in zip(lines, others, strict=False):
        if one != other:
            break
        count += 1
    return count
