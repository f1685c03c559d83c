"""Kimi Code's own logs, the only place where it counts (measured on 2.1.0).

A session is a folder `~/.kimi-code/sessions/<folder>/<session id>`, with an append-only
`agents/<agent>/wire.jsonl` for its main agent and one for each subagent. The lines of type
`usage.record` are one model request each; the same figures stand in `step.end` and in
`agent.message.appended` again. Its output includes what the model thought.
"""

from contextlib import suppress
from datetime import UTC, datetime
from glob import escape
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tars.conversation.model import RequestUsage
from tars.protocols.counts import Count

#: The name of the agent that the person talks to.
_MAIN = "main"


class _Usage(msgspec.Struct, rename="camel"):
    """Without the first two it is another format: a zero would be a guess."""

    input_other: Count
    output: Count
    input_cache_read: Count = 0
    input_cache_creation: Count = 0


class _Record(msgspec.Struct):
    type: Literal["usage.record"]
    usage: _Usage
    model: str = ""
    #: Milliseconds since the epoch.
    time: Annotated[float, msgspec.Meta(ge=0, le=1e14)] = 0


_RECORD = msgspec.json.Decoder(_Record)
_MARK = msgspec.json.Decoder(dict[str, int])


class KimiLog:
    """One session's. `home` is the home folder of whoever runs it. The mark is the size up
    to which each agent's file was read, as JSON."""

    def __init__(self, home: Path, session_id: str, mark: str = "") -> None:
        self._home = home
        self._session_id = session_id
        self._read = _sizes(self._files()) if mark == "" else _marked(mark)

    def mark(self) -> str:
        return msgspec.json.encode(self._read).decode()

    def read(self) -> tuple[RequestUsage, ...] | None:
        files = self._files()
        if not files:
            return None
        return tuple(r for agent, path in files.items() for r in self._more(agent, path))

    def guard(self) -> None:
        """Loading loses nothing."""

    def tidy(self) -> None:
        """Loading leaves nothing."""

    def _files(self) -> dict[str, Path]:
        if not self._session_id or "/" in self._session_id:
            return {}
        sessions = self._home / ".kimi-code" / "sessions"
        found = sessions.glob(f"*/{escape(self._session_id)}/agents/*/wire.jsonl")
        return {path.parent.name: path for path in sorted(found)}

    def _more(self, agent: str, path: Path) -> list[RequestUsage]:
        """Read on to the last whole line."""
        start = self._read.get(agent, 0)
        try:
            with path.open("rb") as file:
                file.seek(start)
                data = file.read()
        except OSError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._read[agent] = start + len(whole)
        requests, at = [], start
        for line in whole.splitlines(keepends=True):
            if (request := _request(agent, at, line)) is not None:
                requests.append(request)
            at += len(line)
        return requests


def _request(agent: str, at: int, line: bytes) -> RequestUsage | None:
    if b'"usage.record"' not in line:
        return None
    try:
        record = _RECORD.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    used = record.usage
    return RequestUsage(
        # It has no id of its own; its place in a file that only grows is one.
        id=f"{agent}-{at}",
        model=record.model,
        input=used.input_other + used.input_cache_read + used.input_cache_creation,
        output=used.output,
        cached=used.input_cache_read,
        cache_write=used.input_cache_creation,
        at=datetime.fromtimestamp(record.time / 1000, UTC).isoformat().replace("+00:00", "Z"),
        subagent="" if agent == _MAIN else agent,
    )


def _sizes(files: dict[str, Path]) -> dict[str, int]:
    sizes = {}
    for agent, path in files.items():
        with suppress(OSError):
            sizes[agent] = path.stat().st_size
    return sizes


def _marked(mark: str) -> dict[str, int]:
    """Give the sizes of a stored mark; "0" is the beginning."""
    try:
        return _MARK.decode(mark)
    except msgspec.MsgspecError:
        return {}
