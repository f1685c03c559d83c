"""Where words, tools and files occur in what was said: the queries behind a search."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, func, or_, select

from tars.conversation.model import TOOL_KINDS
from tars.store import searching
from tars.store.finding import Wanted, conditions
from tars.store.rows import Role
from tars.store.schema import machines, messages, sessions, tool_calls, tool_files
from tars.store.text_index import FOUND_CHARACTERS


@dataclass(frozen=True, slots=True)
class Hit:
    """Where something was found. `role` is None where it was in the session's name or title.
    `text` is all of it, as far as it can be found."""

    seq: int
    session: str
    name: str | None
    machine: str
    agent: str
    title: str
    turn: str | None
    role: Role | None
    number: int
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What is looked for, all of it together. `tool` is a kind of tool or a part of a call's
    title, `file` a part of a path: either in the same turn as the words."""

    text: str = ""
    role: Role | None = None
    tool: str | None = None
    file: str | None = None
    wanted: Wanted


#: As long as a tool or a file leaves no more than this many turns, words are looked for in them
#: alone; else in the newest messages first, of which enough will be in such a turn.
_FEW = 2000

_SESSION = (
    sessions.c.seq.label("session_seq"),
    sessions.c.id.label("session_id"),
    sessions.c.name,
    sessions.c.agent,
    sessions.c.title.label("session_title"),
    machines.c.name.label("machine_name"),
)


def messages_with(connection: Connection, sought: Sought, limit: int) -> list[Hit]:
    """Give the messages that have all of the words, the newest first."""
    found = searching.matching(connection, sought.text).subquery("found")
    query: Select[Any] = (
        select(
            *_SESSION,
            messages.c.turn,
            messages.c.role,
            messages.c.number,
            messages.c.began_at,
            func.substr(messages.c.text, 1, FOUND_CHARACTERS).label("text"),
        )
        .select_from(found)
        .join(messages, messages.c.seq == found.c.seq)
        .join(sessions, sessions.c.seq == messages.c.session)
        .join(machines, machines.c.seq == sessions.c.machine)
        .where(*conditions(connection, sought.wanted))
        .order_by(found.c.seq.desc())
        .limit(limit)
    )
    if sought.role is not None:
        query = query.where(messages.c.role == sought.role.value)
    if sought.tool is not None or sought.file is not None:
        calls = _calls(connection, sought)
        turns = _turns(connection, calls)
        if turns is None:
            query = query.where(exists().where(tool_calls.c.turn == messages.c.turn, *calls))
        elif turns:
            said = select(messages.c.seq).where(messages.c.turn.in_(turns))
            query = query.where(found.c.seq.in_(list(connection.scalars(said))))
        else:
            return []
    return [_hit(row, Role(row.role), row.text) for row in connection.execute(query)]


def calls_with(connection: Connection, sought: Sought, limit: int) -> list[Hit]:
    """Give the tool calls that fit, the newest first."""
    query: Select[Any] = (
        select(
            *_SESSION,
            tool_calls.c.turn,
            tool_calls.c.number,
            tool_calls.c.began_at,
            tool_calls.c.kind,
            tool_calls.c.title,
        )
        .select_from(tool_calls)
        .join(sessions, sessions.c.seq == tool_calls.c.session)
        .join(machines, machines.c.seq == sessions.c.machine)
        .where(*_calls(connection, sought), *conditions(connection, sought.wanted))
        .order_by(tool_calls.c.seq.desc())
        .limit(limit)
    )
    return [_hit(row, Role.TOOL, _call_text(row)) for row in connection.execute(query)]


def sessions_with(
    connection: Connection, sought: Sought, words: list[str], limit: int
) -> list[Hit]:
    """Give the sessions in whose name or title all of the words occur, the newest first."""
    query: Select[Any] = (
        select(*_SESSION, sessions.c.created_at.label("began_at"))
        .join_from(sessions, machines, machines.c.seq == sessions.c.machine)
        .where(*(_titled(word) for word in words), *conditions(connection, sought.wanted))
        .order_by(sessions.c.last_activity_at.desc(), sessions.c.seq.desc())
        .limit(limit)
    )
    found = []
    for row in connection.execute(query):
        both = (row.name or "", row.session_title)
        found.append(_hit(row, None, ": ".join(part for part in both if part)))
    return found


def _titled(word: str) -> ColumnElement[bool]:
    return or_(
        *(
            func.lower(column).contains(word.lower(), autoescape=True)
            for column in (sessions.c.name, sessions.c.title)
        )
    )


def _calls(connection: Connection, sought: Sought) -> list[ColumnElement[bool]]:
    """Say that a tool call is one of those that are sought."""
    found: list[ColumnElement[bool]] = []
    if sought.tool in TOOL_KINDS:
        found.append(tool_calls.c.kind == sought.tool)
    elif sought.tool is not None:
        found.append(func.lower(tool_calls.c.title).contains(sought.tool.lower(), autoescape=True))
    if sought.file is not None:
        named = func.lower(tool_files.c.path).contains(sought.file.lower(), autoescape=True)
        by_key = select(tool_files.c.tool_call).where(named).order_by(tool_files.c.tool_call.desc())
        few = _few(connection, by_key)
        found.append(
            exists().where(tool_files.c.tool_call == tool_calls.c.seq, named)
            if few is None
            else tool_calls.c.seq.in_(few)
        )
    return found


def _turns(connection: Connection, calls: list[ColumnElement[bool]]) -> list[str] | None:
    """Give the turns that have such a call; None where they are many."""
    newest = select(tool_calls.c.turn).where(tool_calls.c.turn.is_not(None), *calls)
    return _few(connection, newest.order_by(tool_calls.c.seq.desc()))


def _few(connection: Connection, query: Select[Any]) -> list[Any] | None:
    """Give what a query gives, each once, or None where that is much."""
    found = list(connection.scalars(query.limit(_FEW + 1)))
    return None if len(found) > _FEW else list(dict.fromkeys(found))


def _call_text(row: Row[Any]) -> str:
    return f"{row.kind}: {row.title}" if row.title else str(row.kind)


def _hit(row: Row[Any], role: Role | None, text: str) -> Hit:
    return Hit(
        seq=row.session_seq,
        session=row.session_id,
        name=row.name,
        machine=row.machine_name,
        agent=row.agent,
        title=row.session_title,
        turn=None if role is None else row.turn,
        role=role,
        number=0 if role is None else row.number,
        at=row.began_at,
        text=text,
    )
