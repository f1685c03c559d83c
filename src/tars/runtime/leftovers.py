"""What a killed daemon left behind: noted while it ran, found and ended by the next one.

PDEATHSIG has taken the agents themselves (Linux). The rest is found by what was noted, by the
session, and by the mark that each process of an agent bears (marks.py).
"""

import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import IO, Literal

import msgspec
import psutil

from tars.home import FILE_MODE
from tars.runtime import marks
from tars.runtime.children import Identity
from tars.runtime.process_table import (
    ancestors,
    create_time,
    runs,
    session_of,
    with_descendants,
)

#: Two daemons may read one process's create time this far apart: Linux counts from boot, and
#: when that was is reckoned anew from the clock. No pid is given away again this soon.
CLOCK_SECONDS = 2.0
#: How often, and how far apart, to look whether killed leftovers are gone.
END_LOOKS = 500
END_LOOK_SECONDS = 0.01
#: Who forks while he is ended is met in the next round.
ROUNDS = 50
#: The note is written anew when this many of its lines are about processes that have ended.
STALE_LINES = 2000

_Line = tuple[Literal["began", "ended"], Identity]


class Note:
    """Who runs, for a successor to clean up. A line is appended at each change.

    Not synced: it matters on this boot only. A torn last line is a process that its mark
    tells. Methods raise OSError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._running: dict[Identity, None] = {}
        self._stale = 0

    def began(self, who: Iterable[Identity]) -> None:
        for one in who:
            if one not in self._running:
                self._running[one] = None
                self._append("began", one)

    def ended(self, who: Iterable[Identity]) -> None:
        for one in who:
            if one in self._running:
                del self._running[one]
                self._stale += 2
                self._append("ended", one)
        if self._stale > STALE_LINES:
            self._write_anew()

    def close(self) -> None:
        """Nobody is left: a successor has nothing to look for."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._path.unlink(missing_ok=True)

    def _append(self, what: Literal["began", "ended"], who: Identity) -> None:
        if self._file is None or not self._path.exists():
            # At first, and after somebody has emptied the folder.
            self._write_anew()
            return
        self._file.write(msgspec.json.encode((what, who)) + b"\n")

    def _write_anew(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        temporary = self._path.with_suffix(".tmp")
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_APPEND
        file = os.fdopen(os.open(temporary, flags, FILE_MODE), "wb", buffering=0)
        try:
            lines = (msgspec.json.encode(("began", one)) + b"\n" for one in self._running)
            file.write(b"".join(lines))
            temporary.replace(self._path)
        except OSError:
            file.close()
            raise
        self._file, self._stale = file, 0


def noted(path: Path) -> list[Identity]:
    """Read who ran when the note was last written. Broken lines are left out."""
    try:
        if path.stat().st_mtime < psutil.boot_time() - CLOCK_SECONDS:
            # The machine was started after that: its pids mean nothing now.
            return []
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    running: dict[Identity, None] = {}
    for line in lines:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            what, who = msgspec.json.decode(line, type=_Line)
            running[who] = None
            if what == "ended":
                del running[who]
    return list(running)


def end_leftovers(path: Path, home: str) -> list[Identity]:
    """End what a killed daemon of this home left, and give who that was.

    A pid that belongs to another process by now is not touched, nor is one that bears
    another home's mark, nor this process and those that it descends from.
    """
    known = [child for child in noted(path) if _is_still(child)]
    thorough = path.exists()
    ended: dict[int, Identity] = {}
    for _ in range(ROUNDS):
        found = dict(_left(known, home, thorough=thorough))
        if not found:
            break
        for pid, agent in found.items():
            ended[pid] = Identity(agent, pid, create_time(pid))
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if not _gone(found):
            break
    path.unlink(missing_ok=True)
    return list(ended.values())


def _is_still(child: Identity) -> bool:
    """Say whether its pid is its own, or nobody's: then its session, if there is one, is its."""
    now = create_time(child.pid)
    return not now or abs(now - child.create_time) <= CLOCK_SECONDS


def _left(known: list[Identity], home: str, *, thorough: bool) -> Iterator[tuple[int, str]]:
    """Give who is left of this home's agents, each with the agent's name."""
    leaders = {child.pid: child for child in known}
    spared = {os.getpid(), *ancestors(os.getpid())}
    roots: dict[int, str] = {}
    for pid in psutil.pids():
        if pid in spared:
            continue
        agent = _agent_of(pid, leaders, home, thorough=thorough)
        # Last, for it reads a file: a busy machine has thousands of processes, and few are ours.
        if agent is not None and runs(pid):
            roots[pid] = agent
    for root, agent in roots.items():
        for pid in with_descendants([root]):
            if pid not in spared and runs(pid) and not _is_anothers(pid, home):
                yield pid, agent


def _agent_of(
    pid: int, leaders: Mapping[int, Identity], home: str, *, thorough: bool
) -> str | None:
    """Give the name of the agent that a process is or comes from, or None."""
    leader = (leaders.get(pid) or leaders.get(session_of(pid))) if leaders else None
    if leader is not None and create_time(pid) > leader.create_time - CLOCK_SECONDS:
        return leader.name
    return _marked_as(pid, home, thorough=thorough)


def _marked_as(pid: int, home: str, *, thorough: bool) -> str | None:
    """Give the name of the agent of this home whose mark a process bears.

    `thorough` reads environments too, which takes a while.
    """
    number = marks.number_of(pid)
    if number is not None and not marks.is_of_home(number, home):
        return None
    if number is None and not thorough:
        return None
    mark = marks.text_of(pid)
    if mark is None:
        return "" if number is not None else None
    return mark.agent if mark.home == home else None


def _is_anothers(pid: int, home: str) -> bool:
    number = marks.number_of(pid)
    mark = marks.text_of(pid)
    if number is not None and not marks.is_of_home(number, home):
        return True
    return mark is not None and mark.home != home


def _gone(pids: Iterable[int]) -> bool:
    """Wait until they have ended. Not until they are reaped: their parent may take its time."""
    for _ in range(END_LOOKS):
        if not any(map(runs, pids)):
            return True
        sleep(END_LOOK_SECONDS)
    return False
