"""Windows of five hours as a report: each with its figures, and how fast the last one fills."""

from datetime import datetime

from tars.accounting.rates import DOLLAR
from tars.control.costs import told
from tars.control.costs.layout import Column, table
from tars.control.costs.pages import labelled, markdown_figures
from tars.control.costs.tables import Look, figure_columns, unpriced_lines
from tars.control.costs.times import clock, minutes
from tars.costs.blocks import Block, Blocks, Burn
from tars.costs.facts import Figures
from tars.sessions.ranges import Span, Zone

_WORDS = ("from", "to", "active", "idleMinutes", "models")
BURN = ("minutes", "minutesLeft", "tokensPerMinute", "costUsdPerHour", "projectedTokens",
        "projectedCostUsd")  # fmt: skip


def told_blocks(found: Blocks, span: Span, zone: Zone) -> told.Told:
    """Put windows onto the wire."""
    return {
        "range": told.time_span(span, zone),
        "rows": [row(block) for block in found.blocks],
        "totals": told.figures(found.total),
        "unpricedModels": list(found.unpriced),
    }


def sheet(found: Blocks) -> tuple[list[str], list[told.Told]]:
    """Give windows for CSV: the names, and a row for each."""
    rows = []
    for block in found.blocks:
        burn = None if block.burn is None else _told_burn(block.burn, block.figures)
        rows.append({**row(block), **told.part("burn", burn, BURN)})
    names = [*_WORDS, *told.figures(found.total), *told.part("burn", None, BURN)]
    return names, rows


def markdown(found: Blocks, look: Look, *, zone: Zone) -> str:
    """Give windows as a table of Markdown."""
    names = cells(found, zone)
    groups = [([n], block.figures) for n, block in zip(names, found.blocks, strict=True)]
    return markdown_figures(["Window"], groups, found.total, look)


def row(block: Block) -> told.Told:
    """Put one window onto the wire."""
    return {
        "from": told.moment(block.start),
        "to": told.moment(block.end),
        "active": block.active,
        "idleMinutes": round(block.idle.total_seconds() / 60),
        "models": list(block.models),
        **told.figures(block.figures),
        "burn": None if block.burn is None else _told_burn(block.burn, block.figures),
    }


def page(title: str, found: Blocks, look: Look, *, zone: Zone, now: datetime, hidden: int) -> str:
    """Give windows as a page."""
    text = look.face.paint(look.face.plain(title), "bold") + "\n\n"
    if not found.blocks:
        return text + "Nothing was used.\n"
    several = len(found.blocks) > 1 or hidden > 0
    every = [block.figures for block in found.blocks] + ([found.total] if several else [])
    names = [*cells(found, zone), *(["total"] if several else [])]
    columns = figure_columns(every, look, rows=len(found.blocks))
    text += table([Column("WINDOW", names, right=False), *columns], look.face, total=several)
    if hidden:
        shown = len(found.blocks)
        text += f"{shown:,} of {shown + hidden:,} windows; --limit {shown + hidden} shows all.\n"
    active = next((block for block in found.blocks if block.active), None)
    if active is not None and active.burn is not None:
        text += "\n" + _burning(active, active.burn, look, zone, now)
    below = unpriced_lines(found.unpriced, found.total, look)
    return text + (f"\n{below}" if below else "")


def cells(found: Blocks, zone: Zone) -> list[str]:
    """Name each window by its two ends."""
    return [
        f"{block.start.astimezone(zone.info):%Y-%m-%d %H:%M} to "
        f"{block.end.astimezone(zone.info):%H:%M}"
        for block in found.blocks
    ]


def _burning(block: Block, burn: Burn, look: Look, zone: Zone, now: datetime) -> str:
    """Say how fast the window under way fills, and what it comes to at its end."""
    rate = look.money.shown(burn.cost_per_hour / DOLLAR)
    end = look.money.shown(burn.cost_in_the_end / DOLLAR)
    least = "" if block.figures.known else "at least "
    priced = told.dollars(block.figures) is not None
    per_hour = f", {least}{rate} an hour" if priced else ""
    in_the_end = f", {least}{end}" if priced else ""
    return "".join(
        (
            labelled(
                "under way", f"{minutes(burn.minutes)}; {minutes(burn.minutes_left)} left", look
            ),
            labelled("burn rate", f"{burn.tokens_per_minute:,.0f} tokens a minute{per_hour}", look),
            labelled(
                f"by {clock(block.end, zone, now)}",
                f"about {burn.tokens_in_the_end:,} tokens{in_the_end}, if it goes on like that",
                look,
            ),
        )
    )


def _told_burn(burn: Burn, figures: Figures) -> told.Told:
    priced = told.dollars(figures) is not None
    return {
        "minutes": burn.minutes,
        "minutesLeft": burn.minutes_left,
        "tokensPerMinute": round(burn.tokens_per_minute, 3),
        "costUsdPerHour": burn.cost_per_hour / DOLLAR if priced else None,
        "projectedTokens": burn.tokens_in_the_end,
        "projectedCostUsd": burn.cost_in_the_end / DOLLAR if priced else None,
    }
