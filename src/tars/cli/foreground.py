"""`tars start --foreground`, without the command line's weight: typer would stay in the
daemon's memory for as long as it lives."""

from tars.cli.failures import FAILURES, report
from tars.daemon import run
from tars.home import find_home


def main() -> int:
    """Be the daemon, and give the exit status."""
    try:
        return run(find_home())
    except FAILURES as error:
        return report(error)
