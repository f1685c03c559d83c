"""Costs as bars, columns and gauges."""

from datetime import date
from typing import Any

from tars.control.contract import BudgetStatus
from tars.control.costs.contract import (
    AccountLimit,
    AccountLimits,
    CostBlock,
    CostBlocks,
    CostBurn,
    CostProjection,
    CostSummary,
)
from tars.control.costs_contract import CostFigures, CostRange, CostReport, CostRow
from tars.tui import costs_view

RANGE = CostRange(from_time=None, to_time=None, timezone="UTC")


def used(tokens: int, cost: float | None, unpriced: int = 0) -> CostFigures:
    return CostFigures(**_figures(tokens, cost, unpriced))


def _figures(tokens: int, cost: float | None, unpriced: int = 0) -> dict[str, Any]:
    return {
        "net_input_tokens": tokens,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "output_tokens": 0,
        "reasoning_tokens": 0,
        "total_tokens": tokens,
        "requests": 1,
        "cost_usd": cost,
        "official_cost_usd": 0.0,
        "unpriced_tokens": unpriced,
    }


def test_the_dearest_comes_first_and_has_the_longest_bar() -> None:
    """By cost where anything has a price, whatever the tokens say."""
    found = costs_view.bars({"a": used(9_000, 0.5), "b": used(10, 1.0)}, 50).plain.split("\n")
    assert [line[0] for line in found] == ["b", "a"]
    assert found[0].count("█") == 23
    assert "███████████▌░" in found[1]


def test_without_prices_tokens_decide() -> None:
    """And what is not known is called so, never nothing."""
    found = costs_view.bars({"a": used(10, None, 10), "b": used(20, None, 20)}, 60).plain
    assert found.index("b") < found.index("a")
    assert found.count("unpriced") == 2
    assert "$0" not in found


def test_many_groups_do_not_fill_the_view() -> None:
    """The rest is counted in one line."""
    groups = {f"m{number}": used(number, None) for number in range(20)}
    found = costs_view.bars(groups, 60).plain.split("\n")
    assert len(found) == 9
    assert found[-1] == "and 12 more"


def test_a_day_without_use_is_a_gap_in_its_place() -> None:
    """Columns are days, today's at the end."""
    rows = [
        CostRow(day="2026-11-19", **_figures(1, 1.0)),
        CostRow(day="2026-11-21", **_figures(1, 4.0)),
    ]
    report = CostReport(range=RANGE, rows=rows, totals=used(2, 5.0), unpriced_models=[])
    found = costs_view.days(report, date(2026, 11, 21), 4, 8, height=4).plain.split("\n")
    assert found[:4] == ["      █", "      █", "      █", "  █   █"]
    assert found[4] == "18 Nov to 21 Nov, at most $4.0000 a day"


def test_a_budget_is_a_gauge_with_its_words() -> None:
    """How full it is, of how much, and what happens then; never a colour alone."""
    budget = BudgetStatus(
        name="daily", per="day", action="stop", standing="warned", share=0.85,
        reason="", spent_usd=8.5, limit_usd=10.0,
    )  # fmt: skip
    found = costs_view.gauges([budget], 100).plain
    assert "85%\n" in found
    assert "$8.5000 of $10.00 per day, then stop" in found
    assert found.count("█") == 17


def test_the_pace_tells_what_it_comes_to() -> None:
    """The window under way and the month; an unknown price is said."""
    burn = CostBurn(
        minutes=60, minutes_left=240, tokens_per_minute=1500.0, cost_usd_per_hour=None,
        projected_tokens=450_000, projected_cost_usd=2.5,
    )  # fmt: skip
    block = CostBlock(
        **_figures(90_000, 0.5),
        from_time="2026-11-21T10:00:00Z", to_time="2026-11-21T15:00:00Z", active=True,
        idle_minutes=0, models=[], burn=burn,
    )  # fmt: skip
    blocks = CostBlocks(range=RANGE, rows=[block], totals=used(1, 1.0), unpriced_models=[])
    month = CostProjection(
        month="2026-11", total_tokens=1, cost_usd=43.95, so_far=used(1, 29.3), days=20, days_left=9
    )
    summary = CostSummary(
        totals=used(1, 1.0), by_agent={}, by_model={}, unpriced_models=[], range=RANGE,
        projection=month,
    )  # fmt: skip
    assert costs_view.pace(blocks, summary).plain.split("\n") == [
        "now      1.5K tokens a minute, an unknown sum an hour",
        "5 hours  $2.5000 and 450K tokens projected, 4h 00m left",
        "month    $29.30 so far, $43.95 projected",
    ]


def test_a_limit_that_nobody_knows_is_unknown() -> None:
    """A window that ended says nothing of the next one; a kind that tells nothing is named."""
    limit = AccountLimit(
        agent="codex", name="weekly", used=0.5, window_minutes=None,
        resets_at="1970-01-01T01:00:00Z", told_at="", over=False, plan="",
    )  # fmt: skip
    over = AccountLimit(
        agent="codex", name="five_hour", used=None, window_minutes=300,
        resets_at=None, told_at="", over=True, plan="",
    )  # fmt: skip
    found = costs_view.limits(AccountLimits(rows=[limit, over], unknown_agents=["claude"]), 0, 90)
    lines = found.plain.split("\n")
    assert lines[0].endswith("50%, begins anew in 1h 00m")
    assert lines[1].endswith("unknown since its window ended")
    assert lines[2] == "unknown: claude"
