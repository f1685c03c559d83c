"""Open files: enough of them for a thousand agents, and none of them for the agents.

Each agent takes four of the daemon's descriptors, and the usual soft limit is 1024. What an
agent may open stays as it was: programs that use select() break above that.
"""

import os
import resource
from contextlib import suppress


class Descriptors:
    """Those of this process."""

    def __init__(self) -> None:
        self._given: tuple[int, int] | None = None

    def raise_limit(self) -> None:
        """Let this process open as many as it is allowed to ask for."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):
            # Where the hard limit is infinite, macOS refuses that.
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            self._given = soft, hard

    def keep(self) -> None:
        """Let no process that is made later inherit what this one was started with."""
        try:
            numbers = [int(name) for name in os.listdir("/dev/fd")]
        except OSError:
            return
        for number in numbers:
            if number > 2:
                with suppress(OSError):
                    os.set_inheritable(number, False)

    def lower_limit_of(self, pid: int) -> None:
        """Give a process that was just made the limit that this one was started with."""
        if self._given is not None and hasattr(resource, "prlimit"):
            with suppress(OSError, ValueError):
                resource.prlimit(pid, resource.RLIMIT_NOFILE, self._given)


#: They belong to the process, as its children do.
OURS = Descriptors()
