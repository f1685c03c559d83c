"""`tars doctor`: what is installed, what would fail, and how to mend it."""

import os
import platform
import sys
from collections.abc import Iterator

import typer

from tars import __version__
from tars.agents.registry import KINDS
from tars.cli import exit_codes
from tars.cli.checks import (
    Finding,
    Verdict,
    check_agent,
    check_config,
    check_daemon,
    check_home,
    check_space,
    check_store,
)
from tars.cli.checks_costs import check_history, check_prices
from tars.cli.checks_service import check_service
from tars.cli.connection import connect
from tars.cli.groups import examples
from tars.cli.library import opens
from tars.config import load
from tars.home import find_home

COLORS = {Verdict.WELL: "32", Verdict.NOTE: "33", Verdict.FAULT: "31"}

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog=examples("tars doctor"))
def doctor() -> int:
    """Check what tars needs, and say how to mend what is missing.

    Exit status 0 when nothing would fail, 1 otherwise. No value of a variable is printed.
    """
    colored = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    faults = 0
    for finding in _findings():
        faults += finding.verdict is Verdict.FAULT
        print(_line(finding, colored=colored), flush=True)
    print("Everything is well." if not faults else f"{faults} to mend.")
    return exit_codes.FAILED if faults else exit_codes.DONE


def _findings() -> Iterator[Finding]:
    home = find_home()
    python = f"{platform.python_version()} ({sys.executable})"
    yield Finding(Verdict.WELL, "tars", __version__)
    yield Finding(Verdict.WELL, "python", python)
    yield from check_home(home)
    yield from check_space(home)
    config, found = check_config(lambda: load(home, KINDS))
    yield from found
    if config is not None:
        yield from check_store(opens)
        yield from check_history(home, config.history, os.environ)
        yield from check_prices(home, config.prices)
    yield from check_daemon(connect())
    yield from check_service(home, connect(), os.environ)
    if config is not None:
        for agent in config.agents.values():
            yield from check_agent(agent, KINDS[agent.kind], config, os.environ)


def _line(finding: Finding, *, colored: bool) -> str:
    verdict = f"{finding.verdict:<5}"
    if colored:
        verdict = f"\x1b[{COLORS[finding.verdict]}m{verdict}\x1b[0m"
    line = f"{verdict}  {finding.what}: {finding.message}"
    return f"{line}\n       {finding.advice}" if finding.advice else line
