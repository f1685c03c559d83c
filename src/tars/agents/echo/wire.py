"""Lines on stdin, bytes on stdout, in one thread: neither side can block the other."""

import os
import select

#: A pipe that `select` calls writable takes this much without blocking (POSIX: PIPE_BUF).
_PIECE = select.PIPE_BUF
_READ = 65536


class Wire:
    """`ended` is true once stdin has ended. Raises BrokenPipeError when nobody reads."""

    def __init__(self, stdin: int = 0, stdout: int = 1) -> None:
        self.ended = False
        self._stdin = stdin
        self._stdout = stdout
        self._inbox = bytearray()
        self._outbox = bytearray()

    @property
    def drained(self) -> bool:
        """All that was sent has been written."""
        return not self._outbox

    def send(self, data: bytes) -> None:
        self._outbox += data

    def flush(self) -> None:
        """Write all that was sent, however long that takes."""
        while self._outbox:
            self._write()

    def wait(self, seconds: float | None) -> list[bytes]:
        """Write and read what can be, or wait for that; give the whole lines that came."""
        reading = [] if self.ended else [self._stdin]
        writing = [self._stdout] if self._outbox else []
        readable, writable, _ = select.select(reading, writing, [], seconds)
        if writable:
            self._write()
        return self._read() if readable else []

    def _write(self) -> None:
        written = os.write(self._stdout, self._outbox[:_PIECE])
        del self._outbox[:written]

    def _read(self) -> list[bytes]:
        data = os.read(self._stdin, _READ)
        self.ended = not data
        self._inbox += data
        if b"\n" not in data:
            return []
        *lines, rest = self._inbox.split(b"\n")
        self._inbox = bytearray(rest)
        return [bytes(line) for line in lines]
