"""One session as a whole, in lines: its tokens by kind, what each model cost, its turns, the
tools that were used and the files that were changed. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from tars.control.costs_contract import CostReport, CostRow
from tars.control.session_contract import Counted, Session, SessionTurn
from tars.tui import session_words as words
from tars.tui.figures import money, tokens
from tars.tui.foreign_text import clean, fitted
from tars.tui.session_columns import folder, name_of
from tars.tui.session_costs import in_words
from tars.tui.session_pieces import Line, Piece, Tone, width_of
from tars.tui.session_prose import wrapped

#: From so many columns on, tools and files stand beside the figures.
_WIDE = 100
#: How many tools and files are named.
_TOOLS, _FILES = 4, 8
_OUTCOMES: dict[str, Tone] = {"ok": "good", "cancelled": "warn"}


@dataclass(frozen=True, slots=True)
class Whole:
    """What is known of a session. `costs` are by model, None until they were told; `problem` is
    why they cannot be."""

    session: Session
    turns: Sequence[SessionTurn] = ()
    total_turns: int = 0
    tools: Sequence[Counted] = ()
    files: Sequence[Counted] = ()
    changed_files: int = 0
    costs: CostReport | None = None
    is_told: bool = False
    problem: str = ""


def headings(session: Session, now: datetime, home: str, width: int) -> list[Line]:
    """Give the two lines that stay above: what it is, and where and when it ran."""
    status = words.status(session.status)
    name = name_of(session) or "without a title"
    room = max(8, width - len(status.text) - 2)
    branch = f" ({clean(session.branch)})" if session.branch else ""
    where = f"{folder(session.project, home)}{branch}" if session.project else ""
    lasted = f", {words.lasted(session.duration_ms)}" if session.spent.turns else ""
    facts = (
        clean(session.id),
        f"{words.icon(session.agent_type)} {clean(session.agent)}",
        f"{words.started(session.started_at, now)}{lasted}",
        where,
    )
    about = " · ".join(filter(None, facts))
    return [
        (Piece(fitted(name, room), "title"), Piece("  "), status),
        (Piece(fitted(about, width), "dim"),),
    ]


def lines(whole: Whole, width: int) -> list[Line]:
    """Give all of it."""
    found = [*_beside(_figures(whole), _work(whole), width), ()]
    found += _models(whole, width)
    found += _turns(whole, width)
    found += _notes(whole.session, width)
    return found


def _figures(whole: Whole) -> list[Line]:
    session, spent = whole.session, whole.session.spent
    least = "≥" if session.at_least else ""
    reasoning = f"{tokens(spent.reasoning_tokens)} of it thoughts" if spent.reasoning_tokens else ""
    rows = [
        ("Net input", spent.net_input_tokens, ""),
        ("Cache read", spent.cache_read_tokens, ""),
        ("Cache written", spent.cache_write_tokens, ""),
        ("Output", spent.output_tokens, reasoning),
    ]
    subagents = (
        f"{tokens(session.subagent_tokens)} of it subagents" if session.subagent_tokens else ""
    )
    return [
        (Piece(" Tokens", "title"),),
        *(_figure(name, f"{count:,}", said) for name, count, said in rows),
        _figure("Total", f"{least}{spent.total_tokens:,}", subagents, tone="bold"),
        _figure("Cost", _cost(whole), "", tone="bold"),
    ]


def _figure(name: str, figure: str, said: str, *, tone: Tone = "") -> Line:
    return (
        Piece(f"   {name:<14}", "dim"),
        Piece(f"{figure:>14}", tone),
        Piece(f"  {said}" if said else "", "dim"),
    )


def _cost(whole: Whole) -> str:
    return words.ASKED if whole.costs is None else in_words(whole.costs.totals, whole.session)


def _work(whole: Whole) -> list[Line]:
    if not whole.is_told:
        return [(Piece(" …", "dim"),)]
    session = whole.session
    if session.source == words.LOG:
        return [(Piece(" Requests", "title"), Piece(f"  {session.spent.requests:,}", "dim"))]
    found: list[Line] = [
        (Piece(" Tools", "title"), Piece(f"  {session.tool_calls:,} calls", "dim")),
        *_counted(whole.tools, _TOOLS),
    ]
    found.append((Piece(" Files changed", "title"), Piece(f"  {whole.changed_files:,}", "dim")))
    found += _counted(whole.files, _FILES)
    more = whole.changed_files - min(len(whole.files), _FILES)
    if more > 0:
        found.append((Piece(f"   … {more:,} more", "dim"),))
    return found


def _counted(counted: Sequence[Counted], most: int) -> Iterator[Line]:
    for one in counted[:most]:
        yield (Piece(f"   {one.count:>5,}x ", "dim"), Piece(clean(one.name)))


def _beside(left: list[Line], right: list[Line], width: int) -> Iterator[Line]:
    if width < _WIDE:
        yield from left
        yield ()
        yield from (_cropped(line, width) for line in right)
        return
    half = width // 2
    for number in range(max(len(left), len(right))):
        one = left[number] if number < len(left) else ()
        other = right[number] if number < len(right) else ()
        gap = Piece(" " * max(0, half - width_of(one)))
        yield (*one, gap, *_cropped(other, width - half))


def _cropped(line: Line, width: int) -> Line:
    left, kept = width, []
    for piece in line:
        size = width_of((piece,))
        if size > left:
            kept.append(Piece(fitted(piece.text, left), piece.tone))
            break
        kept.append(piece)
        left -= size
    return tuple(kept)


_MODEL = ("Model", "Net in", "Cached", "Output", "Tokens", "Cost")


def _models(whole: Whole, width: int) -> Iterator[Line]:
    rows = whole.costs.rows if whole.costs is not None else []
    if not rows:
        return
    yield (Piece(" Cost by model", "title"),)
    room = max(12, min(40, width - 3 - 5 * 10))
    yield (Piece("   " + fitted("Model", room), "dim"), *(_cell(h, "dim") for h in _MODEL[1:]))
    for row in rows:
        yield (Piece("   " + fitted(_model(row), room)), *_model_cells(row))
    yield ()


def _model(row: CostRow) -> str:
    return clean(row.model) if isinstance(row.model, str) and row.model else "unknown"


def _model_cells(row: CostRow) -> Iterator[Piece]:
    yield _cell(tokens(row.net_input_tokens))
    yield _cell(tokens(row.cache_read_tokens + row.cache_write_tokens))
    yield _cell(tokens(row.output_tokens))
    yield _cell(tokens(row.total_tokens))
    cost = money(row.cost_usd, unpriced=row.unpriced_tokens)
    yield _cell(cost, "" if "$" in cost else "dim")


def _cell(text: str, tone: Tone = "") -> Piece:
    return Piece(f"{text:>10}", tone)


def _turns(whole: Whole, width: int) -> Iterator[Line]:
    if not whole.is_told or whole.session.source == words.LOG:
        return
    count = whole.total_turns
    yield (Piece(" Turns", "title"), Piece(f"  {count:,}, the newest first", "dim"))
    for turn in whole.turns:
        yield from _turn(_Told.of(turn), width)
    left = count - len(whole.turns)
    if left > 0:
        yield (Piece(f"   … {left:,} older", "dim"),)
    yield ()


class _Told(NamedTuple):
    """What is told of a turn."""

    number: int
    began_at: str
    duration_ms: int
    total_tokens: int
    outcome: str | None
    model: str
    error: str

    @classmethod
    def of(cls, turn: SessionTurn) -> "_Told":
        return cls(*(getattr(turn, name) for name in cls._fields))


@lru_cache(maxsize=4096)
def _turn(turn: _Told, width: int) -> tuple[Line, ...]:
    """Give a turn; the same ones are shown again and again, twice a second perhaps."""
    outcome = turn.outcome or "under way"
    tone = _OUTCOMES.get(outcome, "warn" if turn.outcome is None else "bad")
    line = _cropped(
        (
            Piece(f"   {f'#{turn.number}':<6}", "dim"),
            Piece(f"{words.whole_time(turn.began_at)[5:16]}  "),
            Piece(f"{words.lasted(turn.duration_ms):>8}"),
            Piece(f"{tokens(turn.total_tokens):>9}  "),
            Piece(f"{clean(outcome):<11}", tone),
            Piece(f"  {clean(turn.model)}", "dim"),
        ),
        width,
    )
    why = Piece(clean(turn.error), "bad")
    return (line, *(wrapped([why], width, first=_IN, rest=_IN) if turn.error else ()))


_IN = " " * 9


def _notes(session: Session, width: int) -> Iterator[Line]:
    facts = [
        ("Tags", ", ".join(session.tags)),
        ("Task", session.task or ""),
        ("Machine", session.machine),
        ("Source", session.source),
        ("Last used", words.whole_time(session.last_activity_at)),
    ]
    yield (Piece(" More", "title"),)
    for name, said in facts:
        if said:
            yield _cropped((Piece(f"   {name:<14}", "dim"), Piece(clean(said))), width)
