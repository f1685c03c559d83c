"""Read those lines of a log of JSON lines that have something to tell, decoded."""

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from tars.history.documents import UNDECODABLE
from tars.history.lines import lines
from tars.history.source import Found

Record = TypeVar("Record")


class Records(Generic[Record]):
    """The lines of a log from an offset on in which one of the marks stands. When all were given,
    `offset` is where to read on, and `garbled` how many of them could not be decoded."""

    def __init__(
        self, found: Found, offset: int, decoder: msgspec.json.Decoder[Record], *marks: bytes
    ) -> None:
        self.offset = offset
        self.garbled = 0
        self._found = found
        self._decoder = decoder
        self._marks = marks

    def __iter__(self) -> Iterator[Record]:
        """Raises OSError when the file cannot be opened or read."""
        for line in lines(self._found.path, self.offset, self._found.size):
            text = line.text
            if any(mark in text for mark in self._marks):
                try:
                    record = self._decoder.decode(text)
                except UNDECODABLE:
                    # The last line may not have ended: it is read again.
                    self.garbled += line.whole
                else:
                    yield record
            if line.whole:
                self.offset = line.end
