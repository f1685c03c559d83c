"""What was measured, and how it is shown: as a table of ratios with the figures beside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

#: The one unit of which more is better.
PER_SECOND = "/s"


@dataclass(frozen=True, slots=True)
class Line:
    """One subject's figures, in the unit of its table. `ratio` says whether to compare it."""

    name: str
    values: Sequence[float]
    ratio: bool = True

    @property
    def median(self) -> float:
        return median(self.values)


@dataclass(frozen=True, slots=True)
class Table:
    """One question and everybody's answer. Ratios are to the first line.

    `reach` is what was set out to be reached, `got` what came of it. `load` is the
    machine's load average when it was measured: above one or two, others disturbed it.
    """

    title: str
    unit: str
    lines: Sequence[Line]
    reach: str = ""
    got: str = ""
    note: str = ""
    load: float = 0.0

    def rows(self) -> Iterator[tuple[str, str, str, str, str]]:
        """Give name, ratio, median, best and number of samples of every line."""
        first = self.lines[0].median
        best = max if self.unit == PER_SECOND else min
        for line in self.lines:
            ratio = f"{line.median / first:.2f} x" if line.ratio and first else ""
            yield (
                line.name,
                ratio,
                f"{_number(line.median)} {self.unit}",
                f"{_number(best(line.values))} {self.unit}",
                str(len(line.values)),
            )


HEAD = ("", "ratio", "median", "best", "n")


def as_text(table: Table) -> str:
    """Show a table on a terminal."""
    lines = [table.title]
    lines += [
        f"  {name:<46}{ratio:>10}{middle:>15}{best:>15}{n:>6}"
        for name, ratio, middle, best, n in (HEAD, *table.rows())
    ]
    if table.reach:
        lines.append(f"  reach: {table.reach}; here: {table.got}")
    if table.note:
        lines.append(f"  ({table.note})")
    lines.append(f"  (load average: {table.load:.1f})")
    return "\n".join(lines) + "\n"


def as_markdown(table: Table) -> str:
    """Show a table on a page."""
    lines = [f"### {table.title}", ""]
    lines.append("| | ratio | median | best | samples |")
    lines.append("|---|---:|---:|---:|---:|")
    lines += [f"| {' | '.join(row)} |" for row in table.rows()]
    if table.reach:
        lines += ["", f"Reach: {table.reach}. Here: **{table.got}**."]
    note = "; ".join(filter(None, [table.note, f"load average {table.load:.1f}"]))
    lines += ["", f"{note[0].upper()}{note[1:]}."]
    return "\n".join(lines) + "\n"


def verdict(value: float, limit: float, text: str, *, at_least: bool = False) -> str:
    """Say a figure and whether it is within its limit."""
    reached = value >= limit if at_least else value <= limit
    return f"{text}, {'reached' if reached else 'NOT reached'}"


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
