"""Claude Code's own log of a conversation: compared with what its protocol counts, and the
truth about a turn that nobody heard the end of.

It is `projects/<folder>/<session>.jsonl` in its configuration's folder, and for each subagent
`projects/<folder>/<session>/subagents/agent-<id>.jsonl`. Lines of the type `assistant` have a
message of the model API; there is one for each of its blocks, with the same id. Compaction,
requests that were repeated, and killed turns are not in it. The format is internal to Claude
Code: whatever does not fit is left out, never guessed.

The mark is an offset in the main file, and when the last line of a subagent was written.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from glob import escape
from pathlib import Path

import msgspec
from msgspec import Raw

from tars.agents.claude.answers import SYNTHETIC
from tars.agents.claude.messages import USAGE
from tars.agents.claude.usage import counted
from tars.conversation.model import RequestUsage
from tars.protocols.jsonrpc import decoded

#: How many messages may wait for their last line.
_MAX_OPEN = 256
#: How many ids are remembered, so that none is given twice.
_MAX_KNOWN = 20_000


class _Message(msgspec.Struct):
    id: str = ""
    model: str = ""
    stop_reason: str | None = None
    usage: Raw = Raw(b"null")


class _Line(msgspec.Struct):
    """The members of a line that are read; the rest is skipped undecoded."""

    type: str
    timestamp: str = ""
    message: Raw = Raw(b"null")
    agent: str | None = msgspec.field(default=None, name="agentId")


_LINE = msgspec.json.Decoder(_Line)
_MESSAGE = msgspec.json.Decoder(_Message)


class ClaudeHistory:
    """One session's files, wherever they are. `root` is the configuration's folder."""

    def __init__(self, root: Path, session_id: str, mark: str = "") -> None:
        self._root = root
        self._session_id = session_id
        self._path: Path | None = None
        self._known: dict[str, None] = {}
        self._open: dict[str, RequestUsage] = {}
        self._offsets: dict[Path, int] = {}
        offset, _, self._since = mark.partition("@")
        self._newest = self._since
        self._offset = int(offset) if offset.isdecimal() else self._skip_all()

    def mark(self) -> str:
        return f"{self._offset}@{self._newest}"

    def read(self) -> tuple[RequestUsage, ...] | None:
        path = self._find()
        if path is None:
            return None
        requests: dict[str, RequestUsage] = {}
        waited = set(self._open)
        try:
            data, self._offset = _grown(path, self._offset)
            for line in data.splitlines():
                self._note(line, requests)
            for file in self._subagents():
                self._read_subagent(file, requests)
        except OSError:
            return None
        for id in waited & set(self._open):
            # It was there at the last look too: nothing more will come.
            requests[id] = self._open.pop(id)
            self._known[id] = None
        return tuple(requests.values())

    def guard(self) -> None:
        """Loading a session cannot harm it."""

    def tidy(self) -> None:
        """Loading a session leaves nothing."""

    def _read_subagent(self, file: Path, requests: dict[str, RequestUsage]) -> None:
        data, self._offsets[file] = _grown(file, self._offsets.get(file, 0))
        for line in data.splitlines():
            self._note(line, requests, subagent=file.stem.removeprefix("agent-"))

    def _note(self, line: bytes, requests: dict[str, RequestUsage], subagent: str = "") -> None:
        record = decoded(line, _LINE)
        if record is None:
            return
        if subagent:
            if record.timestamp and record.timestamp <= self._since:
                return
            self._newest = max(self._newest, record.timestamp)
        if record.type != "assistant":
            return
        message = decoded(record.message, _MESSAGE)
        if message is None or message.model == SYNTHETIC or not message.id:
            return
        usage = decoded(message.usage, USAGE)
        if usage is None or message.id in self._known:
            return
        raw = bytes(message.usage)
        who = subagent or record.agent or ""
        request = counted(message.id, message.model, usage, raw, who, record.timestamp)
        before = self._open.pop(message.id, None)
        if before is not None and before.output > request.output:
            request = before
        if message.stop_reason is None and len(self._open) < _MAX_OPEN:
            # Some versions log how a message began: its later lines may know more.
            self._open[message.id] = request
            return
        requests[message.id] = request
        self._known[message.id] = None
        if len(self._known) > _MAX_KNOWN:
            del self._known[next(iter(self._known))]

    def _find(self) -> Path | None:
        with suppress(OSError, ValueError):
            if self._path is None or not self._path.exists():
                self._path = find(self._root, self._session_id)
            return self._path
        return None

    def _subagents(self) -> Iterator[Path]:
        if self._path is not None:
            yield from sorted(self._path.with_suffix("").glob("subagents/agent-*.jsonl"))

    def _skip_all(self) -> int:
        """Everything that is there was read already."""
        path = self._find()
        if path is None:
            return 0
        with suppress(OSError):
            for file in self._subagents():
                self._offsets[file] = file.stat().st_size
            return path.stat().st_size
        return 0


def find(root: Path, session_id: str) -> Path | None:
    """Give a session's file, whatever folder it was begun in; of several the newest."""
    files = list(root.glob(f"projects/*/{escape(session_id)}.jsonl"))
    return max(files, key=lambda path: path.stat().st_mtime, default=None)


def can_resume(path: Path) -> bool:
    """Whether a file holds a conversation: Claude Code refuses one without a message."""
    with suppress(OSError), path.open("rb") as file:
        for line in file:
            record = decoded(line, _LINE)
            if record is not None and record.type in ("user", "assistant"):
                return True
    return False


def _grown(path: Path, offset: int) -> tuple[bytes, int]:
    """Give the whole lines since an offset, and the next one; a torn one is left for later."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < offset:
            # Not the append-only file we know: what it holds cannot be told apart.
            return b"", size
        file.seek(offset)
        data = file.read()
    end = data.rfind(b"\n") + 1
    return data[:end], offset + end
