"""Bytes into lines, in bounded memory, whatever an agent prints.

A line ends with a newline. A carriage return before it, a byte order mark at the line's
start and blank lines are tolerated. A line longer than the limit is dropped as it comes in
and becomes one `TooLong`; the stream goes on after its newline.
"""

from dataclasses import dataclass

MEBIBYTE = 2**20
DEFAULT_LIMIT = 64 * MEBIBYTE

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line of `size` bytes was dropped; `size` leaves its newline out."""

    size: int


class Lines:
    """Splits a stream that arrives in pieces, cut anywhere.

    At most `limit` bytes of an unfinished line are kept. Each byte is looked at once,
    however small the pieces are.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._unfinished = bytearray()
        self._dropped = 0

    def feed(self, data: bytes) -> list[bytes | TooLong]:
        """Take a piece of the stream and give the lines that it finishes."""
        *finished, rest = data.split(b"\n")
        lines = [line for part in finished if (line := self._finish(part)) is not None]
        self._keep(rest)
        return lines

    def end(self) -> bytes | TooLong | None:
        """The stream is over: give the line that had no newline, if there was one."""
        return self._finish(b"")

    def _keep(self, part: bytes) -> None:
        if self._dropped or len(self._unfinished) + len(part) > self._limit:
            self._dropped += len(self._unfinished) + len(part)
            # A new one, because a cleared bytearray may keep its memory.
            self._unfinished = bytearray()
        else:
            self._unfinished += part

    def _finish(self, part: bytes) -> bytes | TooLong | None:
        if self._unfinished or self._dropped or len(part) > self._limit:
            self._keep(part)
            part, self._unfinished = bytes(self._unfinished), bytearray()
        if self._dropped:
            size, self._dropped = self._dropped, 0
            return TooLong(size)
        return part.removeprefix(_BYTE_ORDER_MARK).strip() or None
