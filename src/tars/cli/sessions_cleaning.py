"""`tars sessions delete`, `clean`, `archive` and `restore`: what is kept no longer, or put away."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tars.cli import exit_codes
from tars.cli.connection import say
from tars.cli.groups import countable, examples, none_empty, not_empty, some_path
from tars.cli.library import looked_at, opened
from tars.cli.render import count, one_line
from tars.cli.sessions_managing import called, quoted
from tars.cli.sessions_options import ZoneOption
from tars.cli.sessions_view import whole_time
from tars.cli.tables import Column, Format, FormatOption, flat, print_csv, print_json, print_table
from tars.errors import Refused, StoreError
from tars.home import find_home

if TYPE_CHECKING:
    from tars.sessions.archives import Back
    from tars.sessions.cleaning import Gone
    from tars.sessions.library import Library
    from tars.sessions.listing import SessionRecord

app = typer.Typer(rich_markup_mode=None)

Refs = Annotated[
    list[str],
    typer.Argument(
        metavar="SESSION…",
        callback=none_empty,
        help="Ids, beginnings of them, names, or `last`.",
        show_default=False,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
To = Annotated[
    Path | None,
    typer.Option(
        "--to",
        metavar="FOLDER",
        parser=some_path,
        help="Write the whole session to a file in it first; instead of "
        "`sessions.archive_directory` of config.toml.",
    ),
]


@app.command(
    epilog=examples(
        "tars sessions delete 3f2a9c01",
        "tars sessions delete --yes experiment-1 experiment-2",
    )
)
def delete(
    sessions: Refs,
    yes: Yes = False,
    with_turns: Annotated[
        bool,
        typer.Option(
            "--with-turns", help="Also what its turns used, which then counts for no task any more."
        ),
    ] = False,
) -> None:
    """Delete sessions and all that was said in them. Their agents keep what they keep.

    What their turns used stays in the ledger, without a word of what was said, and counts for
    their tasks, unless --with-turns. Never deletes the session that an agent's next prompt goes
    to, or one that somebody writes to.
    """
    from tars.sessions import cleaning

    now = datetime.now(UTC)
    with opened() as library:
        found = _resolved(library, sessions)
        with library.reading() as connection:
            for session in found:
                cleaning.refuse_if_held(connection, session.seq, now, "deleted")
        if not yes:
            _agree([f"{called(session)}: {_extent(session)}" for session in found])
        for session in found:
            cleaning.delete(library, session.seq, now, with_turns=with_turns)
            print(f"Deleted {called(session)}.")


@app.command(
    epilog=examples(
        "tars sessions clean --older-than 30d --dry-run",
        "tars sessions clean --older-than 30d --keep 20",
        "tars sessions clean --empty --yes",
    )
)
def clean(
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than",
            metavar="AGE",
            callback=not_empty,
            help="In which nothing happened for so long: 12h, 30d, 2w, 1y.",
        ),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep", metavar="N", min=0, callback=countable, help="But for the newest N."
        ),
    ] = None,
    empty: Annotated[
        bool, typer.Option("--empty", help="Without a turn and without a message.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted, and delete nothing.")
    ] = False,
    yes: Yes = False,
    to: To = None,
    tz: ZoneOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Delete this machine's old, surplus or empty sessions.

    Those for which all that is said holds go; newer is what was in use later.

    Each is first written whole to a file in ~/.tars/archive, or where `--to` or
    `sessions.archive_directory` says: `tars sessions restore FILE` brings it back. What the turns
    used stays counted. Never deletes the session that an agent's next prompt goes to, or one that
    somebody writes to.
    """
    from tars.sessions import cleaning
    from tars.sessions.ranges import find_zone

    if older_than is None and keep is None and not empty:
        raise typer.BadParameter("say --older-than, --keep or --empty")
    zone = find_zone(tz).info
    age = None if older_than is None else cleaning.age(older_than)
    rule = cleaning.Rule(older_than=age, keep=keep, empty=empty)
    now = datetime.now(UTC)
    gone: list[Gone] = []
    with looked_at() as library:
        if library is not None:
            doomed = cleaning.doomed(library, rule, now)
            gone = [cleaning.Gone(session) for session in doomed]
            if doomed and not dry_run:
                if not yes:
                    _agree([one_line(f"{s.name or s.id} of {s.agent}") for s in doomed])
                into = _directory(to) or find_home().root / "archive"
                gone = []
                try:
                    gone.extend(cleaning.clean(library, doomed, now, directory=into))
                except StoreError:
                    # What went before it is gone.
                    if gone:
                        _tell_gone(gone, form, zone, dry_run=False)
                    raise
    _tell_gone(gone, form, zone, dry_run=dry_run)


