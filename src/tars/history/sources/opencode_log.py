"""What opencode's logs say.

An assistant's message is one request, with disjoint figures; its part `step-finish` repeats them.
The message's id is its key. A session that was forked has copies of the messages with other ids,
but the times that they were made at, before their session was: those are left out. A subagent's
session names its parent and counts as its parent's. What the titles used is in no message.

The cost is opencode's own. A cost of 0 is told for every model that it has no price of, and for
what a subscription pays, so it is none.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tars.accounting.rates import DOLLAR
from tars.history import databases
from tars.history.decoding import UNDECODABLE
from tars.history.documents import LARGEST
from tars.history.source import Found, Mark, Reading, Request
from tars.protocols.counts import Count

_MESSAGES = ("id", "session_id", "data")
_SESSIONS = ("id",)
_MORE = ("parent_id", "title", "directory", "time_created")
#: Subagents of subagents are followed no further than this.
_DEEPEST = 16


def read(found: Found) -> Reading:
    """Read a database or a message, whole."""
    reading = Reading(Mark(found.size))
    if found.path.endswith(".json"):
        _read_file(reading, found)
        return reading
    try:
        with databases.opened(found.path) as connection:
            _Database(connection, reading).read()
    except databases.Foreign as error:
        reading.problem = str(error)
    return reading


class _Cache(msgspec.Struct):
    read: Count = 0
    write: Count = 0


class _Tokens(msgspec.Struct):
    input: Count
    output: Count
    reasoning: Count = 0
    cache: _Cache = msgspec.field(default_factory=_Cache)

    @property
    def counts(self) -> tuple[int, ...]:
        return (self.input, self.output, self.reasoning, self.cache.read, self.cache.write)


class _Time(msgspec.Struct):
    created: Count = 0


class _Folder(msgspec.Struct):
    cwd: str = ""


class _Message(msgspec.Struct):
    """Of those of a person hardly anything is decoded."""

    role: str = ""
    id: str = ""
    session: str = msgspec.field(name="sessionID", default="")
    provider: str = msgspec.field(name="providerID", default="")
    model_id: str = msgspec.field(name="modelID", default="")
    time: _Time = msgspec.field(default_factory=_Time)
    path: _Folder = msgspec.field(default_factory=_Folder)
    tokens: _Tokens | None = None
    cost: float | None = None

    @property
    def made(self) -> int:
        """What a copy has too, as a hash: a database may have a great many messages."""
        counts = self.tokens.counts if self.tokens else ()
        return hash((self.time.created, self.provider, self.model_id, self.cost, counts))


_message = msgspec.json.Decoder(_Message)


@dataclass(slots=True)
class _Session:
    parent: str | None
    directory: str
    created: int


@dataclass(slots=True)
class _Database:
    """One reading of one database. `_made` tells messages that were counted from copies of them,
    and `_copies` are what may be one."""

    connection: sqlite3.Connection
    reading: Reading
    _sessions: dict[str, _Session] = field(default_factory=dict)
    _made: set[int] = field(default_factory=set)
    _copies: list[tuple[Request, int]] = field(default_factory=list)

    def read(self) -> None:
        for row in databases.rows(self.connection, "session", _SESSIONS, _MORE):
            self._note_session(row)
        for id, session, message in self._messages():
            self._add(id, session, message)
        for request, made in self._copies:
            # Of several copies whose original is gone, one counts.
            if made not in self._made:
                self._made.add(made)
                self.reading.requests.append(request)

    def _note_session(self, row: sqlite3.Row) -> None:
        id, parent = str(row["id"]), row["parent_id"]
        created = row["time_created"]
        self._sessions[id] = _Session(
            parent=str(parent) if parent else None,
            directory=str(row["directory"] or ""),
            created=created if isinstance(created, int) else 0,
        )
        if row["title"] and not parent:
            self.reading.titles[id] = str(row["title"])

    def _messages(self) -> Iterator[tuple[str, str, _Message]]:
        for row in databases.rows(self.connection, "message", _MESSAGES):
            try:
                yield str(row["id"]), str(row["session_id"]), _message.decode(row["data"])
            except (*UNDECODABLE, TypeError):
                self.reading.garbled += 1

    def _add(self, id: str, session_id: str, message: _Message) -> None:
        session = self._sessions.get(session_id)
        outermost, depth = self._outermost(session_id)
        request = _request(id, outermost, message, rank=1, sidechain=depth > 0)
        if request is None:
            return
        if session is not None and not request.project:
            request = request._replace(project=session.directory)
        if session is not None and message.time.created < session.created:
            self._copies.append((request, message.made))
        else:
            self._made.add(message.made)
            self.reading.requests.append(request)

    def _outermost(self, id: str) -> tuple[str, int]:
        for depth in range(_DEEPEST):
            session = self._sessions.get(id)
            if session is None or session.parent is None:
                return id, depth
            id = session.parent
        return id, _DEEPEST


def _read_file(reading: Reading, found: Found) -> None:
    path = Path(found.path)
    with open(path, "rb", buffering=0) as file:
        data = file.read(min(found.size, LARGEST))
    try:
        message = _message.decode(data)
    except UNDECODABLE:
        reading.garbled += 1
        return
    id, session = message.id or path.stem, message.session or path.parent.name
    request = _request(id, session, message, rank=0, sidechain=False)
    reading.requests.extend([] if request is None else [request])


def _request(
    id: str, session: str, message: _Message, *, rank: int, sidechain: bool
) -> Request | None:
    """Make a message's request; None for a person's, and while there are no figures."""
    tokens = message.tokens
    if (
        message.role != "assistant"
        or tokens is None
        or not any(tokens.counts)
        or not message.time.created
    ):
        return None
    return Request(
        key=id,
        session=session,
        at=message.time.created,
        model=message.model_id or "unknown",
        net_input=tokens.input,
        cache_read=tokens.cache.read,
        cache_write=tokens.cache.write,
        output=tokens.output + tokens.reasoning,
        reasoning=tokens.reasoning,
        provider=message.provider,
        project=message.path.cwd,
        rank=rank,
        cost=_cost(message.cost),
        sidechain=sidechain,
    )


def _cost(dollars: float | None) -> int | None:
    return round(dollars * DOLLAR) if dollars and 0 < dollars < 10**6 else None
