"""Figures on the screen: short, aligned, and honest."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tars.tui.figures import bar, fitted, money, tokens


def test_tokens_are_told_in_the_unit_that_keeps_them_short() -> None:
    """One digit after the point, never four before it."""
    told = {0: "0", 999: "999", 1000: "1.0K", 12_500: "12.5K", 99_960: "100K", 999_500: "1.0M"}
    assert {count: tokens(count) for count in told} == told
    assert tokens(3_400_000_000_000) == "3,400B"


def test_an_unknown_price_is_never_nothing() -> None:
    """Free, unknown, and known in part are three different things."""
    assert money(0.0) == "$0.0000"
    assert money(None, unpriced=10) == "unpriced"
    assert money(0.0, unpriced=10) == "unpriced"
    assert money(None) == "-"
    assert money(0.0234) == "$0.0234"
    assert money(1.5, unpriced=1) == "≥$1.5000"
    assert money(0.00001) == "<$0.0001"
    assert money(1234.567) == "$1,234.57"


@given(st.floats(-1, 2), st.integers(1, 40))
def test_a_bar_is_as_wide_as_its_room(share: float, width: int) -> None:
    """Full, empty, and beyond."""
    assert len(bar(share, width)) == width


@given(st.text(max_size=30), st.integers(2, 30))
def test_whatever_anybody_writes_fits_its_column(text: str, width: int) -> None:
    """Wide signs, joined ones, controls: the next column begins where it should."""
    told = fitted(text, width)
    assert told.isprintable()
    assert cell_len(told) == width
