"""Read those lines of a log of JSON lines that have something to tell, decoded."""

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from tars.history.decoding import UNDECODABLE
from tars.history.lines import lines
from tars.history.source import ENOUGH, Found

Record = TypeVar("Record")


class Records(Generic[Record]):
    """The lines of a log from an offset on in which one of the marks stands, `enough` of them at
    most. Behind them, `offset` is where to read on, `garbled` how many could not be decoded, and
    `more` whether there are others."""

    def __init__(
        self,
        found: Found,
        offset: int,
        decoder: msgspec.json.Decoder[Record],
        *marks: bytes,
        enough: int = ENOUGH,
    ) -> None:
        self.offset = offset
        self.garbled = 0
        self.more = False
        self._found = found
        self._decoder = decoder
        self._marks = marks
        self._enough = enough

    def __iter__(self) -> Iterator[Record]:
        """Raises OSError when the file cannot be opened or read."""
        given = 0
        for line in lines(self._found.path, self.offset, self._found.size):
            if given >= self._enough:
                self.more = True
                return
            if line.whole:
                self.offset = line.end
            if any(mark in line.text for mark in self._marks):
                try:
                    record = self._decoder.decode(line.text)
                except UNDECODABLE:
                    # The last line may not have ended: it is read again.
                    self.garbled += line.whole
                else:
                    given += 1
                    yield record
