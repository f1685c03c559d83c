"""Whole reports for a person: a heading, a table, what its marks mean; and the same as Markdown."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from tars.accounting.rates import DOLLAR
from tars.control.costs import told
from tars.control.costs.layout import sparkline
from tars.control.costs.tables import (
    NOBODY,
    Look,
    figures_table,
    notes,
    shown_day,
    wrapped,
)
from tars.control.costs.words import Report as Kind
from tars.costs.facts import Dimension, Figures, Line, Report
from tars.sessions.ranges import Span, Zone, midnight

if TYPE_CHECKING:
    from tars.costs.projection import Projection

#: In the column beside which values stand, where there is no table.
LABEL = 14
#: The columns of figures in Markdown.
FIGURES = ("Requests", "Input", "Cache read", "Cache write", "Output", "Tokens", "Cost")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December")  # fmt: skip


def heading(kind: Kind, span: Span, zone: Zone, now: datetime) -> str:
    """Say what a report is of."""
    when = shown_span(span, zone)
    if kind.name == "today":
        today = now.astimezone(zone.info).date()
        return f"Today, {when}" if _whole_days(span, zone) == (today, today) else f"Costs, {when}"
    if kind.name == "summary":
        return when[:1].upper() + when[1:]
    return f"{kind.name.capitalize().replace('-', ' ')}, {when}"


def shown_span(span: Span, zone: Zone) -> str:
    """Say a span by its days where it is made of whole ones."""
    ends = _whole_days(span, zone)
    if span.since and not span.until and span.since == midnight(_day(span.since, zone), zone):
        return f"since {_day(span.since, zone)} ({zone.name})"
    if ends is None:
        return span.shown(zone)
    first, last = ends
    if first == last:
        return f"{shown_day(first.isoformat())} ({zone.name})"
    if first.day == 1 and (last + timedelta(1)).day == 1 and first.month == last.month:
        return f"{month_name(first)} ({zone.name})"
    return f"{first} to {last} ({zone.name})"


def month_name(day: date) -> str:
    """`November 2026`; in English, as everything else is."""
    return f"{_MONTHS[day.month - 1]} {day.year}"


def report(title: str, found: Report, look: Look, *, hidden: int) -> str:
    """Give a report as a page."""
    text = look.face.paint(look.face.plain(title), "bold") + "\n\n"
    if not found.lines:
        return text + "Nothing was used.\n"
    text += figures_table(found, look, hidden=hidden)
    if hidden:
        shown = len(found.lines)
        text += f"{shown:,} of {shown + hidden:,} lines; --limit {shown + hidden} shows all.\n"
    told_below = notes(found, look)
    return text + (f"\n{told_below}" if told_below else "")


def summary(title: str, found: Report, projection: "Projection | None", look: Look) -> str:
    """Give everything of a span: its sums, and by agent and by model; and this month."""
    text = look.face.paint(look.face.plain(title), "bold") + "\n\n"
    if not found.lines:
        return text + "Nothing was used.\n"
    text += sums(found.total, look)
    if projection is not None:
        text += month(projection, look, label="this month")
    for dimension in (Dimension.AGENT, Dimension.MODEL):
        text += "\n" + figures_table(by_one(found, dimension), look)
    told_below = notes(found, look)
    return text + (f"\n{told_below}" if told_below else "")


def by_one(found: Report, dimension: Dimension) -> Report:
    """Give a report's lines summed up by one of its dimensions, the dearest first."""
    added = told.sums(found, dimension).items()
    ordered = sorted(added, key=lambda pair: (-pair[1].cost, -pair[1].tokens.total))
    lines = tuple(Line((word,), figures) for word, figures in ordered)
    return Report((dimension,), lines, found.total, found.unpriced)


def sums(total: Figures, look: Look) -> str:
    """Write sums as lines with labels."""
    tokens = total.tokens
    kinds = (
        f"{tokens.net_input:,} in, {tokens.cache_read:,} from a cache, "
        f"{tokens.cache_write:,} into one, {tokens.output:,} out ({tokens.reasoning:,} reasoning)"
    )
    requests = f" in {tokens.requests:,} requests" if tokens.requests else ""
    return "".join(
        (
            labelled("cost", look.cost(total), look),
            labelled("tokens", f"{tokens.total:,}{requests}", look),
            labelled("", kinds, look),
        )
    )


