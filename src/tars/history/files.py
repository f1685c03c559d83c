"""Find the logs below a folder."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from stat import S_ISREG

from tars.history.source import Found


def below(root: Path, suffixes: tuple[str, ...]) -> Iterable[Found]:
    """Give the files below a folder whose names end so, or the file itself. Links are followed,
    each file is given once, and a loop of links ends. A folder in there that cannot be read is
    given itself (`is_closed`): who opens it sees why.

    Raises OSError when the root is there and cannot be read.
    """
    try:
        entries = list(os.scandir(root))
    except FileNotFoundError:
        return
    except NotADirectoryError:
        yield from _file(str(root), os.stat(root), set())
        return
    yield from _Walk(suffixes, os.path.realpath(root)).walk(entries)


def is_closed(found: Found) -> bool:
    """Whether this is no file but what cannot be looked into."""
    return not found.inode


def closed(path: Path | str) -> Found:
    """Say of a folder that it cannot be read, in the place of its files."""
    return Found(str(path), 0, 0, 0)


class _Walk:
    """One walk: `_seen` are the files that were given, `_walked` the folders that it goes
    through with all that is in them."""

    def __init__(self, suffixes: tuple[str, ...], root: str) -> None:
        self._suffixes = suffixes
        self._seen: set[tuple[int, int]] = set()
        self._walked = {f"{root}/"}

    def walk(self, entries: list["os.DirEntry[str]"]) -> Iterator[Found]:
        folders = []
        for entry in entries:
            try:
                if entry.is_dir():
                    if not entry.is_symlink() or self._new(entry.path):
                        folders.append(entry.path)
                elif entry.name.endswith(self._suffixes):
                    yield from _file(entry.path, entry.stat(), self._seen)
            except PermissionError:
                yield closed(entry.path)
            except OSError:
                continue
        for folder in folders:
            try:
                inner = list(os.scandir(folder))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError:
                yield closed(folder)
                continue
            yield from self.walk(inner)

    def _new(self, link: str) -> bool:
        """Whether a link leads to what is not walked anyway: neither in there nor above it."""
        target = os.path.realpath(link) + "/"
        known = any(target.startswith(at) or at.startswith(target) for at in self._walked)
        if not known:
            self._walked.add(target)
        return not known


def _file(path: str, stat: os.stat_result, seen: set[tuple[int, int]]) -> Iterator[Found]:
    id = stat.st_dev, stat.st_ino
    if S_ISREG(stat.st_mode) and id not in seen:
        seen.add(id)
        yield Found(path, stat.st_ino, stat.st_size, stat.st_mtime_ns)
