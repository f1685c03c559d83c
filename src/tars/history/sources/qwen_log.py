"""What Qwen Code's logs say.

A usage file has one line for each request, hidden ones too, but is only written while usage
statistics are on. Conversations have the same requests as events of the kind
`qwen-code.api_response`, a millisecond off, so that they cannot be matched. In a month that
has a usage file, from its first line on, only that one counts; before, and in other months, the
conversations do. The messages' own `usageMetadata` repeats those events.

`cachedTokens` is a part of `inputTokens`; thoughts are a part of the output where input and output
add up to the total, and beside it otherwise.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path

import msgspec

from tars.history.decoding import UNDECODABLE
from tars.history.lines import lines
from tars.history.records import Records
from tars.history.source import Found, Mark, Reading, Request
from tars.history.sources.qwen import USAGE
from tars.history.timestamps import milliseconds
from tars.protocols.counts import Count

_RESPONSE = "qwen-code.api_response"
_MAIN = "main"
#: Whom a way to sign in asks. The others may be anybody's.
_PROVIDERS = {"gemini": "google", "vertex-ai": "google", "anthropic": "anthropic"}
#: The two files have times of their own, a moment apart.
_APART_MS = 1000
_FIRST_LINES = 64 * 1024


def read(found: Found, mark: Mark) -> Reading:
    """Read a log on from a mark."""
    if Path(found.path).name.startswith(USAGE):
        return _read_usage(found, mark)
    return _read_chat(found, mark)


class _Call(msgspec.Struct, rename="camel"):
    """A line of a usage file."""

    id: str
    timestamp: str
    session_id: str
    model: str
    input_tokens: Count
    output_tokens: Count
    cached_tokens: Count = 0
    thoughts_tokens: Count = 0
    total_tokens: Count = 0
    auth_type: str = ""
    source: str = _MAIN


class _Event(msgspec.Struct):
    name: str | None = msgspec.field(name="event.name", default=None)
    timestamp: str = msgspec.field(name="event.timestamp", default="")
    response_id: str | None = None
    model: str | None = None
    auth_type: str | None = None
    subagent_name: str | None = None
    input_token_count: Count | None = None
    output_token_count: Count | None = None
    cached_content_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    total_token_count: Count | None = None

    def call(self, session: str) -> _Call:
        """Say it as a usage file does."""
        read, written = self.input_token_count or 0, self.output_token_count or 0
        return _Call(
            id=f"{self.timestamp}|{self.response_id}|{read}|{written}",
            timestamp=self.timestamp,
            session_id=session,
            model=self.model or "unknown",
            input_tokens=read,
            output_tokens=written,
            cached_tokens=self.cached_content_token_count or 0,
            thoughts_tokens=self.thoughts_token_count or 0,
            total_tokens=self.total_token_count or 0,
            auth_type=self.auth_type or "",
            source=self.subagent_name or _MAIN,
        )


class _Payload(msgspec.Struct):
    event: _Event | None = msgspec.field(name="uiEvent", default=None)


class _Line(msgspec.Struct, rename="camel"):
    session_id: str = ""
    cwd: str | None = None
    git_branch: str | None = None
    system_payload: _Payload | None = None


class _Where(msgspec.Struct, rename="camel"):
    cwd: str | None = None
    git_branch: str | None = None


_call = msgspec.json.Decoder(_Call)
_line = msgspec.json.Decoder(_Line)
_where = msgspec.json.Decoder(_Where)


def _read_usage(found: Found, mark: Mark) -> Reading:
    reading = Reading(mark)
    calls = Records(found, mark.offset, _call, b'"sessionId"')
    chats = _Chats(Path(found.path).parent.parent / "projects")
    for call in calls:
        request = _request(call, chats.where(call.session_id), key=f"usage:{call.id}")
        reading.requests.extend(request)
        reading.garbled += not request
    reading.mark = Mark(calls.offset)
    reading.garbled += calls.garbled
    reading.more = calls.more
    return reading


def _read_chat(found: Found, mark: Mark) -> Reading:
    reading = Reading(mark)
    counted = _Months(Path(found.path).parents[3] / "usage")
    chat = Records(found, mark.offset, _line, _RESPONSE.encode())
    for line in chat:
        event = line.system_payload.event if line.system_payload else None
        if event is None or event.name != _RESPONSE:
            continue
        call = event.call(line.session_id or Path(found.path).stem)
        where = _Where(line.cwd, line.git_branch)
        request = _request(call, where, key=f"chat:{call.id}")
        reading.requests.extend(r for r in request if not counted.has(r.at))
        reading.garbled += not request
    reading.mark = Mark(chat.offset)
    reading.garbled += chat.garbled
    reading.more = chat.more
    return reading


def _request(call: _Call, where: _Where, *, key: str) -> tuple[Request, ...]:
    at = milliseconds(call.timestamp)
    if at is None:
        return ()
    thoughts, output = call.thoughts_tokens, call.output_tokens
    if call.total_tokens == call.input_tokens + output + thoughts:
        output += thoughts
    return (
        Request(
            key=key,
            session=call.session_id,
            at=at,
            model=call.model,
            net_input=max(call.input_tokens - call.cached_tokens, 0),
            cache_read=call.cached_tokens,
            output=output,
            reasoning=min(thoughts, output),
            provider=_PROVIDERS.get(call.auth_type, ""),
            project=where.cwd or "",
            branch=where.git_branch or "",
            sidechain=call.source != _MAIN,
        ),
    )


class _Months:
    """Which requests the usage files have: those of each month, from its first line on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, at: int) -> bool:
        # The files are named for the month here, where Qwen Code ran too.
        month = datetime.fromtimestamp(at / 1000).astimezone().strftime("%Y-%m")
        return at >= self._begins.get(month, at + _APART_MS + 1) - _APART_MS

    @cached_property
    def _begins(self) -> dict[str, int]:
        return dict(self._first_lines())

    def _first_lines(self) -> Iterator[tuple[str, int]]:
        for path in self._folder.glob(f"{USAGE}*.jsonl"):
            with suppress(OSError):
                times = (_time(line.text) for line in lines(str(path), 0, _FIRST_LINES))
                if at := next(filter(None, times), None):
                    yield path.stem.removeprefix(USAGE), at


def _time(line: bytes) -> int | None:
    with suppress(*UNDECODABLE):
        return milliseconds(_call.decode(line).timestamp)
    return None


class _Chats:
    """Where the sessions of a usage file ran: their conversations say it in each line."""

    def __init__(self, projects: Path) -> None:
        self._projects = projects
        self._known: dict[str, _Where] = {}

    def where(self, session: str) -> _Where:
        if session not in self._known:
            self._known[session] = self._look(session)
        return self._known[session]

    def _look(self, session: str) -> _Where:
        with suppress(OSError):
            for folder in self._projects.iterdir():
                with suppress(OSError, *UNDECODABLE, StopIteration):
                    path = folder / "chats" / f"{Path(session).name}.jsonl"
                    line = next(iter(lines(str(path), 0, _FIRST_LINES)))
                    return _where.decode(line.text)
        return _Where()
