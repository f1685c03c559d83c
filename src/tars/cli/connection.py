"""The one way from a command to the daemon, and from an error to a line on stderr."""

import sys
from collections.abc import Callable

from tars.cli.render import one_line
from tars.control.client import Client
from tars.errors import ConfigInvalid, NotRunning, TarsError
from tars.home import find_home


def connect(on_wait: Callable[[], None] | None = None) -> Client:
    """Give a client of this home's daemon; nothing is connected yet."""
    path = find_home().socket
    return Client(path) if on_wait is None else Client(path, on_wait=on_wait)


def complain(error: TarsError) -> None:
    """Say on stderr what went wrong and what to do; a line for each fault of a file."""
    faults = error.faults if isinstance(error, ConfigInvalid) else (str(error),)
    for fault in faults[:-1]:
        say(f"tars: {one_line(fault)}")
    # "tars: tars is not running" would stutter.
    name = "" if isinstance(error, NotRunning) else "tars: "
    last = faults[-1] if faults else str(error)
    # A fault of a file is no sentence; what mends it is one.
    stop = "" if last.rstrip("\"'`)").endswith((".", "?", "!")) or not error.advice else "."
    say(one_line(f"{name}{last}{stop} {error.advice}"))


def say(line: str) -> None:
    """Write one line of narration."""
    print(line, file=sys.stderr, flush=True)
