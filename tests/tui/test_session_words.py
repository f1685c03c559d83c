"""How sessions are told in a list: short, aligned, safe."""

import dataclasses
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from tars.tui import session_columns, session_words
from tars.tui.foreign_text import clean, cut, fitted
from tars.tui.session_columns import Shown
from tars.tui.session_pieces import plain, width_of
from tests.control.session_samples import SESSION

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
#: What terminals obey, hide, join or widen.
NASTY = st.text(st.sampled_from("a b\x1b[]\x07\u202e\u2066\u200d\ufe0f👩🚀日é\u0301\x9b2J\n\t|m;"))


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [(0, "0s"), (400, "<1s"), (8_000, "8s"), (932_000, "15m 32s"), (7_400_000, "2h 03m"),
     (90_000_000, "1d 01h")],
)  # fmt: skip
def test_a_duration_has_its_two_largest_units(milliseconds: int, told: str) -> None:
    """What is short is not nothing."""
    assert session_words.lasted(milliseconds) == told


@pytest.mark.parametrize(
    ("length", "told"),
    [(1, "1 character"), (999, "999 characters"), (12_500, "12.5 KB"), (9_996_000, "9.9 MB")],
)
def test_a_length_is_rounded_down(length: int, told: str) -> None:
    """More than there is is never promised."""
    assert session_words.bytes_of(length) == told


def test_a_time_is_as_short_as_it_is_clear() -> None:
    """Of today the hour, of this week the day, else the date; what is no time is nothing."""
    told = [
        session_words.started(at, NOW, UTC)
        for at in (
            "2026-03-05T10:58:00Z",
            "2026-03-03T10:58:00Z",
            "2026-01-03T10:58:00Z",
            "2024-01-03T10:58:00Z",
            "nonsense",
            "2026-03-05T10:58:00",
        )
    ]
    assert told == ["10:58", "Tue 10:58", "01-03 10:58", "2024-01-03", "", ""]


def test_the_columns_are_those_that_were_promised() -> None:
    """An id of 8 characters and …, sign and agent, duration, tokens, cost, status, then more."""
    shown = Shown("$0.0234", NOW)
    line = plain(session_columns.line(SESSION, shown, 80))
    words = ["0b1e4c3a…", "✻ claude", "1m 32s", "≥10.9K", "$0.0234", "● active", "impleme"]
    places = [line.find(word) for word in words]
    assert -1 not in places
    assert places == sorted(places)
    heading = plain(session_columns.heading(80)).split()
    assert heading == ["Session", "Agent", "Duration", "Tokens", "Cost", "Status", "Title"]


def test_what_logs_do_not_tell_is_not_nothing() -> None:
    """A session that was found in an agent's logs has requests and no turns, so no duration."""
    found = replace(SESSION, duration_ms=0, spent=replace(SESSION.spent, turns=0))
    shown = Shown("$0.0234", NOW)
    assert "0s" not in plain(session_columns.line(found, shown, 80))
    assert " 7s" in plain(
        session_columns.line(found, dataclasses.replace(shown, running_ms=7000), 80)
    )


@settings(max_examples=40, deadline=None)
@given(NASTY, st.integers(45, 240))
def test_a_row_is_exactly_as_wide_as_the_list(text: str, width: int) -> None:
    """Whatever it is called, nothing of it is obeyed, and the columns stay where they are."""
    session = replace(SESSION, name=text, agent=text, project=text, id=text)
    line = session_columns.line(session, Shown("unpriced", NOW, excerpt=text), width)
    told = plain(line)
    assert told.isprintable()
    assert width_of(line) == max(width, width_of(session_columns.heading(width)))


@settings(max_examples=40, deadline=None)
@given(NASTY, st.integers(0, 30))
def test_a_text_is_cut_by_its_cells(text: str, width: int) -> None:
    """A sign that is two cells wide is not halved."""
    safe = clean(text)
    assert safe.isprintable()
    assert cell_len(cut(safe, width)) <= width
    assert cell_len(fitted(safe, width)) == width


def test_sequences_go_whole() -> None:
    """Of a sequence nothing is left that would look like a word."""
    assert clean("\x1b[31mred\x1b[0m \x1b]0;title\x07now") == "red now"


def test_a_folder_at_home_begins_with_a_tilde() -> None:
    """But not one whose name merely begins so."""
    assert session_columns.folder("/home/me/x", "/home/me") == "~/x"
    assert session_columns.folder("/home/me", "/home/me") == "~"
    assert session_columns.folder("/home/menace", "/home/me") == "/home/menace"
    assert session_columns.folder("/srv", "") == "/srv"
