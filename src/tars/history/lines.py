"""Read a log of JSON lines on from where the last reading ended, in bounded memory.

A log is read window by window into one buffer that is used again for every file. A window has
whole lines only. Two kinds of lines are given singly: one that is longer than a window, of which
only the two ends are kept, and the last one of the file while its newline has not come yet. That
one may be whole all the same (some logs never end in a newline): who can decode it counts it, and
reads it again next time, which counts nothing twice.
"""

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

#: How much is read at once. A longer line is never loaded whole.
WINDOW = 1 << 20
#: How much is kept of each end of a line that is longer than a window.
EDGE = 64 * 1024

#: Buffers that nobody uses now: one, unless several threads read at a time.
_BUFFERS: list[bytearray] = []

#: What may stand around a line: blanks, a CR, a byte-order mark, and the NUL bytes that some
#: file systems leave after a crash.
_AROUND = b" \t\r\n\0\xef\xbb\xbf"


class Window(NamedTuple):
    """Whole lines: `data[:end]`, with their newlines. `offset` is where the first begins in the
    file. The data is overwritten by the next window: nothing of it may be kept."""

    data: bytearray
    end: int
    offset: int


class Line(NamedTuple):
    """One line, without what stands around it. `text` is all of it unless `cut` is true: then it
    is the beginning and the end of a line that is too long to load. `end` is where the next line
    begins in the file. `whole`: its newline was there; a line without one is to be read again."""

    text: bytes
    end: int
    whole: bool = True
    cut: bool = False


def windows(
    path: str, offset: int, size: int, *, window: int = WINDOW, edge: int = EDGE
) -> Iterator[Window | Line]:
    """Give the lines between two offsets of a file; what it has beyond `size` is not looked at.

    Raises OSError when the file cannot be opened or read.
    """
    # Without O_NONBLOCK, a pipe that took the file's place would be waited for.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    left = size - offset

    def read(room: memoryview) -> int:
        nonlocal left
        got = os.readv(fd, [room[: max(0, left)]]) if left > 0 else 0
        left -= got
        return got

    try:
        if offset:
            os.lseek(fd, offset, os.SEEK_SET)
        yield from streamed(read, offset, window=window, edge=edge)
    finally:
        os.close(fd)


def streamed(
    read: Callable[[memoryview], int], offset: int = 0, *, window: int = WINDOW, edge: int = EDGE
) -> Iterator[Window | Line]:
    """Give the lines of what is read bit by bit, from an offset on. `read` fills a part of the
    room that it is given, and says how much; 0 is the end."""
    buffer = _BUFFERS.pop() if window == WINDOW and _BUFFERS else bytearray(window)
    try:
        with memoryview(buffer) as view:
            yield from _Stream(read, buffer, view, edge).windows(offset)
    finally:
        if window == WINDOW:
            _BUFFERS.append(buffer)


def lines(
    path: str, offset: int, size: int, *, window: int = WINDOW, edge: int = EDGE
) -> Iterator[Line]:
    """Give the lines between two offsets of a file, one by one; blank ones are left out.

    Raises OSError when the file cannot be opened or read.
    """
    for part in windows(path, offset, size, window=window, edge=edge):
        if isinstance(part, Line):
            if part.text:
                yield part
        else:
            yield from _split(part)


def bare(line: bytes | bytearray) -> bytes:
    """Leave out what may stand around a line."""
    return bytes(line.strip(_AROUND))


class _Stream(NamedTuple):
    """What is read into the buffer that `view` is of."""

    read: Callable[[memoryview], int]
    buffer: bytearray
    view: memoryview
    edge: int

    def windows(self, at: int) -> Iterator[Window | Line]:
        """Give the lines. The buffer begins with what is `kept` of a line that has not ended;
        in the first `searched` bytes there is no newline."""
        kept = searched = 0
        while (got := self.read(self.view[kept:])) or searched < kept:
            filled = kept + got
            end = self.buffer.rfind(b"\n", searched, filled) + 1
            if end:
                yield Window(self.buffer, end, at)
                self.view[: filled - end] = self.view[end:filled]
                at += end
            kept = searched = filled - end
            if kept == len(self.buffer):
                line, kept = self.long(at)
                yield line
                searched, at = 0, line.end
                if not line.whole:
                    return
        if kept:
            yield Line(bare(self.buffer[:kept]), at + kept, whole=False)

    def long(self, at: int) -> tuple[Line, int]:
        """Read a line that fills the buffer and has not ended there. Give it, and how much of
        what follows it is in the buffer then."""
        buffer, edge = self.buffer, self.edge
        head, tail = buffer[:edge], buffer[-edge:]
        at += len(buffer)
        while got := self.read(self.view):
            stop = buffer.find(b"\n", 0, got)
            end = got if stop < 0 else stop
            tail = (tail + buffer[max(0, end - edge) : end])[-edge:]
            if stop >= 0:
                rest = got - stop - 1
                self.view[:rest] = self.view[stop + 1 : got]
                return Line(bare(head + tail), at + stop + 1, cut=True), rest
            at += got
        return Line(bare(head + tail), at, whole=False, cut=True), 0


def _split(window: Window) -> Iterator[Line]:
    data, begin = window.data, 0
    while begin < window.end:
        end = data.index(b"\n", begin) + 1
        if text := bare(data[begin:end]):
            yield Line(text, window.offset + end)
        begin = end
