"""`tars start` and `tars stop` through the service manager, where a service serves this home."""

import os
from collections.abc import Callable

from tars.cli.progress import Progress
from tars.home import Home
from tars.service.finding import serving


def start_service(home: Home, progress: Progress, *, check: Callable[[], object]) -> bool:
    """Start the service, and wait until its daemon is ready. False where there is none.
    `check` raises what would keep the daemon from starting."""
    found = serving(home, os.environ)
    if found is None:
        return False
    check()
    progress.waiting_for(found.name)
    found.start(progress.tick)
    return True


def stop_service(home: Home, progress: Progress) -> int | None:
    """Stop the service, so that its manager does not start it again. Gives the pid that it had,
    or None where nothing of a service was running."""
    found = serving(home, os.environ)
    state = None if found is None else found.state()
    if found is None or state is None or not (state.active or state.listens):
        return None
    found.stop(progress.tick)
    return state.pid
