"""What changed, from watchfiles (the extra `watch`): for systems whose own way is not known here.

Its thread looks a few times a second at a list that the system fills, so it is not what Linux
uses. What it says goes over a pipe, as with `Inotify`: `fd` is readable when there is something.
"""

import os
import threading
from collections.abc import Iterable
from contextlib import suppress

from tars.history.seen import MOST_PATHS, CannotWatch, Seen

#: How often the thread looks, in milliseconds: at most twice that passes before a change is seen.
STEP = 250


class Notified:
    """Watches below those roots that are there. Raises CannotWatch without the extra, and where
    the system refuses. Once a root has come or gone, `read` raises it too: begin anew then."""

    #: How many seconds there are until it should be seen whether roots have come or gone.
    pause = 5.0

    def __init__(self, roots: Iterable[str]) -> None:
        try:
            from watchfiles._rust_notify import RustNotify
        except ImportError:
            raise CannotWatch("The extra `watch` is not installed.") from None
        self._roots = tuple(roots)
        self._there = _there(self._roots)
        try:
            self._notify = RustNotify(list(self._there), False, False, 0, True, True)
        except (OSError, RuntimeError) as error:
            raise CannotWatch(f"Files cannot be watched here: {error}.") from error
        self._paths: set[str] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.fd, self._end = os.pipe()
        os.set_blocking(self.fd, False)
        self._thread = threading.Thread(target=self._run, name="watchfiles")
        self._thread.start()

    def close(self) -> None:
        """Watch nothing any more; takes as long as the thread naps. Twice is once."""
        if self.fd >= 0:
            self._stop.set()
            self._thread.join()
            self._notify.close()
            os.close(self.fd)
            os.close(self._end)
            self.fd = -1

    def read(self) -> Seen:
        """Give what changed since the last time; it does not wait. Raises CannotWatch."""
        if _there(self._roots) != self._there:
            raise CannotWatch("A folder has come or gone.")
        with suppress(BlockingIOError):
            os.read(self.fd, 4096)
        with self._lock:
            found, self._paths = self._paths, set()
        return Seen(frozenset(list(found)[:MOST_PATHS]), more=len(found) > MOST_PATHS)

    def _run(self) -> None:
        while not self._stop.is_set():
            changes = self._notify.watch(STEP, STEP, 0, self._stop)
            if isinstance(changes, str):
                continue
            with self._lock:
                told = bool(self._paths)
                self._paths.update(path for _, path in changes)
            if not told:
                os.write(self._end, b"\n")


def _there(roots: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(root for root in roots if os.path.exists(root))
