"""How a command that went wrong ends: one line on stderr, and its exit status."""

import os
import sys

from tars.cli import exit_codes
from tars.errors import TarsError

#: What `report` knows how to end with.
FAILURES = (TarsError, KeyboardInterrupt, OSError)


def report(error: BaseException) -> int:
    """Say what went wrong, and give the exit status."""
    match error:
        case TarsError():
            from tars.cli.connection import complain
            from tars.cli.holder import explained
            from tars.home import find_home

            error = explained(error, find_home())
            complain(error)
        case BrokenPipeError():
            # `tars logs | head`: the reader has seen enough. What is still buffered must
            # not raise once more when the interpreter ends.
            _discard_stdout()
            return exit_codes.DONE
        case OSError():
            _discard_stdout()
            fault = _home_fault()
            if fault is not None:
                return report(fault)
            where = f"{error.filename}: " if error.filename else ""
            say(f"tars: {where}{error.strerror or error}")
        case _:
            pass
    return exit_codes.of_error(error)


def say(line: str) -> None:
    """Write one line to stderr, without what a terminal would obey."""
    print("".join(c for c in line if c.isprintable()), file=sys.stderr, flush=True)


def _home_fault() -> TarsError | None:
    """A home that cannot be used is behind most errors of the system."""
    from tars.cli.checks import home_fault
    from tars.home import find_home

    return home_fault(find_home())


def _discard_stdout() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
