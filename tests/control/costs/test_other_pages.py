"""Windows, limits and what is compared: what is known is told, and what is not is unknown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tars.accounting.rates import DOLLAR, Tokens
from tars.control.costs import blocks_page, limits_page, matches_page, pages, told
from tars.control.costs.asking import is_meant
from tars.control.costs.layout import Face
from tars.control.costs.money import Money
from tars.control.costs.tables import Look
from tars.control.costs.times import clock, minutes
from tars.costs.blocks import Block, Blocks, Burn
from tars.costs.facts import Figures, Only
from tars.costs.limits import Known, Limits
from tars.costs.projection import Projection
from tars.costs.reconciling import Match, Reconciled
from tars.sessions.ranges import find_zone
from tests.control.costs.reports import CODEX, FREE, HALF, OPUS, added

ZONE = find_zone("Europe/Berlin")
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LOOK = Look(Face(width=80), Money(), "/home/me")
HOURS = timedelta(hours=1)
BURN = Burn(120, 180, 9_150.0, DOLLAR, 2_745_000, 5 * DOLLAR)
BLOCKS = Blocks(
    blocks=(
        Block(NOW - 30 * HOURS, NOW - 25 * HOURS, OPUS, ("claude-opus-4-5",), timedelta()),
        Block(NOW - 2 * HOURS, NOW + 3 * HOURS, CODEX, ("gpt-5", "local"), 23 * HOURS, BURN),
    ),
    total=added(OPUS, CODEX),
    unpriced=(),
    problems=(),
)
LIMITS = Limits(
    known=(
        Known("codex", "five_hour", 0.42, 5 * HOURS, NOW + 2 * HOURS, NOW - HOURS / 20, "pro"),
        Known("codex", "weekly", None, 168 * HOURS, NOW - HOURS, NOW - 60 * HOURS, ""),
    ),
    unknown=("claude",),
)
TOLD, LOG = Tokens(100, 1000, 0, 0, 50, 5, 3), Tokens(100, 1010, 0, 0, 50, 5, 3)
MATCH = Match("codex", "0199a2b3-c4d5", "/home/me/shop", 3, 2, DOLLAR, TOLD, LOG, Tokens(9))
MATCHES = Reconciled((MATCH, replace(MATCH, session="ffff0000-1", log=TOLD)), 2, ())
MONTH = Projection("2026-03", OPUS, 90_000_000, 40 * DOLLAR, 1, 29)


def test_a_window_under_way_says_how_fast_it_fills() -> None:
    """And what it comes to at its end, on the clock of the zone."""
    text = blocks_page.page("Blocks", BLOCKS, LOOK, zone=ZONE, now=NOW, hidden=0)
    assert text.splitlines()[3:6] == [
        "2026-03-01 07:00 to 12:00   1,200  25,000  4,326,200  $12.35   █████████████████",
        "2026-03-02 11:00 to 16:00  90,000   8,000  1,098,000   $2.00*  ██▊",
        "─" * 80,
    ]
    assert text.splitlines()[-3:] == [
        "under way     2 h; 3 h left",
        "burn rate     9,150 tokens a minute, $1.00 an hour",
        "by 16:00      about 2,745,000 tokens, $5.00, if it goes on like that",
    ]


def test_the_burn_of_what_has_no_price_is_one_of_tokens() -> None:
    """Nothing is 0 dollars an hour because nobody knows; a part of it is a lower bound."""
    for figures, told_of in ((FREE, "minute\n"), (HALF, "minute, at least $1.00 an hour\n")):
        block = replace(BLOCKS.blocks[1], figures=figures)
        blocks = replace(BLOCKS, blocks=(block,))
        text = blocks_page.page("Blocks", blocks, LOOK, zone=ZONE, now=NOW, hidden=0)
        assert told_of in text
    burn = blocks_page.row(replace(BLOCKS.blocks[1], figures=FREE))["burn"]
    assert isinstance(burn, dict)
    assert burn["costUsdPerHour"] is None


def test_windows_are_rows_for_programs() -> None:
    """The same columns whether a window is under way or not."""
    names, rows = blocks_page.sheet(BLOCKS)
    lines = told.csv_text(names, rows).splitlines()
    assert len({line.count(",") for line in lines}) == 1
    assert lines[2].endswith(",120,180,9150,1,2745000,5")
    assert lines[2].startswith("2026-03-02T10:00:00.000Z,2026-03-02T15:00:00.000Z,true,1380,")
    markdown = blocks_page.markdown(BLOCKS, LOOK, zone=ZONE)
    assert markdown.splitlines()[2].startswith("| 2026-03-01 07:00 to 12:00 | 340 | 1,200 |")


def test_a_limit_that_nobody_told_of_is_unknown() -> None:
    """So is what is used of a window that began after it was told."""
    text = limits_page.page(LIMITS, LOOK, zone=ZONE, now=NOW)
    assert [" ".join(line.split()) for line in text.splitlines()] == [
        "AGENT LIMIT USED RESETS TOLD PLAN",
        "codex five_hour 42% █████ 15:00, in 2 h 3 min ago pro",
        "codex weekly unknown its window is over 2 d 12 h ago \u2013",
        "claude \u2013 unknown \u2013 \u2013 \u2013",
    ]
    names, rows = limits_page.sheet(LIMITS)
    assert told.csv_text(names, rows).splitlines()[1:] == [
        "codex,five_hour,0.42,300,2026-03-02T14:00:00.000Z,2026-03-02T11:57:00.000Z,false,pro",
        "codex,weekly,,10080,2026-03-02T11:00:00.000Z,2026-02-28T00:00:00.000Z,true,",
        "claude,,,,,,,",
    ]
    nothing = limits_page.page(Limits((), ()), LOOK, zone=ZONE, now=NOW)
    assert nothing == "No agent has told of its limits, and none has left a log here.\n"


def test_a_gap_is_shown_as_a_share() -> None:
    """None where there is none, and never rounded to none."""
    cells = matches_page.cells(MATCHES, LOOK)
    assert cells[0] == ("codex", "0199a2b3", "~/shop", "3", "1,150", "1,160", "0.87%", "9")
    assert cells[1][6] == "none"
    tiny = replace(MATCH, ledger=Tokens(10**6), log=Tokens(10**6 + 1))
    assert matches_page.cells(Reconciled((tiny,), 0, ()), LOOK)[0][6] == "<0.01%"
    text = matches_page.page("Reconcile", MATCHES, LOOK, hidden=3)
    assert "2 of 5; --limit 5 shows all." in text
    assert text.endswith("2 more sessions have no log here.\n")
    none = matches_page.page("Reconcile", Reconciled((), 0, ()), LOOK, hidden=0)
    assert none.endswith("No session of tars' agents has a log beside it.\n")


@pytest.mark.parametrize(
    ("only", "meant"),
    [
        (Only(), True),
        (Only(agent="codex", project="/home/me"), True),
        (Only(agent="claude"), False),
        (Only(project="/home/me/shop/"), True),
        (Only(project="/home/me/sho"), False),
    ],
)
def test_sessions_are_compared_of_an_agent_and_a_folder(only: Only, meant: bool) -> None:
    """And of the folders in it."""
    assert is_meant(MATCH, only) is meant


def test_compared_sessions_are_rows_for_programs() -> None:
    """Every kind of token of each side, and the gap by kind in JSON."""
    names, rows = matches_page.sheet(MATCHES)
    line = told.csv_text(names, rows).splitlines()[1]
    assert line.startswith("codex,0199a2b3-c4d5,/home/me/shop,3,2,1,0.008695652174,100,1000,0,50,5")
    assert matches_page.row(MATCH)["gap"] == {
        "netInputTokens": 0,
        "cacheReadTokens": 10,
        "cacheWriteTokens": 0,
        "outputTokens": 0,
        "reasoningTokens": 0,
    }


@pytest.mark.parametrize(
    ("so_far", "line"),
    [
        (OPUS, "month         $12.35 so far; about $40.00 in the end (29 days left)\n"),
        (HALF, "month         >$0 so far; ≥$40.00 in the end (29 days left)\n"),
        (
            FREE,
            "month         unpriced so far; about 90,000,000 tokens in the end (29 days left)\n",
        ),
    ],
)
def test_where_the_month_stands_is_one_line(so_far: Figures, line: str) -> None:
    """What has no price is told in tokens."""
    assert pages.month(MONTH._replace(so_far=so_far), LOOK, label="month") == line


def test_durations_and_clocks_are_short() -> None:
    """A time of another day has its date."""
    assert [minutes(n) for n in (0, 59, 60, 125, 2880, 2940)] == [
        *("0 min", "59 min", "1 h", "2 h 5 min", "2 d", "2 d 1 h"),
    ]
    assert clock(NOW, ZONE, NOW) == "13:00"
    assert clock(NOW - 24 * HOURS, ZONE, NOW) == "03-01 13:00"


def test_no_page_is_written_in_more_than_ascii_where_there_is_no_more() -> None:
    """Every sign that tars itself writes has another in ASCII."""
    plain = Look(Face(width=60, unicode=False), Money("EUR", 2.0, unicode=False))
    text = blocks_page.page("Blocks", BLOCKS, plain, zone=ZONE, now=NOW, hidden=1)
    text += limits_page.page(LIMITS, plain, zone=ZONE, now=NOW)
    text += matches_page.page("Reconcile", MATCHES, plain, hidden=0)
    text += pages.month(MONTH, plain, label="month")
    assert text.isascii()
    assert "EUR 24.69" in text
