"""Linux says which files changed, on a descriptor that costs nothing while nothing does.

The kernel is asked directly. What `watchfiles` runs is a thread that looks at a list at each step,
and stops at the next one: with steps of 250 ms that was measured as 14 ms of a processor in an idle
minute, with 500 ms as 7, with a second as 3.5; an idle daemon may use 10 in all, has to see a line
within a second, and stops at once. It does not see a folder come either that is not there yet.
See inotify(7).
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from functools import cache

from tars.history.seen import MOST_PATHS, CannotWatch, Seen

#: Folders that are watched at most: each is some 1 KiB of the kernel's memory.
MOST_FOLDERS = 20_000
_MODIFY, _MOVED_TO, _CREATE = 0x2, 0x80, 0x100
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
_OVERFLOW, _IGNORED, _ISDIR = 0x4000, 0x8000, 0x40000000
_ONLYDIR, _MASK_ADD = 0x01000000, 0x20000000
#: What matters of a folder on the way to a root that is not there, and of one below it.
_COMING = _MOVED_TO | _CREATE | _DELETE_SELF | _MOVE_SELF | _ONLYDIR | _MASK_ADD
_ALL = _COMING | _MODIFY
#: A link to a folder comes as a file does.
_CAME = _MOVED_TO | _CREATE
#: What a database has beside its file while somebody writes into it.
_BESIDE = ("-wal", "-shm", "-journal")
_EVENT = struct.Struct("iIII")
_READ_BYTES = 256 * 1024


class Inotify:
    """Watches everything below some folders, also while they are not there: their nearest
    folder that is there says when they come. A root may be a file: what begins with its name
    counts, since a database writes beside itself. `fd` is readable when there is something to
    `read`. Raises CannotWatch when there are too many folders, or none may be watched."""

    #: Nothing has to be looked at meanwhile.
    pause = float("inf")

    def __init__(self, roots: Iterable[str], *, most: int = MOST_FOLDERS) -> None:
        self._roots = tuple(dict.fromkeys(os.path.normpath(root) for root in roots))
        self._most = most
        self._folders: dict[int, str] = {}
        self.fd = _libc().inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self.fd < 0:
            raise _refused(ctypes.get_errno())
        try:
            for root in self._roots:
                self._arm(root)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Watch nothing any more. Twice is once."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def read(self) -> Seen:
        """Give what changed since the last time; it does not wait. Raises CannotWatch."""
        found: set[str] = set()
        more = False
        while data := self._bytes():
            place = 0
            while place < len(data):
                folder, mask, _, length = _EVENT.unpack_from(data, place)
                name = data[place + _EVENT.size :][:length].rstrip(b"\0")
                place += _EVENT.size + length
                more |= bool(mask & (_OVERFLOW | _MOVE_SELF))
                self._note(folder, mask, os.fsdecode(name), found)
        more |= len(found) > MOST_PATHS
        return Seen(frozenset(list(found)[:MOST_PATHS]), more)

    def _bytes(self) -> bytes:
        try:
            return os.read(self.fd, _READ_BYTES)
        except BlockingIOError:
            return b""

    def _note(self, folder: int, mask: int, name: str, found: set[str]) -> None:
        where = self._folders.get(folder)
        if where is None:
            return
        if mask & (_IGNORED | _DELETE_SELF | _MOVE_SELF):
            self._lose(where, found)
            if mask & _MOVE_SELF:
                self._find_again(where)
            return
        path = os.path.join(where, name)
        for root in self._roots:
            if path == root or not _is_within(path, root):
                self._note_on_the_way(root, path, found)
            elif mask & _ISDIR or (mask & _CAME and os.path.isdir(path)):
                self._add_tree(path, found)
            else:
                found.add(_without_suffix(path))

    def _note_on_the_way(self, root: str, path: str, found: set[str]) -> None:
        """Something happened in a folder that is above a root."""
        if os.path.isdir(path) and _is_within(root, path):
            self._arm(root, found)
        elif _without_suffix(path) == root:
            found.add(root)

    def _lose(self, gone: str, found: set[str]) -> None:
        """A folder is not there any more, or not by this name; what is below it neither."""
        for known, folder in list(self._folders.items()):
            if _is_within(folder, gone):
                del self._folders[known]
                _libc().inotify_rm_watch(self.fd, known)
        for root in self._roots:
            if _is_within(root, gone):
                self._arm(root, found)

    def _find_again(self, moved: str) -> None:
        """A folder has another name now: it is somewhere below its root, or not there."""
        for root in self._roots:
            if _is_within(moved, root):
                self._arm(root)

    def _arm(self, root: str, found: set[str] | None = None) -> None:
        """Watch a root, or what is there of the way to it."""
        parent = os.path.dirname(root)
        if os.path.isdir(root):
            self._add_tree(root, found)
            self._add(parent, _COMING)
        elif os.path.exists(root):
            self._add(parent, _ALL)
            if found is not None:
                found.add(root)
        else:
            while not self._add(parent, _ALL if parent == os.path.dirname(root) else _COMING):
                if parent == os.path.dirname(parent):
                    break
                parent = os.path.dirname(parent)

    def _add_tree(self, folder: str, found: set[str] | None) -> None:
        """Watch a folder and those in it; its files are new if `found` is to have them. Links
        that lead in a circle come to a folder that is watched already."""
        waiting, reached = [folder], set[str]()
        while waiting:
            folder = waiting.pop()
            if folder in reached or not self._add(folder, _ALL):
                continue
            reached.add(folder)
            with suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir():
                        waiting.append(entry.path)
                    elif found is not None and len(found) <= MOST_PATHS:
                        found.add(_without_suffix(entry.path))

    def _add(self, folder: str, mask: int) -> bool:
        """Watch one folder. False when it is not there, may not be read, or is watched already
        by another name."""
        known = _libc().inotify_add_watch(self.fd, os.fsencode(folder), mask)
        if known < 0:
            number = ctypes.get_errno()
            if number in (errno.ENOSPC, errno.ENOMEM):
                raise _refused(number)
            return False
        before = self._folders.setdefault(known, folder)
        if len(self._folders) > self._most:
            raise CannotWatch(f"There are more than {self._most} folders to watch.")
        return before == folder


def _without_suffix(path: str) -> str:
    """Give the file that somebody reads who wants to know what was written into this one."""
    for suffix in _BESIDE:
        if path.endswith(suffix):
            return path.removesuffix(suffix)
    return path


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _refused(number: int) -> CannotWatch:
    limits = {errno.ENOSPC: "max_user_watches", errno.EMFILE: "max_user_instances"}
    if number in limits:
        return CannotWatch(f"The kernel's limit fs.inotify.{limits[number]} is reached.")
    return CannotWatch(f"Files cannot be watched here: {os.strerror(number)}.")


@cache
def _libc() -> ctypes.CDLL:
    """Give the C library. Raises CannotWatch where it has no inotify."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        library.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)
    except (OSError, AttributeError):
        raise CannotWatch("This system has no inotify.") from None
    return library
