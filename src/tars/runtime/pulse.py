"""Whether a process tree works: two looks at its CPU time and its members, compared.

A look is taken only when a verdict is near.
"""

import sys
import time
from contextlib import suppress
from dataclasses import replace

import psutil

from tars.core.health import Look, shows_work
from tars.runtime.process_table import with_descendants

LINUX = sys.platform == "linux"
#: Create times are rounded down to a step of the kernel's clock.
TICK_SECONDS = 0.011


class Pulse:
    """One process tree's. `latest` is what the last look showed, or None before the first."""

    def __init__(self, pid: int) -> None:
        self.latest: Look | None = None
        self._pid = pid
        self._cpu_seconds = 0.0
        self._looked = 0.0
        self._members: frozenset[tuple[int, float]] = frozenset()

    def take(self, now: float, turn_began: float) -> Look:
        """Look at monotonic time `now`. `turn_began` is wall clock, in seconds since the epoch.

        What a process that is gone has used counts as its parent's, once that has waited
        for it. Real time is measured for itself: a test's clock may stand still.
        """
        before, looked = self.latest, time.monotonic()
        tree = _tree(self._pid)
        members = frozenset((p.pid, p.create_time()) for p in tree)
        cpu_seconds = sum(_cpu_seconds(p) for p in tree)
        look = Look(
            at=now,
            before=None if before is None else before.at,
            cpu_seconds=max(0.0, cpu_seconds - self._cpu_seconds),
            over_seconds=looked - self._looked,
            processes=len(members),
            born=len(members - self._members),
            children=_begun_in(turn_began, self._pid, members),
            worked_at=None if before is None else before.worked_at,
        )
        self._cpu_seconds, self._looked, self._members = cpu_seconds, looked, members
        self.latest = replace(look, worked_at=now) if shows_work(look) else look
        return self.latest


def _begun_in(turn_began: float, root: int, members: frozenset[tuple[int, float]]) -> int:
    """How many descendants the turn has begun. Of a process that is itself no older than the
    turn, nobody can tell its tools from its own parts."""
    began = _as_create_time(turn_began) - TICK_SECONDS
    if any(pid == root and created >= began for pid, created in members):
        return 0
    return sum(created >= began for pid, created in members if pid != root)


def _as_create_time(wall: float) -> float:
    """Give a wall-clock time as psutil tells when a process was made: Linux knows when it
    was booted to the second only, so that its create times are off by up to one."""
    if not LINUX:
        return wall
    return wall - time.time() + psutil.boot_time() + time.clock_gettime(time.CLOCK_BOOTTIME)


def _tree(pid: int) -> list[psutil.Process]:
    """The process and its descendants that live; none where it is gone."""
    tree = []
    for one in with_descendants([pid]):
        with suppress(psutil.Error):
            process = psutil.Process(one)
            if process.status() != psutil.STATUS_ZOMBIE:
                tree.append(process)
    return tree


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
