"""Look for all logs in a second process while this one still imports what it needs: where there is
no index yet, and maybe much to read.

The second process begins at once to read its share of what it found (`splitting`). When it was
begun only after all logs had been looked for, it was not there for a tenth of a first report of a
gigabyte: this way, and with the price list read while the first one waits, that takes a tenth less.
"""

import fcntl
import gc
import marshal
import os
import signal
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self, TypeAlias

from tars.history.looking import Logs, Look, look
from tars.history.source import TOMORROW, Found, Job, Source
from tars.history.sources.registry import SOURCES, load_readers

if TYPE_CHECKING:
    from collections.abc import Generator

    from tars.history.packing import Packed
    from tars.history.splitting import Chunk, Portions

    #: Reads chunks with the second process, in their order.
    Together: TypeAlias = Callable[[Sequence[Chunk]], Generator[tuple[Chunk, Packed], None, None]]

#: How much of what the second process has to tell may wait for this one.
WAITING = 1024 * 1024
_LENGTH = struct.Struct("<Q")


class Begun(NamedTuple):
    """What the second process found. `read`, where it reads already, reads the rest and gives all:
    the chunks that these files are cut into."""

    seen: Look
    read: "Together | None"


class Early:
    """A second process that looks for logs, and then reads some of them. `meanwhile` is what this
    one may do while it waits. Leaving this ends the other one; without this process it ends itself,
    as soon as it has something to tell.
    """

    def __init__(
        self,
        logs: Logs,
        sources: Sequence[Source] = SOURCES,
        portions: "Portions | None" = None,
    ) -> None:
        """Begin. Other threads must not be there. Raises OSError."""
        self._what = logs, sources, portions
        #: The id of the other process.
        self.pid: int
        self.meanwhile: Callable[[], None] = _nothing
        self._queue, numbers = os.pipe()
        self._results, put = os.pipe()
        widen(put)
        try:
            self.pid = os.fork()
        except OSError:
            for each in (self._queue, numbers, self._results, put):
                os.close(each)
            raise
        if not self.pid:
            # Nothing of what the first process would do at its end may be done here.
            try:
                os.close(self._results)
                _work(*self._what, self._queue, numbers, put)
            finally:
                os._exit(0)
        os.close(numbers)
        os.close(put)

    def begun(
        self, logs: Logs, sources: Sequence[Source], portions: "Portions | None"
    ) -> Begun | None:
        """Wait for what it found; once. None where it does not look for these logs, or where it
        came to its end."""
        if (logs, sources, portions) != self._what:
            return None
        # While the other one looks.
        from tars.history import decoding  # noqa: F401 - what follows imports the same, but slowly
        from tars.history.splitting import Results, read_together

        self.meanwhile()
        there = (s.agent for s in sources if any(map(os.path.exists, logs.roots(s))))
        load_readers(there)
        told = self._told(_LENGTH.size)
        told = told and self._told(_LENGTH.unpack(told)[0])
        if not told:
            return None
        latest, shared, problems, work = marshal.loads(told)
        by = {source.agent: source for source in sources}
        jobs = [(by[agent], [Job(Found(*each)) for each in files]) for agent, files in work]
        results = Results(self._results)
        read = partial(read_together, queue=self._queue, second=results, latest=latest)
        return Begun(Look(jobs, problems=problems), read if shared else None)

    def _told(self, length: int) -> bytes:
        """Read so much of what it tells; nothing if that is not all there."""
        told = bytearray()
        while len(told) < length:
            part = os.read(self._results, min(length - len(told), WAITING))
            if not part:
                return b""
            told += part
        return bytes(told)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._queue)
        os.close(self._results)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        # Somebody in this process may wait for any child.
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def widen(pipe: int) -> None:
    """Let more wait in a pipe, where that can be had: elsewhere than on Linux it stays as it is."""
    with suppress(OSError, AttributeError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, WAITING)


def _nothing() -> None:
    pass


def _work(
    logs: Logs,
    sources: Sequence[Source],
    portions: "Portions | None",
    queue: int,
    numbers: int,
    put: int,
) -> None:
    """Look for logs, tell what there is, and read of it what the first process does not."""
    # Who asked for all this is interrupted, and ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    now = time.time()
    seen = look(None, sources, logs, now=now)
    from tars.history import decoding  # noqa: F401 - as above
    from tars.history.splitting import PORTIONS, chunks_of, fill, is_for_two, serve, tell

    portions = portions or PORTIONS
    latest = int(now * 1000) + TOMORROW
    chunks = chunks_of(seen.jobs, portions)
    shared = is_for_two(chunks, portions)
    if shared:
        fill(numbers, len(chunks))
    os.close(numbers)
    work = [(source.agent, [tuple(job.found) for job in jobs]) for source, jobs in seen.jobs]
    told = marshal.dumps((latest, shared, [*seen.problems], work))
    tell(put, _LENGTH.pack(len(told)) + told)
    if shared:
        load_readers(source.agent for source, _ in chunks)
        serve(chunks, queue, put, latest)