def month(projection: "Projection", look: Look, *, label: str) -> str:
    """Say what a month has come to so far, and what it will come to in the end."""
    so_far = projection.so_far
    end = f"about {projection.tokens:,} tokens"
    if told.dollars(so_far) is not None:
        cost, money = projection.cost / DOLLAR, look.money
        end = f"about {money.shown(cost)}" if so_far.known else money.at_least(cost)
    left = projection.days_left
    days = f"{left} day{'' if left == 1 else 's'} left"
    return labelled(label, f"{look.cost(so_far)} so far; {end} in the end ({days})", look)


def labelled(label: str, text: str, look: Look) -> str:
    """Write a value behind its label, broken to the width."""
    narrow = look.face._replace(width=max(20, look.face.width - LABEL) if look.face.width else 0)
    lines = wrapped(text, narrow)
    start = look.face.paint(f"{label:<{LABEL}}", "dim") if label else " " * LABEL
    return "".join(f"{start if not n else ' ' * LABEL}{line}\n" for n, line in enumerate(lines))


def last_days(days: Sequence[Figures | None], look: Look) -> str:
    """Write the cost of days as a sparkline and their sum; of tokens where no cost is known."""
    every = [day or Figures() for day in days]
    amounts = [float(each.cost) for each in every]
    if not any(amounts):
        amounts = [float(each.tokens.total) for each in every]
    total = Figures()
    for each in every:
        total = told.plus(total, each)
    line = look.face.paint(sparkline(amounts, look.face), "cyan")
    start = look.face.paint(f"{f'last {len(every)} days':<{LABEL}}", "dim")
    shown = look.face.plain(f"{look.cost(total)}, {total.tokens.total:,} tokens")
    return f"{start}{line}  {shown}\n"


def markdown(found: Report, look: Look, *, hidden: int = 0) -> str:
    """Give a report as a table of Markdown, with its sum and its notes."""
    figures = [line.figures for line in found.lines]
    groups = [*zip(told.keys(found), figures, strict=True)]
    names = [name.capitalize() for name in told.words(found)]
    text = markdown_figures(names, groups, found.total, look)
    if hidden:
        text += f"\n{hidden:,} more lines are in the total.\n"
    told_below = notes(found, look)
    return text + (f"\n{escaped_text(told_below)}" if told_below else "")


def markdown_figures(
    words: Sequence[str],
    groups: Sequence[tuple[Sequence[str], Figures]],
    total: Figures,
    look: Look,
) -> str:
    """Give groups, by their words, and their sum as a table of Markdown."""
    head = [*words, *FIGURES]
    lines = [_row(head), _row(["---"] * len(words) + ["---:"] * len(FIGURES))]
    for key, figures in groups:
        shown = [escaped(word) if word else NOBODY for word in key]
        lines.append(_row([*shown, *_values(figures, look)]))
    sums = ["**total**", *[""] * (len(words) - 1)] if words else []
    lines.append(_row([*sums, *(f"**{value}**" for value in _values(total, look))]))
    return "".join(f"{line}\n" for line in lines)


def markdown_rows(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, figures: Sequence[str] = ()
) -> str:
    """Give a table of Markdown; the columns that are figures stand right."""
    lines = [_row(head), _row(["---:" if name in figures else "---" for name in head])]
    lines += [_row([escaped(cell) for cell in row]) for row in rows]
    return "".join(f"{line}\n" for line in lines)


def escaped(text: str) -> str:
    """Write a word so that it stands in a cell of a table as it is."""
    kept = "".join(c if c.isprintable() else " " for c in text)
    for sign in "\\|`*_<[":
        kept = kept.replace(sign, f"\\{sign}")
    return kept


def escaped_text(text: str) -> str:
    """Leave the marks of a note as they are, each line a paragraph's own."""
    return "".join(f"{line.replace('*', chr(92) + '*')}  \n" for line in text.splitlines())


def _values(figures: Figures, look: Look) -> list[str]:
    tokens = figures.tokens
    numbers = (tokens.net_input, tokens.cache_read, tokens.cache_write, tokens.output, tokens.total)
    requests = NOBODY if not tokens.requests and tokens.total else f"{tokens.requests:,}"
    cost = look.cost(figures) + ("\\*" if figures.official else "")
    return [requests, *(f"{number:,}" for number in numbers), cost]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _whole_days(span: Span, zone: Zone) -> tuple[date, date] | None:
    """The first and the last day of a span that begins and ends at midnight."""
    if span.since is None or span.until is None:
        return None
    first, end = _day(span.since, zone), _day(span.until, zone)
    if midnight(first, zone) != span.since or midnight(end, zone) != span.until or end <= first:
        return None
    return first, end - timedelta(1)


def _day(at: datetime, zone: Zone) -> date:
    return at.astimezone(zone.info).date()
