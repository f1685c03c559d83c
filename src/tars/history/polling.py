"""Where nothing says which files changed, the newest of them are looked at now and then.

An agent that works appends to the newest file, or makes one beside it: so the few newest files and
folders are looked at, every second while something changes and seldom otherwise. All the
others are found by a survey, which is as dear as there are files.
"""

import heapq
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from tars.history.seen import MOST_PATHS, Seen

#: How many of the newest files, and of the newest folders, are looked at.
FILES, FOLDERS = 12, 12
#: How often, while something changed within the last minute, and otherwise.
BUSY_SECONDS, QUIET_SECONDS = 0.7, 4.0
LATELY_SECONDS = 60.0
SURVEY_SECONDS = 600.0
#: A tree that never ends is left at so many folders.
MOST_FOLDERS = 50_000

_State = tuple[int, int, int]


class Poll:
    """Looks at what is below some roots; a root may be a file, and need not be there."""

    fd = None

    def __init__(
        self, roots: Iterable[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._roots = tuple(dict.fromkeys(os.path.normpath(root) for root in roots))
        self._clock = clock
        self._known: dict[str, _State | None] = {}
        self._changed_at = float("-inf")
        self._surveyed_at = float("-inf")
        self._survey()

    @property
    def pause(self) -> float:
        """How many seconds there are until the next look is due."""
        lately = self._clock() - self._changed_at < LATELY_SECONDS
        return BUSY_SECONDS if lately else QUIET_SECONDS

    def close(self) -> None:
        """There is nothing to close."""

    def read(self) -> Seen:
        """Give what changed since the last look, as far as it was looked at."""
        if self._clock() - self._surveyed_at >= SURVEY_SECONDS:
            self._survey()
            return Seen(more=True)
        found: set[str] = set()
        for path, before in list(self._known.items()):
            now = _state(path)
            if now != before:
                self._known[path] = now
                self._look_into(path, before, found)
        if found:
            self._changed_at = self._clock()
        return Seen(frozenset(list(found)[:MOST_PATHS]), more=len(found) > MOST_PATHS)

    def _look_into(self, path: str, before: _State | None, found: set[str]) -> None:
        """Find what is new in a folder that changed; a file is what changed itself."""
        if not os.path.isdir(path):
            if os.path.exists(path):
                found.add(path)
            return
        since = 0 if before is None else before[0]
        for each, state, is_folder in _entries(path):
            if each in self._known or state[0] < since:
                continue
            self._remember(each, state)
            for file, its, folder in _walk(each) if is_folder else ((each, state, False),):
                self._remember(file, its)
                if not folder:
                    found.add(file)

    def _remember(self, path: str, state: _State) -> None:
        """What is new will be written to again; the longest known is left to the survey."""
        self._known[path] = state
        if len(self._known) > 2 * (FILES + FOLDERS) + len(self._roots):
            oldest = next(path for path in self._known if path not in self._roots)
            del self._known[oldest]

    def _survey(self) -> None:
        files: list[tuple[_State, str]] = []
        folders: list[tuple[_State, str]] = []
        for root in self._roots:
            for path, state, is_folder in _walk(root):
                kept, most = (folders, FOLDERS) if is_folder else (files, FILES)
                heapq.heappush(kept, (state, path))
                if len(kept) > most:
                    heapq.heappop(kept)
        self._known = {root: _state(root) for root in self._roots}
        self._known |= {path: state for state, path in sorted(folders + files)}
        self._surveyed_at = self._clock()


def _walk(root: str) -> Iterator[tuple[str, _State, bool]]:
    waiting, reached = [root], set[tuple[int, int]]()
    while waiting and len(reached) < MOST_FOLDERS:
        folder = waiting.pop()
        with suppress(OSError):
            stat = os.stat(folder)
            if (stat.st_dev, stat.st_ino) in reached:
                continue
            reached.add((stat.st_dev, stat.st_ino))
        for path, state, is_folder in _entries(folder):
            yield path, state, is_folder
            if is_folder:
                waiting.append(path)


def _entries(folder: str) -> Iterator[tuple[str, _State, bool]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with suppress(OSError):
                    stat = entry.stat()
                    yield entry.path, _of(stat), entry.is_dir()
    except OSError:
        return


def _state(path: str) -> _State | None:
    try:
        return _of(os.stat(path))
    except OSError:
        return None


def _of(stat: os.stat_result) -> _State:
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
