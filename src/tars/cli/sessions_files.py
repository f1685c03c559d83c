"""`tars sessions export`, `import`, `backup` and `restore-backup`: sessions in files."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from tars.cli import sessions_options as options
from tars.cli.connection import say
from tars.cli.groups import examples, none_empty, not_empty
from tars.cli.library import opened
from tars.cli.render import count, one_line
from tars.cli.tables import Format, FormatOption, print_csv, print_json
from tars.errors import FileUnreadable, UserError
from tars.home import find_home
from tars.sessions.csv_export import Rows
from tars.sessions.export_files import Form

if TYPE_CHECKING:
    from tars.sessions.importing import Imported
    from tars.sessions.library import Library
    from tars.sessions.listing import SessionRecord

app = typer.Typer(rich_markup_mode=None)

Force = Annotated[bool, typer.Option("--force", help="Write over files that are there.")]


@app.command(
    epilog=examples(
        "tars sessions export last --format markdown",
        "tars sessions export --all --output sessions.jsonl --format jsonl",
        "tars sessions export --project . --since 7d --format markdown --output notes/",
    )
)
def export(
    sessions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SESSION…",
            callback=none_empty,
            help="Ids, beginnings of them, names, or `last`.",
            show_default=False,
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every session, those that are archived too.")
    ] = False,
    agent: options.AgentOption = None,
    project: options.ProjectOption = None,
    tag: options.TagOption = None,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    tz: options.ZoneOption = None,
    form: Annotated[
        Form,
        typer.Option("--format", help="json and jsonl hold everything and can be imported."),
    ] = Form.JSON,
    rows: Annotated[
        Rows, typer.Option("--csv", help="What a line of CSV stands for.")
    ] = Rows.TURNS,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER",
            callback=not_empty,
            help="Write to a file, or a file for each session into a folder; else to stdout.",
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Write one, several or all sessions to files.

    With all that is known of them. A daemon may be running: a session that is written to is
    exported as far as it is.
    """
    from tars.sessions.export_files import pieces, write, write_each

    with opened() as library:
        narrowed = any((agent, project, tag, since, until))
        if bool(sessions) == (everything or narrowed):
            raise typer.BadParameter("say which sessions, or --all", param_hint="sessions")
        if sessions:
            found = _resolved(library, sessions)
        else:
            found = _wanted(library, agent, project, tag, since, until, tz)
        if not found:
            raise UserError("No session is like that.", advice="`tars sessions` shows them.")
        if output is None or output == "-":
            for piece in pieces(library, (s.seq for s in found), form, rows):
                sys.stdout.write(piece)
        elif output.endswith("/") or Path(output).is_dir():
            paths = write_each(library, found, Path(output), form, rows=rows, force=force)
            say(f"Wrote {count(len(paths), 'file')} into {output}.")
        else:
            write(Path(output), pieces(library, (s.seq for s in found), form, rows), force=force)
            say(f"Wrote {count(len(found), 'session')} to {output}.")


@app.command(
    name="import",
    epilog=examples(
        "tars sessions import sessions.jsonl",
        "tars sessions import --as login-flow conversation.toon",
        "curl -s https://example.org/chat.json | tars sessions import -",
    ),
)
def import_(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE…", callback=none_empty, help="Files, or - for stdin.", show_default=False
        ),
    ],
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Replace sessions that are here, unless they are newer or in use.",
        ),
    ] = False,
    name: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", callback=not_empty, help="The session's name here."),
    ] = None,
    agent: Annotated[
        str,
        typer.Option(
            "--agent", "-a", metavar="NAME", callback=not_empty, help="Whose they are, if not said."
        ),
    ] = "import",
    form: FormatOption = Format.TABLE,
) -> None:
    """Take sessions over from files.

    All of a file is taken over, or nothing of it. Understands tars's own exports (json, jsonl),
    lists of messages, TOON, Taurus's sessions and session.json, by what is in the file. A session
    that is here already is skipped.
    """
    from tars.sessions.importing import import_file
    from tars.sessions.reading import Source

    told: list[dict[str, object]] = []
    with opened(make=True) as library:
        now = datetime.now(UTC)
        for word in files:
            with _readable(word) as (file, shown, at):
                source = Source(file, shown, at, agent)
                done = import_file(library, source, now, replace=replace, name=name)
            told += [{"file": shown, **asdict(each)} for each in done]
            if form is Format.TABLE:
                _tell(shown, done)
    match form:
        case Format.JSON:
            print_json({"sessions": told})
        case Format.CSV:
            print_csv(("file", "id", "agent", "name", "done", "why"), told)
        case Format.TABLE:
            pass


