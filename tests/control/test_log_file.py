"""The end of a log, and what is added to it, through rotation and truncation."""

import os
from pathlib import Path

import pytest

from tars.control.log_file import MAX_READ, MAX_TAIL, LogFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tars.log"


def add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.mark.parametrize(
    ("content", "count", "lines"),
    [
        ("", 5, []),
        ("\n", 5, [""]),
        ("a\nb\nc\n", 2, ["b", "c"]),
        ("a\nb\nc", 2, ["b", "c"]),
        ("a\r\n\nb\n", 9, ["a", "", "b"]),
        ("a\nb\n", 0, []),
    ],
)
def test_the_last_lines(path: Path, content: str, count: int, lines: list[str]) -> None:
    """The last lines come in order, and no more than asked for."""
    path.write_bytes(content.encode())
    with LogFile(path) as log:
        assert log.tail(count) == lines


def test_blocks_are_joined(path: Path) -> None:
    """Lines that reach over the blocks of the backward reading are whole."""
    lines = [f"{number} " + "x" * 997 for number in range(1000)]
    path.write_text("\n".join(lines) + "\n")
    with LogFile(path) as log:
        assert log.tail(500) == lines[500:]


def test_a_large_file_is_not_read_whole(path: Path) -> None:
    """A log of gigabytes is looked at from its end only."""
    with path.open("wb") as file:
        file.truncate(8 * 1024**3)
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast\n")
    with LogFile(path) as log:
        assert log.tail(1) == ["last"]
    with LogFile(path) as log:
        shown = log.tail(100)
    assert shown[-1] == "last"
    assert sum(map(len, shown)) <= MAX_TAIL + 65536


def test_a_line_without_end_is_cut(path: Path) -> None:
    """A file that is one huge line shows the end of it."""
    path.write_bytes(b"x" * (2 * MAX_TAIL))
    with LogFile(path) as log:
        (line,) = log.tail(1)
    assert MAX_TAIL <= len(line) < 2 * MAX_TAIL


def test_new_lines_follow(path: Path) -> None:
    """`more` gives each new line once, as soon as it is complete."""
    add(path, "a\nb")
    with LogFile(path) as log:
        assert log.tail(9, whole=True) == ["a"]
        assert log.more() == []
        add(path, "b\nc\nd")
        assert log.more() == ["bb", "c"]
        add(path, "d\n")
        assert log.more() == ["dd"]


def test_rotation_loses_nothing(path: Path) -> None:
    """What was written before and after the renaming is read, each once."""
    add(path, "a\n")
    with LogFile(path) as log:
        log.tail(0, whole=True)
        add(path, "b\n")
        path.rename(path.with_suffix(".1"))
        add(path, "c\n")
        assert log.more() == ["b"]
        assert log.more() == ["c"]
        path.rename(path.with_suffix(".2"))
        assert log.more() == []
        add(path, "d\n")
        assert log.more() == ["d"]


def test_truncation_starts_over(path: Path) -> None:
    """A log that was emptied in place is read from its start."""
    add(path, "a long line\n")
    with LogFile(path) as log:
        log.tail(9, whole=True)
        path.write_text("b\n")
        assert log.more() == ["b"]


def test_a_log_may_come_later(path: Path) -> None:
    """A file that is not there has no lines; once it is, it has."""
    with LogFile(path) as log:
        assert log.tail(9, whole=True) == []
        assert log.more() == []
        add(path, "a\n")
        assert log.more() == ["a"]


def test_an_endless_line_comes_in_pieces(path: Path) -> None:
    """Memory is bounded though no line end comes."""
    path.touch()
    with LogFile(path) as log:
        log.tail(0, whole=True)
        path.write_bytes(b"x" * (3 * MAX_READ))
        assert [len(piece) for _ in range(3) for piece in log.more()] == [MAX_READ] * 3


def test_bytes_that_are_no_text_are_shown(path: Path) -> None:
    """A log that is not UTF-8 is shown with replacement characters."""
    path.write_bytes(b"\xff\x00a\n")
    with LogFile(path) as log:
        assert log.tail(1) == ["\ufffd\x00a"]
