"""What one of Amp's threads says.

A thread is one JSON object. An assistant's message has a `usage` with disjoint figures, and
`usageLedger.events`, in older threads, has a time and an id for each request, with less figures.
An event belongs to the message that it names in `toMessageId`: then the message's figures count
at the event's time. Events that belong to no message with figures count by themselves. Credits are
no money.
"""

from pathlib import Path

import msgspec

from tars.history.decoding import UNDECODABLE
from tars.history.documents import Malformed, members
from tars.history.source import Found, Mark, Reading, Request
from tars.history.timestamps import milliseconds
from tars.protocols.counts import Count


def read(found: Found) -> Reading:
    """Read a thread, whole."""
    return _Thread(Path(found.path).stem).read(found)


class _Usage(msgspec.Struct, rename="camel"):
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    model: str | None = None
    timestamp: str | None = None


class _Meta(msgspec.Struct, rename="camel"):
    sent_at: int | None = None


class _Message(msgspec.Struct, rename="camel"):
    message_id: int | str | None = None
    usage: _Usage | None = None
    meta: _Meta | None = None


class _Figures(msgspec.Struct):
    input: Count | None = None
    output: Count | None = None


class _Event(msgspec.Struct, rename="camel"):
    id: str
    timestamp: str
    model: str | None = None
    tokens: _Figures | None = None
    to_message_id: int | str | None = None


class _Ledger(msgspec.Struct):
    events: list[_Event] = []


class _Tree(msgspec.Struct):
    uri: str | None = None


class _Initial(msgspec.Struct):
    trees: list[_Tree] = []


class _Environment(msgspec.Struct):
    initial: _Initial | None = None


_message = msgspec.json.Decoder(_Message)
_ledger = msgspec.json.Decoder(_Ledger)
_environment = msgspec.json.Decoder(_Environment)


class _Thread:
    """One reading of one thread."""

    def __init__(self, name: str) -> None:
        self._session = name
        self._project = ""
        self._created = 0
        self._messages: list[_Message] = []
        self._events: list[_Event] = []
        self._reading = Reading(Mark())

    def read(self, found: Found) -> Reading:
        reading = self._reading
        reading.mark = Mark(found.size)
        try:
            for name, value in members(found.path):
                try:
                    self._note(name, value)
                except UNDECODABLE:
                    reading.garbled += 1
        except Malformed:
            reading.problem = "It is no whole JSON document."
        self._count()
        return reading

    def _note(self, name: str, value: bytes) -> None:
        match name:
            case "id":
                self._session = msgspec.json.decode(value, type=str)
            case "created":
                self._created = msgspec.json.decode(value, type=int)
            case "title":
                title = msgspec.json.decode(value, type=str | None)
                self._reading.titles = {self._session: title} if title else {}
            case "env":
                self._project = _folder(_environment.decode(value))
            case "messages" if b'"usage"' in value or b'"sentAt"' in value or not value:
                self._messages.append(_message.decode(value))
            case "usageLedger":
                self._events = _ledger.decode(value).events
            case _:
                pass

    def _count(self) -> None:
        by_message = {event.to_message_id: event for event in self._events}
        by_message.pop(None, None)
        last, used = self._created, set()
        for number, message in enumerate(self._messages):
            event = by_message.get(message.message_id)
            last = _time(message, event) or last
            if message.usage is not None:
                used.add(message.message_id)
                model = message.usage.model or (event.model if event else None)
                name = number if message.message_id is None else message.message_id
                self._add(f"m{name}", last, model, message.usage)
        for event in self._events:
            if event.to_message_id not in used or event.to_message_id is None:
                told = event.tokens or _Figures()
                usage = _Usage(told.input, told.output)
                self._add(f"e{event.id}", milliseconds(event.timestamp) or 0, event.model, usage)

    def _add(self, name: str, at: int, model: str | None, usage: _Usage) -> None:
        if not 0 < at < 10**15:
            self._reading.garbled += 1
            return
        self._reading.requests.append(
            Request(
                key=f"{self._session}|{name}",
                session=self._session,
                at=at,
                model=model or "unknown",
                net_input=usage.input_tokens or 0,
                cache_read=usage.cache_read_input_tokens or 0,
                cache_write=usage.cache_creation_input_tokens or 0,
                output=usage.output_tokens or 0,
                project=self._project,
            )
        )


def _time(message: _Message, event: _Event | None) -> int | None:
    told = event.timestamp if event else message.usage.timestamp if message.usage else None
    at = milliseconds(told) if told else None
    return at or (message.meta.sent_at if message.meta else None)


def _folder(environment: _Environment) -> str:
    trees = environment.initial.trees if environment.initial else []
    return next((t.uri.removeprefix("file://") for t in trees if t.uri), "")
