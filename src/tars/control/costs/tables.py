"""Figures as a table for a person: right-aligned, with thousands separators, bars and notes."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from tars.control.costs.layout import Column, Face, cut, table
from tars.control.costs.money import Money
from tars.control.costs.told import dollars
from tars.costs.facts import Dimension, Figures, Line, Report

#: What stands for a word that nobody knows, and for a number that nobody told.
NOBODY = "\u2013"
UNPRICED = "unpriced"
_OFFICIAL = "*"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SHORTEST_ID = 8
#: How much of a session's title is shown at most.
_TITLE = 40
#: The dimensions whose words may be long, and how much of them has to be seen.
_LEAST = {
    Dimension.MODEL: 22,
    Dimension.PROJECT: 20,
    Dimension.BRANCH: 12,
    Dimension.TASK: 16,
    Dimension.MACHINE: 12,
}


class Look(NamedTuple):
    """How things are shown. `home` is the person's home folder, which is written `~`."""

    face: Face
    money: Money
    home: str = ""

    def cost(self, figures: Figures) -> str:
        """Write what something cost: at least so much where a part of it has no price."""
        known = dollars(figures)
        if known is None:
            return UNPRICED
        return self.money.shown(known) if figures.known else self.money.at_least(known)


def figures_table(found: Report, look: Look, *, hidden: int = 0) -> str:
    """Lay out a report: its lines, and their sum below where there are several."""
    lines = [*found.lines]
    summed = len(lines) != 1 or hidden > 0
    every = [line.figures for line in lines] + ([found.total] if summed else [])
    keys = [_key_column(place, dimension, lines, look) for place, dimension in enumerate(found.by)]
    if any(found.titles):
        keys.append(_title_column(found.titles, look))
    if summed:
        keys = [k._replace(cells=[*k.cells, "" if n else "total"]) for n, k in enumerate(keys)]
    columns = [*keys, *figure_columns(every, look, rows=len(lines))]
    return table(columns, look.face, total=summed)


def figure_columns(every: Sequence[Figures], look: Look, *, rows: int) -> list[Column]:
    """Give the columns of figures: those of `rows` groups, and then perhaps of their sum."""
    columns = [
        Column("REQUESTS", _cells(every, lambda f: f.tokens.requests, unknown=True), leaves=6),
        Column("INPUT", _cells(every, lambda f: f.tokens.net_input), leaves=2),
        Column("CACHE READ", _cells(every, lambda f: f.tokens.cache_read), leaves=4),
        Column("CACHE WRITE", _cells(every, lambda f: f.tokens.cache_write), leaves=5),
        Column("OUTPUT", _cells(every, lambda f: f.tokens.output), leaves=2),
        Column("TOKENS", _cells(every, lambda f: f.tokens.total)),
        Column("COST", _costs(every, look)),
    ]
    shares = _shares(every[:rows])
    if rows > 1 and any(shares):
        columns.append(Column("", (), leaves=3, shares=shares))
    return columns


def notes(found: Report, look: Look) -> str:
    """Say below a table what its marks mean, and what to do about models without a price."""
    lines = []
    if found.total.official:
        told = look.money.shown(found.total.official / 10**12)
        lines.append(
            f"{_OFFICIAL} with what agents said themselves: {told} of it. "
            "The rest is worked out from prices."
        )
    below = "".join(f"{line}\n" for text in lines for line in wrapped(text, look.face))
    return unpriced_lines(found.unpriced, found.total, look) + below


def unpriced_lines(models: Sequence[str], total: Figures, look: Look) -> str:
    """Say below a table which models have no known price, and what to do about that."""
    notes = unpriced_notes(models, total) if models else []
    return "".join(f"{line}\n" for text in notes for line in wrapped(text, look.face))


def unpriced_notes(models: Sequence[str], total: Figures) -> list[str]:
    """Name the models that have no known price, and how they get one."""
    named = [printable(model) for model in models if model]
    if not named:
        return [f"{UNPRICED}: {total.unpriced:,} tokens of models that the logs do not name."]
    names = ", ".join(named[:8])
    names += f" and {len(named) - 8} more" if named[8:] else ""
    names += " and of models that the logs do not name" if "" in models else ""
    least = " A sum with ≥ is without them." if dollars(total) is not None else ""
    return [
        f"{UNPRICED}: {total.unpriced:,} tokens of {names}.{least}",
        f"`tars prices search {_typed(named[0])}` shows what is known; [prices.models] in "
        "config.toml sets a price, [prices.aliases] another name.",
    ]


