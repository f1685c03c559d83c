"""Read many files with two processes: both take the next chunk of files from one pipe.

What was read comes out in the order of the chunks, whoever read it. The second process is forked;
where that is not safe, since this one has threads, it is started afresh. It ends when this one
does, however that comes: nobody reads then what it sends. If it ends early itself, this one reads
what is missing.
"""

import gc
import marshal
import os
import select
import signal
import struct
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from types import TracebackType
from typing import NamedTuple, Self

from tars.history.early import WAITING, widen
from tars.history.packing import Packed
from tars.history.reading import read_all, read_on
from tars.history.source import Found, Job, Source
from tars.history.sources.registry import SOURCES, load_readers

#: Where a second process that was started afresh finds the pipe of numbers.
_QUEUE = 3
_NUMBER = struct.Struct("<I")
_HEADER = struct.Struct("<IQ")

#: Files of one source.
Chunk = tuple[Source, list[Job]]


class Portions(NamedTuple):
    """Bytes of logs: of a chunk that one process reads at a time, of a transaction, and from
    which on a second process is worth its start."""

    chunk: int = 8 * 1024 * 1024
    # The keys have no order: every transaction writes most pages of the index again.
    transaction: int = 512 * 1024 * 1024
    split: int = 24 * 1024 * 1024


PORTIONS = Portions()
#: More numbers of chunks than these would not fit into the pipe that they are taken from.
_CHUNKS = 4000


def chunks_of(work: Sequence[tuple[Source, list[Job]]], portions: Portions) -> list[Chunk]:
    """Cut the files of each source into chunks that are worth being handed out singly."""
    chunks: list[Chunk] = []
    size = sum(job.to_read for _, jobs in work for job in jobs)
    chunk = max(portions.chunk, size // _CHUNKS)
    for source, jobs in work:
        size = chunk
        for job in jobs:
            if size >= chunk:
                chunks.append((source, []))
                size = 0
            chunks[-1][1].append(job)
            size += job.to_read
    return chunks


def read_in_order(
    chunks: Sequence[Chunk], *, latest: int, processes: int, portions: Portions = PORTIONS
) -> Generator[tuple[Chunk, Packed], None, None]:
    """Read the chunks one after the other; with a second process, if there is so much of it. A
    chunk with files that have more than is read at once is given several times, with these files.

    `latest` is the time that nothing in the logs should be later than.
    """
    if processes < 2 or not is_for_two(chunks, portions):
        for chunk in chunks:
            yield from _to_the_end(chunk, read_all(*chunk, latest=latest), latest)
        return
    load_readers(source.agent for source, _ in chunks)
    queue = queue_of(len(chunks))
    with closing(_Fd(queue)), second_of(chunks, queue, latest) as second:
        yield from read_together(chunks, queue, second, latest=latest)


def read_together(
    chunks: Sequence[Chunk], queue: int, second: "Results", *, latest: int
) -> Generator[tuple[Chunk, Packed], None, None]:
    """Do the same with a second process, which takes numbers of these chunks from this queue."""
    done: dict[int, Packed] = {}
    turn = 0
    while turn < len(chunks):
        number = _next(queue)
        if number is not None:
            done[number] = read_all(*chunks[number], latest=latest)
        done.update(second.sent(wait=number is None and turn not in done))
        if number is None and second.ended and turn not in done:
            done[turn] = read_all(*chunks[turn], latest=latest)
        while turn in done:
            yield from _to_the_end(chunks[turn], done.pop(turn), latest)
            turn += 1


def is_for_two(chunks: Sequence[Chunk], portions: Portions) -> bool:
    """Whether there is so much to read that a second process is worth its start."""
    size = sum(job.to_read for _, jobs in chunks for job in jobs)
    return size >= portions.split and len(chunks) > 1


def _to_the_end(
    chunk: Chunk, packed: Packed, latest: int
) -> Generator[tuple[Chunk, Packed], None, None]:
    """Give what was read of a chunk, and then, bit by bit, the rest of its files."""
    source, jobs = chunk
    yield chunk, packed
    while jobs := read_on(jobs, packed):
        packed = read_all(source, jobs, latest=latest)
        yield (source, jobs), packed


class _Fd:
    """A descriptor that `closing` closes."""

    def __init__(self, number: int) -> None:
        self._number = number

    def close(self) -> None:
        os.close(self._number)


def queue_of(count: int) -> int:
    """Give the end of a pipe from which the numbers of the chunks can be taken, each once."""
    taken, put = os.pipe()
    with closing(_Fd(put)):
        fill(put, count)
    return taken


def fill(put: int, count: int) -> None:
    """Put the numbers of so many chunks into a pipe, which has room for them."""
    os.set_blocking(put, False)
    os.write(put, b"".join(map(_NUMBER.pack, range(count))))


def _next(queue: int) -> int | None:
    number = os.read(queue, _NUMBER.size)
    return _NUMBER.unpack(number)[0] if number else None


class Results:
    """What a second process reads. `ended`: nothing will come from it any more."""

    def __init__(self, results: int) -> None:
        self.ended = False
        self._buffer = bytearray()
        self._results = results

    def sent(self, *, wait: bool) -> Iterator[tuple[int, Packed]]:
        """Give what it has sent, or, to `wait`, at least a part of something."""
        while not self.ended and (wait or select.select([self._results], [], [], 0)[0]):
            wait = False
            part = os.read(self._results, WAITING)
            self.ended = not part
            self._buffer += part
        yield from self._whole()

    def _whole(self) -> Iterator[tuple[int, Packed]]:
        buffer, begin = self._buffer, 0
        while len(buffer) - begin >= _HEADER.size:
            number, length = _HEADER.unpack_from(buffer, begin)
            end = begin + _HEADER.size + length
            if len(buffer) < end:
                break
            yield number, Packed.loaded(bytes(buffer[begin + _HEADER.size : end]))
            begin = end
        del buffer[:begin]


class Second(Results):
    """The second process."""

    def __init__(self, pid: int, results: int) -> None:
        super().__init__(results)
        self._pid = pid
        widen(results)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._results)
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        # Somebody in this process may wait for any child.
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def second_of(chunks: Sequence[Chunk], queue: int, latest: int) -> Second:
    """Begin a second process that reads these chunks."""
    begin = _forked if threading.active_count() == 1 else _started
    return Second(*begin(chunks, queue, latest))


