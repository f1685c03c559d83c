"""The end of a log that others write and rotate, and what is added to it.

Every call reads a bounded piece, so that a log of gigabytes costs no more than a small one.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

#: How far back from the end `tail` looks, in bytes, whatever the number of lines.
MAX_TAIL = 4 * 1024 * 1024
#: How much `more` reads at once; a line that is longer comes in pieces.
MAX_READ = 1024 * 1024
BLOCK = 64 * 1024


class LogFile:
    """A log being read: first `tail`, then `more` as often as one likes.

    A file that is not there (yet) has no lines. One that was renamed away is read to
    its end, and then the new one from its start; one that was cut short, from its start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._rest = b""

    def tail(self, count: int, *, whole: bool = False) -> list[str]:
        """Give the last `count` lines. `whole` leaves out a last line that has no end yet;
        `more` brings it once it has. Raises OSError when the file cannot be read."""
        file = self._open()
        if file is None:
            return []
        lines = _last_bytes(file, count + 1).split(b"\n")
        self._rest = lines.pop() if whole else b""
        if lines and not lines[-1]:
            lines.pop()
        return [_text(line) for line in lines[len(lines) - min(count, len(lines)) :]]

    def more(self) -> list[str]:
        """Give the lines that have come since, as far as they are complete."""
        data = self._read() or self._read_after_rotation()
        if not data:
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) >= MAX_READ:
            lines.append(self._rest)
            self._rest = b""
        return [_text(line) for line in lines]

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> BinaryIO | None:
        with suppress(FileNotFoundError):
            self._file = self._path.open("rb", buffering=0)
        return self._file

    def _read(self) -> bytes:
        file = self._file or self._open()
        return b"" if file is None else file.read(MAX_READ)

    def _read_after_rotation(self) -> bytes:
        """The end was reached: see whether it is still the end of the file of that name."""
        if self._file is None:
            return b""
        here = os.fstat(self._file.fileno())
        if here.st_size < self._file.tell():
            self._file.seek(0)
            self._rest = b""
            return self._read()
        with suppress(FileNotFoundError):
            there = self._path.stat()
            if (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino):
                return self._switch()
        return b""

    def _switch(self) -> bytes:
        # A last line may have been written between our read and the rename.
        data = self._read()
        if not data:
            self.close()
            data = self._read()
        return data


def _last_bytes(file: BinaryIO, lines: int) -> bytes:
    """Read back from the end until enough line ends were seen; leave the file at its end."""
    end = file.seek(0, os.SEEK_END)
    position, blocks, seen = end, list[bytes](), 0
    while position > 0 and seen <= lines and end - position < MAX_TAIL:
        start = max(0, position - BLOCK)
        file.seek(start)
        block = file.read(position - start)
        blocks.append(block)
        seen += block.count(b"\n")
        position = start
    file.seek(end)
    data = b"".join(reversed(blocks))
    if position == 0:
        return data
    # The first line of what was read is cut: leave it out, unless there is no other.
    return data.partition(b"\n")[2] or data


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "replace")
