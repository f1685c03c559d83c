"""The pages of an SQLite file, read one by one: whatever rows a damaged file still has.

SQLite itself stops at the first page that it cannot read, and a table whose root is gone has no
rows for it. Here every page that holds rows is read for itself, and a row counts only where all
its lengths agree. See https://www.sqlite.org/fileformat2.html, whose words these are.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

MAGIC = b"SQLite format 3\0"
#: What Python's SQLite makes, where the file's header does not say.
USUAL_PAGE = 4096
_HEADER = 100
_TABLE_INTERIOR, _TABLE_LEAF = 0x05, 0x0D
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}

Value = int | float | str | bytes | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it is on its page. An INTEGER PRIMARY KEY is None there: it is the rowid."""

    rowid: int
    values: tuple[Value, ...]


class Pages:
    """The pages of a file by their numbers, the first of which is 1. `broken` counts the rows
    that could not be read."""

    def __init__(self, data: "mmap | bytes") -> None:
        self._data = data
        self.size = _page_size(data)
        # The bytes at the end of each page that are somebody else's.
        self._usable = self.size - (data[20] if data[:16] == MAGIC and data[20] <= 32 else 0)
        self.count = len(data) // self.size
        self.broken = 0

    def leaves(self, root: int, seen: set[int]) -> Iterator[int]:
        """Give the pages with the rows of a table, in its order, as far as they are reached from
        its root. No page twice: `seen` are those that were visited."""
        todo = [root]
        while todo:
            number = todo.pop()
            if number in seen or not 1 <= number <= self.count:
                continue
            seen.add(number)
            page = self._page(number)
            kind = page[_start(number)]
            if kind == _TABLE_LEAF:
                yield number
            elif kind == _TABLE_INTERIOR:
                todo.extend(reversed(self._children(number, page)))

    def holds_rows(self, number: int) -> bool:
        """Say whether a page seems to be one with rows of a table."""
        return self._page(number)[_start(number)] == _TABLE_LEAF

    def rows(self, number: int) -> Iterator[Row]:
        """Give the rows of a page that can be read."""
        page, start = self._page(number), _start(number)
        count = _u16(page, start + 3)
        first = start + 8
        for place in range(first, min(first + 2 * count, len(page) - 1), 2):
            try:
                yield self._row(page, _u16(page, place))
            except (IndexError, ValueError, struct.error):
                self.broken += 1

    def _page(self, number: int) -> bytes:
        return self._data[(number - 1) * self.size : number * self.size]

    def _children(self, number: int, page: bytes) -> list[int]:
        start = _start(number)
        found = []
        for place in range(_u16(page, start + 3)):
            pointer = start + 12 + 2 * place
            cell = _u16(page, pointer) if pointer + 2 <= len(page) else len(page)
            if cell + 4 <= len(page):
                found.append(_u32(page, cell))
        return [*found, _u32(page, start + 8)]

    def _row(self, page: bytes, place: int) -> Row:
        size, place = _varint(page, place)
        rowid, place = _varint(page, place)
        rowid = rowid - (1 << 64) if rowid >= 1 << 63 else rowid
        return Row(rowid, _record(self._payload(page, place, size)))

    def _payload(self, page: bytes, place: int, size: int) -> bytes:
        """Give a row's bytes: those on its page, and those that overflow onto others."""
        if size > len(self._data):
            raise ValueError("longer than the file")
        here = self._local(size)
        parts = [page[place : place + here]]
        if len(parts[0]) < here:
            raise ValueError("beyond its page")
        left = size - here
        following = _u32(page, place + here) if left else 0
        while left:
            if not 1 < following <= self.count:
                raise ValueError("goes on nowhere")
            more = self._page(following)
            following = _u32(more, 0)
            parts.append(more[4 : 4 + min(left, self._usable - 4)])
            left -= len(parts[-1])
        return b"".join(parts)

    def _local(self, size: int) -> int:
        most = self._usable - 35
        if size <= most:
            return size
        least = (self._usable - 12) * 32 // 255 - 23
        wanted = least + (size - least) % (self._usable - 4)
        return wanted if wanted <= most else least


def _record(data: bytes) -> tuple[Value, ...]:
    """Read a row's values. Raises ValueError where its lengths do not agree."""
    head, place = _varint(data, 0)
    body = head
    values: list[Value] = []
    while place < head:
        kind, place = _varint(data, place)
        value, length = _value(data, body, kind)
        body += length
        if body > len(data):
            raise ValueError("beyond its end")
        values.append(value)
    if place != head or body != len(data):
        raise ValueError("lengths that do not agree")
    return tuple(values)


def _value(data: bytes, place: int, kind: int) -> tuple[Value, int]:
    if kind >= 12:
        length = (kind - 12) // 2
        piece = data[place : place + length]
        return (piece.decode(errors="replace") if kind % 2 else piece), length
    if kind in _INTEGERS:
        length = _INTEGERS[kind]
        return int.from_bytes(data[place : place + length], "big", signed=True), length
    if kind == 0:
        return None, 0
    if kind == 7:
        return struct.unpack_from(">d", data, place)[0], 8
    if kind in (8, 9):
        return kind - 8, 0
    raise ValueError("no kind of value")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Read a number of one to nine bytes, and give where it ends."""
    value = 0
    for length in range(8):
        byte = data[place + length]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + length + 1
    return value << 8 | data[place + 8], place + 9


def _page_size(data: "mmap | bytes") -> int:
    """Give the size that the header says, if it is one."""
    if data[:16] != MAGIC or len(data) < _HEADER:
        return USUAL_PAGE
    size = _u16(data[16:18], 0)
    size = 65536 if size == 1 else size
    return size if size >= 512 and size & (size - 1) == 0 else USUAL_PAGE


def _start(number: int) -> int:
    """The first page begins with the file's header."""
    return _HEADER if number == 1 else 0


def _u16(data: bytes, place: int) -> int:
    return data[place] << 8 | data[place + 1]


def _u32(data: bytes, place: int) -> int:
    if place + 4 > len(data):
        raise ValueError("beyond its page")
    return int.from_bytes(data[place : place + 4], "big")
