"""Sessions out of the library, whole: as JSON lines or as one JSON document.

Both are streams: of a session, a page of rows is in memory at a time. Each session is read in one
transaction, so that it is told as it was at one moment; one that is written to is told as far as
it is.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from tars.sessions.export_format import (
    FORMAT,
    VERSION,
    EndPart,
    Entry,
    ExportPart,
    FaultPart,
    Figures,
    MessagePart,
    NotePart,
    Record,
    RequestPart,
    SessionModel,
    SessionPart,
    TaskPart,
    ToolCallPart,
    TurnModel,
    TurnPart,
    wire_json,
    wire_time,
)
from tars.sessions.library import Library
from tars.sessions.strict_json import dumps

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from tars.store.rows import SessionRecord
    from tars.store.transfer import Said, Stored


def records(library: Library, seqs: Iterable[int]) -> Iterator[Record]:
    """Give every record of these sessions, in the order of the format. One that is gone by
    then is left out."""
    for seq in seqs:
        with library.reading() as connection:
            yield from _session(connection, seq)


def json_lines(records: Iterable[Record]) -> Iterator[str]:
    """Write records as JSON lines, between a line that says what this is and one that says that
    it is whole."""
    yield _line(ExportPart(format=FORMAT, version=VERSION))
    sessions = count = 0
    for record in records:
        sessions += isinstance(record, SessionPart)
        count += 1
        yield _line(record)
    yield _line(EndPart(sessions=sessions, records=count))


def json_document(records: Iterable[Record]) -> Iterator[str]:
    """Write records as one JSON document, in which turns stand in their sessions, and what was
    said in its turn."""
    yield f'{{"format":{dumps(FORMAT)},"version":{VERSION},"sessions":['
    nest = _Nest()
    for record in records:
        yield nest.add(record)
    yield nest.close() + "\n]}\n"


def document(library: Library, session: "SessionRecord") -> bytes:
    """Give one session as a JSON document, whole."""
    return "".join(json_document(records(library, [session.seq]))).encode()


def _line(part: Record | ExportPart | EndPart) -> str:
    return dumps(msgspec.to_builtins(part)) + "\n"


class _Nest:
    """Which lists of the document are open, and whether they are empty still."""

    #: The lists of a turn, in their order.
    LISTS = ("modelRequests", "entries", "after")

    def __init__(self) -> None:
        self._first_session = True
        #: The open list: of the session (-1), or of its turn; None outside of both.
        self._open: int | None = None
        self._empty = True

    def add(self, record: Record) -> str:
        match record:
            case SessionPart():
                before = self.close() + ("\n" if self._first_session else ",\n")
                self._first_session, self._open, self._empty = False, -1, True
                return f'{before}{_head(record)},"entries":['
            case TurnPart():
                before = '],"turns":[\n' if self._open == -1 else f"{self._close_turn()},\n"
                self._open, self._empty = 0, True
                return f'{before}{_head(record)},"modelRequests":['
            case RequestPart():
                return self._item(record)
            case MessagePart() | ToolCallPart():
                if self._open == -1:
                    return self._item(record)
                return self._move(1 if record.number is not None else 2) + self._item(record)

    def close(self) -> str:
        """End the session that is open, if one is."""
        if self._open is None:
            return ""
        ended = '],"turns":[]}' if self._open == -1 else f"{self._close_turn()}]}}"
        self._open = None
        return ended

    def _close_turn(self) -> str:
        return self._move(2) + "]}"

    def _move(self, to: int) -> str:
        assert self._open is not None
        names = self.LISTS[self._open + 1 : to + 1]
        if names:
            self._open, self._empty = to, True
        return "".join(f'],"{name}":[' for name in names)

    def _item(self, record: Record) -> str:
        before = "\n" if self._empty else ",\n"
        self._empty = False
        return before + dumps(msgspec.to_builtins(record))


def _head(record: Record) -> str:
    return dumps(msgspec.to_builtins(record))[:-1]


# --- from rows to records -------------------------------------------------------


def _session(connection: "Connection", seq: int) -> Iterator[Record]:
    from tars.store import transfer

    stored = transfer.stored(connection, seq)
    if stored is None:
        return
    yield _session_part(stored)
    free = transfer.said_freely(connection, seq)
    waiting = next(free, None)
    for turn, split in transfer.turns_of(connection, stored.row):
        while waiting is not None and waiting.place < turn.seq:
            yield _entry(waiting, free=True)
            waiting = next(free, None)
        yield _turn_part(turn, split)
        for request in transfer.requests_of(connection, turn.id):
            yield RequestPart(**_some(RequestPart, request))
        for said in transfer.said_in(connection, turn.id):
            yield _entry(said, free=False)
    for rest in chain([] if waiting is None else [waiting], free):
        yield _entry(rest, free=True)


def _session_part(stored: "Stored") -> SessionPart:
    row = stored.row
    figures = _some(Figures, row)
    return SessionPart(
        **_some(
            SessionPart,
            row,
            machine=stored.machine,
            tags=list(stored.tags),
            metadata=_object(row.metadata),
            notes=[NotePart(at=wire_time(note.at), text=note.text) for note in stored.notes],
            tasks=[TaskPart(**_some(TaskPart, task)) for task in stored.tasks],
            figures=Figures(**figures),
            models=[SessionModel(**_some(SessionModel, model)) for model in stored.models],
        )
    )


def _turn_part(row: "Row[Any]", split: "list[Row[Any]]") -> TurnPart:
    fault = None
    if row.fault_kind is not None:
        fault = FaultPart(
            kind=row.fault_kind, message=row.fault_message or "", advice=row.fault_advice or ""
        )
    usage_models = wire_json(row.models)
    return TurnPart(
        **_some(
            TurnPart,
            row,
            fault=fault,
            reported=None if row.reported is None else _object(row.reported),
            usage_models=usage_models if isinstance(usage_models, list) else [],
            models=[TurnModel(**_some(TurnModel, model)) for model in split],
        )
    )


def _entry(said: "Said", *, free: bool) -> Entry:
    number = None if free else said.row.number
    more = {"number": number, "extra": wire_json(said.row.extra)}
    if said.called:
        return ToolCallPart(**_some(ToolCallPart, said.row, files=list(said.files), **more))
    return MessagePart(**_some(MessagePart, said.row, **more))


def _some(part: type[msgspec.Struct], row: "Row[Any]", **given: Any) -> dict[str, Any]:
    """Take the columns that the part has fields for; times become texts."""
    columns = row._mapping
    names = [name for name in part.__struct_fields__ if name not in given and name in columns]
    return {name: _value(columns[name]) for name in names} | given


def _value(value: "datetime | Any") -> Any:
    # The only values of the columns that JSON does not have.
    return wire_time(value) if hasattr(value, "astimezone") else value


def _object(text: str) -> dict[str, Any]:
    found = wire_json(text)
    return found if isinstance(found, dict) else {}
