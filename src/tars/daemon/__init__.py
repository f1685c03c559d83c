"""The daemon: everything built, put together and run."""

import faulthandler
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from tars.daemon.lean import lean_imports
from tars.home import Home

if TYPE_CHECKING:
    from tars.agents.kind import Kind


def run(home: Home, kinds: "Mapping[str, Kind] | None" = None) -> int:
    """Serve this home in the foreground until SIGTERM, SIGINT or a shutdown request.

    Raises AlreadyRunning, ConfigInvalid, UserError and OSError before anything was
    started. Gives the exit status.
    """
    _tell_where_it_hangs()
    with lean_imports():
        from tars.daemon import root

    return root.run(home, kinds)


def _tell_where_it_hangs() -> None:
    """Write every thread's place in the code to stderr on SIGABRT, which a watchdog sends."""
    # Without a stderr nobody could read it.
    with suppress(OSError, ValueError, RuntimeError):
        if not faulthandler.is_enabled():
            faulthandler.enable()
