"""Costs as bars, gauges and sentences. Pure."""

from collections.abc import Sequence
from datetime import date

from rich.text import Text

from tars.control.contract import BudgetStatus
from tars.control.costs.contract import AccountLimit, AccountLimits, CostBlocks, CostSummary
from tars.control.costs.tables import short_models
from tars.control.costs_contract import CostFigures, CostReport
from tars.control.shown_text import duration
from tars.tui import figures
from tars.tui.days import is_priced, last_days, until, weight, weights
from tars.tui.foreign_text import clean

#: The spans that keys change between: the daemon's word, and a person's.
SPANS = {"today": "today", "7d": "7 days", "30d": "30 days"}
#: More groups than these are one line in the end.
_MOST = 8
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_GAUGE = 20


def totals(found: CostFigures) -> Text:
    """Say what a span came to."""
    cost = figures.money(found.cost_usd, unpriced=found.unpriced_tokens)
    kinds = (
        (found.net_input_tokens, "in"),
        (found.cache_read_tokens, "cached"),
        (found.cache_write_tokens, "written to cache"),
        (found.output_tokens, "out"),
    )
    told = " · ".join(f"{figures.tokens(count)} {kind}" for count, kind in kinds if count)
    requests = f"{found.requests:,} request{'' if found.requests == 1 else 's'}"
    return Text.assemble((cost, "bold"), f"  {requests}  ", (told, "dim"))


def bars(groups: dict[str, CostFigures], width: int) -> Text:
    """Give a bar for each group, the dearest first; by tokens where nothing has a price."""
    if not groups:
        return Text("Nothing was used.", style="dim")
    priced = is_priced(groups.values())
    ranked = sorted(groups.items(), key=lambda item: -weight(item[1], priced=priced))
    most = max(weight(ranked[0][1], priced=priced), 1e-12)
    short = short_models(groups)
    label = min(32, max(map(len, short.values())), max(8, width // 3))
    room = max(4, width - label - 26)
    lines = [
        Text.assemble(
            (figures.fitted(short[name] or "unknown", label), ""),
            " ",
            figures.painted(weight(group, priced=priced) / most, room, "cyan"),
            f" {figures.money(group.cost_usd, unpriced=group.unpriced_tokens):>12}",
            (f" {figures.tokens(group.total_tokens):>8}", "dim"),
        )
        for name, group in ranked[:_MOST]
    ]
    if len(ranked) > _MOST:
        lines.append(Text(f"and {len(ranked) - _MOST:,} more", style="dim"))
    return _joined(lines)


def days(report: CostReport, last: date, count: int, width: int, height: int = 5) -> Text:
    """Give a column for each of the last days, today's last, as high as the day was dear."""
    found = last_days(count, last)
    values = weights(report, found)
    most = max(values, default=0.0)
    if not most:
        return Text("Nothing was used in these days.", style="dim")
    between = " " if width >= 2 * count else ""
    wide = max(1, min(6, width // count - len(between)))
    lines = []
    for level in range(height, 0, -1):
        cells = [_cell(value / most * height - (level - 1)) * wide for value in values]
        lines.append(Text(between.join(cells), style="cyan"))
    told = figures.money(most) if is_priced(report.rows) else f"{figures.tokens(int(most))} tokens"
    span = f"{found[0]:%d %b} to {found[-1]:%d %b}, at most {told} a day"
    return _joined([*lines, Text(span, style="dim")])


def _cell(height: float) -> str:
    eighths = round(height * 8)
    if eighths <= 0:
        return "▁" if height > 0 else " "
    return _EIGHTHS[min(8, eighths)]


def gauges(budgets: Sequence[BudgetStatus], width: int) -> Text:
    """Give a gauge for each budget, and what it does when it is used up."""
    if not budgets:
        return Text("There are none. docs/budgets.md shows how to set one.", style="dim")
    lines = []
    for budget in budgets:
        style = {"over": "red", "warned": "yellow"}.get(budget.standing, "green")
        lines.append(
            Text.assemble(
                (figures.fitted(budget.name, 16), "bold"),
                " ",
                figures.painted(budget.share, _GAUGE, style),
                f" {budget.share:>4.0%}",
            )
        )
        then = f"{_used(budget)} per {clean(budget.per)}, then {clean(budget.action)}"
        lines.append(Text(f"{'':17}{then}", style="dim"))
    return _joined(lines, width)


def _used(budget: BudgetStatus) -> str:
    if budget.limit_usd is not None:
        return f"{figures.money(budget.spent_usd)} of {figures.money(budget.limit_usd)}"
    return f"{figures.tokens(budget.tokens)} of {figures.tokens(budget.max_tokens or 0)} tokens"


def pace(blocks: CostBlocks, summary: CostSummary) -> Text:
    """Say how fast it goes now, and what the month comes to if it goes on."""
    lines = []
    for block in blocks.rows:
        if block.active and block.burn is not None:
            burn = block.burn
            hourly = _rate(burn.cost_usd_per_hour)
            minutely = figures.tokens(round(burn.tokens_per_minute))
            comes = _rate(burn.projected_cost_usd)
            tokens = figures.tokens(burn.projected_tokens)
            left = duration(burn.minutes_left * 60)
            lines.append(_labelled("now", f"{minutely} tokens a minute, {hourly} an hour"))
            lines.append(
                _labelled("5 hours", f"{comes} and {tokens} tokens projected, {left} left")
            )
    if not lines:
        lines.append(_labelled("now", "nothing is being used"))
    month = summary.projection
    if month is not None:
        so_far = figures.money(month.so_far.cost_usd, unpriced=month.so_far.unpriced_tokens)
        told = f"{so_far} so far, {_rate(month.cost_usd)} projected"
        lines.append(_labelled("month", told))
    return _joined(lines)


def _rate(dollars: float | None) -> str:
    return "an unknown sum" if dollars is None else figures.money(dollars)


def limits(found: AccountLimits, now: float, width: int) -> Text:
    """Give a gauge for each limit of an account, and whose limits nobody knows."""
    lines = [_limit(limit, now) for limit in found.rows]
    if found.unknown_agents:
        told = f"unknown: {', '.join(found.unknown_agents)}"
        lines.append(Text(clean(told), style="dim"))
    return _joined(lines, width) if lines else Text("None is known.", style="dim")


def _limit(limit: AccountLimit, now: float) -> Text:
    name = figures.fitted(f"{limit.agent} {limit.name}", 22)
    if limit.over or limit.used is None:
        return Text.assemble((name, "bold"), (" unknown since its window ended", "dim"))
    style = "red" if limit.used >= 0.95 else "yellow" if limit.used >= 0.8 else "green"
    parts: list[Text | tuple[str, str] | str] = [
        (name, "bold"),
        " ",
        figures.painted(limit.used, _GAUGE, style),
        f" {limit.used:>4.0%}",
    ]
    if limit.resets_at is not None:
        parts.append((f", begins anew in {duration(until(limit.resets_at, now))}", "dim"))
    return Text.assemble(*parts)


def _labelled(label: str, value: str) -> Text:
    return Text.assemble((f"{label:<9}", "dim"), value)


def _joined(lines: Sequence[Text], width: int = 0) -> Text:
    for line in lines:
        if width:
            line.truncate(width, overflow="ellipsis")
    return Text("\n", no_wrap=True).join(lines)
