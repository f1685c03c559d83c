"""The daemon: everything built, put together and run."""

from collections.abc import Mapping
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
    with lean_imports():
        from tars.daemon import root

    return root.run(home, kinds)
