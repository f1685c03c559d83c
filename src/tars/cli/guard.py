"""`tars guard`: any command, with a bound on what the agents in its folder may spend."""

from enum import StrEnum
from typing import Annotated

import typer

from tars.accounting.budget import Action, Budget, Per
from tars.accounting.rates import DOLLAR
from tars.cli.groups import examples

app = typer.Typer(rich_markup_mode=None)


class GuardAction(StrEnum):
    """What is done about it."""

    WARN = "warn"
    KILL = "kill"


class Over(StrEnum):
    """What is counted: since the command began, or the folder's day, week or month."""

    RUN = "run"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@app.command(
    context_settings={"allow_interspersed_args": False},
    epilog=examples(
        "tars guard --limit 5 -- claude",
        "tars guard --limit 2.50 --action kill -- codex exec 'Mend the tests'",
        "tars guard --max-tokens 2000000 --per day -- make review",
    ),
)
def guard(
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND…", help="What to run, and its words.")
    ],
    limit: Annotated[
        float | None,
        typer.Option("--limit", metavar="DOLLARS", help="How many US dollars it may cost."),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", metavar="N", min=1, help="How many tokens, cached ones too."),
    ] = None,
    action: Annotated[
        GuardAction,
        typer.Option("--action", help="Over the limit: only say so, or end the command, too."),
    ] = GuardAction.WARN,
    per: Annotated[
        Over,
        typer.Option("--per", help="Count from the command's start, or the folder's whole day …"),
    ] = Over.RUN,
    warn_at: Annotated[
        float, typer.Option("--warn-at", metavar="SHARE", help="Say so at this share of it.")
    ] = 0.8,
    grace: Annotated[
        float,
        typer.Option(
            "--grace",
            metavar="SECONDS",
            min=0,
            help="What the command has to end, after SIGINT and again after SIGTERM.",
        ),
    ] = 5.0,
) -> int:
    """Run a command, and watch what agents spend meanwhile.

    What they write into their logs counts, of sessions in this folder or below it, whichever
    agent it is; no daemon is needed. The command has the terminal to itself; what is to be said
    goes to stderr. Its exit status is given on, or 5 where it was ended for the limit.
    """
    budget = _budget(limit, max_tokens, warn_at, kills=action is GuardAction.KILL)
    from tars.cli.guarding import Guard

    word = {Over.RUN: "", Over.DAY: "today", Over.WEEK: "week", Over.MONTH: "month"}[per]
    return Guard(budget, word, grace).run(command)


def _budget(limit: float | None, tokens: int | None, warn_at: float, *, kills: bool) -> Budget:
    """Raises typer.BadParameter."""
    if limit is None and tokens is None:
        raise typer.BadParameter("say what the limit is: --limit DOLLARS, --max-tokens N, or both")
    if limit is not None and not 0 < limit < float("inf"):
        raise typer.BadParameter("--limit is more than 0 dollars")
    if not 0 < warn_at <= 1:
        raise typer.BadParameter("--warn-at is a share: more than 0 and at most 1")
    return Budget(
        name="guard",
        per=Per.SESSION,
        limit=None if limit is None else max(1, round(limit * DOLLAR)),
        max_tokens=tokens,
        warn_at=warn_at,
        action=Action.KILL if kills else Action.WARN,
    )
