"""What people read: tables and Markdown, their marks, and what these mean."""

from datetime import UTC as UTC_TIME
from datetime import date, datetime, timedelta

import pytest

from tars.control.costs import pages
from tars.control.costs.layout import Face
from tars.control.costs.money import Money
from tars.control.costs.tables import (
    Look,
    printable,
    short_folder,
    short_ids,
    short_models,
    unpriced_notes,
)
from tars.control.costs.words import find_report
from tars.costs.facts import Dimension, Line, Report
from tars.sessions.ranges import Span, days, find_zone
from tests.control.costs.reports import BY_MODEL, BY_SESSION, CODEX, DAILY, FREE, MARCH, OPUS, UTC

LOOK = Look(Face(width=100), Money(), "/home/me")


def test_a_report_is_a_table_with_its_sum_and_its_notes() -> None:
    """Marks for what is unknown or official, and what to do about models without a price."""
    narrow = LOOK._replace(face=Face(width=80))
    assert pages.report("Today", BY_MODEL, narrow, hidden=0).splitlines() == [
        "Today",
        "",
        "AGENT   MODEL             INPUT  OUTPUT     TOKENS       COST",
        "claude  claude-opus-4-5   1,200  25,000  4,326,200    $12.35   █████████████████",
        "codex   gpt-5.1-codex    90,000   8,000  1,098,000     $2.00*  ██▊",
        "codex   local             1,000     500      1,500       >$0   ▏",
        "gemini  \u2013                   700     300      1,000  unpriced",
        "────────────────────────────────────────────────────────────────────────────────",
        "total                    92,900  33,800  5,426,700   ≥$14.35*",
        "",
        "unpriced: 1,500 tokens of local and of models that the logs do not name. A sum",
        "with ≥ is without them.",
        "`tars prices search local` shows what is known; [prices.models] in config.toml",
        "sets a price, [prices.aliases] another name.",
        "* with what agents said themselves: $1.00 of it. The rest is worked out from",
        "prices.",
    ]


def test_a_span_is_said_by_its_days() -> None:
    """One day, a whole month, several days; a time where it is not midnight; all of it."""
    berlin = find_zone("Europe/Berlin")
    day = date(2026, 3, 29)
    assert pages.shown_span(days(day, day + timedelta(1), berlin), berlin) == (
        "2026-03-29 Sun (Europe/Berlin)"
    )
    assert pages.shown_span(MARCH, UTC) == "March 2026 (UTC)"
    assert pages.shown_span(days(day, day + timedelta(7), UTC), UTC) == (
        "2026-03-29 to 2026-04-04 (UTC)"
    )
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC_TIME)
    assert pages.shown_span(Span(noon, None), UTC) == "2026-03-01 12:00 to … (UTC)"
    assert pages.shown_span(Span(), UTC) == "all time (UTC)"


@pytest.mark.parametrize(
    ("report", "title"),
    [("today", "Costs, March 2026 (UTC)"), ("by-model", "By model, March 2026 (UTC)")],
)
def test_a_heading_says_which_report_it_is(report: str, title: str) -> None:
    """`today` of another span is not of today."""
    assert pages.heading(find_report(report), MARCH, UTC, datetime.now(UTC_TIME)) == title


def test_models_are_called_by_their_name_without_its_date() -> None:
    """Unless two are the same then."""
    assert short_models(["claude-opus-4-5-20251101", "gpt-5", "a-20250101", "a-20250202"]) == {
        "claude-opus-4-5-20251101": "claude-opus-4-5",
        "gpt-5": "gpt-5",
        "a-20250101": "a-20250101",
        "a-20250202": "a-20250202",
    }
    assert short_models(["a-20250101", "a"])["a-20250101"] == "a-20250101"


def test_ids_are_as_long_as_they_have_to_be() -> None:
    """Eight characters, or as many as tell them apart."""
    ids = ["0199a2b3-c4d5-1", "0199a2b3-c4d5-2", "f0000000-1", "short"]
    assert short_ids(ids) == {
        "0199a2b3-c4d5-1": "0199a2b3-c4d5-1",
        "0199a2b3-c4d5-2": "0199a2b3-c4d5-2",
        "f0000000-1": "f0000000",
        "short": "short",
    }


