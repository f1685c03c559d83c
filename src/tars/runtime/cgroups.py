"""A control group for each agent, where the system has given the daemon one to divide.

Nothing leaves a group by forking, and the kernel ends a whole one at once: also an endless
fork bomb, and what runs as another user. It takes cgroup v2, Linux 5.14 and a group that was
delegated to the daemon (`Delegate=yes` of systemd). Without any of these nothing is different:
the marks and the adopted orphans do it, too.
"""

import os
from contextlib import suppress
from pathlib import Path

from tars.runtime.log import log
from tars.runtime.marks import Mark

#: What systemd leaves on a group that is its owner's to divide; the second form is root's.
_DELEGATED = ("user.delegate", "trusted.delegate")


class Groups:
    """The daemon's own group, and those that it makes below it."""

    def __init__(self) -> None:
        self._own: Path | None = None

    def settle(self) -> None:
        """Find out whether there is a group to divide."""
        own = _own_group()
        if own is not None and _is_delegated(own) and (own / "cgroup.kill").exists():
            self._own = own
            log.info("agents_get_groups", group=str(own))

    def put(self, pid: int, mark: Mark) -> Path | None:
        """Put a process that has made nothing yet into a group of its own, where there can be."""
        if self._own is None:
            return None
        group = self._own / f"tars-{mark.home}-{mark.agent}-{mark.nonce}"
        try:
            group.mkdir()
            (group / "cgroup.procs").write_text(str(pid))
        except OSError as error:
            log.warning("group_not_made", agent=mark.agent, reason=error.strerror)
            forget(group)
            return None
        return group

    def end_all(self, home: str) -> None:
        """End what an earlier daemon of this home left in its groups."""
        for group in [] if self._own is None else list(self._own.glob(f"tars-{home}-*")):
            end(group)
            forget(group)


def end(group: Path) -> None:
    """Kill everybody in the group."""
    with suppress(OSError):
        (group / "cgroup.kill").write_text("1")


def members(group: Path) -> list[int]:
    """Give who runs in the group."""
    try:
        return [int(line) for line in (group / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def forget(group: Path) -> None:
    """Remove a group; one that still has members stays."""
    with suppress(OSError):
        group.rmdir()


def _own_group() -> Path | None:
    """Find the folder of this process's group in the unified hierarchy."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return None
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    fields = (mount.split(" ") for mount in mounts)
    at = next((f[4] for f in fields if f[f.index("-") + 1] == "cgroup2" and f[3] == "/"), None)
    return None if path is None or at is None else Path(at + path.rstrip("/"))


def _is_delegated(group: Path) -> bool:
    for name in _DELEGATED:
        with suppress(OSError, AttributeError):
            if os.getxattr(group, name) == b"1":
                return os.access(group / "cgroup.procs", os.W_OK) and os.access(group, os.W_OK)
    return False
