"""What is said in a turn, written down as it arrives. Every write may come twice.

A message or call that has not ended has no `ended_at`: it is in the full-text index once
it has.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from sqlalchemy import (
    BindParameter,
    Connection,
    Integer,
    Update,
    bindparam,
    case,
    exists,
    func,
    insert,
    select,
    update,
)

from tars.store import many_arrivals, searching
from tars.store.messages import add_files, call_columns
from tars.store.rows import Arrival, MessagePart, Role, ToolCallRow
from tars.store.schema import messages, sessions, tool_calls, tool_files, turns
from tars.store.values import Count, Utc, Words

#: What a call is said to be that had not ended when its turn did.
INTERRUPTED = "interrupted"

_TURN: BindParameter[str] = bindparam("of_turn", type_=Words)
_SESSION: BindParameter[int | None] = bindparam("of_session", type_=messages.c.session.type)
_NUMBER: BindParameter[int] = bindparam("at_number", type_=messages.c.number.type)
_PIECE: BindParameter[str] = bindparam("piece", type_=Words)
_ENDED: BindParameter[datetime | None] = bindparam("ended", type_=Utc)
_MESSAGE = (messages.c.turn == _TURN, messages.c.number == _NUMBER)

_BEGIN_MESSAGE = (
    insert(messages)
    .from_select(
        ["session", "turn", "number", "role", "text", "size", "began_at", "ended_at"],
        select(
            _SESSION,
            _TURN,
            _NUMBER,
            bindparam("role", type_=Words),
            _PIECE,
            bindparam("size", type_=Count),
            bindparam("began", type_=Utc),
            _ENDED,
        ).where(~exists().where(*_MESSAGE)),
    )
    .returning(messages.c.seq)
)
# One that has ended is as it was: what comes again was in it.
_GO_ON = (
    update(messages)
    .where(*_MESSAGE, messages.c.ended_at.is_(None))
    .values(
        text=func.substr(messages.c.text, 1, bindparam("offset", type_=Integer)) + _PIECE,
        size=bindparam("size", type_=Count),
        ended_at=_ENDED,
    )
    .returning(messages.c.seq)
)


def _unless_empty(name: str) -> object:
    """A change does not repeat what has not changed."""
    told: BindParameter[str] = bindparam(f"new_{name}", type_=Words)
    return case((told == "", tool_calls.c[name]), else_=told)


_CALL = (tool_calls.c.turn == _TURN, tool_calls.c.id == bindparam("call", type_=Words))
_CHANGE_CALL = (
    update(tool_calls)
    .where(*_CALL)
    .values(
        kind=_unless_empty("kind"),
        title=_unless_empty("title"),
        output=_unless_empty("output"),
        status=bindparam("new_status", type_=Words),
        size=case(
            (bindparam("size", type_=Count) == 0, tool_calls.c.size),
            else_=bindparam("size", type_=Count),
        ),
        ended_at=_ENDED,
    )
    .returning(tool_calls.c.seq)
)
_ADD_CALL = insert(tool_calls).returning(tool_calls.c.seq)
_KNOWN_FILES = select(tool_files.c.path).where(tool_files.c.tool_call == bindparam("of_call"))

_SETTLE: tuple[Update, ...] = tuple(
    update(table).where(table.c.turn == _TURN, table.c.session.is_(None)).values(session=_SESSION)
    for table in (messages, tool_calls)
)
_END_MESSAGES = (
    update(messages)
    .where(messages.c.turn == _TURN, messages.c.ended_at.is_(None))
    .values(session=_SESSION, ended_at=_ENDED)
    .returning(messages.c.seq)
)
_END_CALLS = (
    update(tool_calls)
    .where(tool_calls.c.turn == _TURN, tool_calls.c.ended_at.is_(None))
    .values(session=_SESSION, ended_at=_ENDED, status=INTERRUPTED)
)
_WHERE = (
    select(turns.c.ended_at, sessions.c.seq)
    .select_from(
        turns.outerjoin(
            sessions,
            (sessions.c.machine == turns.c.machine)
            & (sessions.c.agent == turns.c.agent)
            & (sessions.c.id == turns.c.session),
        )
    )
    .where(turns.c.id == _TURN)
)
_LAST = select(
    *(
        select(func.max(table.c.number)).where(table.c.turn == _TURN).scalar_subquery()
        for table in (messages, tool_calls)
    )
)
#: How many messages a turn has. Thoughts are none, to a person who counts them.
SPOKEN = (
    select(func.count())
    .where(messages.c.turn == _TURN, messages.c.role != Role.THOUGHT.value)
    .scalar_subquery()
)
#: Whether there were tool calls in a turn.
USED_TOOLS = exists().where(tool_calls.c.turn == _TURN)


def write(
    connection: Connection, turn: str, session: int | None, arrived: Iterable[Arrival]
) -> None:
    """Write down what arrived; the turn has its row."""
    searching.index_all(connection, _write(connection, turn, session, arrived))


def place(connection: Connection, turn: str) -> tuple[bool, int | None]:
    """Say whether a turn is under way, and give the `seq` of its session, if that is known."""
    row = connection.execute(_WHERE, {"of_turn": turn}).first()
    return (False, None) if row is None else (row.ended_at is None, row.seq)


def settle(connection: Connection, turn: str, session: int) -> None:
    """Note in which session it was said, which was not known before."""
    for query in _SETTLE:
        connection.execute(query, {"of_turn": turn, "of_session": session})


def end(
    connection: Connection,
    turn: str,
    session: int | None,
    arrived: Iterable[Arrival],
    at: datetime,
) -> None:
    """Write down what arrived, and that nothing more is said: the last message is whole."""
    this = {"of_turn": turn, "of_session": session, "ended": at}
    whole = _write(connection, turn, session, arrived)
    whole += connection.scalars(_END_MESSAGES, this)
    searching.index_all(connection, whole)


def end_calls(connection: Connection, turn: str, session: int | None, at: datetime) -> None:
    """Note that the tool calls of a turn are over; those that had not ended were cut short."""
    connection.execute(_END_CALLS, {"of_turn": turn, "of_session": session, "ended": at})


def next_number(connection: Connection, turn: str) -> int:
    """Give the number of what is said next in a turn, or 0."""
    return max(
        0 if last is None else last + 1
        for last in connection.execute(_LAST, {"of_turn": turn}).one()
    )


def _write(
    connection: Connection, turn: str, session: int | None, arrived: Iterable[Arrival]
) -> list[int]:
    """Give the messages that are whole now, which have to be put into the index."""
    whole: list[int] = []
    coming = iter(arrived)
    while portion := tuple(islice(coming, many_arrivals.PORTION)):
        added, rest = many_arrivals.write_new(connection, turn, session, portion)
        whole += added
        for one in rest:
            if isinstance(one, ToolCallRow):
                _write_call(connection, turn, session, one)
            elif (seq := _write_part(connection, turn, session, one)) is not None:
                whole += [] if one.ended_at is None else [seq]
    return whole


def _write_part(
    connection: Connection, turn: str, session: int | None, part: MessagePart
) -> int | None:
    place = {"of_turn": turn, "of_session": session, "at_number": part.number}
    values = {**place, "piece": part.text, "size": part.size, "ended": part.ended_at}
    first = {**values, "role": part.role.value, "began": part.began_at}
    further = {**values, "offset": part.offset}
    attempts = [(_BEGIN_MESSAGE, first), (_GO_ON, further)]
    for query, parameters in attempts if part.offset == 0 else reversed(attempts):
        seq: int | None = connection.scalar(query, parameters)
        if seq is not None:
            return seq
    return None


def _write_call(connection: Connection, turn: str, session: int | None, call: ToolCallRow) -> None:
    change = {
        "of_turn": turn,
        "call": call.id,
        "new_kind": call.kind,
        "new_title": call.title,
        "new_output": call.output,
        "new_status": call.status,
        "size": call.size,
        "ended": call.ended_at,
    }
    seq: int | None = connection.scalar(_CHANGE_CALL, change)
    if seq is None:
        row = {"session": session, "turn": turn, "number": call.number, **call_columns(call)}
        seq = connection.execute(_ADD_CALL, row).scalar_one()
        add_files(connection, seq, call.paths)
    elif call.paths:
        known = set(connection.scalars(_KNOWN_FILES, {"of_call": seq}))
        add_files(connection, seq, [path for path in call.paths if path not in known])
