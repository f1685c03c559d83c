"""Read a log that is one JSON object, rewritten whole, in bounded memory.

Its members are given one by one, and those of a list singly: a message of a conversation is small,
however long the conversation is. A file that is too large to load is split as it is read.
"""

import os
import re
from collections.abc import Iterator

import msgspec

from tars.history.decoding import UNDECODABLE

#: What is loaded at once: a whole file up to this size, else one member of it.
LARGEST = 16 * 1024 * 1024
_CHUNK = 1024 * 1024

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)

# Whole strings, numbers, words and blanks; where commas and colons divide nothing, those too.
_FLAT = re.compile(rb'(?:[^"{}\[\],:]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_DEEP = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_IN_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)


class Malformed(Exception):
    """The file is no JSON object, or not a whole one."""


def members(path: str, *, largest: int = LARGEST) -> Iterator[tuple[str, bytes]]:
    """Give the name and the undecoded value of each member of the object that a file holds; of a
    list, one for each of its items. A value that is too large to load is empty.

    Raises OSError when the file cannot be opened or read, and Malformed, after what could be read,
    when it is not one whole object.
    """
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size <= largest:
            yield from _loaded(file.read(size))
            return
        splitter = _Splitter(largest)
        while data := file.read(_CHUNK):
            yield from splitter.feed(data)
        if not splitter.ended:
            raise Malformed


def _loaded(data: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        for name, value in _members.decode(data.removeprefix(b"\xef\xbb\xbf")).items():
            if bytes(memoryview(value)[:1]) == b"[":
                yield from ((name, bytes(item)) for item in _items.decode(value))
            else:
                yield name, bytes(value)
    except UNDECODABLE:
        raise Malformed from None


class _Splitter:
    """Gives what is whole of an object while its file is read. `_depth` is how many brackets are
    open; `_listed`: the second of them is a list's. `_lost`: the value is too large to keep."""

    def __init__(self, largest: int) -> None:
        self.ended = False
        self._largest = largest
        self._rest = b""
        self._in_string = False
        self._depth = 0
        self._listed = False
        self._name: str | None = None
        self._value = bytearray()
        self._lost = False

    def feed(self, more: bytes) -> Iterator[tuple[str, bytes]]:
        """Take what was read next, and give what is whole now. Raises Malformed."""
        data, at = self._rest + more, 0
        while at < len(data):
            plain = _DEEP if self._depth > 2 else _FLAT
            found = (_IN_STRING if self._in_string else plain).match(data, at)
            end = found.end() if found else at
            self._keep(data[at:end])
            at = end
            # Behind a string there is its quote, or the one backslash that ends these bytes.
            if at == len(data) or (self._in_string and data[at] != ord('"')):
                break
            if data[at] == ord('"'):
                self._in_string = not self._in_string
                self._keep(b'"')
            else:
                yield from self._mark(data[at : at + 1])
            at += 1
        self._rest = data[at:]

    def _mark(self, mark: bytes) -> Iterator[tuple[str, bytes]]:
        divides = self._depth == 1 or (self._depth == 2 and self._listed)
        match mark:
            case b"{" | b"[":
                self._open(mark)
            case b"}" | b"]" if divides:
                yield from self._whole()
                self._depth -= 1
                self._listed, self._name = False, None
                self.ended = not self._depth
            case b"}" | b"]":
                self._depth -= 1
                self._keep(mark)
            case b"," if divides:
                yield from self._whole()
                self._name = self._name if self._listed else None
            case b":" if self._depth == 1 and self._name is None:
                self._name = self._read_name()
            case _:
                self._keep(mark)

    def _open(self, bracket: bytes) -> None:
        if self._depth == 0 and (bracket == b"[" or self.ended):
            raise Malformed
        self._depth += 1
        if self._depth == 1:
            self._value.clear()
        elif self._depth == 2 and bracket == b"[" and not self._value.strip():
            self._listed = True
            self._value.clear()
        else:
            self._keep(bracket)

    def _read_name(self) -> str:
        try:
            return _text.decode(self._value)
        except UNDECODABLE:
            raise Malformed from None
        finally:
            self._value.clear()

    def _whole(self) -> Iterator[tuple[str, bytes]]:
        value, lost = bytes(self._value.strip()), self._lost
        self._value.clear()
        self._lost = False
        if self._name is not None and (value or lost):
            yield self._name, b"" if lost else value

    def _keep(self, data: bytes) -> None:
        if self._lost or len(self._value) + len(data) > self._largest:
            self._lost = True
            self._value.clear()
        else:
            self._value += data
