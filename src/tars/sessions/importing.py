"""Sessions from a file into the library: all of a file, or nothing.

A file is read twice: once to the end before anything is written, so that a fault in it costs
nobody a lock, and once into one transaction. A session that is here is skipped, or replaced where
that is asked for and nothing newer is lost; a turn that the ledger has is never counted again.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from tars.errors import UserError
from tars.sessions.export_format import (
    Entry,
    MessagePart,
    Record,
    RequestPart,
    SessionPart,
    ToolCallPart,
    TurnPart,
)
from tars.sessions.library import Library
from tars.sessions.names import LONGEST, check_name
from tars.sessions.reading import Source, checked

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: Messages are written so many at a time, or so many characters.
_ROWS, _CHARACTERS = 500, 4_000_000
#: What an import says of where a session is from.
SOURCE = "import"


class Done(StrEnum):
    """What became of a session of the file."""

    IMPORTED = "imported"
    REPLACED = "replaced"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Imported:
    """One session of the file: what became of it, and why it was skipped or has another name."""

    id: str
    agent: str
    name: str | None
    done: Done
    why: str = ""


def import_file(
    library: Library,
    source: Source,
    now: datetime,
    *,
    replace: bool = False,
    name: str | None = None,
) -> list[Imported]:
    """Take over every session of a file. `name` is that of the one session that it holds.

    Raises FileUnreadable, NameInvalid, UserError and StoreError; nothing is changed then.
    """
    wanted = None if name is None else check_name(name)
    count = sum(isinstance(record, SessionPart) for record in checked(source))
    if wanted is not None and count != 1:
        raise UserError(f"{source.name} holds {count} sessions: one name is not for all of them.")
    with library.writing() as connection:
        taking = _Taking(connection, library.store.machine, now, replace=replace, name=wanted)
        for record in checked(source):
            taking.take(record)
        return taking.finish()


class _Taking:
    """One file on its way into the store, record by record."""

    def __init__(
        self,
        connection: "Connection",
        machine: int,
        now: datetime,
        *,
        replace: bool,
        name: str | None,
    ) -> None:
        self._connection = connection
        self._machine = machine
        self._now = now
        self._replace = replace
        self._name = name
        self._results: list[Imported] = []
        #: The session that is being taken; None while one is skipped.
        self._session: SessionPart | None = None
        self._seq = 0
        #: The turn that is being taken: its key; None while it is one that is elsewhere.
        self._turn: TurnPart | None = None
        self._turn_seq: int | None = None
        self._place = self._free = 0
        self._requests: list[dict[str, object]] = []
        self._messages: list[dict[str, object]] = []
        self._characters = 0

    def take(self, record: Record) -> None:
        """Take the next record."""
        if isinstance(record, SessionPart):
            self._end_session()
            self._begin(record)
        elif self._session is None:
            return
        else:
            match record:
                case TurnPart():
                    self._add_turn(record)
                case RequestPart():
                    self._add_request(record)
                case MessagePart() | ToolCallPart():
                    self._add_entry(record)

    def finish(self) -> list[Imported]:
        """End the last session, and say what became of each."""
        self._end_session()
        return self._results

    def _begin(self, session: SessionPart) -> None:
        from tars.store import transfer

        done, why = self._decide(session)
        name = session.name
        if done is Done.SKIPPED:
            self._note(session, name, done, why)
            return
        name = self._name or self._free_name(session.name)
        if name != session.name and session.name is not None and self._name is None:
            why = f"another session has the name {session.name}"
        columns = self._columns(session, name)
        self._seq = transfer.add_session(self._connection, columns, session.tags)
        for note in session.notes:
            transfer.add_note(self._connection, self._seq, _at(note.at), note.text)
        for task in session.tasks:
            times = {"started_at": _at(task.started_at), "ended_at": _some_time(task.ended_at)}
            values = msgspec.structs.asdict(task) | times
            transfer.add_task(
                self._connection, {**values, "machine": self._machine, "session": self._seq}
            )
        self._session = session
        self._note(session, name, done, why)

    def _decide(self, session: SessionPart) -> tuple[Done, str]:
        """Say what is to become of a session, and make room for it where it replaces one."""
        from tars.store import managing, transfer

        # Where the file did not say whose it is, the same id means the same session.
        whose = None if session.agent == SOURCE else session.agent
        here = transfer.same(self._connection, session.id, whose)
        if here is None:
            return Done.IMPORTED, ""
        if not self._replace:
            return Done.SKIPPED, "it is here already"
        if here.machine != self._machine:
            return Done.SKIPPED, "it is another machine's"
        held = managing.held(self._connection, here.seq, self._now)
        if held is not None:
            return Done.SKIPPED, str(held.value)
        if here.last_activity_at > _at(session.last_activity_at):
            return Done.SKIPPED, "what is here is newer"
        managing.remove(self._connection, here.seq)
        managing.erase(self._connection)
        return Done.REPLACED, ""

    def _free_name(self, name: str | None) -> str | None:
        """Give the name, with a number behind it where another session has it."""
        from tars.store import transfer

        if name is None:
            return None
        stem = name[: LONGEST - 8].rstrip()
        taken = transfer.names_like(self._connection, self._machine, stem)
        if name not in taken:
            return name
        number = 2
        while f"{stem}-{number}" in taken:
            number += 1
        return f"{stem}-{number}"

    def _columns(self, session: SessionPart, name: str | None) -> dict[str, object]:
        figures = msgspec.structs.asdict(session.figures)
        active = session.status == "active"
        return {
            **figures,
            "last_interaction_at": _some_time(session.figures.last_interaction_at),
            "machine": self._machine,
            "agent": session.agent,
            "id": session.id,
            "agent_type": session.agent_type,
            "name": name,
            # The next prompt of an agent here does not go to it.
            "status": "completed" if active else session.status,
            "created_at": _at(session.created_at),
            "ended_at": _some_time(session.last_activity_at if active else session.ended_at),
            "last_activity_at": _at(session.last_activity_at),
            "archived_at": _some_time(session.archived_at),
            "project": session.project,
            "branch": session.branch,
            "title": session.title,
            "titled": session.titled,
            "task": session.task,
            "metadata": json.dumps(session.metadata),
            "source": SOURCE,
        }

    def _add_turn(self, turn: TurnPart) -> None:
        from tars.store import transfer

        self._end_turn()
        assert self._session is not None
        whose = {
            "machine": self._machine,
            "agent": self._session.agent,
            "session": self._session.id,
            "log_mark": "",
        }
        values = _turn_columns(turn, _at(self._session.last_activity_at))
        shares = [msgspec.structs.asdict(share) for share in turn.models] or [_whole(turn)]
        self._turn = turn
        self._turn_seq = transfer.add_turn(self._connection, {**values, **whose}, shares)
        if self._turn_seq is not None:
            self._place, self._free = self._turn_seq, 0

    def _add_request(self, request: RequestPart) -> None:
        if self._turn is None or self._turn_seq is None or self._session is None:
            return
        whose = {
            "machine": self._machine,
            "agent": self._session.agent,
            "session": self._session.id,
            "turn": self._turn.id,
        }
        self._requests.append(msgspec.structs.asdict(request) | whose)

    def _add_entry(self, entry: Entry) -> None:
        from tars.store import transfer
        from tars.store.messages import PLACE

        assert self._session is not None
        place: dict[str, object]
        if entry.number is not None:
            if self._turn is None or self._turn_seq is None:
                return
            place = {"turn": self._turn.id, "number": entry.number}
        else:
            place = {"turn": None, "number": self._place * PLACE + self._free}
            self._free += 1
        values = _entry_columns(entry) | place | {"session": self._seq}
        if isinstance(entry, ToolCallPart):
            transfer.add_call(self._connection, values, entry.files)
            return
        self._messages.append(values)
        self._characters += len(entry.text)
        if len(self._messages) >= _ROWS or self._characters >= _CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        from tars.store import transfer

        transfer.add_messages(self._connection, self._messages)
        self._messages, self._characters = [], 0

    def _end_turn(self) -> None:
        from tars.store import transfer

        transfer.add_requests(self._connection, self._requests)
        self._requests = []
        self._turn = self._turn_seq = None

    def _end_session(self) -> None:
        from tars.store import searching, transfer

        if self._session is None:
            return
        self._end_turn()
        self._flush()
        transfer.add_up(self._connection, self._seq)
        for seq in transfer.whole_messages(self._connection, self._seq):
            searching.index(self._connection, seq)
        self._session, self._place, self._free = None, 0, 0

    def _note(self, session: SessionPart, name: str | None, done: Done, why: str) -> None:
        self._results.append(Imported(session.id, session.agent, name, done, why))


def _turn_columns(turn: TurnPart, last: datetime) -> dict[str, object]:
    """Spread a turn over its columns. One that was under way ended with what is known of it: it
    must not be taken for one of this machine's."""
    values: dict[str, Any] = msgspec.structs.asdict(turn)
    fault = values.pop("fault")
    values.pop("models")
    values["models"] = json.dumps(values.pop("usage_models"))
    values["reported"] = None if turn.reported is None else json.dumps(turn.reported)
    values["began_at"] = _at(turn.began_at)
    values["ended_at"] = _some_time(turn.ended_at)
    if turn.ended_at is None:
        values |= {
            "ended_at": max(last, values["began_at"]),
            "outcome": "interrupted",
            "at_least": True,
        }
    return values | {
        "fault_kind": None if fault is None else fault.kind,
        "fault_message": None if fault is None else fault.message,
        "fault_advice": None if fault is None else fault.advice,
    }


def _whole(turn: TurnPart) -> dict[str, object]:
    """Give a turn's figures to its one model."""
    names = ("requests", "net_input", "cache_read", "cache_write", "output", "reasoning", "model")
    return {name: getattr(turn, name) for name in names} | {
        "cost_microusd": turn.cost_microusd or 0,
        "costed_turns": int(turn.cost_microusd is not None),
    }


def _entry_columns(entry: Entry) -> dict[str, object]:
    values: dict[str, Any] = msgspec.structs.asdict(entry)
    values.pop("files", None)
    text = values["output"] if isinstance(entry, ToolCallPart) else values["text"]
    began = _at(entry.began_at)
    return values | {
        "size": len(text) if entry.size is None else entry.size,
        "extra": None if entry.extra is None else json.dumps(entry.extra),
        "began_at": began,
        # Nothing of it will grow here.
        "ended_at": _some_time(entry.ended_at) or began,
    }


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _some_time(text: str | None) -> datetime | None:
    return None if text is None else _at(text)
