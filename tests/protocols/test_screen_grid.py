"""The screen that bytes draw: wrapping, scrolling, wide characters, and any bytes at all."""

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.protocols.screen_display import UNSEEN_BYTES, Display
from tars.protocols.screen_grid import Grid
from tars.protocols.screen_redraw import redraw
from tars.protocols.screen_sequences import LONGEST_STRING, Sequences


def drawn(data: bytes | str, rows: int = 5, columns: int = 10, history: int = 100) -> Grid:
    """Draw bytes on a small screen."""
    grid = Grid(rows, columns, history=history)
    for piece in Sequences().feed(data.encode() if isinstance(data, str) else data):
        grid.take(piece)
    return grid


@pytest.mark.parametrize(
    ("printed", "lines"),
    [
        ("one\r\ntwo", ["one", "two"]),
        ("0123456789abc\r\nnext", ["0123456789abc", "next"]),
        ("0123456789\r\nnext", ["0123456789", "next"]),
        ("spin |\rspin /\rdone  ", ["done"]),
        ("abc\x1b[2K\rx", ["x"]),
        ("日本語日本語", ["日本語日本語"]),
        ("👩\u200d💻 ok", ["👩\u200d💻 ok"]),
        ("❤\ufe0f ok", ["❤\ufe0f ok"]),
        ("e\u0301a", ["éa"]),
        ("-\x1b[5b", ["------"]),
        ("\x1b(0qqq\x1b(Bq", ["───q"]),
        ("main\x1b[?1049h\x1b[Hother\x1b[?1049l", ["main"]),
        ("a\tb", ["a       b"]),
        ("\n".join("123456") + "\r", ["1", " 2", "  3", "   4", "    5", "     6"]),
        ("1\r\n2\r\n3\x1b[1;1H\x1b[Mx", ["x", "3"]),
    ],
)
def test_what_is_printed_is_read_as_a_person_reads_it(printed: str, lines: list[str]) -> None:
    """Lines that were wrapped at the edge are one line again."""
    assert [line for line in drawn(printed).everything() if line] == lines


def test_what_scrolls_off_is_kept_within_bounds() -> None:
    """The newest lines stay; clearing the scrollback forgets them."""
    grid = drawn("".join(f"line {n}\r\n" for n in range(50)), history=20)
    assert (grid.scrolled, len(grid.history), grid.history[-1]) == (46, 20, "line 45")
    assert grid.everything(47)[0] == "line 47"
    assert drawn("a\r\n" * 50 + "\x1b[3J").everything()[0] == "a"
    assert len(drawn("a\r\n" * 50 + "\x1b[3J").history) == 0


@pytest.mark.parametrize(
    ("asked", "answer"),
    [("\x1b[6n", "\x1b[1;1R"), ("ab\r\n\x1b[6n", "\x1b[2;1R"), ("\x1b[5n", "\x1b[0n")],
)
def test_a_terminal_answers_what_it_is_asked(asked: str, answer: str) -> None:
    """Where the cursor is, and that all is well: programs wait for that."""
    assert drawn(asked).answers == answer


sequences = st.sampled_from(
    [
        f"\x1b[{m}{p}{f}"
        for m in ("", "?", ">")
        for p in ("", "0", "3;9999", "7")
        for f in "ABHJKLMPSXbdfghlmnrsu@"
    ]
)
anything = st.lists(
    st.one_of(
        st.binary(max_size=8),
        st.text(max_size=5).map(str.encode),
        sequences.map(str.encode),
        st.sampled_from(
            [b"\r\n", b"\n", b"\x1b7", b"\x1b8", b"\x1bM", b"\x1bc", b"\x1b]0;", b"\x1bP"]
        ),
    ),
    max_size=60,
).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(data=anything, rows=st.integers(1, 6), columns=st.integers(2, 12), size=st.integers(1, 9))
def test_any_bytes_are_taken(data: bytes, rows: int, columns: int, size: int) -> None:
    """Nothing raises, nothing grows, and pieces of any size draw the same picture."""
    grid = drawn(data, rows, columns)
    sequences, other = Sequences(), Grid(rows, columns, history=100)
    for at in range(0, len(data), size):
        for piece in sequences.feed(data[at : at + size]):
            other.take(piece)
    assert other.shown() == grid.shown()
    assert len(grid.shown()) == rows
    grid.resize(rows + 3, columns + 5)
    grid.resize(max(1, rows - 1), max(2, columns - 3))
    assert 0 <= grid.cursor.y < grid.lines
    grid.everything()
    redraw(grid)


@settings(max_examples=80, deadline=None)
@given(data=anything)
def test_a_redraw_shows_the_same_picture(data: bytes) -> None:
    """Whatever was on a viewer's terminal, it shows the screen with its cursor afterwards."""
    grid = drawn(data, 6, 20)
    viewer = pyte.Screen(20, 6)
    pyte.Stream(viewer).feed("left over\x1b[7m\r\n" + redraw(grid))
    assert [line.rstrip() for line in viewer.display] == grid.shown()
    assert (viewer.cursor.y, viewer.cursor.x) == (grid.cursor.y, min(grid.cursor.x, 19))


def test_an_endless_sequence_takes_no_memory() -> None:
    """A picture or a title without an end is left out, and what follows its end is seen."""
    sequences = Sequences()
    assert list(sequences.feed(b"\x1b]0;")) == []
    for _ in range(100):
        assert list(sequences.feed(b"x" * LONGEST_STRING)) == []
    assert len(sequences._held) <= LONGEST_STRING + 64
    assert [p.raw for p in sequences.feed(b"\x07seen")] == ["seen"]


def test_a_screen_is_made_when_somebody_looks() -> None:
    """Until then only the end of what was printed is kept."""
    display = Display(5, 40, history=100)
    display.feed(b"x" * 1_000_000 + b"\r\nhello")
    assert not display.seen
    assert len(display._unseen) == UNSEEN_BYTES
    assert display.grid.line(display.grid.cursor.y) == "hello"
    assert display.seen


def test_viewers_are_spared_what_asks_a_terminal() -> None:
    """A viewer's terminal would answer as well; and it has one screen only."""
    display = Display(3, 10, history=10)
    display.watch(on=True)
    display.feed(b"a\x1b[6n\x1b[>4;2m\x1b[?u\x1b]11;?\x07\x1b]0;title\x07\x1b[1mb\x1b[3Jc")
    assert display.shown() == "a\x1b]0;title\x07\x1b[1mbc"
    display.feed(b"\x1b[4hx")
    assert "\x1b[2J" in display.shown(), "inserting is shown by drawing all of it"
    display.feed(b"\x1b[4ly")
    assert display.shown() == "y"
    assert display.answers == "\x1b[1;2R"
    display.feed(b"\x1b[?1049h")
    assert "\x1b[2J" in display.shown()
    display.watch(on=False)
    display.feed(b"more")
    assert display.shown() == ""
