"""`tars budgets`: how every budget stands, whether a daemon runs or not."""

import os
from datetime import UTC, datetime

import typer

from tars.cli.connection import connect, say
from tars.cli.groups import examples
from tars.cli.render import one_line
from tars.cli.tables import Column, Format, FormatOption, flat, print_csv, print_json, print_table
from tars.config_budgets import budgets_of
from tars.control.contract import BudgetList, BudgetStatus
from tars.control.shown_text import moment
from tars.errors import NotRunning
from tars.home import Home, find_home

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog=examples("tars budgets", "tars budgets --format json | jq '.budgets[].share'"))
def budgets(format: FormatOption = Format.TABLE) -> int:
    """Show every budget: what is spent of it.

    A daemon is asked where one runs, so that turns under way count as well.
    """
    found = _found(find_home())
    for problem in found.problems:
        say(f"tars: {one_line(problem)}")
    match format:
        case Format.JSON:
            print_json(found)
        case Format.CSV:
            print_csv(BudgetStatus.__struct_encode_fields__, [flat(b) for b in found.budgets])
        case Format.TABLE:
            if not found.budgets:
                say("No budgets. `[[budgets]]` in config.toml makes one (docs/budgets.md).")
            print_table(_COLUMNS, found.budgets)
    return 0


def _found(home: Home) -> BudgetList:
    try:
        return connect().budgets()
    except NotRunning:
        return _measured(home)


def _measured(home: Home) -> BudgetList:
    """Count without a daemon. Raises ConfigInvalid."""
    configured = budgets_of(home)
    if not configured:
        return BudgetList(budgets=[])
    from tars.costs.engine import Costs
    from tars.costs.standings import measure

    with Costs.open(home, env=os.environ) as costs:
        problems = costs.refresh(instead=True)
        stands, more = measure(costs, configured, now=datetime.now(UTC))
    shown = [BudgetStatus.of(stand) for stand in stands]
    return BudgetList(budgets=shown, problems=list(dict.fromkeys((*problems, *more))))


def _spent(budget: BudgetStatus) -> str:
    """What is used of each bound."""
    of = []
    if budget.limit_usd is not None:
        of.append(f"${budget.spent_usd:,.2f} of ${budget.limit_usd:,.2f}")
    if budget.max_tokens is not None:
        of.append(f"{budget.tokens:,} of {budget.max_tokens:,} tokens")
    elif budget.unpriced_tokens:
        of.append(f"{budget.unpriced_tokens:,} tokens without a price")
    return ", ".join(of)


def _left(budget: BudgetStatus) -> str:
    """What is left of each bound."""
    dollars = [] if budget.left_usd is None else [f"${budget.left_usd:,.2f}"]
    tokens = [] if budget.left_tokens is None else [f"{budget.left_tokens:,} tokens"]
    return ", ".join(dollars + tokens)


def _meant(budget: BudgetStatus) -> str:
    """What it is for."""
    parts = (budget.agent, budget.model, budget.project, budget.session or "")
    return " ".join(filter(None, parts)) or "everything"


_COLUMNS: tuple[Column[BudgetStatus], ...] = (
    Column("budget", lambda budget: budget.name),
    Column("state", lambda budget: budget.standing),
    Column("used", lambda budget: f"{budget.share:.0%}", right=True),
    Column("spent", _spent),
    Column("left", _left),
    Column("per", lambda budget: budget.per),
    Column("action", lambda budget: budget.action, leaves=1),
    Column("for", _meant, flexible=True, leaves=3),
    Column("anew", lambda b: moment(b.resets_at) if b.resets_at else "", leaves=2),
)
