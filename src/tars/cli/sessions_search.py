"""`tars sessions search`: words found again in everything that was said."""

import os
import sys
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from tars.cli import sessions_options as options
from tars.cli.connection import say
from tars.cli.groups import examples, not_empty
from tars.cli.library import looked_at
from tars.cli.render import one_line
from tars.cli.tables import Format, FormatOption, cut, flat, print_csv, print_json, terminal_width

if TYPE_CHECKING:
    from tars.sessions.search import Excerpt, Found, Role

app = typer.Typer(rich_markup_mode=None)

_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
#: What a line of text is set in under its hit.
_INDENT = "    "


@app.command(
    epilog=examples(
        "tars sessions search timeout",
        "tars sessions search '\"database is locked\"' --role assistant",
        "tars sessions search 'migrat*' --file store/schema.py",
        "tars sessions search --tool execute --project .",
    )
)
def search(
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="[TEXT]",
            callback=not_empty,
            help='Words that all have to occur; "some words" one after another; begin*.',
            show_default=False,
        ),
    ] = None,
    tool: Annotated[
        str | None,
        typer.Option(
            metavar="KIND_OR_TITLE",
            callback=not_empty,
            help="In turns with such a tool call: read, edit, execute …, or a part of its title.",
        ),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            metavar="PATH_PART", callback=not_empty, help="In turns whose tools named this file."
        ),
    ] = None,
    role: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE", callback=not_empty, help="user, assistant, thought, system or tool."
        ),
    ] = None,
    agent: options.AgentOption = None,
    project: options.ProjectOption = None,
    tag: options.TagOption = None,
    machine: options.MachineOption = None,
    limit: options.LimitOption = options.SHOWN,
    tz: options.ZoneOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Find words in what was said, in names and in titles.

    The newest comes first. Case does not matter. Without TEXT the tool calls themselves are found.
    Of messages that are not kept whole (`[store] messages`), what is not kept cannot be found.
    """
    from tars.sessions.ranges import find_zone
    from tars.sessions.search import Sought, Wanted
    from tars.sessions.search import search as find

    zone = find_zone(tz)
    wanted = Wanted(
        agent=agent,
        project=options.folder(project),
        tags=tuple(tag or ()),
        machine=machine,
        archived=None,
    )
    sought = Sought(text=text or "", role=_role(role), tool=tool, file=file, wanted=wanted)
    with looked_at() as library:
        found = [] if library is None else find(library, sought, limit=limit)
    _print(found, form, zone.info)
    if library is not None and form is Format.TABLE:
        _tell_number(len(found), limit)


def _print(found: "list[Found]", form: Format, zone: tzinfo) -> None:
    from tars.control.found_contract import hit
    from tars.control.session_contract import SearchHits

    match form:
        case Format.JSON:
            print_json(SearchHits(hits=[hit(each) for each in found]))
        case Format.CSV:
            print_csv(CSV_HEAD, (flat(hit(each)) for each in found))
        case Format.TABLE:
            for each in found:
                sys.stdout.write(_shown(each, zone))


def _shown(found: "Found", zone: tzinfo) -> str:
    from tars.cli.sessions_view import short_time

    hit = found.hit
    role = "title" if hit.role is None else hit.role.value
    name = one_line(hit.name or hit.title)
    when = short_time(hit.at, zone, datetime.now(UTC))
    head = f"{found.short}  {when}  {one_line(hit.agent)}  {role}  {name}"
    width = terminal_width()
    return f"{cut(head.rstrip(), width)}\n{_INDENT}{_marked(found.excerpt)}\n"


def _marked(excerpt: "Excerpt") -> str:
    """The excerpt with its words in bold, on a terminal that has it."""
    whole = cut(excerpt.text, terminal_width() - len(_INDENT))
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return one_line(whole)
    text, at = "", 0
    for begin, end in excerpt.marks:
        if end <= len(whole):
            text += f"{_clean(whole[at:begin])}{_BOLD}{_clean(whole[begin:end])}{_PLAIN}"
            at = end
    return text + _clean(whole[at:])


def _clean(piece: str) -> str:
    """Clean a piece of a line, with the blanks at its ends as they are."""
    before = " " * (piece[:1] == " ")
    after = " " * (len(piece) > 1 and piece[-1:] == " ")
    return f"{before}{one_line(piece)}{after}"


def _tell_number(number: int, limit: int) -> None:
    if not number:
        say("Nothing was found.")
    elif number == limit:
        say(f"The newest {number}; there may be more: `--limit {10 * limit}`.")


def _role(word: str | None) -> "Role | None":
    from tars.sessions.search import Role

    if word is None:
        return None
    try:
        return Role(word)
    except ValueError:
        known = ", ".join(Role)
        raise typer.BadParameter(f"{word!r} is none of {known}", param_hint="'--role'") from None


CSV_HEAD = (
    "at",
    "session",
    "name",
    "machine",
    "agent",
    "title",
    "turn",
    "role",
    "number",
    "excerpt",
)
