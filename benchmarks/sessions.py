"""How long it takes to find sessions again among a million turns."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event

from benchmarks.figures import Line, Table, verdict
from benchmarks.peers import ROOT
from benchmarks.sampling import command_ms
from benchmarks.session_store import WHOLE, Size, prepared
from tars.sessions.library import Library
from tars.sessions.listing import Order, Wanted, list_sessions
from tars.sessions.ranges import Span, find_span, find_zone
from tars.sessions.references import resolve
from tars.sessions.search import Sought, search
from tars.sessions.statistics import history, statistics

LIMIT_MS = 100.0
#: Kept, so that a change of a query shows what becomes of it.
PLANS = ROOT / "benchmarks" / "query_plans.txt"
_ZONE = find_zone("Europe/Berlin")
_ANY = Wanted(archived=None)
#: What a person types for the same thing.
COMMANDS = {
    "tars sessions": ["sessions"],
    "tars sessions history --range 30d": ["sessions", "history", "--range", "30d"],
    "tars sessions stats": ["sessions", "stats"],
    "tars sessions search module": ["sessions", "search", "module"],
    "tars sessions show last": ["sessions", "show", "last"],
}


def tables(*, times: int, size: Size = WHOLE) -> Iterator[Table]:
    """`times` is how often each question is asked."""
    home = prepared(size)
    with Library.open(home) as library:
        lines = [Line(name, _timed(ask, times)) for name, ask in questions(library).items()]
        if size == WHOLE:
            PLANS.write_text(_as_text(plans(library)))
    slowest = max(line.median for line in lines)
    size_gb = home.store.stat().st_size / 1e9
    yield Table(
        f"Sessions found again, among {size.turns:,} turns of {size.sessions:,} sessions",
        "ms",
        [Line(line.name, line.values, ratio=False) for line in lines],
        reach=f"≤ {LIMIT_MS:.0f} ms each",
        got=verdict(slowest, LIMIT_MS, f"the slowest {slowest:.0f} ms"),
        note=f"in a warm process; SQLite, {size_gb:.1f} GB, {2 * size.turns:,} messages",
    )
    env = {**os.environ, "TARS_HOME": str(home.root)}
    whole = [
        Line(name, [command_ms([_TARS, *words], env) for _ in range(times)], ratio=False)
        for name, words in COMMANDS.items()
    ]
    yield Table("The same, as whole commands", "ms", whole)


def plans(library: Library) -> dict[str, list[list[str]]]:
    """Give by question how SQLite goes about each of its statements, in its own words."""
    with library.reading() as connection:
        engine = connection.engine
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, given: Any, *_: object) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, given))

    found = {}
    for name, ask in questions(library).items():
        asked.clear()
        event.listen(engine, "before_cursor_execute", note)
        ask()
        event.remove(engine, "before_cursor_execute", note)
        with library.reading() as connection:
            found[name] = [
                [r[3] for r in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", given)]
                for words, given in asked
            ]
    return found


def _as_text(plans: dict[str, list[list[str]]]) -> str:
    lines = ["How SQLite finds what `make bench` asks of a million turns, statement by statement."]
    for name, statements in plans.items():
        lines += ["", name]
        for steps in dict.fromkeys(map(tuple, statements)):
            first, *rest = steps or ("(nothing to look up)",)
            lines += [f"  - {first}", *(f"    {step}" for step in rest)]
    return "\n".join(lines) + "\n"


_TARS = str(ROOT / ".venv" / "bin" / "tars")


def questions(library: Library) -> dict[str, Callable[[], object]]:
    """What is asked, by what a person would call it."""
    now = datetime.now(UTC)
    zone = _ZONE

    def listed(order: Order = Order.ACTIVITY, **wanted: object) -> object:
        return list_sessions(library, Wanted(**wanted), order=order, limit=20)  # type: ignore[arg-type]

    def past(word: str, **wanted: object) -> object:
        meant = Wanted(archived=None, **wanted)  # type: ignore[arg-type]
        return history(library, meant, find_span(word, zone, now), limit=20)

    def figures(span: Span, **wanted: object) -> object:
        meant = Wanted(archived=None, **wanted)  # type: ignore[arg-type]
        return statistics(library, meant, span, zone=zone, now=now)

    def found(text: str = "", **sought: object) -> object:
        return search(library, Sought(text=text, wanted=_ANY, **sought), limit=20)  # type: ignore[arg-type]

    return {
        "list": listed,
        "list, by cost": lambda: listed(Order.COST),
        "list, of a project, a model and a tag": lambda: listed(
            project="/home/me/project4", model="sonnet", tags=("tag1",)
        ),
        "list, with so many tokens, by name": lambda: listed(Order.NAME, min_tokens=1_500_000),
        "history": lambda: past("all"),
        "history of yesterday": lambda: past("yesterday"),
        "history of 30 days": lambda: past("30d"),
        "history of last month, of one agent": lambda: past("lastmonth", agent="claude"),
        "stats": lambda: figures(Span()),
        "stats of this month": lambda: figures(find_span("month", zone, now)),
        "stats of one agent": lambda: figures(Span(), agent="gemini"),
        "search, a word that is everywhere": lambda: found("module"),
        "search, a rare word": lambda: found("linment"),
        "search, two words": lambda: found("module linment"),
        "search, words in their order": lambda: found('"module daeter"'),
        "search, a beginning": lambda: found("linm*"),
        "search, a word and a file": lambda: found("module", file="project4/src/module8.py"),
        "search, a kind of tool": lambda: found(tool="edit"),
        "search, a file": lambda: found(file="module66.py"),
        "show, by the beginning of an id": lambda: resolve(library, "0000"),
        "show, by name": lambda: resolve(library, "work-400"),
    }


def _timed(ask: Callable[[], object], times: int) -> list[float]:
    """Milliseconds; the first time, which warms the caches, is left out."""
    found = []
    for _ in range(times + 1):
        began = time.perf_counter()
        ask()
        found.append((time.perf_counter() - began) * 1000)
    return found[1:]
