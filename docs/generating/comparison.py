"""docs/comparison.md's tables: tars beside its peers, in the figures of docs/performance.md.

`make bench` measures, and writes that page; nothing here is typed by hand.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from docs.generating.parts import DOCS, part_of, table

#: What is not there was not measured.
UNKNOWN = "not measured"


@dataclass(frozen=True, slots=True)
class Question:
    """One row: in which table of the page it is answered, and each program's line there."""

    asked: str
    section: str
    lines: Mapping[str, str]
    more_is_better: bool = False


def _lines(pattern: str, *names: str) -> dict[str, str]:
    return {name: pattern.format(name) for name in names}


def _each(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_THREE = ("tars", "supervisord", "circus")
_FOUR = (*_THREE, "pm2")
SUPERVISION = (
    Question(
        "a status command, the whole process",
        "A status command, the whole process",
        {
            "tars": "tars status",
            "supervisord": "supervisorctl status",
            "circus": "circusctl status",
            "pm2": "pm2 jlist",
        },
    ),
    Question(
        "requests to the daemon, each second",
        "Control requests (status), one client on one connection",
        _each(*_THREE),
        more_is_better=True,
    ),
    Question(
        "the daemon's start: its child runs",
        "A daemon's start, from its spawning on",
        _lines("{}: its child runs", *_FOUR),
    ),
    Question(
        "the daemon's start: its socket answers",
        "A daemon's start, from its spawning on",
        _lines("{}: its socket answers", *_FOUR),
    ),
    Question("memory of the idle daemon", "Idle: resident memory", _each(*_FOUR)),
    Question(
        "processor time of an idle minute", "Idle: processor time in one minute", _each(*_FOUR)
    ),
    Question(
        "a killed child is running again",
        "A killed child is running again (its first death after a healthy minute)",
        _each(*_FOUR),
    ),
    Question("100 children: all of them run", "100 children: all of them run", _each(*_THREE)),
    Question("100 children: memory", "100 children: resident memory of the daemon", _each(*_THREE)),
    Question(
        "100 children: a status command",
        "100 children: a status command, the whole process",
        _each(*_THREE),
    ),
    Question(
        "100 children: all killed, all run again",
        "100 children: all are killed at once, and all run again",
        _each(*_THREE),
    ),
    Question("1,000 children: all of them run", "1,000 children: all of them run", _each(*_THREE)),
    Question(
        "1,000 children: memory", "1,000 children: resident memory of the daemon", _each(*_THREE)
    ),
    Question(
        "1,000 children: a status command",
        "1,000 children: a status command, the whole process",
        _each(*_THREE),
    ),
    Question(
        "1,000 children: all killed, all run again",
        "1,000 children: all are killed at once, and all run again",
        _each(*_THREE),
    ),
)
_CCUSAGE = {"ccusage": "ccusage 20"}
ACCOUNTING = (
    Question(
        "a report on 1,000 MB of logs, the first time",
        "What 1,000 MB of logs come to",
        {"tars": "tars, the first time", **_CCUSAGE},
    ),
    Question(
        "the same report again, nothing changed",
        "The same report again",
        {"tars": "tars, nothing changed", **_CCUSAGE},
    ),
    Question(
        "the same, after 10 files grew",
        "The same report again",
        {"tars": "tars, 10 files grew", **_CCUSAGE},
    ),
    Question(
        "processor time of the first",
        "Processor time of such a report",
        {"tars": "tars, the first time", **_CCUSAGE},
    ),
    Question(
        "processor time of the same again",
        "Processor time of such a report",
        {"tars": "tars, nothing changed", **_CCUSAGE},
    ),
    Question(
        "memory at most, the first time",
        "Memory at most, the first time",
        {"tars": "tars, both processes together", **_CCUSAGE},
    ),
)


def supervision(figures: str | None = None) -> str:
    """Print the table of those that supervise, and who is best at what."""
    return _table(SUPERVISION, _FOUR, figures)


def accounting(figures: str | None = None) -> str:
    """Print the table of those that count what agents cost, and who is best at what."""
    return _table(ACCOUNTING, ("tars", "ccusage"), figures)


def _table(questions: tuple[Question, ...], programs: tuple[str, ...], figures: str | None) -> str:
    text = part_of((DOCS / "performance.md").read_text(), "figures") if figures is None else figures
    where = text.strip().splitlines()[0].rstrip(".")
    rows, wins = [], dict[str, list[str]]()
    for question in questions:
        found = {name: median(text, question, name) for name in programs}
        best = best_of(found, more=question.more_is_better)
        wins.setdefault(best, []).append(question.asked)
        cells = [f"**{value}**" if name == best else value for name, value in found.items()]
        rows.append([question.asked, *cells])
    told = [_wins(name, wins.get(name, [])) for name in programs]
    return "\n".join([f"Measured {where}.\n", table(("", *programs), rows), *told])


def best_of(found: Mapping[str, str], *, more: bool = False) -> str:
    """Name the program with the best of some figures; empty where there is none."""
    known = {name: _number(value) for name, value in found.items() if value != UNKNOWN}
    if not known:
        return ""
    return (max if more else min)(known, key=lambda name: known[name])


def _wins(name: str, questions: list[str]) -> str:
    count = f"{len(questions)} of them" if questions else "none of them"
    return f"- **{name}** is the best at {count}{': ' if questions else ''}{'; '.join(questions)}."


def median(text: str, question: Question, name: str) -> str:
    """Give the median of a program in the figures, or that there is none."""
    title = re.escape(question.section)
    found = re.search(rf"^### {title}.*?\n(.*?)(?=^### |\Z)", text, re.MULTILINE | re.DOTALL)
    line = re.escape(question.lines.get(name, "-"))
    row = found and re.search(rf"^\| {line} \|[^|]*\|([^|]*)\|", found[1], re.MULTILINE)
    return row[1].strip() if row else UNKNOWN


def _number(value: str) -> float:
    """A figure with its unit, in that of the smallest kind."""
    number, _, unit = value.partition(" ")
    scale = {"s": 1000.0, "GiB": 1024.0, "GB": 1000.0}.get(unit, 1.0)
    return float(number.replace(",", "")) * scale