def _typed(word: str) -> str:
    """Write a word of a log as a shell takes it."""
    from shlex import quote

    return quote(word)


def wrapped(text: str, face: Face) -> list[str]:
    """Break a text into lines as wide as the face."""
    if not face.width or len(text) <= face.width:
        return [face.plain(text)]
    import textwrap

    text = face.plain(text)
    return textwrap.wrap(text, face.width, break_long_words=False, break_on_hyphens=False)


def printable(text: str) -> str:
    """Take out what a terminal might obey: words of a log may hold anything."""
    if text.isprintable():
        return text
    from tars.conversation.plain import plain

    return " ".join("".join(c if c.isprintable() else " " for c in plain(text)).split())


def shown_day(day: str) -> str:
    """`2026-11-21 Sat`."""
    from datetime import date

    return f"{day} {_WEEKDAYS[date.fromisoformat(day).weekday()]}"


def short_models(models: Iterable[str]) -> dict[str, str]:
    """Leave out the date at the end of a model's name, where no other is called so then."""
    names = set(models)
    short = {name: _undated(name) for name in names}
    often = [*short.values()]
    alone = {word for word in often if word not in names and often.count(word) == 1}
    return {name: word if word in alone else name for name, word in short.items()}


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Give the shortest beginnings, of 8 characters or more, by which ids are known apart."""
    known = sorted(set(ids))
    short = {}
    for place, name in enumerate(known):
        beside = known[max(0, place - 1) : place] + known[place + 1 : place + 2]
        least = max([_SHORTEST_ID, *(_alike(name, other) + 1 for other in beside)])
        short[name] = name[:least]
    return short


def short_folder(folder: str, home: str) -> str:
    """Write a folder below the home folder with `~`."""
    home = home.rstrip("/")
    inside = home and (folder == home or folder.startswith(f"{home}/"))
    return f"~{folder[len(home) :]}" if inside else folder


def _key_column(place: int, dimension: Dimension, lines: Sequence[Line], look: Look) -> Column:
    words = [line.key[place] for line in lines]
    shown = _shown(dimension, words, look)
    return Column(
        dimension.value.upper(),
        [printable(shown(word)) if word else NOBODY for word in words],
        right=False,
        least=_LEAST.get(dimension, 0),
        start=dimension is Dimension.PROJECT,
    )


def _title_column(titles: Sequence[str], look: Look) -> Column:
    shown = [cut(printable(t), _TITLE, unicode=look.face.unicode) if t else NOBODY for t in titles]
    return Column("TITLE", shown, right=False, leaves=1, least=16)


def _shown(dimension: Dimension, words: Sequence[str], look: Look) -> Callable[[str], str]:
    match dimension:
        case Dimension.DAY:
            return shown_day
        case Dimension.MODEL:
            return short_models(words).__getitem__
        case Dimension.SESSION:
            return short_ids(words).__getitem__
        case Dimension.PROJECT:
            return lambda word: short_folder(word, look.home)
        case _:
            return str


def _cells(
    every: Sequence[Figures], number: Callable[[Figures], int], *, unknown: bool = False
) -> list[str]:
    return [
        NOBODY if unknown and not number(each) and each.tokens.total else f"{number(each):,}"
        for each in every
    ]


def _costs(every: Sequence[Figures], look: Look) -> list[str]:
    marks = any(each.official for each in every)
    return [
        look.cost(each) + ((_OFFICIAL if each.official else " ") if marks else "") for each in every
    ]


def _shares(groups: Sequence[Figures]) -> list[float]:
    """How much of the most each group has: of the money, or of the tokens where none is known."""
    amounts = [group.cost for group in groups]
    if not any(amounts):
        amounts = [group.tokens.total for group in groups]
    most = max(amounts, default=0)
    return [amount / most if most else 0.0 for amount in amounts]


def _undated(name: str) -> str:
    head, dash, date = name.rpartition("-")
    return head if dash and head and len(date) == 8 and date.isdigit() else name


def _alike(one: str, other: str) -> int:
    """How many characters they begin with in common."""
    for place, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return place
    return min(len(one), len(other))