@app.command(
    epilog=examples(
        "tars sessions archive fix-login", "tars sessions archive fix-login --to ~/old-sessions"
    )
)
def archive(sessions: Refs, to: To = None) -> None:
    """Put sessions away; they are found all the same.

    They are listed with --archived alone. With a folder, each is also written there whole, as a
    file that `tars sessions restore` reads. Never the session that an agent's next prompt goes to,
    or one that somebody writes to.
    """
    from tars.sessions import archives

    now = datetime.now(UTC)
    with opened() as library:
        directory = _directory(to)
        for session in _resolved(library, sessions):
            file = archives.archive(library, session.seq, now, directory=directory)
            where = "" if file is None else f" All of it is in {file}."
            print(one_line(f"Archived {called(session)}.{where}"))


@app.command(
    epilog=examples(
        "tars sessions restore fix-login",
        "tars sessions restore ~/.tars/archive/fix-login-gemini-3f2a9c01-*.json",
    )
)
def restore(
    sessions: Annotated[
        list[str],
        typer.Argument(
            metavar="SESSION|FILE…",
            callback=none_empty,
            help="Archived sessions, or the files of sessions that were deleted.",
            show_default=False,
        ),
    ],
) -> None:
    """Take sessions back from the archive or from files.

    They are as they were before.
    """
    from tars.sessions import archives
    from tars.sessions.references import resolve

    now = datetime.now(UTC)
    with opened(make=any(map(_is_file, sessions))) as library:
        for word in sessions:
            if _is_file(word):
                for back in archives.read_back(library, Path(word).expanduser(), now):
                    _tell_back(back)
                continue
            session = resolve(library, word)
            status = archives.restore(library, session)
            print(f"Restored {called(session)}: it is {status.value} again.")


def _is_file(word: str) -> bool:
    """A path is told from a name by its slash, which no name has, or by its ending."""
    return "/" in word or (word.endswith((".json", ".jsonl")) and Path(word).is_file())


def _tell_back(back: "Back") -> None:
    name = f"{quoted(back.name)} ({back.id})" if back.name else back.id
    if back.why:
        raise Refused(one_line(f"Session {name} was not restored: {back.why}."))
    print(one_line(f"Restored session {name}."))


def _resolved(library: "Library", words: Sequence[str]) -> "list[SessionRecord]":
    """Find every session before anything is done to one; the same one twice is once."""
    from tars.sessions.references import resolve

    return list({found.seq: found for found in (resolve(library, word) for word in words)}.values())


def _extent(session: "SessionRecord") -> str:
    parts = (count(session.spent.turns, "turn"), count(session.messages, "message"))
    title = f', "{session.title}"' if session.title else ""
    return one_line(f"{', '.join(parts)}, last used {session.last_activity_at:%Y-%m-%d}{title}")


def _agree(doomed: Sequence[str]) -> None:
    """Ask on the terminal whether these go. Without one, or with another answer than yes, end."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise typer.BadParameter("nobody can be asked here: say --yes")
    for line in doomed:
        say(line)
    sys.stderr.write(f"Delete {count(len(doomed), 'session')}? y, N: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        say("Nothing was deleted.")
        raise typer.Exit(exit_codes.CANCELLED)


def _directory(to: Path | None) -> Path | None:
    from tars.config import kept

    if to is not None:
        return to.expanduser().absolute()
    return kept(find_home())[1].archive_directory


def _tell_gone(gone: "list[Gone]", form: Format, zone: tzinfo, *, dry_run: bool) -> None:
    from tars.control.managing_contract import Cleaned, PutAway

    told = [PutAway.of(each.session, each.file) for each in gone]
    match form:
        case Format.JSON:
            print_json(Cleaned(dry_run=dry_run, sessions=told))
        case Format.CSV:
            print_csv(CSV_HEAD, (flat(each) for each in told))
        case Format.TABLE:
            print_table(_columns(zone), gone)
            done = "would be deleted" if dry_run else "deleted"
            kept_in = next((f" Their files are in {g.file.parent}." for g in gone if g.file), "")
            said = f"{count(len(gone), 'session')} {done}.{kept_in}"
            say(said if gone else "No session is like that.")


CSV_HEAD = ("session", "name", "agent", "status", "lastActivityAt", "file")


def _columns(zone: tzinfo) -> "tuple[Column[Gone], ...]":
    return (
        Column("SESSION", lambda g: g.session.id),
        Column("NAME", lambda g: g.session.name or "-"),
        Column("AGENT", lambda g: g.session.agent, leaves=2),
        Column("STATUS", lambda g: g.session.status.value, leaves=1),
        Column("LAST USED", lambda g: whole_time(g.session.last_activity_at, zone)),
        Column("KEPT IN", lambda g: "-" if g.file is None else str(g.file), flexible=True),
    )
