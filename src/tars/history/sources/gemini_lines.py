"""Gemini CLI's logs of JSON lines, read on from where they were read before.

The lines are as Gemini CLI writes them, to the letter, or almost: what has no tokens is not
looked at, a message's figures are cut out of it, and what is any different is decoded whole.
"""

import re
from contextlib import suppress

import msgspec

from tars.history.decoding import UNDECODABLE
from tars.history.lines import Line, Window, bare, windows
from tars.history.source import ENOUGH, Found, Mark, Reading, Request
from tars.history.sources.gemini_messages import Conversation, Message, Tokens
from tars.history.sources.gemini_places import place
from tars.history.timestamps import milliseconds

_FIGURES = b'"tokens":{'
_CALLS = b'"toolCalls":'
_SUMMARY = b'{"$set":{"summary":'
_NEWLINE = ord("\n")
_HEAD = re.compile(rb'\{"id":"([^"\\]+)","timestamp":"([^"\\]+)","type":"gemini","content":"')
_TOKENS = re.compile(
    rb'"tokens":\{"input":(\d{1,15}),"output":(\d{1,15}),"cached":(\d{1,15}),'
    rb'"thoughts":(\d{1,15}),"tool":(\d{1,15}),"total":\d{1,15}\}(?:,"model":"([^"\\]*)")?(?=[,}])'
)


class _Set(msgspec.Struct):
    summary: str | None = None


class _Line(Message):
    """A message, or what is said of the whole conversation."""

    session: str | None = msgspec.field(name="sessionId", default=None)
    directories: list[str] | None = None
    set: _Set | None = msgspec.field(name="$set", default=None)
    summary: str | None = None


_line = msgspec.json.Decoder(_Line)
_conversation = msgspec.json.Decoder(Conversation)


def read_lines(found: Found, mark: Mark, *, enough: int = ENOUGH) -> Reading:
    """Read a log on from a mark, until there are enough requests. Raises OSError."""
    reader = _Reader(found, mark)
    for part in windows(found.path, mark.offset, found.size):
        if isinstance(part, Window):
            reader.window(part)
            reader.offset = part.offset + part.end
        else:
            reader.line(part)
            if part.whole:
                reader.offset = part.end
        if reader.requests >= enough:
            break
    reading = reader.done()
    reading.more = reader.requests >= enough and reader.offset < found.size
    return reading


class _Reader:
    """One reading of one log. `_last` is the row before: a message is written again, with the
    same figures, when its tool calls are done."""

    def __init__(self, found: Found, mark: Mark) -> None:
        self.offset = mark.offset
        self._rank = int(found.path.endswith(".jsonl"))
        self._conversation = _known(mark) or _of_place(found.path)
        self._rows: dict[str, Request] = {}
        self._last = (b"", b"")
        self._reading = Reading(mark)

    @property
    def requests(self) -> int:
        return len(self._rows)

    def done(self) -> Reading:
        self._reading.requests = list(self._rows.values())
        self._reading.mark = Mark(self.offset, msgspec.json.encode(self._conversation))
        return self._reading

    def window(self, window: Window) -> None:
        data, begin, end = window.data, 0, window.end
        if window.offset == 0:
            # Who talks is said in the first line, and whether there are blanks in the others.
            begin = data.index(b"\n") + 1
            first = bare(data[:begin])
            self._conversation.spaced = not first.startswith(b'{"sessionId":"')
            self._decode(first)
        if self._conversation.spaced:
            for text in bytes(data[begin:end]).split(b"\n"):
                self._decode(bare(text))
            return
        self._titles(data, end)
        while (at := data.find(_FIGURES, begin, end)) >= 0:
            start = max(data.rfind(b"\n", begin, at) + 1, begin)
            stop = data.index(b"\n", at)
            if not self._cut_out(data, start, at):
                self._decode(bare(data[start:stop]))
            begin = stop + 1

    def line(self, line: Line) -> None:
        """Take a line that is longer than a window, or the last one, which may not be whole."""
        text = line.text
        if not line.cut:
            self._decode(text, torn=not line.whole)
        elif text.startswith(b'{"id":') and b'"type":"gemini"' in text:
            at = text.find(_FIGURES)
            taken = at >= 0 and self._cut_out(text, 0, at)
            # Tool calls are added to a message that was written before, with its tokens.
            if not taken and b'"tokens":null' not in text and _CALLS not in text:
                self._reading.garbled += line.whole

    def _cut_out(self, data: bytearray | bytes, start: int, at: int) -> bool:
        """Take the figures of a line that is written to the letter: give whether it is. Before
        its tool calls, in which anything may be, they can only be the message's own: within
        strings quotes are escaped."""
        if data.startswith(b'{"$', start):
            return True
        head = _HEAD.match(data, start)
        found = _TOKENS.match(data, at)
        if head is None or found is None or data.find(_CALLS, head.end(), at) >= 0:
            return False
        row = head[1], found[0]
        if row != self._last:
            self._last = row
            tokens = Tokens(*map(int, found.groups()[:5]))
            model = (found[6] or b"").decode(errors="replace")
            self._add(head[1].decode(errors="replace"), head[2].decode("latin-1"), model, tokens)
        return True

    def _decode(self, text: bytes, *, torn: bool = False) -> None:
        if not text or text.startswith(b'{"$set":{"messages":'):
            return
        try:
            line = _line.decode(text)
        except UNDECODABLE:
            self._reading.garbled += not torn and (b'"tokens"' in text or b'"sessionId"' in text)
            return
        self._note(line)
        if line.type == "gemini" and line.tokens is not None and line.id:
            self._add(line.id, line.timestamp or "", line.model or "", line.tokens)

    def _note(self, line: _Line) -> None:
        conversation = self._conversation
        if line.session and not conversation.sidechain:
            conversation.session = line.session
        if line.directories and not conversation.project:
            conversation.project = line.directories[0]
        summary = line.summary or (line.set.summary if line.set else None)
        if summary and not conversation.sidechain:
            self._reading.titles[conversation.session] = summary

    def _titles(self, data: bytearray, end: int) -> None:
        begin = 0
        while (at := data.find(_SUMMARY, begin, end)) >= 0:
            begin = data.index(b"\n", at) + 1
            if at == 0 or data[at - 1] == _NEWLINE:
                self._decode(bare(data[at:begin]))

    def _add(self, id: str, time: str, model: str, tokens: Tokens) -> None:
        at = milliseconds(time)
        if at is None:
            self._reading.garbled += 1
            return
        self._conversation.model = model or self._conversation.model
        self._rows[id] = self._conversation.request(id, at, tokens, rank=self._rank)


def _known(mark: Mark) -> Conversation | None:
    with suppress(*UNDECODABLE):
        return _conversation.decode(mark.state)
    return None


def _of_place(path: str) -> Conversation:
    known = place(path)
    return Conversation(known.session, known.project, sidechain=known.sidechain)
