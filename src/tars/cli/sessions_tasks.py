"""`tars sessions task`: what a piece of work was thought to need, and what it does."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tars.cli.groups import CommandGroup, examples, not_empty
from tars.cli.library import looked_at, opened
from tars.cli.render import count
from tars.cli.sessions_managing import called, quoted
from tars.cli.sessions_view import UNKNOWN, cost, money, short_count, tokens
from tars.cli.tables import (
    SPENT_HEAD,
    Column,
    Format,
    FormatOption,
    flat,
    print_csv,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from tars.sessions.tasks import Task

app = typer.Typer(
    name="task",
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Keep account of a task: estimated against actual.",
    epilog=examples("tars sessions task start T1.1 --estimate-cost 2.50"),
    no_args_is_help=True,
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", callback=not_empty, help="Of the task.", show_default=False)
]


@app.command(
    epilog=examples(
        "tars sessions task start T1.1",
        "tars sessions task start T1.1 --estimate-tokens 200000 --estimate-cost 2.50",
        "tars sessions task start T1.2 --session fix-login",
    )
)
def start(
    name: Name,
    session: Annotated[
        str,
        typer.Option(
            "--session",
            "-s",
            metavar="SESSION",
            callback=not_empty,
            help="Whose turns are the task's from now on.",
        ),
    ] = "last",
    estimate_tokens: Annotated[
        int | None,
        typer.Option(
            "--estimate-tokens", metavar="N", min=0, max=10**15, help="How many it may take."
        ),
    ] = None,
    estimate_cost: Annotated[
        str | None, typer.Option("--estimate-cost", metavar="USD", help="In dollars: 2.50.")
    ] = None,
) -> None:
    """Begin a task, or go on with one that had ended.

    The session's turns are its from now on. `tars prompt --task NAME` says the same for the
    session that the prompt goes to.
    """
    from tars.sessions import tasks
    from tars.sessions.references import resolve

    microusd = None if estimate_cost is None else tasks.microusd(estimate_cost)
    with opened() as library:
        found = resolve(library, session)
        task = tasks.start(
            library,
            name,
            datetime.now(UTC),
            session=found,
            estimated_tokens=estimate_tokens,
            estimated_microusd=microusd,
        )
    print(f"Task {quoted(task.name)} is under way: the turns of {_small(called(found))} are its.")


@app.command(epilog=examples("tars sessions task end T1.1"))
def end(name: Name) -> None:
    """End a task: no turn is its any more. Says what it used."""
    from tars.sessions import tasks

    with opened() as library:
        task = tasks.end(library, name, datetime.now(UTC))
    spent = task.spent
    price = cost(spent)
    known = "cost not known" if price == UNKNOWN else price
    print(
        f"Task {quoted(task.name)} ended: {count(spent.turns, 'turn')}, "
        f"{count(spent.tokens.total, 'token')}{_of(task.estimated_tokens)}, "
        f"{known}{_of_cost(task)}."
    )


@app.command(epilog=examples("tars sessions task report", "tars sessions task report T1.1"))
def report(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            callback=not_empty,
            help="This one; every task of this machine without it.",
            show_default=False,
        ),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Compare what was estimated with what tasks used.

    A cost that no agent told is a dash; with ≥ it is not known of every turn.
    """
    from tars.control.managing_contract import TaskReport, TaskReports
    from tars.sessions import tasks

    with looked_at() as library:
        found = [] if library is None else tasks.report(library, name)
        if library is None and name is not None:
            raise tasks.unknown(name)
    told = TaskReports(tasks=[TaskReport.of(task) for task in found])
    match form:
        case Format.JSON:
            print_json(told)
        case Format.CSV:
            print_csv(CSV_HEAD, (flat(task) for task in told.tasks))
        case Format.TABLE if library is not None and not found:
            print("No tasks yet.")
        case Format.TABLE:
            print_table(COLUMNS, found)


CSV_HEAD = (
    "name",
    "startedAt",
    "endedAt",
    "estimatedTokens",
    "estimatedMicrousd",
    "estimatedUsd",
    *SPENT_HEAD,
)


def _state(task: "Task") -> str:
    if task.started_at is None:
        return "not started"
    return "under way" if task.ended_at is None else "ended"


def _estimated_tokens(task: "Task") -> str:
    return UNKNOWN if task.estimated_tokens is None else short_count(task.estimated_tokens)


def _estimated_cost(task: "Task") -> str:
    estimate = task.estimated_microusd
    return UNKNOWN if estimate is None else money(estimate, of=0, known=1)


def _share(actual: int, estimate: int | None) -> str:
    """How much of the estimate was used, rounded down."""
    return UNKNOWN if not estimate else f"{actual * 100 // estimate:,} %"


def _share_of_cost(task: "Task") -> str:
    spent = task.spent
    if not spent.costed_turns:
        return UNKNOWN
    share = _share(spent.cost_microusd, task.estimated_microusd)
    return share if spent.costed_turns == spent.turns or share == UNKNOWN else f"≥{share}"


COLUMNS: "tuple[Column[Task], ...]" = (
    Column("TASK", lambda t: t.name, flexible=True),
    Column("STATE", _state, leaves=2),
    Column("TURNS", lambda t: f"{t.spent.turns:,}", right=True, leaves=3),
    Column("TOKENS", lambda t: tokens(t.spent), right=True),
    Column("ESTIMATED", _estimated_tokens, right=True),
    Column("USED", lambda t: _share(t.spent.tokens.total, t.estimated_tokens), right=True),
    Column("COST", lambda t: cost(t.spent), right=True),
    Column("ESTIMATED COST", _estimated_cost, right=True),
    Column("SPENT", _share_of_cost, right=True, leaves=1),
)


def _of(estimate: int | None) -> str:
    return "" if estimate is None else f" of {estimate:,} estimated"


def _of_cost(task: "Task") -> str:
    return "" if task.estimated_microusd is None else f" of {_estimated_cost(task)} estimated"


def _small(words: str) -> str:
    return words[:1].lower() + words[1:]
