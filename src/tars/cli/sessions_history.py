"""`tars sessions history`: which sessions were in use in a span of time, and what they used."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tars.cli import sessions_options as options
from tars.cli.connection import say
from tars.cli.groups import examples
from tars.cli.library import looked_at
from tars.cli.render import count
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
    from tars.control.found_contract import SessionVisit
    from tars.sessions.ranges import Span, Zone
    from tars.sessions.statistics import History, Visit

app = typer.Typer(rich_markup_mode=None)

RangeOption = Annotated[
    str,
    typer.Option(
        "--range",
        metavar="RANGE",
        help="today, yesterday, week (since Monday), month or thismonth, lastmonth, all; "
        "7d and 30d end now and begin at the same time of day so many days ago.",
    ),
]


@app.command(
    epilog=examples(
        "tars sessions history",
        "tars sessions history --range yesterday",
        "tars sessions history --range lastmonth --tz Europe/Berlin --format csv",
    )
)
def history(
    word: RangeOption = "all",
    limit: options.LimitOption = options.SHOWN,
    tz: options.ZoneOption = None,
    agent: options.AgentOption = None,
    agent_type: options.AgentTypeOption = None,
    project: options.ProjectOption = None,
    model: options.ModelOption = None,
    tag: options.TagOption = None,
    machine: options.MachineOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show which sessions were in use in a span of time.

    The newest comes first; archived ones are there, too. Figures are those of the turns that ended
    in the span: what ended at its beginning is in it, what ended at its end is in the next. Days
    are those of the zone, also where they have 23 or 25 hours.
    """
    from tars.sessions.listing import Wanted
    from tars.sessions.ranges import find_zone
    from tars.sessions.statistics import history as find_history

    zone = find_zone(tz)
    span = options.span(zone, since=None, until=None, word=word)
    wanted = Wanted(
        agent=agent,
        agent_types=() if agent_type is None else (agent_type,),
        project=options.folder(project),
        model=model,
        tags=tuple(tag or ()),
        machine=machine,
        archived=None,
    )
    with looked_at() as library:
        found = None if library is None else find_history(library, wanted, span, limit=limit)
    _print(found, form, span, zone)


def _print(found: "History | None", form: Format, span: "Span", zone: "Zone") -> None:
    from tars.control.found_contract import SessionHistory, SessionVisit
    from tars.sessions.statistics import nothing

    match form:
        case Format.JSON:
            print_json(SessionHistory.of(found or nothing(), span, zone))
        case Format.CSV:
            visits = found.visits if found else ()
            print_csv(CSV_HEAD, (_flat(SessionVisit.of(visit)) for visit in visits))
        case Format.TABLE if found is not None:
            print_table(_columns(found, zone, datetime.now(UTC)), found.visits)
            _tell_sums(found, span, zone)
        case Format.TABLE:
            pass


def _columns(found: "History", zone: "Zone", now: datetime) -> "list[Column[Visit]]":
    from tars.cli import sessions_view as view

    machines = len({v.session.machine for v in found.visits}) > 1
    more: list[Column[Visit]] = []
    if machines:
        more.append(Column("MACHINE", lambda v: v.session.machine, leaves=1))
    return [
        Column("LAST", lambda v: view.short_time(v.last_at, zone.info, now)),
        Column("ID", lambda v: found.short[v.session.seq]),
        Column("NAME", lambda v: v.session.name or v.session.title or "-", flexible=True),
        Column("AGENT", lambda v: v.session.agent),
        *more,
        Column("STATUS", lambda v: v.session.status.value, leaves=2),
        Column("DURATION", lambda v: view.duration(v.used.duration_ms), right=True, leaves=3),
        Column("TURNS", lambda v: f"{v.used.spent.turns:,}", right=True),
        Column("TOKENS", lambda v: view.tokens(v.used.spent), right=True),
        Column("COST", lambda v: view.cost(v.used.spent), right=True),
    ]


def _tell_sums(found: "History", span: "Span", zone: "Zone") -> None:
    from tars.cli import sessions_view as view

    used = found.used
    say(
        f"{span.shown(zone)}: {count(used.sessions, 'session')}, "
        f"{count(used.spent.turns, 'turn')}, {count(used.spent.tokens.total, 'token')}, "
        f"{view.cost(used.spent)}."
    )
    if len(found.visits) < used.sessions:
        say(f"The newest {len(found.visits)} are shown; `--limit {used.sessions}` shows all.")


def _flat(visit: "SessionVisit") -> dict[str, object]:
    """The session's own words beside what it used in the span."""
    return {**flat(visit.session), **flat(visit)}


CSV_HEAD = (
    "lastAt",
    "id",
    "name",
    "machine",
    "agent",
    "agentType",
    "status",
    "title",
    "project",
    "durationMs",
    *SPENT_HEAD,
)
