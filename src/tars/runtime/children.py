"""Processes: made in a session and process group of their own, ended with their whole group.

A child dies with the daemon (PDEATHSIG, Linux), its group dies with it, and what a killed
daemon left behind is found by (pid, create time) and ended by the next one. Nobody but
`Child.exited` reaps, and only the child it knows: never `waitpid(-1)`.
"""

import ctypes
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import anyio
import anyio.to_thread
import msgspec
import psutil

from tars.home import FILE_MODE

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: a child between fork and exec may not import.
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a process is. A pid alone may be somebody else's by now."""

    name: str
    pid: int
    create_time: float


class Child:
    """One process and the ends of its pipes that are ours. Made by `spawn`."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", stdout: int | None) -> None:
        self.name = name
        self.pid = process.pid
        self._process = process
        self.stdin = _descriptor(process.stdin)
        self.stdout = stdout if stdout is not None else _descriptor(process.stdout)
        self.stderr = _descriptor(process.stderr)
        self.identity = Identity(name, self.pid, create_time(self.pid))

    def signal_group(self, number: int) -> None:
        """Signal every process of the group; one that is gone is no error.

        Safe from reuse of the pid until `exited` returns: it is reaped only there.
        """
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def exited(self) -> int:
        """Wait for the end, end the rest of the group, reap, and give the exit status.

        A negative status is a signal number.
        """
        try:
            pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            # Not Linux: a thread waits without reaping.
            await anyio.to_thread.run_sync(_await_zombie, self.pid, abandon_on_cancel=True)
        else:
            try:
                await anyio.wait_readable(pidfd)
            finally:
                os.close(pidfd)
        # It is a zombie now, which keeps its pid and group from being given to others.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        return self._process.wait()

    def close_stdin(self) -> None:
        if self.stdin is not None:
            os.close(self.stdin)
            self.stdin = None

    def close(self) -> None:
        """Give up the pipes. The process is left alone."""
        self.close_stdin()
        for descriptor in (self.stdout, self.stderr):
            if descriptor is not None:
                os.close(descriptor)
        self.stdout = self.stderr = None


def spawn(
    name: str,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    stdout_file: Path | None = None,
) -> Child:
    """Make a child on pipes. Call it on the main thread: PDEATHSIG follows the thread.

    With `stdout_file` its stdout is that file, made anew, and `Child.stdout` reads it.
    Raises OSError when the command cannot be run; nothing is left then.
    """
    output, reader = _open_file(stdout_file) if stdout_file else (None, None)
    try:
        with warnings.catch_warnings():
            # Python 3.12 warns of forks beside threads; ours only calls prctl and execs.
            warnings.simplefilter("ignore", DeprecationWarning)
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=output or subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=dict(env),
                bufsize=0,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()) if _prctl else None,
            )
    except BaseException:
        if reader is not None:
            os.close(reader)
        raise
    finally:
        if output is not None:
            output.close()
    return Child(name, process, reader)


def create_time(pid: int) -> float:
    """When the process began, seconds since the epoch; 0.0 when it is gone."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def remember(path: Path, children: Iterable[Identity]) -> None:
    """Note who runs, for a successor to clean up. Not synced: it matters on this boot only."""
    temporary = path.with_suffix(".tmp")
    descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, FILE_MODE)
    with open(descriptor, "wb") as file:
        file.write(msgspec.json.encode(list(children)))
    temporary.replace(path)


def end_leftovers(path: Path) -> list[Identity]:
    """End what a killed daemon left: the children it noted, and their groups.

    A pid that belongs to another process by now is not touched. Gives who was ended.
    """
    try:
        noted = msgspec.json.decode(path.read_bytes(), type=list[Identity])
    except (OSError, msgspec.DecodeError):
        return []
    ended = [child for child in noted if _end_leftover(child)]
    path.unlink(missing_ok=True)
    return ended


def _end_leftover(child: Identity) -> bool:
    now = create_time(child.pid)
    if now and now != child.create_time:
        return False
    # The leader is ours, or gone: then its group number cannot have been given away
    # while members of the group live, and they are older than any newcomer.
    members = [p for p in psutil.process_iter(["create_time"]) if _in_group(p, child)]
    for process in members:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(members, timeout=5)
    return bool(members)


def _in_group(process: psutil.Process, child: Identity) -> bool:
    try:
        return (
            os.getsid(process.pid) == child.pid
            and process.info["create_time"] >= child.create_time
            and process.pid != os.getpid()
        )
    except (OSError, psutil.Error):
        return False


def _die_with(parent: int) -> Callable[[], None]:
    def arm() -> None:
        assert _prctl is not None
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            # The daemon died between fork and prctl: nobody would tell us any more.
            os._exit(1)

    return arm


def _open_file(path: Path) -> tuple[IO[bytes], int]:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, FILE_MODE)
    return open(descriptor, "wb", buffering=0), os.open(path, os.O_RDONLY)


def _descriptor(stream: IO[bytes] | None) -> int | None:
    """Take a descriptor out of its file object, non-blocking; the caller closes it."""
    if stream is None:
        return None
    descriptor = os.dup(stream.fileno())
    stream.close()
    os.set_blocking(descriptor, False)
    return descriptor


def _await_zombie(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
