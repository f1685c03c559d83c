"""`tars logs`: what the daemon logged, or an agent wrote to its stderr."""

import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from tars.cli.connection import connect
from tars.cli.groups import agent_option, examples
from tars.cli.render import clean
from tars.control.log_file import LogFile
from tars.control.log_text import told
from tars.errors import NotRunning
from tars.home import find_home

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog=examples("tars logs", "tars logs -f", "tars logs --agent gemini -n 20"))
def logs(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new lines, until Ctrl-C.")
    ] = False,
    agent: Annotated[
        str | None,
        agent_option("What this agent wrote to stderr."),
    ] = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, max=10_000, help="How many, from the end.")
    ] = 100,
) -> None:
    """Show the end of the daemon's log, or of an agent's stderr.

    When tars is not running, its last log is shown all the same; it may say why. A terminal gets
    it in words, and a pipe as it is: one JSON object a line.
    """
    words = told if agent is None else clean
    to_terminal = sys.stdout.isatty()
    for line in _lines(follow=follow, agent=agent, count=lines):
        # A terminal is not to be commanded by what somebody got into the log.
        sys.stdout.write((words(line) if to_terminal else line) + "\n")
        if follow:
            sys.stdout.flush()


def _lines(*, follow: bool, agent: str | None, count: int) -> Iterator[str]:
    try:
        yield from connect().logs(agent=agent, lines=count, follow=follow)
    except NotRunning:
        if follow:
            raise
        home = find_home()
        path = home.log if agent is None else home.agent_log(agent)
        if not path.exists():
            raise
        with LogFile(path) as log:
            yield from log.tail(count)
