"""An agent's family: whatever descends from its process, however it tried to leave.

A family is told by what each member has from its leader: the session, the mark in its limits
or in its environment, having been seen below it, or being a child of one that is known. The
daemon adopts orphans (PR_SET_CHILD_SUBREAPER), so none is out of sight: what came to
it and is no leader is some agent's, and what bears no mark at all goes with the last agent
that may have made it. Another home's processes are never touched.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import psutil

from tars.runtime import cgroups, marks
from tars.runtime.log import log
from tars.runtime.marks import Mark
from tars.runtime.process_table import (
    HAS_CHILDREN,
    ancestors,
    create_time,
    own_children,
    runs,
    session_of,
    with_descendants,
)

_PR_SET_CHILD_SUBREAPER = 36
#: One that forks while it is ended is met again in the next round.
ROUNDS = 50
#: How long a killed process may take to go. One that hangs in the kernel may stay for ever.
END_SECONDS = 2.0
#: Endings are looked at together: a group that is killed sends many signals at once.
REAP_SECONDS = 0.05


class Leader:
    """A process that tars made and has not reaped, and what was seen below it."""

    def __init__(self, pid: int, mark: Mark, group: Path | None) -> None:
        self.pid = pid
        self.mark = mark
        self.group = group
        self._seen: dict[int, float] = {}

    def look(self) -> None:
        """Note who descends from it now: later they may have no parent and no mark."""
        below = (pid for pid in with_descendants([self.pid]) if pid != self.pid)
        seen = {pid: self._seen.get(pid) or create_time(pid) for pid in below}
        orphans = {p: t for p, t in self._seen.items() if p not in seen and create_time(p) == t}
        self._seen = seen | orphans

    @property
    def seen(self) -> tuple[tuple[int, float], ...]:
        """Who was below it at the last look: pid and create time."""
        return tuple(self._seen.items())

    def claims(self, pid: int) -> bool:
        """Say whether a process shows that it is of this family."""
        if session_of(pid) == self.pid:
            return True
        number = marks.number_of(pid)
        if number is not None and number == self.mark.number:
            return True
        if pid in self._seen and create_time(pid) == self._seen[pid]:
            return True
        return (number is None or is_ours(number, self.mark)) and marks.text_of(pid) == self.mark


def is_ours(number: int, mark: Mark) -> bool:
    return marks.is_of_home(number, mark.home)


class Household:
    """Every leader of this process, by pid, and the orphans that came to it."""

    def __init__(self) -> None:
        #: Which tars home this is. Until `settle` it is nobody's.
        self.home = os.urandom(8).hex()
        self.adopts = False
        self._leaders: dict[int, Leader] = {}
        self._groups = cgroups.Groups()

    def settle(self, home: str) -> None:
        """Let what is made from now on bear this home's mark, and take in its orphans."""
        self.home = home
        if sys.platform == "linux" and HAS_CHILDREN:
            prctl = ctypes.CDLL(None, use_errno=True).prctl
            self.adopts = prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
            self._groups.settle()
            self._groups.end_all(home)

    def mark(self, agent: str) -> Mark:
        return Mark.new(self.home, agent)

    def made(self, pid: int, mark: Mark) -> Leader:
        self._leaders[pid] = Leader(pid, mark, self._groups.put(pid, mark))
        return self._leaders[pid]

    def reaped(self, pid: int) -> None:
        leader = self._leaders.pop(pid, None)
        if leader is not None and leader.group is not None:
            cgroups.forget(leader.group)

    # --- ending -------------------------------------------------------------

    async def end_rest(self, leader: Leader) -> None:
        """End the family of a leader that has exited and is not reaped yet."""
        for _ in range(ROUNDS):
            rest = self._rest(leader)
            if leader.group is not None:
                rest += set(cgroups.members(leader.group)) - {leader.pid, *rest}
                cgroups.end(leader.group)
            if not rest or not await _ended(rest):
                break
        else:
            log.error("family_not_ended", agent=leader.mark.agent, pid=leader.pid)

    async def end_strangers(self) -> None:
        """End every orphan that is left, when no leader is."""
        for _ in range(ROUNDS):
            rest = with_descendants(self._orphans()) if self.adopts and not self._leaders else []
            if not rest or not await _ended(rest):
                break

    def _rest(self, leader: Leader) -> list[int]:
        if not self.adopts:
            return [pid for pid in _strangers() if leader.claims(pid) and runs(pid)]
        orphans = self._orphans()
        if not orphans:
            return []
        alone = len(self._leaders) <= 1
        own = [pid for pid in orphans if leader.claims(pid) or (alone and _is_unmarked(pid))]
        return [pid for pid in with_descendants(own) if not self._is_foreign(pid)]

    def _is_foreign(self, pid: int) -> bool:
        """Say whether it is an agent of another home, whose daemon was begun by an agent."""
        number = marks.number_of(pid)
        return number is not None and not marks.is_of_home(number, self.home)

    def _orphans(self) -> list[int]:
        """Give the living orphans, and reap the dead ones.

        An orphan has a leader's session or a newer one, never ours: what has ours was made
        by a library, which waits for it itself.
        """
        strangers = (pid for pid in own_children() if pid not in self._leaders)
        session = os.getsid(0)
        return [pid for pid in strangers if session_of(pid) != session and not _reaped(pid)]

    # --- the dead -------------------------------------------------------------

    async def reap(self) -> None:
        """Reap orphans as they end, until cancelled. Statuses of leaders are left alone."""
        if not self.adopts:
            return
        with anyio.open_signal_receiver(signal.SIGCHLD) as signals:
            # Who ended before this.
            self._orphans()
            async for _ in signals:
                await anyio.sleep(REAP_SECONDS)
                self._orphans()


#: The system keeps one list of children for this process, and so do we.
OURS = Household()


def _is_unmarked(pid: int) -> bool:
    return marks.number_of(pid) is None and marks.text_of(pid) is None


def _strangers() -> Iterator[int]:
    """Give every process but this one and those that it descends from."""
    spared = {os.getpid(), *ancestors(os.getpid())}
    return (pid for pid in psutil.pids() if pid not in spared)


def _reaped(pid: int) -> bool:
    """Reap an orphan if it has ended."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


async def _ended(pids: Iterable[int]) -> bool:
    """Kill these, and wait until they are gone; False when one stays."""
    with _watched(pids) as watched:
        killed = [pid for pid in watched if _killed(pid)]
        with anyio.move_on_after(END_SECONDS):
            for pid in killed:
                pidfd = watched[pid]
                if pidfd is not None and runs(pid):
                    await anyio.wait_readable(pidfd)
            return bool(killed)
    return False


def _killed(pid: int) -> bool:
    """Kill it; False where that is not for us, as with a program of another user."""
    try:
        os.kill(pid, signal.SIGKILL)
    except PermissionError:
        return False
    except OSError:
        pass
    return True


@contextmanager
def _watched(pids: Iterable[int]) -> Iterator[dict[int, int | None]]:
    """Open what tells of their ends, where the system has that."""
    opened: dict[int, int | None] = {}
    try:
        for pid in pids:
            opened[pid] = None
            with suppress(AttributeError, OSError):
                opened[pid] = os.pidfd_open(pid)
        yield opened
    finally:
        for pidfd in opened.values():
            if pidfd is not None:
                os.close(pidfd)