def _forked(chunks: Sequence[Chunk], queue: int, latest: int) -> tuple[int, int]:
    """Give the second process's id, and where what it finds comes from."""
    results, put = os.pipe()
    pid = os.fork()
    if pid:
        os.close(put)
        return pid, results
    # Nothing of what the first process would do at its end may be done here.
    try:
        os.close(results)
        serve(chunks, queue, put, latest)
    finally:
        os._exit(0)


def _started(chunks: Sequence[Chunk], queue: int, latest: int) -> tuple[int, int]:
    """Do the same where a fork would copy the locks of other threads."""
    results, put = os.pipe()
    taken, given = os.pipe()
    with closing(_Fd(put)), closing(_Fd(taken)):
        pid = os.posix_spawn(
            sys.executable,
            [
                sys.executable,
                "-P",
                "-c",
                "from tars.history.splitting import be_second; be_second()",
            ],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, taken, 0),
                (os.POSIX_SPAWN_DUP2, put, 1),
                (os.POSIX_SPAWN_DUP2, queue, _QUEUE),
            ],
        )
    work = [
        (source.agent, [(tuple(job.found), *job[1:]) for job in jobs]) for source, jobs in chunks
    ]
    with suppress(BrokenPipeError), open(given, "wb") as file:
        file.write(marshal.dumps((latest, work)))
    return pid, results


def be_second() -> None:
    """Be the second process, started afresh: what to do is on stdin, the pipe of numbers is 3."""
    with open(0, "rb") as file:
        latest, work = marshal.loads(file.read())
    sources = {source.agent: source for source in SOURCES}
    chunks = [
        (sources[agent], [Job(Found(*found), *rest) for found, *rest in jobs])
        for agent, jobs in work
    ]
    with suppress(BrokenPipeError):
        serve(chunks, _QUEUE, 1, latest)


def serve(chunks: Sequence[Chunk], queue: int, put: int, latest: int) -> None:
    """Read chunks until there are no more, or nobody who wants them."""
    # Who asked for all this is interrupted, and ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    while (number := _next(queue)) is not None:
        data = read_all(*chunks[number], latest=latest).dumped()
        tell(put, _HEADER.pack(number, len(data)) + data)


def tell(put: int, said: bytes) -> None:
    """Write all of it into a pipe. Raises BrokenPipeError where nobody reads it."""
    message = memoryview(said)
    while message:
        message = message[os.write(put, message) :]
