"""Reports of costs as JSON, by the names of `control/costs_contract.py`. A report of the command
line may not take the time that importing that would: these are plain dictionaries, and a test
holds them against it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from tars.accounting.rates import DOLLAR
from tars.costs.facts import Dimension, Figures, Report
from tars.sessions.ranges import Span, Zone

TYPE_CHECKING = False  # a report imports what it needs alone
if TYPE_CHECKING:
    from tars.costs.projection import Projection

Told = dict[str, object]

#: What JSON leaves as it is, and a terminal might obey or be misled by.
_UNSAFE = {
    sign: f"\\u{sign:04x}"
    for first, last in ((0x7F, 0x9F), (0x200E, 0x200F), (0x202A, 0x202E), (0x2028, 0x2029),
                        (0x2066, 0x2069))
    for sign in range(first, last + 1)
}  # fmt: skip
#: In CSV also what JSON writes so by itself; a line's end within a word has quotes around it.
_UNSAFE_CELL = _UNSAFE | {sign: f"\\u{sign:04x}" for sign in range(0x20) if chr(sign) not in "\t\n"}
#: What a spreadsheet takes for a formula, as in an export of sessions (`sessions.csv_export`).
_FORMULA = ("=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

#: The counts of tokens and requests, by their names here and on the wire.
TOKENS = {
    "net_input": "netInputTokens",
    "cache_read": "cacheReadTokens",
    "cache_write": "cacheWriteTokens",
    "output": "outputTokens",
    "reasoning": "reasoningTokens",
    "total": "totalTokens",
    "requests": "requests",
}


def figures(told: Figures) -> Told:
    """Put figures onto the wire. Nothing that is unknown is 0 dollars."""
    tokens = told.tokens
    return {
        **{name: getattr(tokens, key) for key, name in TOKENS.items()},
        "costUsd": dollars(told),
        "officialCostUsd": told.official / DOLLAR,
        "unpricedTokens": told.unpriced,
    }


def dollars(told: Figures) -> float | None:
    """Give what they cost, as far as that is known; None where nothing of it is."""
    nothing = told.unpriced > 0 and told.unpriced >= told.tokens.total and not told.cost
    return None if nothing else told.cost / DOLLAR


def report(found: Report, span: Span, zone: Zone) -> Told:
    """Put a report onto the wire: a row for each line, with the words of its key."""
    return {
        "range": time_span(span, zone),
        "rows": rows(found),
        "totals": figures(found.total),
        "unpricedModels": list(found.unpriced),
    }


def rows(found: Report) -> list[Told]:
    """Put the lines of a report onto the wire."""
    names = words(found)
    return [
        {**dict(zip(names, key, strict=True)), **figures(line.figures)}
        for line, key in zip(found.lines, keys(found), strict=True)
    ]


def head(found: Report) -> list[str]:
    """Give the names of what is in the rows."""
    return [*words(found), *figures(found.total)]


def words(found: Report) -> list[str]:
    """Give the names of the words of a line; a session's title is one, too."""
    names = [dimension.value for dimension in found.by]
    return [*names, "title"] if Dimension.SESSION in found.by else names


def keys(found: Report) -> list[tuple[str, ...]]:
    """Give the words of each line."""
    if Dimension.SESSION not in found.by:
        return [line.key for line in found.lines]
    titles = found.titles or [""] * len(found.lines)
    return [(*line.key, title) for line, title in zip(found.lines, titles, strict=True)]


def summary(found: Report, span: Span, zone: Zone, projection: Told | None) -> Told:
    """Put a report by agent and model onto the wire, as sums by each of the two."""
    return {
        "totals": figures(found.total),
        "byAgent": _sums(found, Dimension.AGENT),
        "byModel": _sums(found, Dimension.MODEL),
        "unpricedModels": list(found.unpriced),
        "range": time_span(span, zone),
        "projection": projection,
    }


def projection(found: "Projection") -> Told:
    """Put what a month comes to onto the wire."""
    so_far = found.so_far
    return {
        "month": found.month,
        "totalTokens": found.tokens,
        "costUsd": None if dollars(so_far) is None else found.cost / DOLLAR,
        "soFar": figures(so_far),
        "days": found.days,
        "daysLeft": found.days_left,
    }


def part(name: str, value: Mapping[str, object] | None, names: Iterable[str]) -> Told:
    """Give a part of a row as values of the row itself: `burn.minutes` is `burnMinutes`."""
    found = value or {}
    return {f"{name}{key[:1].upper()}{key[1:]}": found.get(key) for key in names}


def time_span(span: Span, zone: Zone) -> Told:
    """Put a span onto the wire; an open end is null."""
    return {
        "from": None if span.since is None else moment(span.since),
        "to": None if span.until is None else moment(span.until),
        "timezone": zone.name,
    }


def moment(at: datetime) -> str:
    """Write an aware time as the wire has it: ISO 8601, UTC, milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def sums(found: Report, dimension: Dimension) -> dict[str, Figures]:
    """Add up the lines that have the same word for this dimension, by that word, in order."""
    place = found.by.index(dimension)
    added: dict[str, Figures] = {}
    for line in found.lines:
        word = line.key[place]
        added[word] = plus(added.get(word, Figures()), line.figures)
    return dict(sorted(added.items()))


def plus(one: Figures, other: Figures) -> Figures:
    return Figures(
        one.tokens.plus(other.tokens),
        one.cost + other.cost,
        one.official + other.official,
        one.unpriced + other.unpriced,
    )


def json_text(value: Mapping[str, object]) -> str:
    """Write JSON for people and programs: indented, and harmless on a terminal."""
    import json

    return json.dumps(value, indent=2, ensure_ascii=False).translate(_UNSAFE) + "\n"


def csv_text(head: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Write rows by these names, the first line of which has the names."""
    import csv
    import io

    into = io.StringIO()
    writer = csv.writer(into, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([cell(row.get(name)) for name in head] for row in rows)
    return into.getvalue()


def _sums(found: Report, dimension: Dimension) -> Told:
    return {word: figures(added) for word, added in sums(found, dimension).items()}


def cell(value: object) -> str:
    """Write one value for a program: a plain number, a word, or nothing."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return _word(" ".join(map(str, value)))
        case float():
            # 1e-07 is no plain number to every spreadsheet.
            return f"{value:.12f}".rstrip("0").rstrip(".")
        case str():
            return _word(value)
        case _:
            return str(value)


def _word(text: str) -> str:
    """Write a word of a log, which may hold anything, so that neither a terminal nor a spreadsheet
    obeys it."""
    text = text.translate(_UNSAFE_CELL)
    formula = text.startswith(_FORMULA) or text.lstrip(" \u00a0").startswith(_FORMULA)
    return f"'{text}" if formula else text
