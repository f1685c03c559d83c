"""What a screen says: the answer's lines, and the figures of what it cost."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from tars.conversation.model import ReportedUsage
from tars.protocols.screen_rules import AnswerRules, Covers, UsageSight

#: How much of a prompt is looked at to know it again; the rest may be wrapped or cut.
_HEAD = 40
_NUMBER = re.compile(r"([0-9][0-9.,_ ]*)\s*([kKmM]?)")
_FIGURES = ("input", "output", "cached", "cache_write", "thoughts")


def shows_prompt(line: str, rules: AnswerRules, prompt: str) -> bool:
    """Whether this line is where the program shows this prompt."""
    match = rules.begin.search(line)
    if match is None:
        return False
    return is_prompt(line[match.end() :], prompt, rules.pasted)


def is_prompt(shown: str, prompt: str, pasted: re.Pattern[str] | None) -> bool:
    """Whether this is how a program shows the beginning of this prompt."""
    if pasted is not None and pasted.search(shown):
        return True
    shown, prompt = _squeezed(shown)[:_HEAD], _squeezed(prompt)
    # What is shown may be wrapped early, but not before its first word.
    return bool(shown) and prompt.startswith(shown)


def answer(
    lines: Sequence[str], begin: int, rules: AnswerRules, *, prompt: str, working: bool
) -> list[str] | None:
    """Give the answer's lines below the line that shows the prompt; None when its end is not
    to be seen."""
    ends = [i for i in range(begin + 1, len(lines)) if rules.end.search(lines[i])]
    if not ends and not (rules.open_ended and working):
        return None
    body = [
        line
        for line in _below_prompt(lines[begin : ends[-1] if ends else None], rules, prompt)
        if not any(d.search(line) for d in rules.drop)
    ]
    if rules.strip is not None:
        body = [rules.strip.sub("", line, count=1) for line in body]
    return trimmed(body)


def _below_prompt(lines: Sequence[str], rules: AnswerRules, prompt: str) -> Sequence[str]:
    """Leave out the lines that the prompt itself takes."""
    rest = _squeezed(prompt)
    for number, line in enumerate(lines):
        shown = _squeezed(line)
        match = rules.begin.search(line)
        # Some programs put the same sign before each line of a prompt.
        behind = _squeezed(line[match.end() :]) if match else shown
        cut = behind if rest.startswith(behind) else shown
        if number > 0 and shown and not rest.startswith(cut):
            return lines[number:]
        rest = rest.removeprefix(cut)
        if not rest:
            return lines[number + 1 :]
    return lines[1:]


def echo_of(prompt: str, before: str) -> list[str]:
    """Give the lines that a prompt takes where it is typed, after `before`."""
    first, *rest = prompt.split("\n")
    return [before + first, *rest]


def without_echo(lines: Sequence[str], echo: Sequence[str]) -> tuple[list[str], list[str]]:
    """Leave out the prompt's own lines at the beginning; give also those that may still come."""
    count = 0
    for line, typed in zip(lines, echo, strict=False):
        if _squeezed(line) != _squeezed(typed):
            return list(lines[count:]), []
        count += 1
    return list(lines[count:]), list(echo[count:])


def without_prompt(lines: list[str], before: str) -> list[str]:
    """Leave out the last line where it only asks for the next prompt."""
    if lines and before.strip() and lines[-1].strip() == before.strip():
        return trimmed(lines[:-1], leading=False)
    return lines


def trimmed(lines: Sequence[str], *, leading: bool = True) -> list[str]:
    """Leave out the empty lines at both ends, and the blanks at the ends of lines."""
    kept = [line.rstrip() for line in lines]
    while kept and not kept[-1]:
        kept.pop()
    while leading and kept and not kept[0]:
        kept.pop(0)
    return kept


@dataclass(frozen=True, slots=True)
class Figures:
    """What a screen showed, in tokens and millionths of a dollar."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    thoughts: int = 0
    cost: int | None = None
    requests: int = 0

    def plus(self, other: "Figures") -> "Figures":
        costs = [c for c in (self.cost, other.cost) if c is not None]
        return Figures(
            **{name: getattr(self, name) + getattr(other, name) for name in _FIGURES},
            cost=sum(costs) if costs else None,
            requests=self.requests + other.requests,
        )

    def minus(self, before: "Figures") -> "Figures":
        """What came since; a program that counts anew has used what it shows."""
        if any(getattr(self, name) < getattr(before, name) for name in _FIGURES):
            return self
        cost = None if self.cost is None else max(0, self.cost - (before.cost or 0))
        return Figures(
            **{name: getattr(self, name) - getattr(before, name) for name in _FIGURES}, cost=cost
        )

    def reported(self) -> ReportedUsage:
        return ReportedUsage(
            self.input,
            self.output,
            cached=self.cached or None,
            thoughts=self.thoughts or None,
            cache_write=self.cache_write or None,
            cost_microusd=self.cost,
            requests=self.requests,
            # Screens round, and some programs only reckon.
            estimated=True,
        )


def figures(text: str, sight: UsageSight) -> Figures | None:
    """Read every match; only the last one counts unless each is of a request."""
    found = [_figures(match) for match in sight.pattern.finditer(text)]
    if not found:
        return None
    if sight.covers is not Covers.REQUEST:
        return found[-1]
    total = Figures()
    for one in found:
        total = total.plus(one)
    return total


def _figures(match: re.Match[str]) -> Figures:
    groups = match.groupdict()
    cost = groups.get("cost")
    return Figures(
        **{name: round(_number(groups.get(name))) for name in _FIGURES},
        cost=None if cost is None else round(_number(cost) * 1_000_000),
        requests=1,
    )


def _number(text: str | None) -> float:
    """Read `2.4k`, `35,281` or `1.2M`; what is no number is none."""
    match = _NUMBER.search(text or "")
    if match is None:
        return 0.0
    digits = re.sub(r"[,_ ]", "", match[1]).rstrip(".")
    scale = {"k": 1_000.0, "m": 1_000_000.0}.get(match[2].lower(), 1.0)
    try:
        return min(float(digits) * scale, 1e15)
    except ValueError:
        return 0.0


def _squeezed(text: str) -> str:
    """Without blanks, which a program may put or leave out when it wraps lines; and accents
    as the screen composes them."""
    return unicodedata.normalize("NFC", "".join(text.split()))
