"""What is to be remembered, written in order by one worker thread.

The loop never waits for the disk. A write that fails is kept and tried again, so that a
full disk loses nothing that fits in memory; `problem` says so meanwhile. The store and the
files beside it are two queues: where the one cannot be written, the other still is. A store
whose database is elsewhere has a queue of its own, on disk, and catches up between the jobs.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

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
#: How often a store that is behind is given the time to look whether it can catch up.
CATCH_UP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be written: `into` the store, or a `file` beside it."""

    into: "Callable[[Store], object] | None" = None
    file: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    work: Work
    then: Callable[[object], None]
    keep: bool


class Recorder:
    """Use `put` and `ask` from the loop's thread, while `run` is under way."""

    def __init__(self, path: Path, opened: "Callable[[Path], Store] | None" = None) -> None:
        self._failure: str | None = None
        self._path = path
        self._opened = opened or _open_store
        self._store: Store | None = None
        self._jobs: deque[_Job] = deque()
        self._filled = anyio.Event()
        self._failed_into: deque[Work] = deque()
        self._failed_files: deque[Work] = deque()
        self._unreached: deque[Work] = deque()
        self._given_up = 0
        self._closing = self._over = False
        self._done = anyio.Event()
        self._thread = anyio.CapacityLimiter(1)
        self._behind = False
        self._level = anyio.Event()
        self._catch_up_at = self._retry_at = float("-inf")

    @property
    def problem(self) -> str | None:
        """What is wrong now, for a person: what failed, and what the store says of itself."""
        told = self._store.problem if self._store is not None else None
        return " ".join(filter(None, (self._failure, told))) or None

    async def run(self) -> None:
        """Open the store, then write until `close` was called and all is written."""
        try:
            await self._open()
            while not (self._closing and not self._jobs):
                await self._catch_up()
                if not self._jobs:
                    await self._wait()
                    continue
                await self._do(self._jobs.popleft())
            for failed in (self._failed_into, self._failed_files, self._unreached):
                await self._try_again(failed)
        finally:
            self._over = True
            for job in self._jobs:
                self._tell(job, StoreError("The store is closed."))
            with anyio.CancelScope(shield=True):
                await self._close_store()
            self._done.set()

    def put(
        self,
        work: Callable[["Store"], T],
        then: Callable[[T | StoreError], None] | None = None,
    ) -> None:
        """Write in turn; `then` gets the result or the error. A failed write is kept."""
        self._add(_Job(Work(into=work), then or _nothing, keep=True))  # type: ignore[arg-type]

    def look(
        self,
        work: Callable[["Store"], T],
        then: Callable[[T | StoreError], None],
    ) -> None:
        """Read in turn; `then` gets the result or the error. What failed is not tried again."""
        self._add(_Job(Work(into=work), then, keep=False))  # type: ignore[arg-type]

    def put_file(self, work: Callable[[], object]) -> None:
        """Write a file in turn; `work` raises StoreError when it cannot. It is kept then."""
        self._add(_Job(Work(file=work), _nothing, keep=True))

    async def ask(self, work: Callable[["Store"], T]) -> T:
        """Write or read in turn, and wait. Raises StoreError; nothing is kept then."""
        return cast(T, await self._ask(Work(into=work)))

    async def ask_file(self, work: Callable[[], T]) -> T:
        """Do something with a file in turn, and wait. Raises StoreError; it is not kept then."""
        return cast(T, await self._ask(Work(file=work)))

    async def _ask(self, work: Work) -> object:
        done = anyio.Event()
        answers: list[object] = []

        def then(answer: object) -> None:
            answers.append(answer)
            done.set()

        self._add(_Job(work, then, keep=False))
        await done.wait()
        if isinstance(answers[0], StoreError):
            raise answers[0]
        return answers[0]

    def close(self) -> None:
        """Let `run` end once everything is written."""
        self._closing = True
        self._filled.set()

    async def caught_up(self, patience_seconds: float) -> None:
        """Wait until a store that is behind is so no more, but no longer than this."""
        level = self._level if self._behind else anyio.Event()
        with anyio.move_on_after(patience_seconds):
            await level.wait()

    async def written(self) -> None:
        """Wait until `run` has ended."""
        await self._done.wait()

    def _add(self, job: _Job) -> None:
        # Not bounded by itself: every job stands for a prompt that was accepted, or for
        # a batch of decisions of which there is one at a time.
        if self._over:
            # Nothing is written any more; nobody waits for it in vain.
            self._tell(job, StoreError("The store is closed."))
            return
        self._jobs.append(job)
        self._filled.set()

    async def _open(self) -> bool:
        """Open the store. Without one, tars runs on, and tries again when it has to write."""
        try:
            self._store = await self._in_thread(lambda: self._opened(self._path))
        except StoreError as error:
            self._fail(error)
            return False
        if self._store.problem is not None and not self._store.behind:
            log.error("store_set_aside", reason=self._store.problem)
        self._mended()
        return True

    async def _catch_up(self) -> None:
        """Let the store take over some of what waits for it, now and then, or as fast as it can
        while nothing else is to be done."""
        if self._store is None or anyio.current_time() < self._catch_up_at:
            return
        if self._store.behind:
            try:
                goes_on = await self._in_thread(self._store.catch_up)
            except Exception:
                log.exception("catching_up_failed")
                goes_on = False
            pause = 0.0 if goes_on and not self._jobs else CATCH_UP_SECONDS
            self._catch_up_at = anyio.current_time() + pause
        self._note_behind(self._store)
        if not self._behind and self._unreached:
            await self._try_again(self._unreached)

    def _note_behind(self, store: "Store") -> None:
        if store.behind == self._behind:
            return
        self._behind = store.behind
        if self._behind:
            log.error("database_away", reason=store.problem)
            self._level = anyio.Event()
        else:
            log.info("database_caught_up")
            self._level.set()

    async def _close_store(self) -> None:
        lost = len(self._failed_into) + len(self._failed_files) + len(self._unreached)
        if lost:
            log.error("writes_lost", count=lost, reason=self.problem)
        if self._store is None:
            return
        try:
            await self._in_thread(self._store.close)
        except StoreError as error:
            self._fail(error)

    async def _wait(self) -> None:
        self._filled = anyio.Event()
        unwritten = self._store is None or self._failed_into or self._failed_files
        pause = RETRY_SECONDS if unwritten else float("inf")
        if self._store is not None and self._store.behind:
            pause = min(pause, max(0.0, self._catch_up_at - anyio.current_time()))
        with anyio.move_on_after(pause):
            await self._filled.wait()
            return
        if pause < RETRY_SECONDS and anyio.current_time() < self._retry_at:
            # It was but the time to catch up.
            return
        self._retry_at = anyio.current_time() + RETRY_SECONDS
        await self._try_again(self._failed_into)
        await self._try_again(self._failed_files)

    async def _do(self, job: _Job) -> None:
        failed = self._failed_into if job.work.file is None else self._failed_files
        if not await self._try_again(failed):
            # What came before is not written: this one waits behind it.
            answer: object = StoreError(
                self._failure or self.problem or "The disk cannot be written."
            )
        else:
            answer = await self._attempt(job.work)
        if job.keep and _worth_keeping(answer):
            # What the store cannot keep for a database that is away holds up nothing that it can.
            self._remember(self._unreached if _unreachable(answer) else failed, job.work)
        self._tell(job, answer)
        other = self._failed_files if failed is self._failed_into else self._failed_into
        if other and not isinstance(answer, StoreError):
            # There is room again: the other queue need not wait until nothing else is written.
            await self._try_again(other)

    def _tell(self, job: _Job, answer: object) -> None:
        try:
            job.then(answer)
        except Exception:
            # A bug of ours in whoever waits; what others wrote is not lost for it.
            log.exception("answer_failed")

    async def _try_again(self, failed: deque[Work]) -> bool:
        """Write what could not be written before. Gives whether all of it is written now."""
        if failed is not self._failed_files and self._store is None and not await self._open():
            return False
        while failed:
            answer = await self._attempt(failed[0])
            if _worth_keeping(answer):
                return False
            failed.popleft()
            self._mended()
        return True

    async def _attempt(self, work: Work) -> object:
        """Do it once, and give its result or its error."""
        try:
            answer = await self._in_thread(partial(_write, work, self._store))
        except StoreError as error:
            if not _never_fits(error):
                self._fail(error)
                return error
            log.exception("write_failed")
        except Exception:
            # A bug of ours, or a value that no database takes: once more changes nothing.
            log.exception("write_failed")
        else:
            self._mended()
            return answer
        return _Bug("tars failed to write this down; its log has the details.")

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, limiter=self._thread)

    def _remember(self, failed: deque[Work], work: Work) -> None:
        if len(failed) >= BACKLOG:
            failed.popleft()
            self._given_up += 1
            log.error("write_given_up", total=self._given_up)
        failed.append(work)

    def _mended(self) -> None:
        """Something was written. Unless more waits to be, all is well again."""
        if self._store is None or self._failed_into or self._failed_files:
            return
        if self._failure is not None:
            log.info("store_written_again")
            self._failure = None

    def _fail(self, error: StoreError) -> None:
        if self._store is not None and self._store.behind:
            # It says itself what is wrong.
            return
        problem = f"{error} {error.advice}".strip()
        if problem != self._failure:
            log.error("store_failed", reason=str(error))
        self._failure = problem


class _Bug(StoreError):
    """What failed will always fail: it is not kept."""


def _unreachable(answer: object) -> bool:
    """Whether the database is away, and the store does not keep this for it."""
    from tars.store.engine import Unreachable

    return isinstance(answer, Unreachable)


def _never_fits(error: StoreError) -> bool:
    """Whether the database would refuse it again and again, and what waits behind it."""
    from tars.store.operations import never_fits

    return never_fits(error)


def _worth_keeping(answer: object) -> bool:
    """Whether it is an error that may pass."""
    return isinstance(answer, StoreError) and not isinstance(answer, _Bug)


def _write(work: Work, store: "Store | None") -> object:
    if work.file is not None:
        return work.file()
    assert work.into is not None
    assert store is not None, "opened before anything is written into it"
    return work.into(store)


def _open_store(path: Path) -> "Store":
    # A tenth of a second and 15 MB: not before the daemon answers.
    from tars.store.store import Store

    return Store.open(path)


def _nothing(_answer: object) -> None:
    pass
