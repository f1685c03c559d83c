"""Reports as JSON and CSV: by names that stay, and never 0 dollars for what is unknown."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tars.control import costs_contract
from tars.control.costs import blocks_page, limits_page, matches_page, told
from tars.control.costs import contract as c
from tars.control.wire import Wire
from tars.costs.facts import Dimension, Figures
from tars.sessions.ranges import Span, find_zone
from tests.control.costs.reports import (
    BY_MODEL,
    BY_SESSION,
    DAILY,
    FREE,
    HALF,
    MARCH,
    NOTHING,
    OPUS,
)
from tests.control.costs.test_other_pages import BLOCKS, LIMITS, MATCHES, MONTH

ZONE = find_zone("Europe/Berlin")
GOLDEN = Path(__file__).parents[1] / "golden" / "costs.json"
SAMPLES: tuple[tuple[type[Wire], told.Told], ...] = (
    (costs_contract.CostReport, told.report(BY_MODEL, MARCH, ZONE)),
    (costs_contract.CostReport, told.report(DAILY, Span(), ZONE)),
    (c.CostSummary, told.summary(BY_MODEL, MARCH, ZONE, told.projection(MONTH))),
    (c.CostBlocks, blocks_page.told_blocks(BLOCKS, MARCH, ZONE)),
    (c.AccountLimits, limits_page.told_limits(LIMITS)),
    (c.CostMatches, matches_page.told_matches(MATCHES, MARCH, ZONE)),
)


def written() -> str:
    """Every sample, by the name of its message."""
    return json.dumps([{kind.__name__: sample} for kind, sample in SAMPLES], indent=2) + "\n"


def test_what_programs_read_is_as_it_was() -> None:
    """No message's JSON changes unnoticed; `python -m tests.control.costs.test_told` accepts a
    change."""
    assert written() == GOLDEN.read_text()


@pytest.mark.parametrize(("kind", "sample"), SAMPLES)
def test_what_is_written_is_what_the_contract_has(kind: type[Wire], sample: told.Told) -> None:
    """Field by field, in the contract's names, with nothing left out and nothing beside it."""
    there = msgspec.convert(json.loads(told.json_text(sample)), kind)
    assert msgspec.to_builtins(there) == sample


def test_what_has_no_price_is_never_free() -> None:
    """Null where nothing is priced, at least so much where a part is, 0 for what is free."""
    assert told.figures(FREE)["costUsd"] is None
    assert told.figures(HALF)["costUsd"] == 0.001
    assert told.figures(NOTHING)["costUsd"] == 0.0
    assert told.figures(OPUS)["costUsd"] == 12.345


def test_a_summary_has_the_same_sums_by_agent_and_by_model() -> None:
    """They add up to the totals, whichever way one looks."""
    summary = told.summary(BY_MODEL, MARCH, ZONE, None)
    totals = summary["totals"]
    for name, keys in (("byAgent", {"claude", "codex", "gemini"}), ("byModel", set())):
        parts = summary[name]
        assert isinstance(parts, dict)
        assert isinstance(totals, dict)
        assert keys <= parts.keys()
        for figure in ("totalTokens", "requests", "unpricedTokens"):
            assert sum(part[figure] for part in parts.values()) == totals[figure]
        assert sum(part["costUsd"] or 0 for part in parts.values()) == totals["costUsd"]


def test_a_span_is_in_utc_and_says_whose_days_it_has() -> None:
    """An open end is null."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    assert told.time_span(Span(at, None), ZONE) == {
        "from": "2026-03-01T00:00:00.000Z",
        "to": None,
        "timezone": "Europe/Berlin",
    }


def test_csv_has_plain_numbers_below_one_header() -> None:
    """No separators, no exponents, nothing for what is unknown; words as they are."""
    text = told.csv_text(told.head(BY_MODEL), told.rows(BY_MODEL))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == [
        *("agent", "model", "netInputTokens", "cacheReadTokens", "cacheWriteTokens"),
        *("outputTokens", "reasoningTokens", "totalTokens", "requests", "costUsd"),
        *("officialCostUsd", "unpricedTokens"),
    ]
    assert rows[0]["cacheReadTokens"] == "4000000"
    assert [row["costUsd"] for row in rows] == ["12.345", "2", "0.001", ""]
    tiny = told.csv_text(["costUsd"], [told.figures(Figures(cost=1))])
    assert tiny == "costUsd\n0.000000000001\n"


def test_a_session_has_its_title_beside_it() -> None:
    """In rows and in CSV, empty where there is none; as the contract has it."""
    names = ["agent", "session", "title"]
    rows = told.report(BY_SESSION, MARCH, ZONE)
    assert told.head(BY_SESSION)[:3] == names
    assert [row["title"] for row in told.rows(BY_SESSION)] == [*BY_SESSION.titles]
    assert [*told.rows(BY_SESSION)[0]][:3] == names
    there = msgspec.convert(json.loads(told.json_text(rows)), costs_contract.CostReport)
    assert msgspec.to_builtins(there) == rows


def test_json_cannot_command_a_terminal() -> None:
    """What a log calls a project may hold anything."""
    text = told.json_text({"project": "a\x1b[2J\u202e\x9b日本"})
    assert json.loads(text) == {"project": "a\x1b[2J\u202e\x9b日本"}
    assert text == '{\n  "project": "a\\u001b[2J\\u202e\\u009b日本"\n}\n'


@pytest.mark.parametrize(
    ("word", "cell"),
    [
        ("/w/a,b\n日本 👩‍👩‍👧", '"/w/a,b\n日本 👩‍👩‍👧"'),
        ("/w/\x1b[31m\x1b]0;x\x07\r\0", "/w/\\u001b[31m\\u001b]0;x\\u0007\\u000d\\u0000"),
        ("/w/\u202e\x9b2J", "/w/\\u202e\\u009b2J"),
        ("=1+1", "'=1+1"),
        (" @x", "' @x"),
    ],
)
def test_csv_commands_neither_a_terminal_nor_a_spreadsheet(word: str, cell: str) -> None:
    """Control characters are written as JSON writes them; a formula has an apostrophe before it."""
    assert told.csv_text(["project"], [{"project": word}]) == f"project\n{cell}\n"


def test_sums_by_a_dimension_are_in_the_order_of_its_words() -> None:
    """One for each word, whatever else the lines are told apart by."""
    assert [*told.sums(BY_MODEL, Dimension.AGENT)] == ["claude", "codex", "gemini"]


if __name__ == "__main__":
    GOLDEN.write_text(written())
