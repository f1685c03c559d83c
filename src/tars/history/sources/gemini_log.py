"""What one of Gemini CLI's logs says.

Of the messages, those of the type `gemini` with `tokens` are one request each. A message is
written anew whenever something is added to it: the last row of an id counts, and of a conversation
that was taken over from its `.json`, the `.jsonl`. Ids are random UUIDs that a message keeps when
its conversation is resumed, migrated, imported or copied to another folder, so that the id alone
is the key. `$set.messages` are copies, and what `$rewindTo` takes back was paid for all the same.

`cached` is a part of `input`, `thoughts` is billed as output but not in it, and `tool` is input
that is not in `input`. What the router, the summaries and answers that failed used is in no file.
"""

import msgspec

from tars.history.decoding import UNDECODABLE
from tars.history.documents import LARGEST, Malformed, members
from tars.history.source import Found, Mark, Reading, Request
from tars.history.sources.gemini_lines import read_lines
from tars.history.sources.gemini_messages import Conversation, Message
from tars.history.sources.gemini_places import place
from tars.history.timestamps import milliseconds


def read(found: Found, mark: Mark, *, grows: bool) -> Reading:
    """Read a log that grows on from a mark, and an old document whole."""
    return read_lines(found, mark) if grows else _Document(found.path).read(found.size)


class _Whole(msgspec.Struct):
    messages: list[Message] = []
    session: str | None = msgspec.field(name="sessionId", default=None)
    summary: str | None = None


_whole = msgspec.json.Decoder(_Whole)
_message = msgspec.json.Decoder(Message)
_string = msgspec.json.Decoder(str)


class _Document:
    """A whole conversation, of an old version."""

    def __init__(self, path: str) -> None:
        self._path = path
        known = place(path)
        self._conversation = Conversation(known.session, known.project, sidechain=known.sidechain)
        self._reading = Reading(Mark())
        self._rows: dict[str, Request] = {}

    def read(self, size: int) -> Reading:
        whole = self._load(size) if size <= LARGEST else None
        if whole is not None:
            self._named(whole.session)
            for message in whole.messages:
                self._add(message)
            title = whole.summary
        else:
            title = self._read_members()
        reading, session = self._reading, self._conversation.session
        if title and not self._conversation.sidechain:
            reading.titles[session] = title
        # The session may be named behind the messages.
        rows = self._rows.values()
        reading.requests = [
            r if r.session == session else r._replace(session=session) for r in rows
        ]
        reading.mark = Mark(size)
        return reading

    def _load(self, size: int) -> _Whole | None:
        """Decode all at once; None where there is anything that does not fit."""
        with open(self._path, "rb", buffering=0) as file:
            data = file.read(size)
        try:
            return _whole.decode(data)
        except UNDECODABLE:
            return None

    def _read_members(self) -> str:
        title = ""
        try:
            for name, value in members(self._path):
                if name == "sessionId":
                    self._named(_text(value))
                elif name == "summary":
                    title = _text(value)
                elif name == "messages":
                    self._read_message(value)
        except Malformed:
            self._reading.problem = "It is no whole JSON document."
        return title

    def _named(self, session: str | None) -> None:
        if session and not self._conversation.sidechain:
            self._conversation.session = session

    def _read_message(self, value: bytes) -> None:
        try:
            self._add(_message.decode(value))
        except UNDECODABLE:
            self._reading.garbled += not value or b'"tokens"' in value

    def _add(self, message: Message) -> None:
        if message.type != "gemini" or message.tokens is None or not message.id:
            return
        at = milliseconds(message.timestamp or "")
        if at is None:
            self._reading.garbled += 1
            return
        self._conversation.model = message.model or self._conversation.model
        row = self._conversation.request(message.id, at, message.tokens, rank=0)
        self._rows[message.id] = row


def _text(value: bytes) -> str:
    try:
        return _string.decode(value)
    except UNDECODABLE:
        return ""
