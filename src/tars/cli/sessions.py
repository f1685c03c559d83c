"""`tars sessions`: the conversations that are remembered, listed, and what else can be done."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tars.cli import sessions_options as options
from tars.cli.connection import say
from tars.cli.groups import LazyGroup, examples
from tars.cli.library import looked_at
from tars.cli.render import count
from tars.cli.tables import (
    SPENT_HEAD,
    Format,
    FormatOption,
    flat,
    print_csv,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from tars.sessions.listing import Listing

_MANAGING = "tars.cli.sessions_managing"
_CLEANING = "tars.cli.sessions_cleaning"
_FILES = "tars.cli.sessions_files"


class Sessions(LazyGroup):
    homes = {
        "history": "tars.cli.sessions_history",
        "stats": "tars.cli.sessions_stats",
        "show": "tars.cli.sessions_show",
        "search": "tars.cli.sessions_search",
        "rename": _MANAGING,
        "tag": _MANAGING,
        "note": _MANAGING,
        "task": "tars.cli.sessions_tasks",
        "delete": _CLEANING,
        "clean": _CLEANING,
        "archive": _CLEANING,
        "restore": _CLEANING,
        "repair": "tars.cli.sessions_repair",
        "template": "tars.cli.sessions_templates",
        "export": _FILES,
        "import": _FILES,
        "backup": _FILES,
        "restore-backup": _FILES,
    }


app = typer.Typer(name="sessions", cls=Sessions, rich_markup_mode=None)


class Sort(StrEnum):
    ACTIVITY = "activity"
    STARTED = "started"
    DURATION = "duration"
    TOKENS = "tokens"
    COST = "cost"
    NAME = "name"


@app.callback(
    invoke_without_command=True,
    epilog=examples(
        "tars sessions",
        "tars sessions --project . --since 7d",
        "tars sessions --sort cost --limit 5",
        "tars sessions show last",
    ),
)
def sessions(
    context: typer.Context,
    active: options.ActiveOption = False,
    agent: options.AgentOption = None,
    agent_type: options.AgentTypeOption = None,
    project: options.ProjectOption = None,
    model: options.ModelOption = None,
    tag: options.TagOption = None,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    min_tokens: options.MinTokensOption = None,
    status: options.StatusOption = None,
    archived: options.ArchivedOption = False,
    everything: options.AllOption = False,
    machine: options.MachineOption = None,
    source: options.SourceOption = None,
    sort: Annotated[
        Sort,
        typer.Option(help="The newest or the most comes first; names go from A to Z."),
    ] = Sort.ACTIVITY,
    reverse: Annotated[bool, typer.Option("--reverse", help="The other way round.")] = False,
    limit: options.LimitOption = options.SHOWN,
    tz: options.ZoneOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the sessions, the one that was in use last first.

    Options narrow the list down together. A session is named by its id, the beginning of that
    (4 characters or more), its name, or `last`.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    from tars.sessions.listing import Order, Wanted, list_sessions
    from tars.sessions.ranges import find_zone

    if archived and (active or status):
        raise typer.BadParameter("--archived excludes --active and --status")
    zone = find_zone(tz)
    span = options.span(zone, since=since, until=until)
    wanted = Wanted(
        agent=agent,
        agent_types=() if agent_type is None else (agent_type,),
        project=options.folder(project),
        model=model,
        tags=tuple(tag or ()),
        since=span.since,
        until=span.until,
        min_tokens=min_tokens,
        statuses=options.statuses(active, status),
        archived=options.archived(archived=archived, everything=everything),
        machine=machine,
        source=options.source(source),
    )
    with looked_at(outside=True) as library:
        listing = None
        if library is not None:
            order = Order(sort)
            listing = list_sessions(library, wanted, order=order, reverse=reverse, limit=limit)
    _print(listing, form, zone.info, narrowed=wanted != Wanted())


def _print(listing: "Listing | None", form: Format, zone: Any, *, narrowed: bool) -> None:
    from tars.cli.sessions_view import session_columns
    from tars.control.found_contract import Sessions as Told
    from tars.control.session_contract import Session

    told = [Session.of(record) for record in listing.sessions] if listing else []
    match form:
        case Format.JSON:
            print_json(Told(sessions=told, total=listing.total if listing else 0))
        case Format.CSV:
            print_csv(CSV_HEAD, (flat(session) for session in told))
        case Format.TABLE if listing is not None:
            columns = session_columns(listing, zone, datetime.now(UTC))
            print_table(columns, listing.sessions)
            _tell_total(listing, narrowed=narrowed)
        case Format.TABLE:
            pass


def _tell_total(listing: "Listing", *, narrowed: bool) -> None:
    shown = len(listing.sessions)
    if not listing.total:
        say("No session is like that." if narrowed else "No sessions yet.")
    elif shown < listing.total:
        say(
            f"{shown} of {count(listing.total, 'session')}; "
            f"`--limit {listing.total}` shows all, `tars sessions show ID` one."
        )
    else:
        say(f"{count(shown, 'session')}.")


def _refuse_options(context: typer.Context) -> None:
    """An option before the command's name would have no effect: say so."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(
                f"options go behind `{context.invoked_subcommand}`", param_hint="options"
            )


#: The columns of CSV, by the names of the wire.
CSV_HEAD = (
    "id",
    "name",
    "machine",
    "agent",
    "agentType",
    "status",
    "title",
    "startedAt",
    "endedAt",
    "lastActivityAt",
    "archivedAt",
    "project",
    "branch",
    "task",
    "tags",
    "source",
    "messages",
    "toolCalls",
    "durationMs",
    *SPENT_HEAD,
    "atLeast",
)
