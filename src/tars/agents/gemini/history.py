"""Gemini CLI's own session files: the only place with cached and thought tokens, the single
requests, and what cancelled and failed turns used.

A file is `~/.gemini/tmp/<project>/chats/session-<minute>-<first 8 of the id>.jsonl`,
append-only. Of its lines, those with `"type": "gemini"` and `tokens` are one model request
each; the last line of an id wins; what is inside `$set` are copies. The format is
internal to Gemini CLI: whatever does not fit is left out, never guessed.

Two upstream bugs lose a session at `session/load` (0.47 to 0.61 at least): the load opens a
recording under the *current* minute's name, which may be the session's own file; and the
stub it leaves makes the next start's clean-up delete every file of the same 8 characters.
So `guard` moves the file to a minute that is never now, and `tidy` removes the stub. A hard
link in a folder of our own outlives a deletion all the same.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from glob import escape
from pathlib import Path

import msgspec

from tars.conversation.model import RequestUsage
from tars.protocols.counts import Count

#: A minute in which no session can begin any more.
SAFE_MINUTE = "2000-01-01T00-00"


class _Tokens(msgspec.Struct):
    """Without `input` and `output` it is another format: a zero would be a guess."""

    input: Count
    output: Count
    cached: Count = 0
    thoughts: Count = 0


class _Line(msgspec.Struct):
    """The members of a session file's line that are read; the rest is skipped undecoded."""

    id: str | None = None
    type: str | None = None
    timestamp: str = ""
    model: str = ""
    tokens: _Tokens | None = None
    session_id: str | None = msgspec.field(name="sessionId", default=None)


_decoder = msgspec.json.Decoder(_Line)


class GeminiHistory:
    """One session's file, wherever it is. `root` is Gemini CLI's `.gemini` folder."""

    def __init__(self, root: Path, session_id: str, keep: Path, mark: str = "") -> None:
        self._root = root
        self._session_id = session_id
        self._keep = keep
        self._path: Path | None = None
        self._counted: set[str] = set()
        self._offset = int(mark) if mark.isdecimal() else self._size()

    @property
    def exists(self) -> bool:
        """Whether there is a log, and so a conversation to bring back."""
        return self._find() is not None

    def mark(self) -> str:
        return str(self._offset)

    def read(self) -> tuple[RequestUsage, ...] | None:
        path = self._find()
        if path is None:
            return None
        try:
            fresh = self._read_lines(path)
        except OSError:
            return None
        self._keep_link(path)
        requests: dict[str, RequestUsage] = {}
        for line in fresh:
            if (request := _request(line)) is not None and request.id not in self._counted:
                requests[request.id] = request
        self._counted.update(requests)
        return tuple(requests.values())

    def guard(self) -> None:
        # A ValueError: the note beside the link holds no path any more.
        with suppress(OSError, ValueError):
            self._forget_other_links()
            path = self._find() or self._restore()
            if path is None:
                return
            self._remove_stubs(path)
            safe = path.with_name(f"session-{SAFE_MINUTE}-{self._short}.jsonl")
            # A rename would replace what is there, and that is no stub.
            self._path = path if safe.exists() else path.rename(safe)
            self._keep_link(self._path)

    def tidy(self) -> None:
        with suppress(OSError):
            path = self._find()
            if path is not None:
                self._remove_stubs(path)

    @property
    def _short(self) -> str:
        return self._session_id[:8]

    @property
    def _link(self) -> Path:
        return self._keep / f"gemini-{self._session_id}.jsonl"

    @property
    def _place(self) -> Path:
        """Remembers the folder that the linked file belongs to."""
        return self._link.with_suffix(".folder")

    def _size(self) -> int:
        path = self._find()
        try:
            return 0 if path is None else path.stat().st_size
        except OSError:
            return 0

    def _find(self) -> Path | None:
        """The session's file: of several with its id the largest that is no stub.

        A stub lists the working folder, so that it may be larger than a short conversation.
        """
        with suppress(OSError):
            if self._path is None or not self._path.exists():
                files = sorted(self._files(), key=lambda p: (not _is_stub(p), p.stat().st_size))
                self._path = files[-1] if files else None
            return self._path
        return None

    def _files(self) -> Iterator[Path]:
        for path in self._root.glob(f"tmp/*/chats/session-*-{escape(self._short)}.jsonl"):
            if _owner(path) == self._session_id:
                yield path

    def _read_lines(self, path: Path) -> list[bytes]:
        """The whole lines since the last call; a torn one is left for the next."""
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < self._offset:
                # Not the append-only file we know: what it holds cannot be told apart.
                self._offset = os.fstat(file.fileno()).st_size
                return []
            file.seek(self._offset)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self._offset += end
        return data[:end].splitlines()

    def _remove_stubs(self, keep: Path) -> None:
        for path in list(self._files()):
            if path != keep and _is_stub(path):
                path.unlink(missing_ok=True)

    def _keep_link(self, path: Path) -> None:
        """A second name for the same file: it costs nothing and survives a deletion."""
        with suppress(OSError):
            if self._link.exists() and self._link.samefile(path):
                return
            self._keep.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._link.unlink(missing_ok=True)
            try:
                os.link(path, self._link)
            except OSError:
                # Another file system: a copy, as of now.
                shutil.copyfile(path, self._link)
                self._link.chmod(0o600)
            self._place.touch(mode=0o600)
            self._place.write_bytes(os.fsencode(path.parent))

    def _restore(self) -> Path | None:
        """Give the file back to Gemini CLI after something deleted it."""
        if not self._link.exists() or not self._place.exists():
            return None
        folder = Path(os.fsdecode(self._place.read_bytes()))
        if not folder.is_absolute():
            return None  # A note that was cut short.
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"session-{SAFE_MINUTE}-{self._short}.jsonl"
        shutil.copyfile(self._link, path)
        path.chmod(0o600)
        return path

    def _forget_other_links(self) -> None:
        """Only the current session is kept: an agent has one at a time."""
        for path in self._keep.glob("gemini-*"):
            if path.stem != self._link.stem:
                path.unlink(missing_ok=True)


def _owner(path: Path) -> str | None:
    """The session id that a file's first line names."""
    try:
        with path.open("rb") as file:
            line = _decoded(file.readline())
    except OSError:
        return None
    return None if line is None else line.session_id


def _is_stub(path: Path) -> bool:
    """A recording that holds no message: what a load leaves behind."""
    with path.open("rb") as file:
        return not any(_may_be_message(line) for line in file)


def _may_be_message(line: bytes) -> bool:
    """What cannot be read counts too: a file is not deleted because its format is new."""
    record = _decoded(line)
    return record is None or record.type in ("user", "gemini")


def _decoded(line: bytes) -> _Line | None:
    try:
        return _decoder.decode(line)
    except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors, as is bad UTF-8
        return None


def _request(line: bytes) -> RequestUsage | None:
    record = _decoded(line)
    if record is None or record.type != "gemini" or record.tokens is None or not record.id:
        return None
    t = record.tokens
    return RequestUsage(
        id=record.id,
        model=record.model,
        input=t.input,
        output=t.output,
        cached=t.cached,
        thoughts=t.thoughts,
        at=record.timestamp,
    )
