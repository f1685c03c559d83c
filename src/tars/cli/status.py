"""`tars status`: how everything is.

A plain `tars status` of a running daemon is answered in `tars._entry`; it comes here
only when something is in the way.
"""

import os
import sys
import time
from typing import Annotated

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

WATCH_SECONDS = 1.0
#: The entry has waited for 2 s already when it comes here for a daemon that hangs.
STATUS_SECONDS = 1.5
#: Draw over what is there, and clear what remains below: nothing flickers.
TOP = "\x1b[H"
REST = "\x1b[J"
REST_OF_LINE = "\x1b[K"

app = typer.Typer(name="status", cls=CommandGroup, rich_markup_mode=None)


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
    epilog=examples("tars status", "tars status --json | jq .session", "tars status --watch"),
)
def status(
    context: typer.Context,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON instead.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show it again every second, until Ctrl-C.")
    ] = False,
) -> int:
    """Show uptime, agents, tokens and warnings. Exit status 3 when tars is not running."""
    if context.invoked_subcommand is not None:
        if as_json or watch:
            raise typer.BadParameter("options go behind `line`", param_hint="options")
        return exit_codes.DONE
    if watch:
        _watch(as_json=as_json)
    found = _status()
    sys.stdout.write(_json(found) if as_json else _text(found))
    return exit_codes.DONE if found.daemon.running else exit_codes.NOT_RUNNING


def _status() -> Status:
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


def _watch(*, as_json: bool) -> None:
    screen = sys.stdout.isatty() and not as_json and os.environ.get("TERM") != "dumb"
    while True:
        found = _status()
        shown = _json(found) if as_json else _text(found)
        if screen:
            lines = shown.replace("\n", f"{REST_OF_LINE}\n")
            sys.stdout.write(f"{TOP}{lines}{REST}")
        else:
            sys.stdout.write(shown)
        sys.stdout.flush()
        time.sleep(WATCH_SECONDS)


def _json(found: Status) -> str:
    return msgspec.json.encode(found).decode() + "\n"


def _text(found: Status) -> str:
    if not sys.stdout.isatty():
        return render(found)
    color = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return render(found, color=color, width=_width())


def _width() -> int:
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80
