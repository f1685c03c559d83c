"""Codex's rollouts: its own log of a thread, and of each subagent that worked for it.

A rollout is `$CODEX_HOME/sessions/YYYY/MM/DD/rollout-<time>-<thread id>.jsonl` (archived:
`archived_sessions/`), append-only, and written as the thread goes. Two of its lines tell what
a response used: `token_usage_record` (0.169) with the response's id, the same that
`rawResponse/completed` has, and an `event_msg` of type `token_count`, which every version
writes. Both come for the same response, so that the second counts only in a file that has
none of the first; and it is repeated on failed turns, with the same total. The format is
internal to Codex: whatever does not fit is left out, never guessed.
"""

import os
from contextlib import suppress
from glob import escape
from pathlib import Path

from tars.agents.codex.rollout import Rollout
from tars.conversation.model import RequestUsage

_PLACES = ("sessions/*/*/*", "archived_sessions")


class CodexHistory:
    """One thread's rollout and those of its subagents. `root` is Codex's home."""

    def __init__(self, root: Path, session_id: str, mark: str = "") -> None:
        self._root = root
        self._session_id = session_id
        self._files: dict[str, _File] = {}
        offsets = _offsets(mark)
        self._add("", None if offsets is None else offsets.get("", 0))
        for id in self._files[""].rollout.subagents if offsets is None else offsets:
            if id:
                self._add(id, None if offsets is None else offsets[id])

    def mark(self) -> str:
        """Give the length of the thread's rollout, then each subagent's as `id:length`."""
        lengths = {id: file.offset for id, file in self._files.items()}
        main = lengths.pop("")
        return " ".join([str(main), *(f"{id}:{length}" for id, length in lengths.items())])

    def read(self) -> tuple[RequestUsage, ...] | None:
        requests = self._files[""].read()
        if requests is None:
            return None
        unread = list(self._files)[1:]
        for id in self._files[""].rollout.subagents:
            if id not in self._files:
                self._add(id, 0)
                unread.append(id)
        for id in unread:
            requests += self._files[id].read() or ()
        return requests

    def guard(self) -> None:
        """Codex loses nothing when it resumes a thread."""

    def tidy(self) -> None:
        """It leaves nothing behind either."""

    def _add(self, subagent: str, offset: int | None) -> None:
        thread = subagent or self._session_id
        self._files[subagent] = _File(self._root, thread, offset, Rollout(subagent))


class _File:
    """A rollout on the disk, read up to `offset`. None says: all that is there was read."""

    def __init__(self, root: Path, thread_id: str, offset: int | None, rollout: Rollout) -> None:
        self.rollout = rollout
        self.offset = offset or 0
        self._root = root
        self._thread_id = thread_id
        self._path: Path | None = None
        if offset != 0:
            self._catch_up(offset)

    def read(self) -> tuple[RequestUsage, ...] | None:
        path = self._find()
        if path is None:
            return None
        try:
            lines = self._whole_lines(path, None)
        except OSError:
            return None
        return tuple(r for line in lines if (r := self.rollout.read(line)) is not None)

    def _catch_up(self, offset: int | None) -> None:
        """Learn from what was read before which model answers, and which lines count here."""
        self.offset = 0
        path = self._find()
        with suppress(OSError):
            for line in self._whole_lines(path, offset) if path else ():
                self.rollout.read(line)
        self.offset = max(self.offset, offset or 0)

    def _find(self) -> Path | None:
        if self._path is None or not self._path.exists():
            name = f"rollout-*-{escape(self._thread_id)}.jsonl"
            found = (path for place in _PLACES for path in self._root.glob(f"{place}/{name}"))
            self._path = next(found, None)
        return self._path

    def _whole_lines(self, path: Path, until: int | None) -> list[bytes]:
        """The whole lines from where the last call ended; a torn one is left for the next."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < self.offset:
                # Not the append-only file we know: what it holds cannot be told apart.
                self.offset = size
                return []
            file.seek(self.offset)
            data = file.read() if until is None else file.read(until - self.offset)
        end = data.rfind(b"\n") + 1
        self.offset += end
        return data[:end].splitlines()


def _offsets(mark: str) -> dict[str, int] | None:
    """Read a mark. None for an empty one, or one that is none of ours: then all counts as read."""
    offsets: dict[str, int] = {}
    for word in mark.split():
        id, _, length = word.rpartition(":")
        if not length.isdecimal():
            return None
        offsets[id] = int(length)
    return offsets if "" in offsets else None
