"""A report of costs, asked for in words: one call of the engine, and its answer as text.

The command line and the daemon answer with the same bytes.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tars.control.costs import pages, told
from tars.control.costs.layout import Face
from tars.control.costs.tables import short_models
from tars.control.costs.understanding import Asked, understand
from tars.control.costs.words import Given
from tars.costs.engine import Costs
from tars.costs.facts import Dimension, Line, Only, Report
from tars.errors import SessionAmbiguous
from tars.sessions.ranges import Span, day_of

if TYPE_CHECKING:
    from tars.costs.projection import Projection
    from tars.costs.reconciling import Match

T = TypeVar("T")

_NOT_READ = "The agents' logs are not read: [history] of config.toml has `enabled = false`."
#: How many lines people are shown of what has many, unless they ask for more.
SHOWN = 20
#: How many days the sparkline of today has.
DAYS = 7
_MANY = (Dimension.SESSION, Dimension.PROJECT, Dimension.BRANCH, Dimension.TASK)
#: The words that have to be typed as they are.
_WORDS = (Dimension.AGENT, Dimension.MODEL, Dimension.BRANCH, Dimension.SESSION, Dimension.TASK,
          Dimension.MACHINE)  # fmt: skip
_CALENDAR = (Dimension.DAY, Dimension.WEEK, Dimension.MONTH)


class Answer(NamedTuple):
    """A report as text, and sentences about what could not be read for it: the rest counts."""

    text: str
    problems: tuple[str, ...] = ()


def answer(costs: Costs, given: Given, *, now: datetime, face: Face, home: str = "") -> str:
    """Answer what was asked. Raises RequestInvalid for what makes no sense."""
    config, zone = costs.costs_config, costs.zone
    asked = understand(given, config=config, zone=zone, now=now, face=face, home=home)
    return give(costs, asked).text


def give(costs: Costs, asked: Asked) -> Answer:
    """Call the engine for it, and write down what that says."""
    if asked.only.session:
        session = _meant(costs, asked.only.session)
        asked = asked._replace(only=asked.only._replace(session=session))
    if asked.only.model:
        model = _called(costs, asked.only.model)
        asked = asked._replace(only=asked.only._replace(model=model))
    answering = _Answering(costs, asked)
    return Answer(answering.text(), tuple(dict.fromkeys(answering.problems)))


class _Answering:
    """One answer, for which the engine may be asked more than once."""

    def __init__(self, costs: Costs, asked: Asked) -> None:
        self.problems: list[str] = []
        self._costs = costs
        self._asked = asked

    def text(self) -> str:
        match self._asked.kind.name:
            case "blocks":
                return self._blocks()
            case "limits":
                return self._limits()
            case "reconcile":
                return self._matches()
            case "summary":
                return self._summary(self._by_its_words())
            case _:
                return self._lines(self._by_its_words())

    def _by_its_words(self) -> Report:
        found = self._report(tuple(map(Dimension, self._asked.kind.by)), self._asked.span)
        if not found.lines:
            self.problems += _unknown(self._costs, self._asked.only)
            if not self._costs.reads_logs:
                self.problems.append(_NOT_READ)
        return found

    def _report(self, by: Sequence[Dimension], span: Span) -> Report:
        asked = self._asked
        found = self._costs.report(by, span=span, zone=asked.zone, only=asked.only)
        self.problems += found.problems
        return found

    def _lines(self, found: Report) -> str:
        """A report with a line for each group."""
        asked = self._asked
        lines = _sorted(found, asked.sort)
        people = asked.form in ("table", "markdown")
        limit = asked.limit or (SHOWN if people and found.by[-1] in _MANY else 0)
        last = found.by[0] in _CALENDAR and asked.sort in ("", "name")
        kept = _limited(lines, limit, last=last)
        shown = found._replace(lines=kept, titles=self._titles(found.by, kept))
        hidden = len(lines) - len(kept)
        match asked.form:
            case "json":
                return told.json_text(told.report(shown, asked.span, asked.zone))
            case "csv":
                return told.csv_text(told.head(shown), told.rows(shown))
            case "markdown":
                return pages.markdown(shown, asked.look, hidden=hidden)
            case _:
                title = pages.heading(asked.kind, asked.span, asked.zone, asked.now)
                text = pages.report(title, shown, asked.look, hidden=hidden)
                return text + self._lately() if asked.kind.name == "today" else text

    def _titles(self, by: Sequence[Dimension], lines: Sequence[Line]) -> tuple[str, ...]:
        """Say what the sessions of these lines are called, where they are of any."""
        if Dimension.SESSION not in by:
            return ()
        ids = [line.key[by.index(Dimension.SESSION)] for line in lines]
        called = self._costs.titles(ids)
        return tuple(called.get(id, "") for id in ids)

    def _summary(self, found: Report) -> str:
        """Everything of a span, by agent and by model, and what its month will come to."""
        asked = self._asked
        match asked.form:
            case "json":
                month = told.projection(self._projection())
                return told.json_text(told.summary(found, asked.span, asked.zone, month))
            case "csv":
                return told.csv_text(told.head(found), told.rows(found))
            case "markdown":
                lines = tuple(_sorted(found, "cost"))
                return pages.markdown(found._replace(lines=lines), asked.look)
            case _:
                title = pages.heading(asked.kind, asked.span, asked.zone, asked.now)
                # What this month comes to says nothing of a span that is over.
                projected = self._projection() if asked.is_now else None
                return pages.summary(title, found, projected, asked.look)

    def _lately(self) -> str:
        """The last seven days as a sparkline, and where the month stands."""
        asked = self._asked
        projection = self._projection()
        today = day_of(asked.now, asked.zone)
        last = [today - timedelta(DAYS - 1 - number) for number in range(DAYS)]
        text = "\n" + pages.last_days([projection.used.get(day) for day in last], asked.look)
        return text + pages.month(projection, asked.look, label="this month")

    def _projection(self) -> "Projection":
        from tars.costs.projection import projection

        asked = self._asked
        return projection(self._costs, now=asked.now, zone=asked.zone, only=asked.only)

    def _blocks(self) -> str:
        """Windows of five hours, the last ones of those that are meant."""
        from tars.control.costs import blocks_page
        from tars.costs.blocks import blocks

        asked = self._asked
        found = blocks(self._costs, span=asked.span, now=asked.now, only=asked.only)
        self.problems += found.problems
        shown = replace(found, blocks=_limited(found.blocks, asked.limit, last=True))
        hidden = len(found.blocks) - len(shown.blocks)
        title = pages.heading(asked.kind, asked.span, asked.zone, asked.now)
        look, zone = asked.look, asked.zone
        match asked.form:
            case "json":
                return told.json_text(blocks_page.told_blocks(shown, asked.span, zone))
            case "csv":
                return told.csv_text(*blocks_page.sheet(shown))
            case "markdown":
                return blocks_page.markdown(shown, look, zone=zone)
            case _:
                return blocks_page.page(title, shown, look, zone=zone, now=asked.now, hidden=hidden)

    def _limits(self) -> str:
        """The limits of the accounts, as far as anybody told of them."""
        from tars.control.costs import limits_page
        from tars.costs.limits import limits

        asked = self._asked
        found = limits(self._costs, now=asked.now, agent=asked.only.agent)
        self.problems += found.problems
        match asked.form:
            case "json":
                return told.json_text(limits_page.told_limits(found))
            case "csv":
                return told.csv_text(*limits_page.sheet(found))
            case "markdown":
                rows = limits_page.cells(found, asked.zone, asked.now)
                return pages.markdown_rows(limits_page.HEAD, rows, figures=("Used",))
            case _:
                return limits_page.page(found, asked.look, zone=asked.zone, now=asked.now)

    def _matches(self) -> str:
        """What agents told beside what their logs have."""
        from tars.control.costs import matches_page
        from tars.costs.reconciling import reconcile

        asked = self._asked
        found = reconcile(self._costs, span=asked.span, session=asked.only.session)
        self.problems += found.problems
        meant = [match for match in found.matches if is_meant(match, asked.only)]
        shown = replace(found, matches=_limited(meant, asked.limit, last=False))
        hidden = len(meant) - len(shown.matches)
        match asked.form:
            case "json":
                return told.json_text(matches_page.told_matches(shown, asked.span, asked.zone))
            case "csv":
                return told.csv_text(*matches_page.sheet(shown))
            case "markdown":
                rows = matches_page.cells(shown, asked.look)
                return pages.markdown_rows(matches_page.HEAD, rows, figures=matches_page.FIGURES)
            case _:
                title = pages.heading(asked.kind, asked.span, asked.zone, asked.now)
                return matches_page.page(title, shown, asked.look, hidden=hidden)


def _meant(costs: Costs, word: str) -> str:
    """Give the conversation whose id is this, or begins so. Raises SessionAmbiguous."""
    ids = [id for id in _known(costs, Dimension.SESSION) if id.startswith(word)]
    if word in ids or not ids:
        return word
    if len(ids) > 1:
        shown = ", ".join(ids[:4]) + (" …" if ids[4:] else "")
        raise SessionAmbiguous(f"{len(ids)} conversations begin with {word!r}: {shown}.")
    return ids[0]


def _called(costs: Costs, word: str) -> str:
    """Give the model that is called so, in any case, or shown so in a table: without its date."""
    known = _known(costs, Dimension.MODEL)
    if word in known:
        return word
    alike = {name for name, short in short_models(known).items() for each in (name, short)
             if each.lower() == word.lower()}  # fmt: skip
    return alike.pop() if len(alike) == 1 else word


def _unknown(costs: Costs, only: Only) -> list[str]:
    """Name what a report is restricted to of which nothing was ever used: a slip, perhaps."""
    told = []
    for dimension in _WORDS:
        word = getattr(only, dimension.value)
        known = _known(costs, dimension) if word else []
        if word and word not in known:
            from difflib import get_close_matches

            near = get_close_matches(word, known, 3, 0.5)
            advice = f" Near it: {', '.join(near)}." if near else ""
            told.append(f"Nothing was ever used of the {dimension.value} {word!r}.{advice}")
    return told


def _known(costs: Costs, dimension: Dimension) -> list[str]:
    found = costs.report((dimension,), span=Span())
    return [line.key[0] for line in found.lines if line.key[0]]


def is_meant(match: "Match", only: Only) -> bool:
    """Whether a session is of an agent and of a folder, or of one below it."""
    below = f"{only.project.rstrip('/')}/"
    inside = not only.project or f"{match.project}/".startswith(below)
    return inside and only.agent in ("", match.agent)


def _sorted(found: Report, sort: str) -> list[Line]:
    """Put the lines in their order: days by their date, others the dearest first."""
    sort = sort or ("name" if found.by[0] in _CALENDAR else "cost")
    lines = sorted(found.lines, key=lambda line: line.key)
    match sort:
        case "name":
            return lines
        case "tokens":
            return sorted(lines, key=lambda line: -line.figures.tokens.total)
        case "input":
            return sorted(lines, key=lambda line: -line.figures.tokens.net_input)
        case "output":
            return sorted(lines, key=lambda line: -line.figures.tokens.output)
        case "requests":
            return sorted(lines, key=lambda line: -line.figures.tokens.requests)
        case _:
            return sorted(lines, key=lambda line: (-line.figures.cost, -line.figures.tokens.total))


def _limited(lines: Sequence[T], limit: int, *, last: bool) -> tuple[T, ...]:
    if not limit:
        return tuple(lines)
    return tuple(lines[-limit:] if last else lines[:limit])
