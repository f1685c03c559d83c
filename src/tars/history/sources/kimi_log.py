"""What one of Kimi's logs says.

An event `usage.record` is one request. The same figures stand again in the `step.end` of its step
and in the message; they are not counted. It has no id: when it was, to the millisecond, and its
figures identify it, in copies of the file too. `inputOther`, what came from the cache and what
went into it add up. The model has the name of the person's configuration; `llm.request`, before
it, says the model's own.

kimi-cli wrote a `StatusUpdate` for each step; that form is known from its documentation alone, and
tells no model.
"""

from contextlib import suppress
from pathlib import Path

import msgspec

from tars.history.decoding import UNDECODABLE
from tars.history.records import Records
from tars.history.source import Found, Mark, Reading, Request
from tars.protocols.counts import Count

_MARKS = (b'"usage.record"', b'"llm.request"', b'"profile.bind"', b'"StatusUpdate"')
_MAIN = "main"
#: More names of models than a conversation ever has.
_MOST_NAMES = 64
_UNKNOWN = "unknown"


def read(found: Found, mark: Mark) -> Reading:
    """Read a log on from a mark."""
    reader = _Reader(found.path, mark)
    records = Records(found, mark.offset, _line, *_MARKS)
    for record in records:
        reader.note(record)
    reading = reader.reading
    reading.mark = Mark(records.offset, msgspec.json.encode(reader.state))
    reading.garbled += records.garbled
    reading.more = records.more
    return reading


class _Usage(msgspec.Struct, rename="camel"):
    input_other: Count
    output: Count
    input_cache_read: Count = 0
    input_cache_creation: Count = 0


class _OldUsage(msgspec.Struct):
    input_other: Count
    output: Count
    input_cache_read: Count = 0
    input_cache_creation: Count = 0


class _Disclosure(msgspec.Struct):
    cwd: str | None = None


class _Payload(msgspec.Struct):
    token_usage: _OldUsage | None = None
    message_id: str | None = None


class _OldMessage(msgspec.Struct):
    type: str | None = None
    payload: _Payload | None = None


class _Line(msgspec.Struct):
    type: str | None = None
    time: int | None = None
    agent: str | None = msgspec.field(name="agentId", default=None)
    model: str | None = None
    alias: str | None = msgspec.field(name="modelAlias", default=None)
    provider: str | None = None
    usage: _Usage | None = None
    disclosure: _Disclosure | None = msgspec.field(name="environmentDisclosure", default=None)
    timestamp: float | None = None
    message: msgspec.Raw = msgspec.Raw(b"")


class _State(msgspec.Struct):
    """`models` has the provider and the name of each model by what the person calls it."""

    project: str = ""
    models: dict[str, tuple[str, str]] = {}


_line = msgspec.json.Decoder(_Line)
_old = msgspec.json.Decoder(_OldMessage)
_state = msgspec.json.Decoder(_State)


class _Reader:
    """One reading of one log."""

    def __init__(self, path: str, mark: Mark) -> None:
        self.reading = Reading(mark)
        self.state = _State()
        with suppress(*UNDECODABLE):
            self.state = _state.decode(mark.state)
        self._session, self._agent = _of_path(Path(path))

    def note(self, line: _Line) -> None:
        match line.type:
            case "profile.bind" if line.disclosure is not None and line.disclosure.cwd:
                self.state.project = line.disclosure.cwd
            case "llm.request" if line.alias and line.model:
                models = self.state.models
                models[line.alias] = (line.provider or "", line.model)
                if len(models) > _MOST_NAMES:
                    del models[next(iter(models))]
            case "usage.record" if line.usage is not None and line.time:
                self._add(line, line.usage, line.time)
            case "usage.record":
                self.reading.garbled += 1
            case None if bytes(line.message) and line.timestamp:
                self._add_old(line.message, line.timestamp)
            case _:
                pass

    def _add(self, line: _Line, usage: _Usage, at: int) -> None:
        alias = line.model or _UNKNOWN
        provider, model = self.state.models.get(alias, ("", alias))
        key = f"{at}|{alias}|{line.agent}|{_figures(usage)}"
        aside = (line.agent or self._agent) != _MAIN
        self._count(usage, key=key, at=at, model=model, provider=provider, aside=aside)

    def _add_old(self, message: msgspec.Raw, timestamp: float) -> None:
        try:
            told = _old.decode(message)
        except UNDECODABLE:
            self.reading.garbled += 1
            return
        if told.type != "StatusUpdate" or told.payload is None:
            return
        usage, at = told.payload.token_usage, _milliseconds(timestamp)
        if usage is None or at is None:
            return
        key = f"{at}|{told.payload.message_id}|{_figures(usage)}"
        self._count(usage, key=key, at=at, model=_UNKNOWN)

    def _count(
        self,
        usage: _Usage | _OldUsage,
        *,
        key: str,
        at: int,
        model: str,
        provider: str = "",
        aside: bool = False,
    ) -> None:
        self.reading.requests.append(
            Request(
                key=key,
                session=self._session,
                at=at,
                model=model,
                net_input=usage.input_other,
                cache_read=usage.input_cache_read,
                cache_write=usage.input_cache_creation,
                output=usage.output,
                provider=provider,
                project=self.state.project,
                sidechain=aside,
            )
        )


def _figures(usage: _Usage | _OldUsage) -> str:
    read, written = usage.input_cache_read, usage.input_cache_creation
    return f"{usage.input_other}|{read}|{written}|{usage.output}"


def _milliseconds(seconds: float) -> int | None:
    return round(seconds * 1000) if 0 < seconds < 1e11 else None


def _of_path(path: Path) -> tuple[str, str]:
    """Give the session and the agent of a log: a subagent's is of its parent's session."""
    if path.parent.parent.name == "agents":
        return path.parents[2].name, path.parent.name
    return path.parent.name, _MAIN
