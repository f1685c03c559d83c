"""`tars history`: the logs that agents wrote on this machine, tars or no tars."""

import os
import sys
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer

from tars.cli.groups import CommandGroup, examples
from tars.cli.render import one_line
from tars.cli.tables import Column, Format, FormatOption, print_csv, print_json, print_table
from tars.control.costs_contract import LogSource
from tars.control.log_sources import log_source

if TYPE_CHECKING:
    from tars.config_costs import HistoryConfig
    from tars.history.health import Health

app = typer.Typer(
    name="history",
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Show which logs of agents on this machine are read for costs.",
    epilog=examples("tars history sources"),
    no_args_is_help=True,
)


@app.callback()
def history() -> None:
    """Make a group of it, though it has one command."""


@app.command(epilog=examples("tars history sources", "tars history sources --format json"))
def sources(form: FormatOption = Format.TABLE) -> None:
    """List the logs that are read, where they are, and how it stands.

    What is new in them is read first. Logs that vanished stay counted.
    """
    from tars.config_costs import read
    from tars.home import find_home
    from tars.sessions.ranges import find_zone

    home = find_home()
    tables = read(home)
    found, problems = _refreshed(home.history, tables.history)
    match form:
        case Format.JSON:
            print_json([_row(health) for health in found])
        case Format.CSV:
            print_csv(
                LogSource.__struct_encode_fields__, map(msgspec.to_builtins, map(_row, found))
            )
        case Format.TABLE:
            print_table(_columns(find_zone(tables.costs.timezone).info), found)
    for problem in problems:
        print(f"tars: {one_line(problem)}", file=sys.stderr)


def _refreshed(path: Path, config: "HistoryConfig") -> "tuple[list[Health], tuple[str, ...]]":
    """Read what is new, and tell of each source, and what could not be read."""
    from tars.cli.costs.progress import Reading
    from tars.history.health import healths
    from tars.history.index import Index
    from tars.history.looking import Logs
    from tars.history.scan import refresh
    from tars.history.sources.registry import SOURCES

    person = Path.home()
    logs = Logs(os.environ, config.home or person, config)
    with Index.open(path) as index:
        with Reading(path):
            done = refresh(index, env=os.environ, home=person, config=config)
        return healths(index.connection, SOURCES, logs), done.problems


def _row(health: "Health") -> LogSource:
    at = health.last_at
    return log_source(health, None if at is None else _time(at).isoformat().replace("+00:00", "Z"))


def _columns(zone: tzinfo) -> "list[Column[Health]]":
    return [
        Column("AGENT", lambda health: health.agent),
        Column("HEALTH", lambda health: health.state),
        Column("FILES", lambda health: f"{health.files:,}", right=True, leaves=3),
        Column("REQUESTS", lambda health: f"{health.requests:,}", right=True),
        Column("LAST ACTIVITY", lambda health: _shown(health.last_at, zone), leaves=1),
        Column("PLACE", _place, flexible=True, leaves=2),
    ]


def _shown(at: int | None, zone: tzinfo) -> str:
    return "\u2013" if at is None else f"{_time(at).astimezone(zone):%Y-%m-%d %H:%M}"


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at // 1000, UTC)


def _place(health: "Health") -> str:
    """Say where they are, in short: those places that are there, or the first."""
    there = [place for place in health.places if place.exists()] or health.places[:1]
    return ", ".join(map(_short, there))


def _short(place: Path) -> str:
    home = Path.home()
    return f"~/{place.relative_to(home)}" if place.is_relative_to(home) else str(place)
