"""What was said in a session, as it came: messages, tool calls and the files that these name.

Rows that a turn brought stand in its place among the turns. One that no turn brought has a
`number` that also says after which turn it came: the turn's `seq`, times `PLACE`, and up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Select,
    Table,
    bindparam,
    case,
    func,
    insert,
    literal,
    select,
    union_all,
    update,
)

from tars.store import tallies
from tars.store.rows import MessageRow, Role, ToolCallRow
from tars.store.schema import messages, sessions, tool_calls, tool_files, turns
from tars.store.values import Words

#: How many rows that no turn brought may stand between two turns.
PLACE = 2**24
#: How many rows are read in one go.
_PAGE = 500

_OF_SESSION: BindParameter[int] = bindparam("of_session")
_OF_TURN: BindParameter[str] = bindparam("of_turn")
_CHARACTERS: BindParameter[int] = bindparam("characters")
_IDS: BindParameter[list[int]] = bindparam("ids", expanding=True)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many characters of `each` text are given, and of all of them `together`."""

    each: int = 2**31 - 1
    together: int = 2**62


_UNBOUNDED = Bounds()


def _cut(table: Table, text: str) -> Select[Any]:
    """Select rows with one text cut to so many characters. What fits is left to itself: SQLite
    cuts at a NUL."""
    fits = table.c.size <= _CHARACTERS
    whole, begins = table.c[text], func.substr(table.c[text], 1, _CHARACTERS, type_=Words)
    cut = case((fits, whole), else_=begins).label(text)
    return select(*(cut if column.name == text else column for column in table.c))


