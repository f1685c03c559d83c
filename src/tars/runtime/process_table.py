"""The system's processes: who there is, who descends from whom, who is dead already.

Linux keeps a list of children for every process, which takes microseconds to read where
the whole table takes milliseconds; elsewhere psutil looks through the table.
"""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

_LINUX = sys.platform == "linux"
_PROC = Path("/proc")
#: Whether this kernel keeps the lists (CONFIG_PROC_CHILDREN); they are per thread.
HAS_CHILDREN = _LINUX and (_PROC / f"self/task/{os.getpid()}/children").exists()
#: Fields of /proc/<pid>/stat, counted from the one after the name.
_STATE, _USER_TICKS, _SYSTEM_TICKS, _STARTED, _PAGES = 0, 11, 12, 19, 21
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


def create_time(pid: int) -> float:
    """When the process began, seconds since the epoch; 0.0 when it is gone."""
    if _LINUX:
        # As psutil reckons it, in a fifth of the time.
        stat = _stat(pid)
        return _booted() + int(stat[_STARTED]) / _TICKS if len(stat) > _STARTED else 0.0
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def children_of(pid: int) -> list[int]:
    """Give the processes whose parent it is, zombies too; none when it is gone.

    Of another process it may miss one while others of them end: look again after that.
    """
    if not HAS_CHILDREN:
        with suppress(psutil.Error):
            return [child.pid for child in psutil.Process(pid).children()]
        return []
    found: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += _children_of_thread(pid, thread)
    return found


def own_children() -> list[int]:
    """Give this process's children: those that it made, and the orphans that came to it.

    Children of other threads than the first are left out: nothing of ours makes any.
    """
    pid = os.getpid()
    return list(_children_of_thread(pid, str(pid))) if HAS_CHILDREN else children_of(pid)


def with_descendants(pids: Iterable[int]) -> list[int]:
    """Give these processes and everything that descends from them."""
    waiting, found = list(pids), dict[int, None]()
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found[pid] = None
            waiting += children_of(pid)
    return list(found)


def ancestors(pid: int) -> list[int]:
    """Give its parent, the parent's parent, and so on."""
    with suppress(psutil.Error):
        return [parent.pid for parent in psutil.Process(pid).parents()]
    return []


def runs(pid: int) -> bool:
    """Say whether it is there and no zombie."""
    if _LINUX:
        return _stat(pid)[_STATE] not in ("Z", "X")
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def weigh(pid: int) -> tuple[int, float]:
    """Give its resident memory in bytes and the CPU seconds it has used; a gone one weighs
    nothing."""
    if _LINUX:
        # One small file, where psutil reads two and takes three times as long.
        stat = _stat(pid)
        if len(stat) <= _PAGES:
            return 0, 0.0
        ticks = int(stat[_USER_TICKS]) + int(stat[_SYSTEM_TICKS])
        return int(stat[_PAGES]) * _PAGE_BYTES, ticks / _TICKS
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        return process.memory_info().rss, times.user + times.system
    except psutil.Error:
        return 0, 0.0


def session_of(pid: int) -> int:
    """Give its session, or 0 when it is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _children_of_thread(pid: int, thread: str) -> Iterable[int]:
    try:
        with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
            return map(int, file.read().split())
    except OSError:
        return ()


@cache
def _booted() -> float:
    return float(psutil.boot_time())


def _stat(pid: int) -> list[str]:
    """Give the fields after the name, which may hold anything. A gone process is a dead one."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].decode().split()
    except OSError:
        return ["X"]
