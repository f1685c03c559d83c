"""Bytes from and to a child, without blocking and within bounds."""

import os
from collections import deque
from collections.abc import AsyncGenerator, Callable

import anyio
import anyio.lowlevel

CHUNK = 64 * 1024
#: How often a growing file is looked at. Only while a one-shot agent works.
TAIL_SECONDS = 0.02
#: What may wait for an agent that does not read; the largest prompt fits many times.
OUTBOX_LIMIT = 64 * 1024 * 1024
#: How exactly it is known when stderr was written, and how many times are kept.
GRAIN_SECONDS = 0.25
TIMES = 64


async def chunks(descriptor: int) -> AsyncGenerator[bytes, None]:
    """Give what comes out of a pipe until its end."""
    while True:
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            await anyio.wait_readable(descriptor)
            continue
        if not data:
            return
        yield data
        # A child that floods must not keep the others waiting.
        await anyio.lowlevel.checkpoint()


async def grown(descriptor: int, finished: anyio.Event) -> AsyncGenerator[bytes, None]:
    """Give what is appended to a file, until its writer has finished and all is read."""
    position = 0
    while True:
        last = finished.is_set()
        # Somebody else may have the file open still: what it appends later is not awaited.
        end = os.fstat(descriptor).st_size
        while position < end and (data := os.read(descriptor, CHUNK)):
            position += len(data)
            yield data
            await anyio.lowlevel.checkpoint()
        if last:
            return
        with anyio.move_on_after(TAIL_SECONDS):
            await finished.wait()


class Outbox:
    """What is on its way to a child's stdin. `send` writes at once what the pipe takes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting = bytearray()
        self._filled = anyio.Event()
        self._closing = False
        self.broken = False

    def send(self, data: bytes) -> None:
        """Take bytes; what the pipe does not take now is written by `flush`.

        A child that does not read loses what goes beyond OUTBOX_LIMIT: it is deaf
        anyhow, and the deadlines see to it.
        """
        if self.broken or self._closing or not data:
            # Once stdin is closed, its number may be another file's.
            return
        if len(self._waiting) + len(data) > OUTBOX_LIMIT:
            return
        self._waiting += data
        self._write()

    def finish(self) -> None:
        """Close stdin once everything is written."""
        self._closing = True
        self._filled.set()

    async def flush(self) -> None:
        """Write what waits, until `finish` or the child's end."""
        while not self.broken and not (self._closing and not self._waiting):
            if not self._waiting:
                await self._filled.wait()
                self._filled = anyio.Event()
                continue
            await anyio.wait_writable(self._descriptor)
            self._write()

    def _write(self) -> None:
        try:
            while self._waiting:
                written = os.write(self._descriptor, self._waiting[:CHUNK])
                del self._waiting[:written]
        except BlockingIOError:
            self._filled.set()
        except OSError:
            # It closed its stdin, or died: its exit says more.
            self.broken = True
            self._waiting.clear()
            self._filled.set()


class Tail:
    """The end of what a child wrote to stderr: at most `limit` bytes, for error messages.
    `clock` gives the time in seconds; `written_at` is when it last wrote."""

    def __init__(self, limit: int = 16 * 1024, *, clock: Callable[[], float] = lambda: 0.0) -> None:
        self.written_at = float("-inf")
        self._limit = limit
        self._clock = clock
        self._data = bytearray()
        self._torn = bytearray()
        self._written = 0
        # From which byte on it was written at which time.
        self._times: deque[tuple[int, float]] = deque(maxlen=TIMES)

    def add(self, data: bytes) -> list[str]:
        """Keep the bytes, and give the lines that are whole now."""
        self.written_at = self._clock()
        if not self._times or self.written_at - self._times[-1][1] >= GRAIN_SECONDS:
            self._times.append((self._written, self.written_at))
        self._written += len(data)
        self._data += data
        del self._data[: -self._limit]
        self._torn += data
        if b"\n" not in data:
            del self._torn[: -self._limit]
            return []
        *lines, rest = bytes(self._torn).split(b"\n")
        self._torn = bytearray(rest[-self._limit :])
        return [line.decode("utf-8", "replace") for line in lines]

    def end(self) -> list[str]:
        """Give the last line, if it had no newline."""
        line, self._torn = bytes(self._torn), bytearray()
        return [line.decode("utf-8", "replace")] if line else []

    @property
    def text(self) -> str:
        return self._data.decode("utf-8", "replace")

    def since(self, moment: float) -> str:
        """Give what was written at this time or later."""
        begins = next((at for at, time in self._times if time >= moment), self._written)
        count = min(self._written - begins, len(self._data))
        return self._data[len(self._data) - count :].decode("utf-8", "replace")
