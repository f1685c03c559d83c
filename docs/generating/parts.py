"""Pieces of Markdown: the parts of a page that are printed, tables, and what stands in them."""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCES = ROOT / "src" / "tars"


@dataclass(frozen=True)
class Module:
    """A module's source, which is parsed once, for all who look at it, if anybody does."""

    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)


@cache
def modules(sources: Path = SOURCES) -> tuple[Module, ...]:
    """Give every module below a folder."""
    return tuple(Module(path.read_text()) for path in sorted(sources.rglob("*.py")))


def with_part(page: str, name: str, part: str) -> str:
    """Replace one generated part. Raises ValueError if the page has no place for it."""
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(f"the page has no part {name!r}")
    return f"{before}{begin}{part}{end}{after}"


def part_of(page: str, name: str) -> str:
    """Give what stands in a generated part. Raises ValueError if the page has none."""
    _, begins, rest = page.partition(f"<!-- {name}:begin -->\n")
    part, ends, _ = rest.partition(f"<!-- {name}:end -->")
    if not (begins and ends):
        raise ValueError(f"the page has no part {name!r}")
    return part


def table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Print a table; its cells are Markdown, each made to fit on one line."""
    titles = list(heading)
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(map(cell, line))} |\n" for line in lines)


def cell(text: str) -> str:
    """Give a text as a table takes it: on one line, and without a bar that would end its cell."""
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))


def code(text: str) -> str:
    """Quote a text as code, with backticks enough for those in it."""
    longest = max((len(ticks) for ticks in re.findall("`+", text)), default=0)
    quote, space = "`" * (longest + 1), " " if "`" in text else ""
    return f"{quote}{space}{text}{space}{quote}"


def first_line(docstring: str | None) -> str:
    """Give the first paragraph of a docstring on one line."""
    return " ".join((docstring or "").partition("\n\n")[0].split())


def code_of_rest(text: str) -> str:
    """Give a docstring's ``double`` backticks as Markdown has them."""
    return text.replace("``", "`")
