"""A report of costs, asked for in words: one call of the engine, and its answer as text.

The command line and the daemon answer with the same bytes.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from tars.control.costs import pages, told
from tars.control.costs.layout import Face
from tars.control.costs.money import Money, money
from tars.control.costs.tables import Look
from tars.control.costs.words import FORMATS, SORTS, Given, find_report
from tars.control.costs.words import Report as Kind
from tars.costs.engine import Costs
from tars.costs.facts import Dimension, Line, Only, Report
from tars.errors import RequestInvalid
from tars.sessions.ranges import Span, Zone, days, find_moment, find_span, find_zone

#: How many lines people are shown of what has many, unless they ask for more.
SHOWN = 20
_MANY = (Dimension.SESSION, Dimension.PROJECT, Dimension.BRANCH, Dimension.TASK)
_CALENDAR = (Dimension.DAY, Dimension.WEEK, Dimension.MONTH)


class Asked(NamedTuple):
    """What was asked for, all of it understood."""

    kind: Kind
    span: Span
    zone: Zone
    only: Only
    form: str
    sort: str
    limit: int
    look: Look
    now: datetime


def answer(costs: Costs, given: Given, *, now: datetime, face: Face, home: str = "") -> str:
    """Answer what was asked. Raises RequestInvalid for what makes no sense."""
    return give(costs, understand(costs, given, now=now, face=face, home=home))


def understand(costs: Costs, given: Given, *, now: datetime, face: Face, home: str) -> Asked:
    """Make sense of the words of a command line or a query. Raises RequestInvalid."""
    words = _Words(given)
    kind = _kind(words.text("report") or "today")
    zone = find_zone(words.text("tz")) if words.text("tz") else costs.zone
    form = "json" if given.get("json") else words.choice("format", FORMATS)
    config = costs.costs_config
    usual = Money(config.currency, config.rate, config.precision, face.unicode)
    wanted = money(
        usual,
        currency=words.text("currency") or None,
        rate=words.number("rate"),
        precision=words.whole("precision"),
    )
    sort, limit = words.choice("sort", ("", *SORTS)), words.whole("limit") or 0
    if (sort or limit) and kind.name not in SORTED:
        raise RequestInvalid(
            f"{kind.name} has no lines to sort or to limit.",
            advice=f"These have: {', '.join(SORTED)}.",
        )
    return Asked(
        kind=kind,
        span=_span(words, kind, zone, now),
        zone=zone,
        only=_only(words),
        form=form,
        sort=sort,
        limit=limit,
        look=Look(face, wanted, home),
        now=now,
    )


#: The reports that have lines to sort.
SORTED = ("today", "daily", "weekly", "monthly", "by-model", "by-agent", "by-project", "by-branch",
          "by-session", "by-task", "by-machine")  # fmt: skip


def give(costs: Costs, asked: Asked) -> str:
    """Call the engine for it, and write down what that says."""
    by = tuple(map(Dimension, asked.kind.by))
    match asked.kind.name:
        case "summary":
            found = costs.report(by, span=asked.span, zone=asked.zone, only=asked.only)
            return _summary(found, asked)
        case _:
            found = costs.report(by, span=asked.span, zone=asked.zone, only=asked.only)
            return _report(costs, found, asked)


def _report(costs: Costs, found: Report, asked: Asked) -> str:
    """A report with a line for each group."""
    lines = _sorted(found, asked.sort)
    limit = asked.limit or (
        SHOWN if asked.form in ("table", "markdown") and found.by[-1] in _MANY else 0
    )
    kept = _limited(lines, limit, last=found.by[0] in _CALENDAR and asked.sort in ("", "name"))
    shown = replace(found, lines=tuple(kept))
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
            if asked.kind.name == "today":
                text += _lately(costs, asked)
            return text


def _summary(found: Report, asked: Asked) -> str:
    """Everything of a span, by agent and by model, and what its month will come to."""
    projection = None
    match asked.form:
        case "json":
            return told.json_text(told.summary(found, asked.span, asked.zone, projection))
        case "csv":
            return told.csv_text(told.head(found), told.rows(found))
        case "markdown":
            return pages.markdown(replace(found, lines=tuple(_sorted(found, "cost"))), asked.look)
        case _:
            title = pages.heading(asked.kind, asked.span, asked.zone, asked.now)
            return pages.summary(title, found, asked.look)


def _lately(costs: Costs, asked: Asked) -> str:
    """The last seven days as a sparkline, and where the month stands."""
    days_shown = 7
    span = usual_span(f"{days_shown} days", asked.zone, asked.now)
    week = costs.report((Dimension.DAY,), span=span, zone=asked.zone, only=asked.only)
    first = asked.now.astimezone(asked.zone.info).date() - timedelta(days_shown - 1)
    return "\n" + pages.last_days(week, first, days_shown, asked.look)


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


def _limited(lines: Sequence[Line], limit: int, *, last: bool) -> Sequence[Line]:
    if not limit:
        return lines
    return lines[-limit:] if last else lines[:limit]


def _only(words: "_Words") -> Only:
    return Only(
        agent=words.text("agent"),
        model=words.text("model"),
        project=words.text("project"),
        branch=words.text("branch"),
        session=words.text("session"),
        task=words.text("task"),
        machine=words.text("machine"),
    )


def _kind(name: str) -> Kind:
    try:
        return find_report(name)
    except LookupError:
        from tars.control.costs.words import REPORTS

        known = ", ".join(each.name for each in REPORTS)
        raise RequestInvalid(f"There is no report {name!r}.", advice=f"One of {known}.") from None


def _span(words: "_Words", kind: Kind, zone: Zone, now: datetime) -> Span:
    """Read `--since`, `--until` and `--range`; the first two narrow the last, and where one of
    them is said alone, there is nothing else to narrow."""
    since, until = words.text("since"), words.text("until")
    if words.text("range"):
        found = find_span(words.text("range"), zone, now)
    elif since or until:
        found = Span()
    else:
        found = usual_span(kind.span, zone, now)
    found = Span(
        find_moment(since, zone, now) if since else found.since,
        find_moment(until, zone, now) if until else found.until,
    )
    if found.since and found.until and found.since > found.until:
        raise RequestInvalid(
            f"The span ends before it begins: {found.shown(zone)}.",
            advice="--since comes before --until.",
        )
    return found


def usual_span(word: str, zone: Zone, now: datetime) -> Span:
    """Give the span of a range's word, or of so many whole days or weeks, this one included."""
    number, _, unit = word.partition(" ")
    if not number.isdigit():
        return find_span(word, zone, now)
    today = now.astimezone(zone.info).date()
    if unit == "weeks":
        monday = today - timedelta(today.weekday())
        return days(monday - timedelta(7 * (int(number) - 1)), monday + timedelta(7), zone)
    return days(today - timedelta(int(number) - 1), today + timedelta(1), zone)


class _Words:
    """What was given, read by its types: over a socket everything is text."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def text(self, key: str) -> str:
        return str(self._given.get(key, "") or "").strip()

    def choice(self, key: str, known: Sequence[str]) -> str:
        value = self.text(key) or known[0]
        if value not in known:
            raise RequestInvalid(
                f"There is no {key} {value!r}.", advice=f"One of {', '.join(filter(None, known))}."
            )
        return value

    def whole(self, key: str) -> int | None:
        text = str(self._given.get(key, "")).strip()
        if not text:
            return None
        if not (text.isascii() and text.isdigit()):
            raise RequestInvalid(f"--{key} is a whole number.")
        return int(text)

    def number(self, key: str) -> float | None:
        text = str(self._given.get(key, "")).strip()
        try:
            value = float(text) if text else None
        except ValueError:
            value = -1.0
        if value is not None and not 0 < value < float("inf"):
            raise RequestInvalid(f"--{key} is a number above 0.")
        return value
