from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.history.lines import Line, Window, lines, windows


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def read(log: Path, offset: int = 0, *, window: int = 64, edge: int = 8) -> list[Line]:
    return list(lines(str(log), offset, log.stat().st_size, window=window, edge=edge))


def test_lines_come_with_where_the_next_one_begins(log: Path) -> None:
    """Each line is given with the offset behind its newline."""
    log.write_bytes(b'{"a":1}\n{"b":2}\n')
    assert read(log) == [Line(b'{"a":1}', 8), Line(b'{"b":2}', 16)]
    assert read(log, 8) == [Line(b'{"b":2}', 16)]


def test_what_stands_around_a_line_is_left_out(log: Path) -> None:
    """A byte-order mark, CRLF, blanks and NUL bytes around a line are no part of it, and a line
    of these alone is no line."""
    log.write_bytes(b"\xef\xbb\xbf{1}\r\n\r\n \t\n\0\0\0{2}\n\n")
    assert [line.text for line in read(log)] == [b"{1}", b"{2}"]


def test_a_line_without_its_newline_is_not_whole(log: Path) -> None:
    """The last line is given as torn while its newline has not come."""
    log.write_bytes(b"{1}\n{2}")
    assert read(log) == [Line(b"{1}", 4), Line(b"{2}", 7, whole=False)]


@pytest.mark.parametrize("ending", [b"\n", b""])
def test_a_line_that_is_too_long_is_given_by_its_ends(log: Path, ending: bytes) -> None:
    """Of a line longer than a window its first and its last bytes are given, and what follows
    it is read as ever."""
    long = b"<beginning" + b"x" * 1000 + b"ending>"
    log.write_bytes(b"{1}\n" + long + ending + (b"{2}\n" if ending else b""))
    first, cut, *rest = read(log)
    assert first.text == b"{1}"
    assert cut == Line(b"<beginnixending>", 4 + len(long + ending), whole=bool(ending), cut=True)
    assert [line.text for line in rest] == ([b"{2}"] if ending else [])


def test_what_is_behind_the_size_is_not_read(log: Path) -> None:
    """A file that grows meanwhile is read as far as it was when it was found."""
    log.write_bytes(b"{1}\n{2}\n")
    assert [line.text for line in lines(str(log), 0, 5)] == [b"{1}", b"{"]


def test_a_window_holds_whole_lines_only(log: Path) -> None:
    """Whatever is read at once, no window ends within a line."""
    log.write_bytes(b"".join(b'{"n":%d}\n' % n for n in range(100)))
    for part in windows(str(log), 0, log.stat().st_size, window=64):
        assert isinstance(part, Window)
        assert part.data[part.end - 1 : part.end] == b"\n"
        assert log.read_bytes()[part.offset :].startswith(part.data[: part.end])


def test_a_file_that_is_not_there_is_an_error(log: Path) -> None:
    """What cannot be opened raises; nothing is made up."""
    with pytest.raises(FileNotFoundError):
        list(lines(str(log), 0, 10))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text('{}ab\\"', max_size=90).map(str.encode), max_size=12),
    st.integers(16, 80),
)
def test_windows_lose_nothing(
    tmp_path_factory: pytest.TempPathFactory, texts: list[bytes], window: int
) -> None:
    """Whatever the size of the window, the same lines come, with the same offsets; a long one
    begins and ends as the whole one does."""
    log = tmp_path_factory.mktemp("w") / "log"
    log.write_bytes(b"\n".join(texts))
    whole = read(log, window=1 << 12, edge=1 << 10)
    parts = read(log, window=window, edge=8)
    assert [line.end for line in parts] == [line.end for line in whole]
    for part, line in zip(parts, whole, strict=True):
        assert part.text == line.text if not part.cut else len(part.text) <= 16
