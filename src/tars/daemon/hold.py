"""One daemon for one home: what it holds while it lives, and who holds it already."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tars.errors import AlreadyRunning
from tars.home import FILE_MODE, Home

#: How long a daemon may take to accept a connection; a full backlog is an answer, too.
ANSWER_SECONDS = 1.0


@contextmanager
def hold(home: Home, *, listens: bool = False) -> Iterator[None]:
    """Hold the home for one daemon. Two flocks: they go with the process, however it ends.

    One is on the home's own folder, so that it outlasts whatever is deleted in it. The
    other is on run/tars.lock, which says the daemon's pid. `listens`: the service manager
    listens on the socket in its place already. Raises AlreadyRunning.
    """
    folder = os.open(home.root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Some network file systems lock no folders: the file's lock stands alone there.
        with suppress(OSError):
            _flock(folder)
        lock = _locked_file(home.lock)
        try:
            # A full disk costs the note, not the daemon.
            with suppress(OSError):
                os.ftruncate(lock, 0)
                os.write(lock, b"%d\n" % os.getpid())
            if not listens:
                refuse_if_answered(home.socket)
            yield
        finally:
            os.close(lock)
    finally:
        os.close(folder)


def refuse_if_answered(path: Path) -> None:
    """Raise AlreadyRunning when somebody listens on this socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(ANSWER_SECONDS)
        try:
            client.connect(str(path))
        except (BlockingIOError, TimeoutError):
            pass  # the backlog is full: somebody listens
        except OSError:
            return
    raise _running()


def _locked_file(path: Path) -> int:
    """Open and lock the file that is at this path once it is locked."""
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, FILE_MODE)
        try:
            _flock(descriptor)
            if _is_at(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


def _flock(descriptor: int) -> None:
    """Raises AlreadyRunning, and OSError where nothing can be locked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _running() from None


def _running() -> AlreadyRunning:
    return AlreadyRunning(
        "tars is running already for this home.", advice="`tars status` shows it."
    )
