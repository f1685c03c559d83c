"""Tables and bars: as wide as they may be, and never wider than what is in them needs."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tars.control.costs.layout import Column, Face, bar, cut, measure, sparkline, table

ASCII = Face(unicode=False)


def columns(*, total: bool = False) -> list[Column]:
    rows = ["claude-opus-4-6", "gpt-5", *(["total"] if total else [])]
    numbers = ["1,234", "12", *(["1,246"] if total else [])]
    return [
        Column("MODEL", rows, right=False, least=14),
        Column("REQUESTS", numbers, leaves=2),
        Column("TOKENS", numbers),
        Column("", (), leaves=1, shares=[1.0, 0.01]),
    ]


def test_a_table_has_its_figures_on_the_right_and_its_sum_set_apart() -> None:
    """Words stand left, figures right; bars are as wide as there is room."""
    assert table(columns(total=True), Face(width=44), total=True) == (
        "MODEL            REQUESTS  TOKENS\n"
        "claude-opus-4-6     1,234   1,234  █████████\n"
        "gpt-5                  12      12  ▏\n"
        "────────────────────────────────────────────\n"
        "total               1,246   1,246\n"
    )


def test_what_matters_least_leaves_first_on_a_narrow_terminal() -> None:
    """First the column that leaves first, then the bars, and then words are shortened."""
    assert table(columns(), Face(width=33)).splitlines()[1] == "claude-opus-4-6   1,234  ████████"
    assert table(columns(), Face(width=22)).splitlines()[1] == "claude-opus-4…   1,234"
    assert table(columns(), Face(width=10)).splitlines()[1] == "claude-opus-4…   1,234"


@given(st.integers(10, 130))
@settings(max_examples=30, deadline=None)
def test_no_line_is_wider_than_the_terminal_if_that_can_be(width: int) -> None:
    """Every line of a table fits, and all of its lines agree on where the columns are."""
    lines = table(columns(total=True), Face(width=width), total=True).splitlines()
    assert all(measure(line) <= max(width, 22) for line in lines)


def test_a_terminal_without_other_signs_gets_ascii() -> None:
    """Bars, rules, marks and the sparkline."""
    costs = Column("COST", ["≥$1", "\u2013", "é"])
    text = table([costs, Column("", (), shares=[1.0, 0.01])], ASCII, total=True)
    assert text.isascii()
    assert text.splitlines()[1] == ">=$1  ########################"
    narrow = table([costs, Column("B", ["b"] * 3, leaves=1)], ASCII._replace(width=7), total=True)
    assert narrow.splitlines()[1] == ">=$1  b"
    assert text.splitlines()[2] == "   -  #"
    assert sparkline([0, 1, 8], ASCII) == "_.@"
    assert cut("abcdefgh", 6, unicode=False) == "abc..."


def test_colours_are_for_those_who_want_them() -> None:
    """And they take no room."""
    plain, painted = table(columns(), Face(width=60)), table(columns(), Face(60, color=True))
    assert "\x1b" not in plain
    for code in ("\x1b[2m", "\x1b[36m", "\x1b[0m"):
        assert code in painted
        painted = painted.replace(code, "")
    assert [line.rstrip() for line in painted.splitlines()] == plain.splitlines()


def test_whatever_is_more_than_nothing_is_seen() -> None:
    """A thousandth of the most has a bar and a sign, and nothing has none."""
    assert bar(0.0001, 6, Face()) == "▏"
    assert bar(0, 6, Face()) == ""
    assert bar(1, 6, Face()) == "██████"
    assert bar(7, 6, Face()) == "██████"
    assert sparkline([0, 0.001, 0.5, 1], Face()) == "·▁▄█"
    assert sparkline([0, 0], Face()) == "··"
    assert sparkline([], Face()) == ""


def test_a_long_word_is_cut_where_it_tells_least() -> None:
    """A folder at its beginning, a name at its end, and wide signs count twice."""
    assert cut("/home/me/projects/tars", 12, start=True) == "…ojects/tars"
    assert cut("claude-opus-4-6", 8) == "claude-…"
    assert cut("日本語の名前", 7) == "日本語…"
    assert measure("日本") == 4
