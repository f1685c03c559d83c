"""`tars status`: how everything is.

A plain `tars status` of a running daemon is answered in `tars._entry`; it comes here
only when something is in the way.
"""

import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import typer

from tars import __version__
from tars.cli import exit_codes
from tars.cli.connection import connect
from tars.cli.groups import CommandGroup, examples
from tars.cli.holder import explained
from tars.control.contract import DaemonStatus, SessionFields, Status
from tars.control.status_text import render
from tars.errors import NotRunning
from tars.home import find_home

#: How often it is looked, in seconds, unless somebody says.
WATCH_SECONDS = 1.0
#: The entry has waited for 2 s already when it comes here for a daemon that hangs.
STATUS_SECONDS = 1.5


class StatusGroup(CommandGroup):
    """`--watch SECONDS`, where an option has a value or none."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words: list[str] = []
        for word in args:
            name, equals, value = word.partition("=")
            if equals and name == "--watch":
                words += [name, f"--every={value}"]
            elif words and words[-1] in ("--watch", "-w") and _is_number(word):
                words.append(f"--every={word}")
            else:
                words.append(word)
        return super().parse_args(ctx, words)


app = typer.Typer(name="status", cls=StatusGroup, rich_markup_mode=None)


@app.command(epilog=examples("tars status line", "tars status line --tmux"))
def line(
    color: Annotated[bool, typer.Option("--color", help="Colour it as a terminal does.")] = False,
    tmux: Annotated[bool, typer.Option("--tmux", help="Colour it as tmux does.")] = False,
) -> int:
    """Print one line for a shell's prompt, tmux or Claude Code.

    It reads no logs, and never fails: what it cannot know it leaves out.
    """
    # The entry knows how; here come spellings that it does not.
    from tars import _entry

    words = ["--tmux"] if tmux else ["--color"] if color else []
    sys.stdout.write(_entry.line(words).decode())
    return exit_codes.DONE


@app.callback(
    invoke_without_command=True,
    epilog=examples(
        "tars status",
        "tars status --json | jq .session",
        "tars status --watch 5",
        "tars status --format '{agent} {state} {context.percent}'",
    ),
)
def status(
    context: typer.Context,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON instead.")
    ] = False,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            "-w",
            help="Show it again every second, or every SECONDS that follow, until q or Ctrl-C.",
        ),
    ] = False,
    every: Annotated[
        float | None,
        typer.Option("--every", metavar="SECONDS", help="How often, with --watch.", min=0.1),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="TEMPLATE",
            help="Print this for each agent, with its {fields} filled in; docs/status.md has them.",
        ),
    ] = None,
) -> int:
    """Show uptime, agents, tokens and warnings. Exit status 3 when tars is not running."""
    if context.invoked_subcommand is not None:
        if as_json or watch or every is not None or form is not None:
            raise typer.BadParameter("options go behind `line`", param_hint="options")
        return exit_codes.DONE
    if as_json and form is not None:
        raise typer.BadParameter("--json and --format exclude each other")
    if every is not None and not watch:
        raise typer.BadParameter("--every goes with --watch")
    show = _shown(as_json=as_json, form=form)
    if watch:
        from tars.cli.status_watch import watched

        whole = not as_json and form is None
        return watched(look, show, every=every or WATCH_SECONDS, on_screen=whole)
    found = look()
    sys.stdout.write(show(found))
    return exit_codes.DONE if found.daemon.running else exit_codes.NOT_RUNNING


def look() -> Status:
    """Ask the daemon, or say what can be said without one. Raises TarsError."""
    try:
        return connect().status(seconds=STATUS_SECONDS)
    except NotRunning as error:
        found = explained(error, find_home())
        if found is not error:
            raise found from error
        return _without_daemon()


def _without_daemon() -> Status:
    """What can be said without a daemon: the session, as the file has it."""
    from tars.sessions.session_file import SessionManager

    manager = SessionManager(find_home().session_file("", default=True))
    # Whoever only asks moves nothing: the daemon sets a broken file aside, and says so.
    found = manager.peek()
    session = None if found is None else msgspec.convert(found.to_wire(), SessionFields)
    return Status(
        daemon=DaemonStatus(running=False, version=__version__),
        session=session,
        warnings=[manager.problem] if manager.problem else [],
    )


def _shown(*, as_json: bool, form: str | None) -> Callable[[Status], str]:
    """Say how a status is printed."""
    if as_json:
        return lambda found: msgspec.json.encode(found).decode() + "\n"
    if form is None:
        return _text
    from tars.cli.status_format import Template

    template = Template.read(form)
    return template.lines


def _text(found: Status) -> str:
    # It knows the locale, as the daemon is told it.
    from tars._entry import in_ascii

    ascii = in_ascii()
    if not sys.stdout.isatty():
        return render(found, ascii=ascii)
    color = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return render(found, color=color, width=_width(), ascii=ascii)


def _width() -> int:
    try:
        return max(20, os.get_terminal_size(1).columns or 80)
    except OSError:
        return 80


def _is_number(word: str) -> bool:
    return word.replace(".", "", 1).isdigit()
