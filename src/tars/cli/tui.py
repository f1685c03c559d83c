"""`tars tui`: everything on one screen."""

import os
import sys

import typer

from tars.cli.groups import examples
from tars.errors import RequestInvalid
from tars.home import find_home

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog=examples("tars tui"))
def tui() -> int:
    """Watch and steer everything on one screen.

    The digits 1 to 6 open its views, ? shows the keys, q leaves; the agents go on. It works
    without a daemon too, and offers to start one.
    """
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        raise RequestInvalid(
            "`tars tui` needs a terminal: its input and output are none.",
            advice="`tars status` and `tars sessions` are for pipes and scripts.",
        )
    if os.environ.get("TERM", "dumb") in ("", "dumb"):
        raise RequestInvalid(
            "This terminal cannot be drawn on (TERM is dumb).",
            advice="`tars status` says in words how things stand.",
        )
    from tars.tui.app import TarsApp  # Textual takes 200 ms to import

    return TarsApp(find_home()).run() or 0
