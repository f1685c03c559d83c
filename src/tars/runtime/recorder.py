"""What is to be remembered, written in order by one worker thread.

The loop never waits for the disk. A write that fails is kept and tried again, so that a
full disk loses nothing that fits in memory; `problem` says so meanwhile.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread

from tars.errors import StoreError
from tars.runtime.log import log

if TYPE_CHECKING:
    from tars.store.store import Store

T = TypeVar("T")

#: How many failed writes are kept. Beyond that the oldest are given up, and it is said.
BACKLOG = 10_000
#: How often a failed write is tried again while nothing else is written.
RETRY_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class _Job:
    work: "Work"
    then: Callable[[object], None]
    keep: bool


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be written: `into` the store, or a `file` beside it."""

    into: "Callable[[Store], object] | None" = None
    file: Callable[[], object] | None = None

    def do(self, store: "Store | None", why_none: str | None) -> object:
        if self.file is not None:
            return self.file()
        assert self.into is not None
        if store is None:
            raise StoreError(why_none or "The store could not be opened.")
        return self.into(store)


class Recorder:
    """Use `put` and `ask` from the loop's thread, while `run` is under way."""

    def __init__(self, path: Path) -> None:
        self.problem: str | None = None
        self._path = path
        self._jobs: deque[_Job] = deque()
        self._filled = anyio.Event()
        self._failed: deque[Work] = deque()
        self._given_up = 0
        self._closing = False
        self._done = anyio.Event()
        self._thread = anyio.CapacityLimiter(1)

    async def run(self) -> None:
        """Open the store, then write until `close` was called and all is written."""
        store = await self._open()
        try:
            while not (self._closing and not self._jobs):
                if not self._jobs:
                    await self._wait(store)
                    continue
                await self._do(store, self._jobs.popleft())
            await self._try_again(store)
        finally:
            with anyio.CancelScope(shield=True):
                if store is not None:
                    await anyio.to_thread.run_sync(store.close, limiter=self._thread)
                self._done.set()

    def put(
        self,
        work: Callable[["Store"], T],
        then: Callable[[T | StoreError], None] | None = None,
    ) -> None:
        """Write in turn; `then` gets the result or the error. A failed write is kept."""
        self._add(_Job(Work(into=work), then or _nothing, keep=True))  # type: ignore[arg-type]

    def put_file(self, work: Callable[[], object]) -> None:
        """Write a file in turn; `work` raises StoreError when it cannot. It is kept then."""
        self._add(_Job(Work(file=work), _nothing, keep=True))

    async def ask(self, work: Callable[["Store"], T]) -> T:
        """Write or read in turn, and wait. Raises StoreError; nothing is kept then."""
        done = anyio.Event()
        answers: list[T | StoreError] = []

        def then(answer: T | StoreError) -> None:
            answers.append(answer)
            done.set()

        self._add(_Job(Work(into=work), then, keep=False))  # type: ignore[arg-type]
        await done.wait()
        answer = answers[0]
        if isinstance(answer, StoreError):
            raise answer
        return answer

    def close(self) -> None:
        """Let `run` end once everything is written."""
        self._closing = True
        self._filled.set()

    async def written(self) -> None:
        """Wait until `run` has ended."""
        await self._done.wait()

    def _add(self, job: _Job) -> None:
        # Not bounded by itself: every job stands for a prompt that was accepted, or for
        # a batch of decisions of which there is one at a time.
        self._jobs.append(job)
        self._filled.set()

    async def _open(self) -> "Store | None":
        """Import and open the store. Without one, tars runs on and remembers nothing."""
        try:
            return await anyio.to_thread.run_sync(self._open_now, limiter=self._thread)
        except StoreError as error:
            self.problem = f"{error} {error.advice}".strip()
            log.error("store_not_opened", reason=str(error))
            return None

    def _open_now(self) -> "Store":
        # A tenth of a second and 15 MB: not before the daemon answers.
        from tars.store.store import Store

        store = Store.open(self._path)
        if store.problem:
            log.error("store_set_aside", reason=store.problem)
            self.problem = store.problem
        return store

    async def _wait(self, store: "Store | None") -> None:
        self._filled = anyio.Event()
        with anyio.move_on_after(RETRY_SECONDS if self._failed else float("inf")):
            await self._filled.wait()
            return
        await self._try_again(store)

    async def _do(self, store: "Store | None", job: _Job) -> None:
        if self._failed and not await self._try_again(store):
            # What came before is not written: this one waits behind it.
            if job.keep:
                self._remember(job.work)
            job.then(StoreError(self.problem or "The store cannot be written."))
            return
        try:
            answer: object = await self._write(store, job.work)
        except StoreError as error:
            self._fail(error)
            if job.keep:
                self._remember(job.work)
            answer = error
        job.then(answer)

    async def _try_again(self, store: "Store | None") -> bool:
        while self._failed:
            try:
                await self._write(store, self._failed[0])
            except StoreError as error:
                self._fail(error)
                return False
            self._failed.popleft()
        if self.problem is not None and store is not None:
            log.info("store_written_again")
            self.problem = store.problem
        return True

    async def _write(self, store: "Store | None", work: Work) -> object:
        do = partial(work.do, store, self.problem)
        return await anyio.to_thread.run_sync(do, limiter=self._thread)

    def _remember(self, work: Work) -> None:
        if len(self._failed) >= BACKLOG:
            self._failed.popleft()
            self._given_up += 1
            log.error("write_given_up", total=self._given_up)
        self._failed.append(work)

    def _fail(self, error: StoreError) -> None:
        problem = f"{error} {error.advice}".strip()
        if problem != self.problem:
            log.error("store_failed", reason=str(error))
        self.problem = problem


def _nothing(_answer: object) -> None:
    pass