@app.command(
    epilog=examples(
        "tars sessions backup tars-backup.tar.gz",
        "tars sessions backup --secrets ~/tars-with-secrets.tar.gz",
    )
)
def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to: a tar.gz.", show_default=False)
    ],
    secrets: Annotated[
        bool,
        typer.Option("--secrets", help="With the secrets of config.toml, and with env files."),
    ] = False,
    force: Force = False,
) -> None:
    """Write sessions and configuration into one file.

    With what else would be missed. A daemon may be running. Secrets are left out, unless
    --secrets; what was said is in it either way.
    """
    from tars.sessions.backup import back_up

    with opened(make=True) as library:
        made = back_up(library, file, datetime.now(UTC), secrets=secrets, force=force)
    for member in made.manifest.members:
        print(f"{member.name}  {member.size} bytes")
    for sentence in made.left_out:
        say(one_line(f"Left out: {sentence}"))
    say(f"Wrote {file}.")


@app.command(
    name="restore-backup",
    epilog=examples(
        "tars sessions restore-backup --dry-run tars-backup.tar.gz",
        "tars sessions restore-backup tars-backup.tar.gz",
    ),
)
def restore_backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup.", show_default=False)],
    force: Annotated[
        bool,
        typer.Option("--force", help="Also over what is newer here, which is set aside."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the backup, and say what would be done.")
    ] = False,
) -> None:
    """Bring a backup back. What is newer here stays; what is replaced is set aside.

    The daemon has to be stopped. Everything is checked before anything is changed.
    """
    from tars.daemon.hold import hold
    from tars.sessions.restoring import restoring

    home, now = find_home(), datetime.now(UTC)
    home.prepare()
    with ExitStack() as stack:
        if not dry_run:
            stack.enter_context(hold(home))
        plan = stack.enter_context(restoring(home, file, now, force=force, dry_run=dry_run))
        done: list[Imported] = []
        if plan.sessions is not None and not dry_run:
            done = _import_all(plan.sessions, str(file), now, replace=force)
    for item in plan.items:
        beside = f" (what was here is now {item.aside.name})" if item.aside else ""
        why = f": {item.why}" if item.why else ""
        print(one_line(f"{item.fate.value} {item.name}{why}{beside if not dry_run else ''}"))
    if done:
        _tell(str(file), done)
    if dry_run:
        say("Nothing was changed: this was a dry run.")


def _import_all(sessions: Path, shown: str, now: datetime, *, replace: bool) -> "list[Imported]":
    from tars.sessions.importing import import_file
    from tars.sessions.reading import Source

    with opened(make=True) as library, sessions.open("rb") as file:
        return import_file(library, Source(file, shown, now), now, replace=replace)


def _tell(file: str, done: "list[Imported]") -> None:
    for each in done:
        called = f"{each.name} ({each.id})" if each.name else each.id
        why = f": {each.why}" if each.why else ""
        print(one_line(f"{each.done.value} {called}{why}"))
    words = {
        word: sum(each.done == word for each in done)
        for word in dict.fromkeys(each.done for each in done)
    }
    say(f"{file}: {', '.join(f'{number} {word.value}' for word, number in words.items())}.")


def _resolved(library: "Library", words: list[str]) -> "list[SessionRecord]":
    from tars.sessions.references import resolve

    found = [resolve(library, word) for word in words]
    return list({session.seq: session for session in found}.values())


def _wanted(
    library: "Library",
    agent: str | None,
    project: Path | None,
    tag: list[str] | None,
    since: str | None,
    until: str | None,
    tz: str | None,
) -> "list[SessionRecord]":
    from tars.sessions.export_files import find
    from tars.sessions.listing import Wanted
    from tars.sessions.ranges import find_zone

    span = options.span(find_zone(tz), since=since, until=until)
    wanted = Wanted(
        agent=agent,
        project=options.folder(project),
        tags=tuple(tag or ()),
        since=span.since,
        until=span.until,
        archived=None,
    )
    return find(library, wanted)


@contextmanager
def _readable(word: str) -> Iterator[tuple[IO[bytes], str, datetime]]:
    """Open a file that can be read twice, with its name for people and when it was written."""
    shown = "stdin" if word == "-" else word
    try:
        if Path(word).is_dir():
            raise FileUnreadable(f"{word} is a folder.", advice="Name the files in it.")
        with sys.stdin.buffer if word == "-" else open(word, "rb") as file:
            if word != "-" and Path(word).is_file():
                yield file, shown, datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
                return
            with tempfile.TemporaryFile(dir=find_home().data) as spooled:
                shutil.copyfileobj(file, spooled)
                yield spooled, shown, datetime.now(UTC)
    except OSError as error:
        raise FileUnreadable(
            f"{shown} cannot be read: {error.strerror or error}.", advice="Check its name."
        ) from error
