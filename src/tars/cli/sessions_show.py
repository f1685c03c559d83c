"""`tars sessions show`: one session in full."""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from tars.cli.groups import examples, not_empty
from tars.cli.library import opened
from tars.cli.render import clean, count, one_line
from tars.cli.sessions_options import AgentOption, ZoneOption
from tars.cli.tables import (
    Column,
    Format,
    FormatOption,
    cut,
    flat,
    print_csv,
    print_json,
    table,
    terminal_width,
)

if TYPE_CHECKING:
    from tars.sessions.listing import SessionRecord, Spent
    from tars.sessions.ranges import Zone
    from tars.sessions.showing import Detail, MessageRow, ToolCallRow

app = typer.Typer(rich_markup_mode=None)

#: How much of the last exchange is shown; `--messages` shows all.
_SHOWN_CHARACTERS = 500


@app.command(
    epilog=examples(
        "tars sessions show last",
        "tars sessions show fix-login --messages",
        "tars sessions show 3f2a9c01 --format json",
    )
)
def show(
    session: Annotated[
        str,
        typer.Argument(
            metavar="SESSION",
            callback=not_empty,
            help="Its id, the beginning of that, its name, or `last`.",
        ),
    ],
    messages: Annotated[
        bool, typer.Option("--messages", help="Print the whole conversation behind it.")
    ] = False,
    agent: AgentOption = None,
    tz: ZoneOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what a session is, what it used, and what was said.

    Of what was said, the last exchange, unless with --messages. With `--messages --format csv` the
    rows are what was said, else they are the session's one.
    """
    from tars.sessions.ranges import find_zone
    from tars.sessions.references import resolve
    from tars.sessions.showing import conversation, detail

    zone = find_zone(tz)
    with opened() as library:
        found = resolve(library, session, agent=agent)
        about = detail(library, found)
        said = conversation(library, found) if messages else iter(())
        match form:
            case Format.JSON:
                _print_json(found, about, list(said) if messages else None)
            case Format.CSV if messages:
                print_csv(SAID_HEAD, (_flat(row) for row in said))
            case Format.CSV:
                _print_csv(found)
            case Format.TABLE:
                _print(found, about, zone, exchange=not messages)
                if messages:
                    _print_conversation(said, zone)


def _print_json(
    session: "SessionRecord", about: "Detail", said: "list[MessageRow | ToolCallRow] | None"
) -> None:
    from tars.control.found_contract import SessionDetail
    from tars.control.session_contract import Message, MessageList, ToolCall
    from tars.sessions.showing import MessageRow, ToolCallRow

    told = SessionDetail.of(session, about)
    if said is not None:
        told.conversation = MessageList(
            session=session.id,
            messages=[Message.of(row) for row in said if isinstance(row, MessageRow)],
            tool_calls=[ToolCall.of(row) for row in said if isinstance(row, ToolCallRow)],
        )
    print_json(told)


def _print_csv(session: "SessionRecord") -> None:
    from tars.cli.sessions import CSV_HEAD
    from tars.control.session_contract import Session

    print_csv(CSV_HEAD, [flat(Session.of(session))])


def _print(session: "SessionRecord", about: "Detail", zone: "Zone", *, exchange: bool) -> None:
    for name, text in (*_facts(session, zone), *_used(session)):
        _print_fact(name, text)
    _print_models(session)
    for name, text in _details(about, zone):
        _print_fact(name, text)
    if exchange:
        for row in about.exchange:
            _print_message(row, zone, most=_SHOWN_CHARACTERS)


def _print_fact(name: str, text: str) -> None:
    print(cut(f"{name:<14}{one_line(text)}", max(60, terminal_width())))


def _facts(session: "SessionRecord", zone: "Zone") -> Iterator[tuple[str, str]]:
    from tars.cli.sessions_view import whole_time

    def at(moment: object) -> str:
        return f"{whole_time(moment, zone.info)} ({zone.name})"  # type: ignore[arg-type]

    yield "session", session.id
    if session.name:
        yield "name", session.name
    if session.title:
        yield "title", session.title
    kind = f" ({session.agent_type})" if session.agent_type not in ("", session.agent) else ""
    yield "agent", f"{session.agent}{kind} on {session.machine}"
    yield "status", session.status.value
    yield "started", at(session.created_at)
    if session.ended_at is not None:
        yield "ended", at(session.ended_at)
    yield "last activity", at(session.last_activity_at)
    if session.archived_at is not None:
        yield "archived", at(session.archived_at)
    if session.project:
        yield "project", f"{session.project}{f' ({session.branch})' if session.branch else ''}"
    if session.task:
        yield "task", session.task
    if session.tags:
        yield "tags", ", ".join(session.tags)
    if session.source != "tars":
        yield "source", session.source
    for key, value in sorted(session.metadata.items()):
        yield f"  {one_line(key)}"[:13], value if isinstance(value, str) else json.dumps(value)


def _used(session: "SessionRecord") -> Iterator[tuple[str, str]]:
    from tars.cli import sessions_view as view

    spent = session.spent
    yield "duration", f"{view.duration(session.duration_ms)} in {count(spent.turns, 'turn')}"
    yield (
        "messages",
        f"{session.messages:,}, {count(session.tool_calls, 'tool call')}, "
        f"{count(spent.requests, 'request')}",
    )
    least = "at least " if session.at_least else ""
    of_subagents = f", {session.subagent_tokens:,} of subagents" * (session.subagent_tokens > 0)
    yield "tokens", f"{least}{spent.tokens.total:,}{of_subagents}"
    yield "", _kinds(spent)
    told = f" (told of {spent.costed_turns:,} of {count(spent.turns, 'turn')})"
    if not spent.costed_turns:
        # Nothing was spent yet, or nobody knows what.
        told = " (not told)" * (spent.turns > 0)
    yield "cost", f"{view.cost(spent, places=6)}{told}"


def _kinds(spent: "Spent") -> str:
    tokens = spent.tokens
    return (
        f"{tokens.net_input:,} in, {tokens.cache_read:,} from a cache, "
        f"{tokens.cache_write:,} into one, {tokens.output:,} out ({tokens.reasoning:,} reasoning)"
    )


def _print_models(session: "SessionRecord") -> None:
    """The split by model and by kind of token; the rows add up to the session."""
    from tars.cli import sessions_view as view

    rows = list(session.models.items())
    if not rows:
        return
    columns: list[Column[tuple[str, Spent]]] = [
        Column("MODEL", lambda row: row[0] or "-", flexible=True),
        Column("IN", lambda row: f"{row[1].tokens.net_input:,}", right=True),
        Column("CACHE READ", lambda row: f"{row[1].tokens.cache_read:,}", right=True, leaves=1),
        Column("WRITE", lambda row: f"{row[1].tokens.cache_write:,}", right=True, leaves=2),
        Column("OUT", lambda row: f"{row[1].tokens.output:,}", right=True),
        Column("TOTAL", lambda row: f"{row[1].tokens.total:,}", right=True),
        Column("COST", lambda row: view.cost(row[1], places=6), right=True),
    ]
    print()
    sys.stdout.write(table(columns, rows, width=terminal_width()))
    print()


def _details(about: "Detail", zone: "Zone") -> Iterator[tuple[str, str]]:
    from tars.cli.sessions_view import short_time

    if about.tools:
        yield "tools", ", ".join(f"{name} {often:,}" for name, often in about.tools)
    for number, (path, often) in enumerate(about.files):
        yield "" if number else "changed", f"{often:,} x {path}"
    if about.changed_files > len(about.files):
        yield "", f"and {count(about.changed_files - len(about.files), 'file')} more"
    for number, note in enumerate(about.notes):
        yield "" if number else "notes", f"{short_time(note.at, zone.info, note.at)}  {note.text}"


def _print_message(row: "MessageRow", zone: "Zone", *, most: int | None = None) -> None:
    from tars.cli.sessions_view import whole_time

    text = clean(row.text).rstrip()
    lost = max(row.size, len(row.text)) - len(row.text)
    if most is not None and len(text) > most:
        text, lost = f"{text[:most].rstrip()} …", 0
    print(f"\n── {row.role.value}, {whole_time(row.began_at, zone.info)}")
    print(text)
    if lost:
        print(f"… {count(lost, 'character')} more, which `[store] messages` does not keep")


def _print_conversation(said: "Iterable[MessageRow | ToolCallRow]", zone: "Zone") -> None:
    from tars.sessions.showing import MessageRow

    for row in said:
        if isinstance(row, MessageRow):
            _print_message(row, zone)
        else:
            files = f" ({', '.join(map(one_line, row.paths))})" if row.paths else ""
            print(f"\n── {one_line(f'{row.kind}: {row.title}, {row.status}')}{files}")


def _flat(row: "MessageRow | ToolCallRow") -> dict[str, object]:
    """What was said as a row: a tool call's text is its title and its output."""
    from tars.control.session_contract import Message, ToolCall
    from tars.sessions.showing import MessageRow

    if isinstance(row, MessageRow):
        return flat(Message.of(row))
    told = flat(ToolCall.of(row))
    return {**told, "role": "tool", "text": told["output"]}


SAID_HEAD = (
    "number",
    "turn",
    "role",
    "beganAt",
    "endedAt",
    "kind",
    "title",
    "status",
    "paths",
    "size",
    "text",
)
