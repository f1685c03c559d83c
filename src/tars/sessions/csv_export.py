"""Sessions as CSV (RFC 4180): a line for each turn, session or message. It is not imported.

A text that a spreadsheet would take for a formula has an apostrophe before it: one whose first
character, but for blanks, is one of = + - @ (or their wide forms), a tab or a line's end.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from enum import StrEnum

from tars.sessions.export_format import (
    MessagePart,
    Record,
    RequestPart,
    SessionPart,
    ToolCallPart,
    TurnPart,
)

_FORMULA = (*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_TOKENS = ("net_input", "cache_read", "cache_write", "output", "reasoning")


class Rows(StrEnum):
    """What a line stands for."""

    TURNS = "turns"
    SESSIONS = "sessions"
    MESSAGES = "messages"


_HEADS = {
    Rows.SESSIONS: (
        "session,agent,machine,name,status,created_at,ended_at,last_activity_at,project,branch,"
        "title,task,tags,turns,messages,tool_calls,duration_ms,requests,net_input,cache_read,"
        "cache_write,output,reasoning,tokens,cost_usd,costed_turns,at_least"
    ),
    Rows.TURNS: (
        "session,agent,turn,task,outcome,began_at,ended_at,duration_ms,model,requests,tool_calls,"
        "net_input,cache_read,cache_write,output,reasoning,tokens,cost_usd,at_least,source"
    ),
    Rows.MESSAGES: "session,agent,turn,number,kind,began_at,ended_at,size,text",
}


def table(records: Iterable[Record], rows: Rows) -> Iterator[str]:
    """Write records as lines of CSV, the names of the columns first."""
    yield _HEADS[rows] + "\r\n"
    session, turn = None, ""
    for record in records:
        line: tuple[object, ...] | None = None
        match record:
            case SessionPart():
                session, turn = record, ""
                line = _session(record) if rows is Rows.SESSIONS else None
            case TurnPart():
                assert session is not None
                turn = record.id
                line = _turn(session, record) if rows is Rows.TURNS else None
            case RequestPart():
                pass
            case MessagePart() | ToolCallPart():
                assert session is not None
                line = _entry(session, turn, record) if rows is Rows.MESSAGES else None
        if line is not None:
            yield _line(line)


def _session(of: SessionPart) -> tuple[object, ...]:
    sums = of.figures
    return (
        *(of.id, of.agent, of.machine, of.name, of.status, of.created_at, of.ended_at),
        *(of.last_activity_at, of.project, of.branch, of.title, of.task, " ".join(of.tags)),
        *(sums.turns, sums.messages, sums.tool_calls, sums.duration_ms, sums.requests),
        *(getattr(sums, name) for name in _TOKENS),
        *(sums.tokens, _usd(sums.cost_microusd if sums.costed_turns else None)),
        *(sums.costed_turns, sums.at_least),
    )


def _turn(of: SessionPart, turn: TurnPart) -> tuple[object, ...]:
    kinds = [getattr(turn, name) for name in _TOKENS]
    return (
        *(of.id, of.agent, turn.id, turn.task, turn.outcome, turn.began_at, turn.ended_at),
        *(turn.duration_ms, turn.model, turn.requests, turn.tool_calls, *kinds, sum(kinds[:4])),
        *(_usd(turn.cost_microusd), turn.at_least, turn.source),
    )


def _entry(of: SessionPart, turn: str, said: MessagePart | ToolCallPart) -> tuple[object, ...]:
    called = isinstance(said, ToolCallPart)
    text = f"{said.title}\n{said.output}" if isinstance(said, ToolCallPart) else said.text
    kind = "tool call" if isinstance(said, ToolCallPart) else said.role
    size = len(text) if called or said.size is None else said.size
    its = "" if said.number is None else turn
    return of.id, of.agent, its, said.number, kind, said.began_at, said.ended_at, size, text


def _usd(microusd: int | None) -> str:
    """Write exact dollars; empty is not known."""
    return "" if microusd is None else f"{microusd // 1_000_000}.{microusd % 1_000_000:06}"


def _line(values: tuple[object, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([_cell(value) for value in values])
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and (
        value.startswith(_FORMULA) or value.lstrip(" \u00a0").startswith(_FORMULA)
    ):
        return f"'{value}"
    return value
