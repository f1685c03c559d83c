"""Processes: made in a session and process group of their own, ended with their whole session.

A child dies with the daemon (PDEATHSIG, Linux), its session dies with it, and what a killed
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
from time import sleep
from typing import IO

import anyio
import anyio.to_thread
import msgspec
import psutil

from tars.home import FILE_MODE

_PR_SET_PDEATHSIG = 1
#: Two daemons may read one process's create time this far apart: Linux counts from boot, and
#: when that was is reckoned anew from the clock. No pid is given away again this soon.
CLOCK_SECONDS = 2.0
#: How often, and how far apart, to look whether a killed leftover is gone.
END_LOOKS = 500
END_LOOK_SECONDS = 0.01
# Loaded before any fork: a child between fork and exec may not import.
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a process is. A pid alone may be somebody else's by now."""

    name: str
    pid: int
    create_time: float


class Child:
    """One process, and the ends of its pipes or of its terminal that are ours.

    `reap` waits for a process that has ended, and gives its exit status. On a terminal
    there is no `stderr`. The process leads a session and a process group.
    """

    def __init__(
        self,
        name: str,
        pid: int,
        reap: Callable[[], int],
        *,
        stdin: IO[bytes],
        stdout: IO[bytes],
        stderr: IO[bytes] | None = None,
    ) -> None:
        self.name = name
        self.pid = pid
        self._reap = reap
        self._status: int | None = None
        self._stdin = stdin
        self._streams = tuple(s for s in (stdin, stdout, stderr) if s is not None)
        self.stdin: int | None = _descriptor(stdin)
        self.stdout: int | None = _descriptor(stdout)
        self.stderr: int | None = None if stderr is None else _descriptor(stderr)
        self.identity = Identity(name, self.pid, create_time(self.pid))

    def signal_group(self, number: int) -> None:
        """Signal every process of the group; one that is gone is no error.

        Safe from reuse of the pid until `exited` returns: it is reaped only there.
        """
        if self._status is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def exited(self) -> int:
        """Wait for the end, end the rest of the session, reap, and give the exit status.

        A negative status is a signal number.
        """
        if self._status is None:
            await self._ended()
        if self._status is None:
            # A zombie keeps its number from being given to others; once it is reaped,
            # its group and session may be a stranger's.
            self.signal_group(signal.SIGKILL)
            _end_session(self.pid)
            self._status = self._reap()
        return self._status

    async def _ended(self) -> None:
        """Wait until it is a zombie, without reaping it."""
        try:
            pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            # Not Linux: a thread waits.
            await anyio.to_thread.run_sync(_await_zombie, self.pid, abandon_on_cancel=True)
            return
        try:
            await anyio.wait_readable(pidfd)
        finally:
            os.close(pidfd)

    def close_stdin(self) -> None:
        """Say that no more comes."""
        self._stdin.close()
        self.stdin = None

    def close(self) -> None:
        """Give up the pipes. The process is left alone."""
        for stream in self._streams:
            stream.close()
        self.stdin = self.stdout = self.stderr = None


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
            reader.close()
        raise
    finally:
        if output is not None:
            output.close()
    stdout = reader or process.stdout
    assert process.stdin is not None
    assert stdout is not None
    return Child(
        name,
        process.pid,
        process.wait,
        stdin=process.stdin,
        stdout=stdout,
        stderr=process.stderr,
    )


def _end_session(leader: int) -> None:
    """End who left the leader's group but not its session, as the jobs of a shell do."""
    for pid in psutil.pids():
        with suppress(OSError):
            if pid != leader and os.getsid(pid) == leader:
                os.kill(pid, signal.SIGKILL)


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
        if _boot_is_another(path):
            return []
        noted = msgspec.json.decode(path.read_bytes(), type=list[Identity])
    except (OSError, msgspec.DecodeError):
        return []
    ended = [child for child in noted if _end_leftover(child)]
    path.unlink(missing_ok=True)
    return ended


def _boot_is_another(path: Path) -> bool:
    """Whether the machine was started after the file was written: its pids mean nothing then."""
    return path.stat().st_mtime < psutil.boot_time() - CLOCK_SECONDS


def _end_leftover(child: Identity) -> bool:
    now = create_time(child.pid)
    if now and abs(now - child.create_time) > CLOCK_SECONDS:
        return False
    # The leader is ours, or gone: then its number cannot have been given away while
    # members of its session live.
    members = [p for p in psutil.process_iter(["create_time", "status"]) if _left_by(p, child)]
    for process in members:
        with suppress(psutil.Error):
            process.kill()
    # Not until they are reaped: their new parent may take its time with that.
    for _ in range(END_LOOKS):
        if not any(_runs(process) for process in members):
            break
        sleep(END_LOOK_SECONDS)
    return bool(members)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _left_by(process: psutil.Process, child: Identity) -> bool:
    """Whether it lives in the session that the child led. A zombie is nobody's to end."""
    try:
        return (
            os.getsid(process.pid) == child.pid
            and process.info["create_time"] > child.create_time - CLOCK_SECONDS
            and process.info["status"] != psutil.STATUS_ZOMBIE
            and process.pid != os.getpid()
        )
    except OSError:
        return False


def _die_with(parent: int) -> Callable[[], None]:
    def arm() -> None:
        assert _prctl is not None
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            # The daemon died between fork and prctl: nobody would tell us any more.
            os._exit(1)

    return arm


def _open_file(path: Path) -> tuple[IO[bytes], IO[bytes]]:
    """Make the file anew, and open it for the writer and for the reader."""
    path.unlink(missing_ok=True)
    writer = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, FILE_MODE)
    try:
        reader = os.open(path, os.O_RDONLY)
    except OSError:
        os.close(writer)
        raise
    return open(writer, "wb", buffering=0), open(reader, "rb", buffering=0)


def _descriptor(stream: IO[bytes]) -> int:
    os.set_blocking(stream.fileno(), False)
    return stream.fileno()


def _await_zombie(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
