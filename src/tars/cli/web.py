"""`tars web`: has the daemon serve its page, and opens it in the browser."""

import os
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from tars.cli.connection import connect, say
from tars.cli.groups import examples
from tars.control.web_contract import WebOpened
from tars.home import find_home, write_durably

app = typer.Typer(rich_markup_mode=None)

#: What the browser is told to open: its own arguments can be read by every user of the machine,
#: and this file by nobody else.
_ENTRANCE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={url}">
<title>tars</title>
<p><a href="{url}">Go on to the page of tars</a></p>
</html>
"""


@app.command(epilog=examples("tars web", "tars web --no-open", "tars web --stop"))
def web(
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Print the address, and open no browser.")
    ] = False,
    stop: Annotated[
        bool,
        typer.Option("--stop", help="Serve the page no more, and forget who was let in."),
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Serve it at this port; 0 takes any that is free.", metavar="N"
        ),
    ] = None,
) -> int:
    """Open a page with agents, sessions and costs in the browser.

    It is served on this machine's loopback alone. The address that is printed lets one browser
    in, once; after that the browser has a cookie. The daemon goes on serving until --stop.
    """
    if stop:
        closed = connect().close_page()
        say("The page is closed." if closed.was_open else "The page was not open.")
        return 0
    opened = connect().open_page(port)
    # Alone on stdout: `ssh host tars web --no-open | tail -1`.
    print(opened.url, flush=True)
    say(f"It works once, within {opened.expires_in_seconds // 60} minutes.")
    if os.environ.get("SSH_CONNECTION"):
        say(f"From another machine: ssh -L {opened.port}:127.0.0.1:{opened.port} and this host.")
    if not no_open and _has_display() and not _open(opened):
        say("No browser could be opened: open the address yourself.")
    return 0


def _has_display() -> bool:
    """Whether a browser would have where to show itself, and somebody to look at it."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    if sys.platform == "darwin":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def _open(opened: WebOpened) -> bool:
    entrance = find_home().entrance
    write_durably(entrance, _ENTRANCE.format(url=opened.url).encode())
    try:
        return webbrowser.open(Path(entrance).as_uri())
    except webbrowser.Error:
        return False
