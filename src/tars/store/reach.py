"""Opening a database that is away: in a thread of its own, less and less often, until it is there.

Whoever works with the database meanwhile never waits for it.
"""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from tars.errors import StoreError

if TYPE_CHECKING:
    from tars.store.store import Store

#: The pause after a failed attempt, and the longest one; each is twice the one before.
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 15.0


class Reach:
    """Use it from one thread at a time."""

    def __init__(self, opened: "Callable[[], Store]") -> None:
        self._opened = opened
        self._answers: queue.SimpleQueue[Store | StoreError] = queue.SimpleQueue()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Try until it is open, or `close` was called."""
        # An answer that nobody waits for must not hold up the end of the daemon.
        self._thread = threading.Thread(target=self._try, name="tars-reach", daemon=True)
        self._thread.start()

    def answer(self, patience: float = 0.0) -> "Store | StoreError | None":
        """Give what came of the attempts, one after the other; None if there is nothing new."""
        with suppress(queue.Empty):
            return self._answers.get(timeout=patience) if patience else self._answers.get_nowait()
        return None

    def close(self) -> None:
        """Try no more."""
        self._over.set()
        while (answer := self.answer()) is not None:
            if not isinstance(answer, StoreError):
                answer.close()

    def _try(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._over.is_set():
            try:
                store = self._opened()
            except StoreError as error:
                self._answers.put(error)
            except Exception as error:
                # A bug of ours must not be the end of all attempts.
                self._answers.put(StoreError(f"The store cannot open: {type(error).__name__}."))
            else:
                if self._over.is_set():
                    store.close()
                else:
                    self._answers.put(store)
                return
            self._over.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
