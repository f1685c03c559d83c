"""`tars sessions rename`, `tag` and `note`: what people say of a session."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tars.cli.groups import examples, none_empty, not_empty
from tars.cli.library import opened
from tars.cli.render import clean, one_line
from tars.cli.sessions_options import ZoneOption
from tars.cli.tables import Format, FormatOption, print_csv, print_json

if TYPE_CHECKING:
    from tars.sessions.listing import SessionRecord

app = typer.Typer(rich_markup_mode=None)

Ref = Annotated[
    str,
    typer.Argument(
        metavar="SESSION",
        callback=not_empty,
        help="Its id, the beginning of that, its name, or `last`.",
        show_default=False,
    ),
]


@app.command(
    epilog=examples(
        "tars sessions rename last mend-login",
        'tars sessions rename 3f2a9c01 --title "The login that failed on Mondays"',
        "tars sessions rename fix-login --no-name",
    )
)
def rename(
    session: Ref,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="1 to 100 characters.", show_default=False),
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", metavar="TEXT", help="Set the title, for good.")
    ] = None,
    no_name: Annotated[bool, typer.Option("--no-name", help="Take the name away.")] = False,
) -> None:
    """Give a session a name or a title.

    No other session of this machine may have the name.
    """
    from tars.sessions import managing
    from tars.sessions.references import resolve

    if (name is not None) + no_name > 1:
        raise typer.BadParameter("NAME and --no-name exclude each other")
    if name is None and title is None and not no_name:
        raise typer.BadParameter("say a NAME, --title or --no-name")
    with opened() as library:
        found = resolve(library, session)
        shown = called(found)
        if name is not None or no_name:
            kept = managing.rename(library, found, name)
            print(f"{shown} {'has no name now' if kept is None else f'is {quoted(kept)} now'}.")
        if title is not None:
            kept = managing.entitle(library, found, title)
            print(f"{shown} has the title {quoted(kept)} now.")


@app.command(
    epilog=examples(
        "tars sessions tag last urgent login",
        "tars sessions tag last done --remove urgent",
        "tars sessions tag last",
    )
)
def tag(
    session: Ref,
    tags: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TAG…]", callback=none_empty, help="To add.", show_default=False),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            "--remove", "-r", metavar="TAG", callback=none_empty, help="Take this one away."
        ),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Add tags to a session, take some away, or show them.

    `tars sessions --tag TAG` lists the sessions that have one.
    """
    from tars.control.managing_contract import SessionTags
    from tars.sessions import managing
    from tars.sessions.references import resolve

    with opened() as library:
        found = resolve(library, session)
        add, away = tuple(tags or ()), tuple(remove or ())
        kept = managing.tag(library, found, add, away) if add or away else found.tags
    match form:
        case Format.JSON:
            print_json(SessionTags(session=found.id, tags=list(kept)))
        case Format.CSV:
            print_csv(("tag",), ({"tag": word} for word in kept))
        case Format.TABLE:
            print(f"{called(found)}: {one_line(', '.join(kept)) or 'no tags'}")


@app.command(
    epilog=examples(
        'tars sessions note last "Waits for the new certificate"', "tars sessions note last"
    )
)
def note(
    session: Ref,
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help="Without it, list the notes.", show_default=False),
    ] = None,
    tz: ZoneOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Note something of a session, or list what was noted. It is told to no agent."""
    from tars.control.managing_contract import NoteText, SessionNotes
    from tars.sessions import managing
    from tars.sessions.ranges import find_zone
    from tars.sessions.references import resolve

    zone = find_zone(tz).info
    with opened() as library:
        found = resolve(library, session)
        if text is not None:
            managing.note(library, found, text, datetime.now(UTC))
            print(f"Noted of {called(found)}.")
            return
        notes = managing.notes(library, found)
    told = SessionNotes(session=found.id, notes=[NoteText.of(note) for note in notes])
    match form:
        case Format.JSON:
            print_json(told)
        case Format.CSV:
            print_csv(("at", "text"), ({"at": n.at, "text": n.text} for n in told.notes))
        case Format.TABLE if not notes:
            print(f"{called(found)} has no notes.")
        case Format.TABLE:
            for each in notes:
                print(f"{each.at.astimezone(zone):%Y-%m-%d %H:%M}")
                print("\n".join(f"  {line}" for line in clean(each.text).splitlines()))


def called(session: "SessionRecord") -> str:
    """Say which session it is: by its name, if it has one, and its id."""
    if session.name is None:
        return one_line(f"Session {session.id}")
    return one_line(f"Session {quoted(session.name)} ({session.id})")


def quoted(text: str) -> str:
    """Give a text that can be printed, in quotation marks."""
    return f'"{one_line(text)}"'