def test_words_of_a_log_do_not_command_the_terminal() -> None:
    """Nor do they forge a line."""
    evil = Report(
        (Dimension.PROJECT,), (Line(("/w/\x1b[2Jx\ny\u202e",), OPUS), Line(("",), FREE)), OPUS
    )
    text = pages.report("x", evil, LOOK, hidden=0)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "/w/x y" in text
    assert printable("plain") == "plain"


def test_a_session_is_shown_with_its_title() -> None:
    """Cut where it is long, and without what a terminal might obey; a column only where any has
    one."""
    wide = LOOK._replace(face=Face())
    page = pages.report("x", BY_SESSION, wide, hidden=0)
    head, _, line = page.splitlines()[2:5]
    assert head.split()[:3] == ["AGENT", "SESSION", "TITLE"]
    assert line.split()[:3] == ["codex", "7f3e", "\u2013"]
    assert "  Mend the parser | today, at last and fo…  " in page
    assert "TITLE" not in pages.report("x", BY_SESSION._replace(titles=("", "")), LOOK, hidden=0)
    assert "| codex | 7f3e | \u2013 | 41 |" in pages.markdown(BY_SESSION, LOOK)


def test_a_command_to_type_does_what_it_says() -> None:
    """Whatever a log calls a model: it is no command of its own."""
    assert unpriced_notes(["x'; rm *"], FREE)[1].startswith(
        "`tars prices search 'x'\"'\"'; rm *'` shows"
    )


def test_what_has_no_name_is_not_told_as_of_what_has_one() -> None:
    """Logs leave out which model answered, now and then."""
    assert " of m and of models that the logs do not name." in unpriced_notes(["", "m"], FREE)[0]
    assert " of m." in unpriced_notes(["m"], FREE)[0]


def test_folders_are_written_from_the_home_folder() -> None:
    """And only those that are in it."""
    assert short_folder("/home/me/w", "/home/me") == "~/w"
    assert short_folder("/home/me", "/home/me/") == "~"
    assert short_folder("/home/men/w", "/home/me") == "/home/men/w"
    assert short_folder("/w", "") == "/w"


def test_what_is_left_out_is_said_and_counted() -> None:
    """The sum is of everything."""
    shown = DAILY.lines[:1]
    one = Report(DAILY.by, shown, DAILY.total)
    text = pages.report("Daily", one, LOOK, hidden=1)
    assert "1 of 2 lines; --limit 2 shows all.\n" in text
    assert f"{DAILY.total.tokens.total:,}" in text
    assert "1 more lines are in the total." in pages.markdown(one, LOOK, hidden=1)


def test_nothing_is_said_to_be_nothing() -> None:
    """An empty report is no table."""
    assert pages.report("Today", Report((), (), OPUS), LOOK, hidden=0) == (
        "Today\n\nNothing was used.\n"
    )


def test_markdown_is_a_table_that_renders() -> None:
    """Figures on the right; what a name has of Markdown is taken as it stands."""
    lines = (Line(("/w/a_b|c`<x>",), CODEX), Line(("",), FREE))
    text = pages.markdown(Report((Dimension.PROJECT,), lines, CODEX), LOOK)
    assert text.splitlines()[:4] == [
        "| Project | Requests | Input | Cache read | Cache write | Output | Tokens | Cost |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| /w/a\\_b\\|c\\`\\<x> | 41 | 90,000 | 1,000,000 | 0 | 8,000 | 1,098,000 | $2.00\\* |",
        "| \u2013 | \u2013 | 700 | 0 | 0 | 300 | 1,000 | unpriced |",
    ]
    assert text.splitlines()[4].startswith("| **total** | **41** | **90,000** | **1,000,000** |")
    assert "\\* with what agents said themselves: $1.00 of it." in text


def test_the_last_days_are_a_sparkline() -> None:
    """One sign for each day, those without anything too."""
    text = pages.last_days([None, None, OPUS, CODEX], LOOK)
    assert text == "last 4 days   ··█▁  $14.35, 5,424,200 tokens\n"
    assert pages.last_days([FREE], LOOK) == "last 1 days   █  unpriced, 1,000 tokens\n"
