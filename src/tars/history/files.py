"""Find the logs below a folder."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from stat import S_ISREG

from tars.history.folders import Folders
from tars.history.source import Found


def below(root: Path, suffixes: tuple[str, ...], folders: Folders | None = None) -> Iterable[Found]:
    """Give the files below a folder whose names end so, or the file itself. Links are followed,
    each file is given once, and a loop of links ends. A folder in there that cannot be read is
    given itself (`is_closed`): who opens it sees why. `folders` says which need not be listed.

    Raises OSError when the root is there and cannot be read.
    """
    folders = folders or Folders()
    walk = _Walk(suffixes, str(root), folders)
    inside = folders.inside(str(root))
    if inside is not None:
        yield from walk.walk(list(inside[0]), inside[1])
        return
    try:
        entries = list(os.scandir(root))
    except FileNotFoundError:
        return
    except NotADirectoryError:
        found = _file(str(root), os.stat(root))
        folders.doubt()
        if found is not None:
            yield found
        return
    yield from walk.listed(entries)


def is_closed(found: Found) -> bool:
    """Whether this is no file but what cannot be looked into."""
    return not found.inode


def closed(path: Path | str) -> Found:
    """Say of a folder that it cannot be read, in the place of its files."""
    return Found(str(path), 0, 0, 0)


class _Walk:
    """One walk: `_seen` are the devices and inodes of files that were given, `_links` what the
    links that were followed lead to. There are thousands of files, at each report."""

    def __init__(self, suffixes: tuple[str, ...], root: str, folders: Folders) -> None:
        self._suffixes = suffixes
        self._root = root
        self._folders = folders
        self._seen: set[tuple[int, int]] = set()
        self._links: set[str] = set()

    def listed(self, entries: list["os.DirEntry[str]"]) -> Iterator[Found]:
        """Walk on from what was listed."""
        folders: list[str] = []
        yield from self._files(entries, folders)
        yield from self.walk(folders, ())

    def walk(self, folders: list[str], files: Iterable[str]) -> Iterator[Found]:
        """Walk on from folders, and files that are known."""
        yield from self._known(files)
        while folders:
            folder = folders.pop()
            inside = self._folders.inside(folder)
            if inside is not None:
                folders += inside[0]
                yield from self._known(inside[1])
                continue
            try:
                entries = list(os.scandir(folder))
            except FileNotFoundError:
                continue
            except OSError as error:
                self._folders.doubt()
                if not isinstance(error, NotADirectoryError):
                    yield closed(folder)
                continue
            yield from self._files(entries, folders)

    def _known(self, paths: Iterable[str]) -> Iterator[Found]:
        """Give files that a folder has, as it had them before."""
        for path in paths:
            try:
                found = self._each_once(path, os.stat(path))
            except FileNotFoundError:
                continue
            except OSError:
                self._folders.doubt()
                yield closed(path)
                continue
            if found is not None:
                yield found

    def _files(self, entries: list["os.DirEntry[str]"], folders: list[str]) -> list[Found]:
        """Give the files among these, and add the folders among them."""
        files: list[Found] = []
        for entry in entries:
            try:
                if entry.is_symlink():
                    self._folders.doubt()
                if entry.is_dir():
                    if not entry.is_symlink() or self._new(entry.path):
                        folders.append(entry.path)
                elif entry.name.endswith(self._suffixes):
                    found = self._each_once(entry.path, entry.stat())
                    files += () if found is None else (found,)
            except PermissionError:
                self._folders.doubt()
                files.append(closed(entry.path))
            except OSError:
                self._folders.doubt()
        return files

    def _each_once(self, path: str, stat: os.stat_result) -> Found | None:
        found = _file(path, stat)
        if found is not None and (id := (stat.st_dev, stat.st_ino)) in self._seen:
            self._folders.doubt()
            return None
        if found is not None:
            self._seen.add(id)
        return found

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
