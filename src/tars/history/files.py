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
        found = _file(str(root), os.stat(root))
        if found is not None:
            yield found
        return
    yield from _Walk(suffixes, str(root)).walk(entries)


def is_closed(found: Found) -> bool:
    """Whether this is no file but what cannot be looked into."""
    return not found.inode


def closed(path: Path | str) -> Found:
    """Say of a folder that it cannot be read, in the place of its files."""
    return Found(str(path), 0, 0, 0)


class _Walk:
    """One walk: `_seen` are the devices and inodes of files that were given, `_links` what the
    links that were followed lead to. There are thousands of files, at each report."""

    def __init__(self, suffixes: tuple[str, ...], root: str) -> None:
        self._suffixes = suffixes
        self._root = root
        self._seen: set[tuple[int, int]] = set()
        self._links: set[str] = set()

    def walk(self, entries: list["os.DirEntry[str]"]) -> Iterator[Found]:
        folders: list[str] = []
        yield from self._files(entries, folders)
        while folders:
            folder = folders.pop()
            try:
                entries = list(os.scandir(folder))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError:
                yield closed(folder)
                continue
            yield from self._files(entries, folders)

    def _files(self, entries: list["os.DirEntry[str]"], folders: list[str]) -> list[Found]:
        """Give the files among these, and add the folders among them."""
        files = []
        for entry in entries:
            try:
                if entry.is_dir():
                    if not entry.is_symlink() or self._new(entry.path):
                        folders.append(entry.path)
                elif entry.name.endswith(self._suffixes):
                    stat = entry.stat()
                    id = stat.st_dev, stat.st_ino
                    if id not in self._seen and (found := _file(entry.path, stat)) is not None:
                        self._seen.add(id)
                        files.append(found)
            except PermissionError:
                files.append(closed(entry.path))
            except OSError:
                continue
        return files

    def _new(self, link: str) -> bool:
        """Whether a link leads to what is not walked anyway: neither in there nor above it."""
        target = os.path.realpath(link) + "/"
        walked = (os.path.realpath(self._root) + "/", *self._links)
        known = any(target.startswith(at) or at.startswith(target) for at in walked)
        if not known:
            self._links.add(target)
        return not known


def _file(path: str, stat: os.stat_result) -> Found | None:
    if not S_ISREG(stat.st_mode):
        return None
    return Found(path, stat.st_ino, stat.st_size, stat.st_mtime_ns)
