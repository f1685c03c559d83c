"""What stdout and stderr have to be before anything is printed."""

import io
import os
import sys


def mend() -> None:
    """Give both streams to a process that was started without them, and make them UTF-8."""
    # `tars … >&-` closes a stream: Python then has none, and printing to it must not fail.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What tars says is UTF-8, as it is over the socket, whatever the locale.
            stream.reconfigure(encoding="utf-8", errors="replace")
