"""`tars sessions stats`: how many sessions, how long, how many tokens, how much money."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from tars.cli import sessions_options as options
from tars.cli.groups import examples
from tars.cli.library import looked_at
from tars.cli.render import count, one_line
from tars.cli.sessions_history import RangeOption
from tars.cli.tables import Format, FormatOption, print_csv, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tars.sessions.ranges import Span, Zone
    from tars.sessions.statistics import Statistics, Used

app = typer.Typer(rich_markup_mode=None)


@app.command(
    epilog=examples(
        "tars sessions stats",
        "tars sessions stats --range thismonth --project .",
        "tars sessions stats --agent gemini --format json",
    )
)
def stats(
    word: RangeOption = "all",
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    tz: options.ZoneOption = None,
    agent: options.AgentOption = None,
    agent_type: options.AgentTypeOption = None,
    project: options.ProjectOption = None,
    model: options.ModelOption = None,
    tag: options.TagOption = None,
    min_tokens: options.MinTokensOption = None,
    status: options.StatusOption = None,
    machine: options.MachineOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show figures over all sessions of a span of time.

    Over those that were in use in it, archived ones too. Costs are those that agents tell
    themselves; what nobody told is not in them. With a span, durations, tokens, costs, messages
    and tools are those of the turns that ended in it.
    """
    from tars.sessions.listing import Wanted
    from tars.sessions.ranges import find_zone
    from tars.sessions.statistics import NONE, statistics

    now = datetime.now(UTC)
    zone = find_zone(tz)
    span = options.span(zone, since=since, until=until, word=word)
    wanted = Wanted(
        agent=agent,
        agent_types=() if agent_type is None else (agent_type,),
        project=options.folder(project),
        model=model,
        tags=tuple(tag or ()),
        min_tokens=min_tokens,
        statuses=options.statuses(False, status),
        archived=None,
        machine=machine,
    )
    with looked_at() as library:
        found = NONE
        if library is not None:
            found = statistics(library, wanted, span, zone=zone, now=now)
    if form is not Format.TABLE or library is not None:
        _print(found, form, span, zone)


def _print(found: "Statistics", form: Format, span: "Span", zone: "Zone") -> None:
    from tars.control.found_contract import SpanStats

    match form:
        case Format.JSON:
            print_json(SpanStats.of(found, span, zone))
        case Format.CSV:
            rows = [{"figure": name, "value": value} for name, value in _figures(found)]
            print_csv(("figure", "value"), rows)
        case Format.TABLE:
            print(span.shown(zone))
            for name, text in _lines(found):
                print(f"{name:<14}{text}")


def _lines(found: "Statistics") -> "Iterator[tuple[str, str]]":
    from tars.cli import sessions_view as view

    used = found.used
    yield "sessions", f"{used.sessions:,}{_statuses(found)}"
    yield (
        "duration",
        _beside(view.duration(used.duration_ms), view.duration(found.average_duration_ms)),
    )
    yield "tokens", _beside(f"{used.spent.tokens.total:,}", f"{found.average_tokens:,}")
    yield "", _kinds(used)
    yield "cost", _cost(found)
    yield "messages", _beside(f"{used.messages:,}", f"{found.average_messages:,}")
    week = found.week
    yield (
        "this week",
        f"{count(week.sessions, 'session')}, {count(week.spent.turns, 'turn')}, "
        f"{count(week.spent.tokens.total, 'token')}, {view.cost(week.spent)}",
    )
    if found.top_tools:
        tools = ", ".join(f"{one_line(name)} {often:,}" for name, often in found.top_tools)
        yield "top tools", tools
    for number, (path, often) in enumerate(found.top_files):
        yield "" if number else "most modified", f"{often:,} x {one_line(path)}"


def _beside(total: str, average: str) -> str:
    return f"{total}, {average} on average"


def _statuses(found: "Statistics") -> str:
    told = [f"{number:,} {status.value}" for status, number in found.statuses.items() if number]
    return f": {', '.join(told)}" if told else ""


def _kinds(used: "Used") -> str:
    tokens = used.spent.tokens
    return (
        f"{tokens.net_input:,} in, {tokens.cache_read:,} from a cache, "
        f"{tokens.cache_write:,} into one, {tokens.output:,} out ({tokens.reasoning:,} reasoning)"
    )


def _cost(found: "Statistics") -> str:
    from tars.cli import sessions_view as view

    used = found.used
    spent = used.spent
    if not spent.costed_turns:
        return "not told" if spent.turns else view.cost(spent)
    average = view.money(found.average_cost_microusd or 0, of=1, known=1)
    told = f"told of {spent.costed_turns:,} of {count(spent.turns, 'turn')}"
    over = f"in {count(used.costed_sessions, 'session')}"
    return f"{view.cost(spent)}, {average} on average ({told}, {over})"


def _figures(found: "Statistics") -> "Iterator[tuple[str, object]]":
    import msgspec

    from tars.control.found_contract import stats as told

    for name, value in msgspec.to_builtins(told(found)).items():
        if isinstance(value, dict):
            yield from value.items()
        elif isinstance(value, list):
            yield from ((f"{name}: {each['name']}", each["count"]) for each in value)
        else:
            yield name, value
    yield "costedSessions", found.used.costed_sessions
