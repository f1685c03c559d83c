"""`python -m tars.agents.echo`: the agent, on stdin and stdout, until stdin ends.

`TARS_ECHO_HOME` is the folder in which sessions outlive the process; without it they
live in memory alone. `TARS_ECHO_FAIL` spoils the start:

    crash-at-start   exits with status 1 before it says a word
    handshake        refuses to initialize
    slow-handshake   answers initialize after an hour
    no-key           opens no session: not signed in
    session          opens no session: internal error
"""

import os
import signal
import sys

from tars.agents.echo.memory import Memory
from tars.agents.echo.server import Server
from tars.agents.echo.wire import Wire


def main() -> None:
    # Ctrl-C is a signal like any other here: no traceback, and a status that tells.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fail = os.environ.get("TARS_ECHO_FAIL", "")
    if fail == "crash-at-start":
        sys.exit("Told to crash at the start.")
    try:
        Server(Wire(), Memory(os.environ.get("TARS_ECHO_HOME")), fail).run()
    except BrokenPipeError:
        # Nobody listens any more. What is buffered for stdout cannot be flushed.
        os._exit(0)


if __name__ == "__main__":
    main()
