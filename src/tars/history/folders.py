"""Which folders of logs need not be listed again, as nothing came into them or left them.

To list all folders takes most of the time of a report of logs that have not changed. When an entry
of a folder comes, goes or gets another name, the folder's time of change (`ctime`) moves, which
nobody can set; when a file grows, it does not, so files are looked at singly, every time. A walk is
remembered with its folders' inodes and times where that can be relied on: in a file system of this
machine's own, without links and mounts below the root, and once the index knows all that was found.
All the same everything is listed anew each hour.
"""

import os
import sqlite3
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from tars import __version__

#: A walk is relied on for so long.
RELIED_SECONDS = 3000.0
#: A folder that changed less than this before it was listed may change again within the same tick
#: of the file system's clock.
SETTLED_SECONDS = 2.0
#: File systems whose folders' times can be relied on. Those of a network may be late.
LOCAL = frozenset(
    {"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"}
)
_MOUNTS = Path("/proc/self/mountinfo")
#: Of a folder: inode and time of change, in nanoseconds. The first is of one that is not there,
#: the second matches none.
Mark = tuple[int, int]
_ABSENT, _UNSETTLED = (0, 0), (0, -1)


class Walk(NamedTuple):
    """What is remembered of a walk below a root: when all of it was listed, in seconds since 1970,
    and the folders with their marks."""

    agent: str
    root: str
    at: float
    folders: Mapping[str, Mark]


class Folders:
    """The folders below one root while they are walked. `before` are those of the last walk,
    `changed` those of them that have to be listed again, and `files` the logs that are known.
    `now`, in seconds since 1970, where this walk is to be remembered.

    Who looks at anything but what is listed here, or meets what can change without a trace in
    its folder, `doubts`: then it is not.
    """

    def __init__(
        self,
        root: str = "",
        before: Mapping[str, Mark] | None = None,
        changed: Collection[str] = (),
        files: Iterable[str] = (),
        *,
        now: float | None = None,
    ) -> None:
        self._root = root
        self._before = before or {}
        self._changed = changed
        self._files = files
        self._settled = None if now is None else int((now - SETTLED_SECONDS) * 1e9)
        #: Whether what is walked may be remembered, and what that would be.
        self.noting = now is not None
        self.marks: dict[str, Mark] = {}

    def doubt(self) -> None:
        """Say that the folders' times do not tell everything."""
        self.noting = False

    def inside(self, path: str) -> tuple[list[str], list[str]] | None:
        """Give the folders and the logs in a folder; None where it has to be listed, now."""
        mark = self._before.get(path)
        if mark is not None and path not in self._changed:
            self.marks[path] = mark
            return self._known[path]
        if self.noting:
            self.marks[path] = self._noted(path)
        return None

    def _noted(self, path: str) -> Mark:
        """Give how a folder is, before it is listed."""
        assert self._settled is not None
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return _ABSENT
        except OSError:
            self.doubt()
            return _UNSETTLED
        if found.st_dev != self._device:
            self.doubt()
        return (
            (found.st_ino, found.st_ctime_ns) if found.st_ctime_ns < self._settled else _UNSETTLED
        )

    @cached_property
    def _device(self) -> int:
        try:
            return os.stat(self._root).st_dev
        except OSError:
            return -1

    @cached_property
    def _known(self) -> Mapping[str, tuple[list[str], list[str]]]:
        inside: dict[str, tuple[list[str], list[str]]] = {path: ([], []) for path in self._before}
        for place, paths in enumerate((self._before, self._files)):
            for path in paths:
                of = inside.get(path.rpartition("/")[0])
                if of is not None:
                    of[place].append(path)
        return inside


def changed(folders: Mapping[str, Mark]) -> set[str]:
    """Give the folders that are not as they are marked."""
    found: set[str] = set()
    # There are thousands, at each report.
    stat, add = os.stat, found.add
    for path, (inode, at) in folders.items():
        try:
            now = stat(path)
        except (FileNotFoundError, NotADirectoryError):
            if (inode, at) != _ABSENT:
                add(path)
        except OSError:
            add(path)
        else:
            if now.st_ctime_ns != at or now.st_ino != inode:
                add(path)
    return found


def is_local(root: str, mounts: Path = _MOUNTS) -> bool:
    """Whether a folder is in a file system whose times can be relied on, as far as is known."""
    path = os.path.realpath(root)
    found, length = "", 0
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return False
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if not after or len(fields) < 5:
            continue
        # Blanks within a name are written so. What was mounted last is above.
        at = fields[4].replace("\\040", " ").rstrip("/")
        if len(at) >= length and f"{path}/".startswith(f"{at}/"):
            found, length = after.partition(" ")[0], len(at)
    return found in LOCAL


def remembered(connection: sqlite3.Connection, now: float) -> dict[tuple[str, str], Walk]:
    """Give the walks that can be relied on, by agent and root."""
    rows = connection.execute(
        "SELECT agent, root, at, folders, marks FROM walks WHERE version = ?", (__version__,)
    )
    return {walk[:2]: walk for walk in _read(rows) if 0 <= now - walk.at < RELIED_SECONDS}


def _read(rows: Iterable[tuple[Any, ...]]) -> Iterator[Walk]:
    for agent, root, at, folders, marks in rows:
        # What is damaged is as good as forgotten.
        with suppress(ValueError, TypeError, AttributeError):
            yield Walk(agent, root, float(at), _loaded(folders, marks))


def remember(connection: sqlite3.Connection, walks: Sequence[Walk]) -> None:
    """Keep these walks in place of those of the same roots, and forget what nobody relies on any
    more. Within a transaction."""
    if walks:
        relied = max(walk.at for walk in walks) - RELIED_SECONDS
        connection.execute("DELETE FROM walks WHERE at < ?", (relied,))
    rows = ((*walk[:3], *_dumped(walk.folders), __version__) for walk in walks)
    connection.executemany(
        "REPLACE INTO walks (agent, root, at, folders, marks, version) VALUES (?, ?, ?, ?, ?, ?)",
        rows,
    )


def _dumped(folders: Mapping[str, Mark]) -> tuple[bytes, bytes]:
    numbers = array("q", [number for mark in folders.values() for number in mark])
    return "\0".join(folders).encode(errors="surrogateescape"), numbers.tobytes()


def _loaded(folders: bytes, marks: bytes) -> dict[str, Mark]:
    numbers = iter(array("q", marks))
    paths = folders.decode(errors="surrogateescape").split("\0")
    return dict(zip(paths, zip(numbers, numbers, strict=True), strict=True))
