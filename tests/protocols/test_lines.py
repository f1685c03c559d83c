"""Lines out of a stream of bytes, in bounded memory."""

import tracemalloc
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tars.protocols.lines import MEBIBYTE, Lines, TooLong

Found = list[bytes | TooLong]


def split(pieces: list[bytes], limit: int = 1000) -> Found:
    lines = Lines(limit)
    found = [line for piece in pieces for line in lines.feed(piece)]
    last = lines.end()
    return found if last is None else [*found, last]


def test_a_line_may_come_in_pieces() -> None:
    """Where the bytes are cut does not matter."""
    assert split([b"on", b"e\ntw", b"o\n"]) == [b"one", b"two"]


def test_many_lines_may_come_at_once() -> None:
    """One piece may finish several lines and begin another."""
    lines = Lines()
    assert lines.feed(b"one\ntwo\nthr") == [b"one", b"two"]
    assert lines.feed(b"ee\n") == [b"three"]


def test_what_windows_adds_is_tolerated() -> None:
    """A byte order mark and carriage returns are no part of a line."""
    assert split([b"\xef\xbb\xbf{}\r\n[]\r\n"]) == [b"{}", b"[]"]


def test_blank_lines_are_nothing() -> None:
    """An empty line, and one of white space, say nothing."""
    assert split([b"\n\r\n  \n\xef\xbb\xbf\none\n\n"]) == [b"one"]


def test_the_last_line_needs_no_newline() -> None:
    """What was left unfinished at the end is a line too; then nothing is left."""
    lines = Lines()
    assert lines.feed(b"one\ntwo") == [b"one"]
    assert lines.end() == b"two"
    assert lines.end() is None


def test_a_line_of_the_limit_is_whole() -> None:
    """The limit itself is allowed, in one piece and in several."""
    assert split([b"12345\n"], limit=5) == [b"12345"]
    assert split([b"12", b"345", b"\n"], limit=5) == [b"12345"]


def test_a_longer_line_is_dropped_once_and_the_stream_goes_on() -> None:
    """It becomes one event with its size, however it was cut."""
    assert split([b"123456\nok\n"], limit=5) == [TooLong(6), b"ok"]
    assert split([b"123", b"456", b"789\nok\n"], limit=5) == [TooLong(9), b"ok"]
    assert split([b"1234", b"56\nok\n"], limit=5) == [TooLong(6), b"ok"]


def test_a_longer_line_may_be_the_last() -> None:
    """Without its newline it is told at the end of the stream."""
    assert split([b"ok\n", b"123456"], limit=5) == [b"ok", TooLong(6)]


def test_a_line_far_over_the_limit_takes_no_memory() -> None:
    """A hundred times the limit goes by, and no more than the limit is kept."""
    lines, piece = Lines(limit=MEBIBYTE), b"x" * 65536
    tracemalloc.start()
    try:
        for _ in range(1600):
            assert lines.feed(piece) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert lines.feed(b"\nok\n") == [TooLong(1600 * 65536), b"ok"]
    assert peak < 4 * MEBIBYTE


def test_a_long_line_in_tiny_pieces_is_looked_at_once() -> None:
    """The work for a byte does not grow with what came before: many pieces are quick.

    Looking at the whole line again for each of them would take hours.
    """
    lines, piece = Lines(), b"0123456789abcdef" * 4
    for _ in range(2**18):
        lines.feed(piece)
    [line] = lines.feed(b"\n")
    assert isinstance(line, bytes)
    assert len(line) == 16 * MEBIBYTE


@given(
    st.lists(st.binary(max_size=12)),
    st.lists(st.integers(0, 100)),
    st.integers(min_value=1, max_value=8),
)
def test_cutting_changes_nothing(parts: list[bytes], cuts: list[int], limit: int) -> None:
    """Any cutting of any bytes gives the lines of the bytes in one piece."""
    data = b"\n".join(parts)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in pairwise(edges)]
    assert split(pieces, limit) == split([data], limit)
