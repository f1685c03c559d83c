"""Many new messages and tool calls at once, as an agent that floods makes them.

One by one, each takes a statement or two: 10,000 a second would hold up every other agent's
writes for many seconds.
"""

from collections.abc import Sequence

from sqlalchemy import BindParameter, Connection, bindparam, insert, select

from tars.store.messages import add_files, call_columns
from tars.store.rows import Arrival, MessagePart, ToolCallRow
from tars.store.schema import messages, tool_calls
from tars.store.values import Words

#: So few are written one by one.
FEW = 10
#: So many are written at once: more would take memory, and a query has room for as many names.
PORTION = 1000

_TURN: BindParameter[str] = bindparam("of_turn", type_=Words)
_KNOWN_MESSAGES = select(messages.c.number).where(
    messages.c.turn == _TURN,
    messages.c.number.between(bindparam("lowest"), bindparam("highest")),
)
_KNOWN_CALLS = select(tool_calls.c.id).where(
    tool_calls.c.turn == _TURN, tool_calls.c.id.in_(bindparam("ids", expanding=True, type_=Words))
)
_ADD_MESSAGES = insert(messages).returning(messages.c.seq, messages.c.ended_at)
_ADD_CALLS = insert(tool_calls).returning(tool_calls.c.seq, tool_calls.c.number)


def write_new(
    connection: Connection, turn: str, session: int | None, arrived: Sequence[Arrival]
) -> tuple[list[int], list[Arrival]]:
    """Write down what the store has nothing of yet. Give the `seq` of the messages that are
    whole, and what is left to be written one by one: what goes on, or came before. At most
    PORTION may arrive."""
    if len(arrived) <= FEW:
        return [], list(arrived)
    place: dict[str, object] = {"turn": turn, "session": session}
    parts, calls = _new_parts(connection, turn, arrived), _new_calls(connection, turn, arrived)
    taken = {id(one) for one in (*parts, *calls)}
    whole = _add_parts(connection, place, parts)
    _add_calls(connection, place, calls)
    return whole, [one for one in arrived if id(one) not in taken]


def _new_parts(connection: Connection, turn: str, arrived: Sequence[Arrival]) -> list[MessagePart]:
    first: dict[int, MessagePart] = {}
    for one in arrived:
        if isinstance(one, MessagePart) and one.offset == 0:
            first.setdefault(one.number, one)
    if not first:
        return []
    span = {"of_turn": turn, "lowest": min(first), "highest": max(first)}
    known = set(connection.scalars(_KNOWN_MESSAGES, span))
    return [part for number, part in first.items() if number not in known]


def _new_calls(connection: Connection, turn: str, arrived: Sequence[Arrival]) -> list[ToolCallRow]:
    first: dict[str, ToolCallRow] = {}
    for one in arrived:
        # Another id may be another text in the store: see `Words`.
        if isinstance(one, ToolCallRow) and one.id.isascii() and "\0" not in one.id:
            first.setdefault(one.id, one)
    if not first:
        return []
    known = set(connection.scalars(_KNOWN_CALLS, {"of_turn": turn, "ids": list(first)}))
    return [call for name, call in first.items() if name not in known]


def _add_parts(
    connection: Connection, place: dict[str, object], parts: list[MessagePart]
) -> list[int]:
    if not parts:
        return []
    rows = [
        {
            **place,
            "number": part.number,
            "role": part.role.value,
            "text": part.text,
            "size": part.size,
            "began_at": part.began_at,
            "ended_at": part.ended_at,
        }
        for part in parts
    ]
    added = connection.execute(_ADD_MESSAGES, rows)
    return [seq for seq, ended_at in added if ended_at is not None]


def _add_calls(connection: Connection, place: dict[str, object], calls: list[ToolCallRow]) -> None:
    if not calls:
        return
    rows = [{**place, "number": call.number, **call_columns(call)} for call in calls]
    paths = {call.number: call.paths for call in calls}
    for seq, number in connection.execute(_ADD_CALLS, rows).all():
        add_files(connection, seq, paths[number])
