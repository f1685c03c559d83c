"""What a viewer's terminal is shown of a program's output: what a screen needs, no more."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.cli import attach_terminal
from tars.protocols.screen_sequences import Kind, Piece, Sequences
from tars.protocols.screen_viewer import USUALLY_ON, VIEWER_MODES, changes_screen, shown


def passed(printed: str) -> str:
    return "".join(shown(piece) for piece in Sequences().feed(printed.encode()))


@pytest.mark.parametrize(
    "printed",
    [
        "text é 日本 👩\u200d💻",
        "\r\n\b\t\a\x0e\x0f",
        "\x1b[1;38:2::255:0:0;4mx\x1b[m",
        "\x1b[2;3H\x1b[A\x1b[3C\x1b[4G\x1b[5d\x1b[s\x1b[u\x1b7\x1b8\x1bM\x1bD",
        "\x1b[J\x1b[2J\x1b[1K\x1b[3P\x1b[2@\x1b[L\x1b[M\x1b[4X\x1b[2;9r\x1b[r\x1b[3S\x1b[5b",
        "\x1b[?25l\x1b[?7l\x1b[?1h\x1b[?2004h\x1b[?1000;1006h\x1b=\x1b>\x1b(0q\x1b(B",
    ],
)
def test_what_a_screen_needs_goes_through(printed: str) -> None:
    """Text, colours, movement, erasing, and the modes that leaving resets."""
    assert passed(printed) == printed


@pytest.mark.parametrize(
    "printed",
    [
        "\x1b]52;c;c2VjcmV0\x07",
        "\x1b]52;c;?\x1b\\",
        "\x1b]4;1;rgb:00/00/00\x07",
        "\x1b]10;#fff\x07\x1b]11;?\x07",
        "\x1b]8;;https://example.invalid\x07",
        "\x1b]0;a\u0090b\x07",
        "\x1bP$qm\x1b\\\x1bP+q544e\x1b\\",
        "\x1b_Gf=24;AAAA\x1b\\\x1b^x\x1b\\\x1bXx\x1b\\",
        "\x05\x00\x01\x1a",
        "\x1bZ\x1b%@\x1b%G\x1b#8\x1bH\x1bn\x1b\\\x1b(A\x1b*0",
        "\x1b[c\x1b[>c\x1b[=c\x1b[6n\x1b[?6n\x1b[x\x1b[18t\x1b[?2004$p\x1b[4$p\x1b[>q\x1b[?u",
        "\x1b[4h\x1b[20h\x1b[2h\x1b[5i\x1b[?5i\x1b[3J\x1b[3g\x1b[?2J\x1b[2 q\x1b[1;5s\x1b[5T",
        "\x1b[>1u\x1b[<u\x1b[=1u\x1b[>4;2m\x1b[?4m\x1b[!p\x1b[1;1;5;5$r\x1b[1;2*y\x1b[1$}",
        "".join(f"\x1b[?{m}h" for m in (2, 3, 5, 6, 12, 69, 1001, 1016, 2026, 2031, 2048, 9001)),
    ],
)
def test_nothing_else_does(printed: str) -> None:
    """No clipboard, no question, no colours for good, no mode that leaving does not know."""
    assert passed(printed) == ""


def test_what_is_known_is_parted_from_what_is_not() -> None:
    """Of several modes in one sequence only the known ones are switched."""
    assert passed("\x1b[?12;25h\x1b[?2026;2004h\x1b[?9999l") == "\x1b[?25h\x1b[?2004h"


@pytest.mark.parametrize("printed", ["\x1bc", "\x1b[!p", "\x1b[?1049h", "\x1b[?25;47l"])
def test_another_screen_is_drawn_anew(printed: str) -> None:
    """A viewer has one screen, and it is not reset."""
    assert [changes_screen(piece) for piece in Sequences().feed(printed.encode())] == [True]


def test_leaving_resets_every_mode_that_goes_through() -> None:
    """The command cannot ask the protocols; both lists are one."""
    through = {n for n in range(10_000) if shown(Piece(Kind.CSI, "", "?h", (n,)))}
    assert through == {*VIEWER_MODES, *USUALLY_ON}
    switched = re.findall(r"\x1b\[\?(\d+)([hl])", attach_terminal._LEAVE)
    ways = {int(number): way for number, way in switched}
    assert {m: ways[m] for m in through} == {m: "h" if m in USUALLY_ON else "l" for m in through}
    for code in ("\x1b[0m", "\x1b[r", "\x1b(B", "\x1b)B", "\x0f", "\x1b>"):
        assert code in attach_terminal._LEAVE


@given(
    st.lists(
        st.one_of(
            st.text(max_size=4),
            st.from_regex(r"\x1b[\[\]P ()#%]?[?>=<]?[0-9;:]{0,5}[ -~]{0,2}", fullmatch=True),
            st.sampled_from(["\x07", "\x1b\\", "\x1b]52;", "\x05", "\x9b", "\x1b[?"]),
        ),
        max_size=20,
    ).map("".join)
)
def test_whatever_is_printed_only_known_forms_are_shown(printed: str) -> None:
    """What comes out is made of nothing but the forms that are allowed."""
    rest = re.sub(
        r"\x1b\[[0-9;:]*[ABCDEFGHJKLMPSX@`abdefmrsu]|\x1b\[\?[0-9;]+[hl]|\x1b[78DEM=>]"
        r"|\x1b[()][B0]|\x1b\][02];[^\x00-\x1f\x7f-\x9f]*\x07|[\a\b\t\n\v\f\r\x0e\x0f]",
        "",
        passed(printed),
    )
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", rest)
