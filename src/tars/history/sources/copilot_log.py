"""What GitHub Copilot CLI's logs say.

A session's events have a `session.usage_record` for each request. A fork of a session begins with
its events, and names the session that they came from. The database has the same requests in
`assistant_usage_events`, with the same times to the millisecond: so session, time and figures
identify a request in both, and what one of them has lost the other tells. The sums of
`session.shutdown` go on over resumes and are not counted.

`cacheReadTokens` and `cacheWriteTokens` are parts of `inputTokens`, and reasoning of the output.
What a request cost is told in units of a subscription, not in money.
"""

import sqlite3
from contextlib import suppress
from pathlib import Path

import msgspec

from tars.history import databases
from tars.history.decoding import UNDECODABLE
from tars.history.records import Records
from tars.history.source import Found, Mark, Reading, Request
from tars.history.timestamps import milliseconds
from tars.protocols.counts import Count

_NEEDED = ("session_id", "model", "input_tokens", "output_tokens", "created_at")
_MORE = ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "agent_id")


def read(found: Found, mark: Mark, *, grows: bool) -> Reading:
    """Read a session's events on from a mark, or the database whole."""
    return _read_events(found, mark) if grows else _read_store(found)


class _Usage(msgspec.Struct, rename="camel"):
    input_tokens: Count
    output_tokens: Count
    model: str | None = None
    cache_read_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    accounting: "_Accounting | None" = None


class _Accounting(msgspec.Struct, rename="camel"):
    source_session_id: str | None = None


class _Context(msgspec.Struct):
    cwd: str | None = None
    branch: str | None = None


class _Data(msgspec.Struct, rename="camel"):
    session_id: str | None = None
    agent_id: str | None = None
    usage: _Usage | None = None
    context: _Context | None = None


class _Event(msgspec.Struct):
    type: str
    timestamp: str = ""
    data: _Data | None = None


class _State(msgspec.Struct):
    session: str = ""
    project: str = ""
    branch: str = ""


_event = msgspec.json.Decoder(_Event)
_state = msgspec.json.Decoder(_State)


def _read_events(found: Found, mark: Mark) -> Reading:
    reading, state = Reading(mark), _State(session=Path(found.path).parent.name)
    with suppress(*UNDECODABLE):
        state = _state.decode(mark.state)
    marks = (b'"session.usage_record"', b'"session.start"', b'"session.resume"')
    events = Records(found, mark.offset, _event, *marks)
    for event in events:
        data = event.data or _Data()
        if event.type in ("session.start", "session.resume"):
            context = data.context or _Context()
            state.project = context.cwd or state.project
            state.branch = context.branch or state.branch
        elif event.type == "session.usage_record" and data.usage is not None:
            request = _request(
                state, event.timestamp, data.usage, rank=1, aside=bool(data.agent_id)
            )
            reading.requests.extend(request)
            reading.garbled += not request
    reading.mark = Mark(events.offset, msgspec.json.encode(state))
    reading.garbled += events.garbled
    reading.more = events.more
    return reading


def _read_store(found: Found) -> Reading:
    reading = Reading(Mark(found.size))
    try:
        with databases.opened(found.path) as connection:
            sessions = {
                row["id"]: row
                for row in databases.rows(connection, "sessions", ("id",), ("cwd", "branch"))
            }
            for row in databases.rows(connection, "assistant_usage_events", _NEEDED, _MORE):
                _add_row(reading, row, sessions.get(row["session_id"]))
    except databases.Foreign as error:
        reading.problem = str(error)
    return reading


def _add_row(reading: Reading, row: sqlite3.Row, session: sqlite3.Row | None) -> None:
    try:
        usage = msgspec.convert(
            {
                "inputTokens": row["input_tokens"] or 0,
                "outputTokens": row["output_tokens"] or 0,
                "model": row["model"],
                "cacheReadTokens": row["cache_read_tokens"],
                "cacheWriteTokens": row["cache_write_tokens"],
                "reasoningTokens": row["reasoning_tokens"],
            },
            _Usage,
        )
    except msgspec.ValidationError:
        reading.garbled += 1
        return
    state = _State(str(row["session_id"]))
    if session is not None:
        state.project, state.branch = session["cwd"] or "", session["branch"] or ""
    request = _request(state, str(row["created_at"]), usage, rank=0, aside=bool(row["agent_id"]))
    reading.requests.extend(request)
    reading.garbled += not request


def _request(
    state: _State, time: str, usage: _Usage, *, rank: int, aside: bool
) -> tuple[Request, ...]:
    at = milliseconds(time)
    if at is None:
        return ()
    began = usage.accounting.source_session_id if usage.accounting else None
    read, write = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    return (
        Request(
            key=f"{began or state.session}|{at}|{usage.input_tokens}|{usage.output_tokens}",
            session=state.session,
            at=at,
            model=usage.model or "unknown",
            net_input=max(usage.input_tokens - read - write, 0),
            cache_read=read,
            cache_write=write,
            output=usage.output_tokens,
            reasoning=min(usage.reasoning_tokens or 0, usage.output_tokens),
            project=state.project,
            branch=state.branch,
            rank=rank,
            sidechain=aside,
        ),
    )