def _keys(table: Any, kind: str) -> Any:
    place = case((table.c.turn.is_(None), table.c.number // PLACE), else_=turns.c.seq)
    free = case((table.c.turn.is_(None), 1), else_=0)
    return (
        select(
            literal(kind).label("kind"),
            table.c.seq.label("seq"),
            place.label("place"),
            free.label("free"),
            table.c.number.label("number"),
            table.c.size.label("size"),
        )
        .select_from(table.outerjoin(turns, turns.c.id == table.c.turn))
        .where(table.c.session == _OF_SESSION)
    )


_ORDER = union_all(_keys(messages, "message"), _keys(tool_calls, "tool")).order_by(
    "place", "free", "number", "kind", "seq"
)
_MESSAGES = _cut(messages, "text").where(messages.c.seq.in_(_IDS))
_CALLS = _cut(tool_calls, "output").where(tool_calls.c.seq.in_(_IDS))
_FILES = select(tool_files).where(tool_files.c.tool_call.in_(_IDS))
_TURNS_MESSAGES = select(messages).where(messages.c.turn == _OF_TURN)
_TURNS_CALLS = select(tool_calls).where(tool_calls.c.turn == _OF_TURN)

_INSERT = insert(messages)
_INSERT_CALL = insert(tool_calls).returning(tool_calls.c.seq)
_INSERT_FILES = insert(tool_files)
_LAST_TURN = select(func.max(turns.c.seq)).where(
    turns.c.session == select(sessions.c.id).where(sessions.c.seq == _OF_SESSION).scalar_subquery(),
    turns.c.agent
    == select(sessions.c.agent).where(sessions.c.seq == _OF_SESSION).scalar_subquery(),
    turns.c.machine
    == select(sessions.c.machine).where(sessions.c.seq == _OF_SESSION).scalar_subquery(),
)


def _last(table: Any) -> Any:
    return select(func.max(table.c.number)).where(
        table.c.session == _OF_SESSION, table.c.turn.is_(None)
    )


_LAST_MESSAGE, _LAST_CALL = _last(messages), _last(tool_calls)
#: Thoughts are kept, and are no messages to a person who counts them.
_COUNT = (
    update(sessions)
    .where(sessions.c.seq == _OF_SESSION)
    .values(
        messages=select(func.count())
        .where(messages.c.session == _OF_SESSION, messages.c.role != Role.THOUGHT.value)
        .scalar_subquery()
    )
)


def of_session(
    connection: Connection,
    seq: int,
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[MessageRow | ToolCallRow]:
    """Give what was said in a session, in the order in which it came: the first `limit` of
    it that follow the first `after`."""
    query = _ORDER.offset(after) if after else _ORDER
    query = query if limit is None else query.limit(limit)
    keys = [(row.kind, row.seq) for row in connection.execute(query, {"of_session": seq})]
    return _rows(connection, keys, _UNBOUNDED)


def part_of_session(
    connection: Connection, seq: int, *, after: int, limit: int, bounds: Bounds
) -> tuple[list[MessageRow | ToolCallRow], bool]:
    """Give the same, or less of it where the bounds are met before; and whether more follows."""
    query = _ORDER.offset(after).limit(limit + 1)
    rows = connection.execute(query, {"of_session": seq}).all()
    keys = _within(bounds, rows[:limit])
    return _rows(connection, keys, bounds), len(keys) < len(rows)


def _rows(
    connection: Connection, keys: Sequence[tuple[str, int]], bounds: Bounds
) -> list[MessageRow | ToolCallRow]:
    texts = {"characters": bounds.each}
    found: dict[tuple[str, int], MessageRow | ToolCallRow] = {}
    for start in range(0, len(keys), _PAGE):
        page = keys[start : start + _PAGE]
        ids = [known for kind, known in page if kind == "message"]
        for row in connection.execute(_MESSAGES, {"ids": ids, **texts}) if ids else ():
            found["message", row.seq] = message_of(row)
        ids = [known for kind, known in page if kind == "tool"]
        calls = connection.execute(_CALLS, {"ids": ids, **texts}).all() if ids else ()
        for call in _with_files(connection, calls):
            found["tool", call.seq] = call
    return [found[key] for key in keys]


def _within(bounds: Bounds, rows: Iterable[Row[Any]]) -> list[tuple[str, int]]:
    """Give the keys of as many rows as the bounds allow, of one at least."""
    keys: list[tuple[str, int]] = []
    left = bounds.together
    for row in rows:
        left -= min(row.size, bounds.each)
        if keys and left < 0:
            break
        keys.append((row.kind, row.seq))
    return keys


def of_turn(connection: Connection, turn: str) -> list[MessageRow | ToolCallRow]:
    """Give what was said in a turn, in the order in which it came."""
    said = [message_of(row) for row in connection.execute(_TURNS_MESSAGES, {"of_turn": turn})]
    calls = connection.execute(_TURNS_CALLS, {"of_turn": turn}).all()
    both: list[MessageRow | ToolCallRow] = [*said, *_with_files(connection, calls)]
    return sorted(both, key=lambda row: row.number)


def add(
    connection: Connection, session_seq: int, rows: Iterable[MessageRow | ToolCallRow]
) -> list[int]:
    """Add rows that were not said to this tars, in their order, and give the messages' `seq`.

    Those of a turn keep their numbers: the turn has to be there. The others are put behind
    all that the session has. The session's count of messages is brought up to date; to be
    found by their words, they have to be put into the index of `searching`.
    """
    number = _next_number(connection, session_seq)
    added: list[int] = []
    for row in rows:
        place = {"session": session_seq, "turn": row.turn, "number": row.number}
        if row.turn is None:
            place["number"], number = number, number + 1
        if isinstance(row, MessageRow):
            values = {**place, **_message_columns(row)}
            added.append(connection.execute(_INSERT.returning(messages.c.seq), values).scalar_one())
        else:
            values = {**place, **call_columns(row)}
            call = connection.execute(_INSERT_CALL, values).scalar_one()
            add_files(connection, call, row.paths)
    recount(connection, session_seq)
    tallies.recount(connection, session_seq)
    return added


def recount(connection: Connection, session_seq: int) -> None:
    """Count the session's messages anew."""
    connection.execute(_COUNT, {"of_session": session_seq})


def add_files(connection: Connection, call: int, paths: Sequence[str]) -> None:
    """Note the files that a tool call names."""
    if paths:
        each = [{"tool_call": call, "path": path} for path in dict.fromkeys(paths)]
        connection.execute(_INSERT_FILES, each)


def _next_number(connection: Connection, session_seq: int) -> int:
    of = {"of_session": session_seq}
    turn, *free = (connection.scalar(q, of) for q in (_LAST_TURN, _LAST_MESSAGE, _LAST_CALL))
    return max((turn or 0) * PLACE, *(0 if last is None else last + 1 for last in free))


def _message_columns(row: MessageRow) -> dict[str, object]:
    return {
        "role": row.role.value,
        "text": row.text,
        "size": row.size or len(row.text),
        "began_at": row.began_at,
        "ended_at": row.ended_at,
        "extra": row.extra,
    }


def call_columns(row: ToolCallRow) -> dict[str, object]:
    """Spread a tool call over its columns, but for its place and its files."""
    return {
        "id": row.id,
        "kind": row.kind,
        "title": row.title,
        "status": row.status,
        "output": row.output,
        "size": row.size or len(row.output),
        "began_at": row.began_at,
        "ended_at": row.ended_at,
        "extra": row.extra,
    }


def message_of(row: Row[Any]) -> MessageRow:
    """Read a row of the table."""
    return MessageRow(
        role=Role(row.role),
        text=row.text,
        began_at=row.began_at,
        turn=row.turn,
        number=row.number,
        size=row.size,
        ended_at=row.ended_at,
        extra=row.extra,
        seq=row.seq,
    )


def _with_files(connection: Connection, calls: Sequence[Row[Any]]) -> list[ToolCallRow]:
    """Read tool calls with the files that they name, by their paths."""
    if not calls:
        return []
    paths: dict[int, list[str]] = {}
    for row in connection.execute(_FILES, {"ids": [call.seq for call in calls]}):
        paths.setdefault(row.tool_call, []).append(row.path)
    return [_call(call, tuple(sorted(paths.get(call.seq, ())))) for call in calls]


def _call(row: Row[Any], paths: tuple[str, ...]) -> ToolCallRow:
    return ToolCallRow(
        id=row.id,
        kind=row.kind,
        title=row.title,
        status=row.status,
        began_at=row.began_at,
        turn=row.turn,
        number=row.number,
        output=row.output,
        size=row.size,
        ended_at=row.ended_at,
        paths=paths,
        extra=row.extra,
        seq=row.seq,
    )
