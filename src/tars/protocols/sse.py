"""Server-Sent Events, read: bytes in, (event, data) out.

What tars' own control channel and the agents that serve HTTP send: `event` and `data`
fields, and comments as signs of life. See
https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from collections.abc import Iterator

#: A turn's whole answer is one event. More than this is not buffered.
LARGEST_EVENT = 128 * 1024 * 1024


class EventTooLarge(ValueError):
    """One event holds more than is kept in memory."""


class EventReader:
    """Collects the bytes of a stream and gives the events that are complete."""

    def __init__(self, largest: int = LARGEST_EVENT) -> None:
        self._largest = largest
        self._buffer = bytearray()
        self._searched = 0
        self._name = "message"
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[tuple[str, bytes]]:
        """Give the events that end in this piece. Raises EventTooLarge."""
        self._buffer += piece
        while (end := self._buffer.find(b"\n", self._searched)) >= 0:
            line = bytes(self._buffer[:end]).removesuffix(b"\r")
            del self._buffer[: end + 1]
            self._searched = 0
            if line:
                self._take(line)
            elif self._data:
                yield self._name, b"\n".join(self._data)
                self._forget()
            else:
                self._forget()
        self._searched = len(self._buffer)
        self._check()

    def _take(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            self._name = value.decode("utf-8", "replace")
        elif field == b"data":
            self._data.append(value)
            self._size += len(value)
            self._check()

    def _check(self) -> None:
        if self._size + len(self._buffer) > self._largest:
            raise EventTooLarge

    def _forget(self) -> None:
        self._name, self._data, self._size = "message", [], 0
