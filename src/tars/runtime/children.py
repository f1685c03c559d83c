"""Processes: made in a session and process group of their own, ended with their whole family.

A child dies with the daemon (PDEATHSIG, Linux), its family (family.py) dies with it, and what
a killed daemon left behind is ended by the next one (leftovers.py). Nobody but `Child.exited`
reaps it: never `waitpid(-1)`.
"""

import ctypes
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import anyio
import anyio.to_thread

from tars.home import FILE_MODE
from tars.runtime import descriptors, marks
from tars.runtime.family import OURS
from tars.runtime.launcher import dying_with_parent
from tars.runtime.marks import Mark
from tars.runtime.process_table import create_time

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
    """One process, and the ends of its pipes or of its terminal that are ours.

    `reap` waits for a process that has ended, and gives its exit status. On a terminal
    there is no `stderr`. The process leads a session and a process group, and bears `mark`.
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
        mark: Mark | None = None,
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
        descriptors.OURS.lower_limit_of(pid)
        self._leader = OURS.made(pid, mark or OURS.mark(name))

    def look(self) -> None:
        """Note who descends from it now, so that they are known again when it is gone."""
        if self._status is None:
            self._leader.look()

    @property
    def seen(self) -> tuple[Identity, ...]:
        """Itself, and who was seen below it."""
        below = (Identity(self.name, pid, began) for pid, began in self._leader.seen)
        return (self.identity, *below)

    def signal_group(self, number: int) -> None:
        """Signal every process of the group; one that is gone is no error.

        Safe from reuse of the pid until `exited` returns: it is reaped only there.
        """
        if self._status is None:
            if number != signal.SIGKILL:
                self.look()
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                # So new that it leads no group yet.
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(self.pid, number)
            except PermissionError:
                pass

    async def exited(self) -> int:
        """Wait for the end, end the rest of the family, reap, and give the exit status.

        A negative status is a signal number.
        """
        if self._status is None:
            await self._ended()
        if self._status is None:
            # A zombie keeps its number from being given to others; once it is reaped,
            # its group and session may be a stranger's.
            self.signal_group(signal.SIGKILL)
            await OURS.end_rest(self._leader)
        if self._status is None:
            self._status = self._reap()
            OURS.reaped(self.pid)
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
    It bears a mark of its own, in its environment and its limits (marks.py).
    Raises OSError when the command cannot be run; nothing is left then.
    """
    mark = OURS.mark(name)
    quick = dying_with_parent(argv)
    output, reader = _open_file(stdout_file) if stdout_file else (None, None)
    try:
        with warnings.catch_warnings(), marks.handing_down(mark):
            # Python 3.12 warns of forks beside threads; ours only calls prctl and execs.
            warnings.simplefilter("ignore", DeprecationWarning)
            process = subprocess.Popen(
                quick or argv,
                stdin=subprocess.PIPE,
                stdout=output or subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env={**env, marks.VARIABLE: str(mark)},
                bufsize=0,
                start_new_session=True,
                # Whatever the daemon opens is closed by exec. Looking for more to close
                # takes a millisecond where a thousand agents have their pipes.
                close_fds=quick is None,
                preexec_fn=None if quick else die_with(os.getpid()),
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
        mark=mark,
    )


def die_with(parent: int) -> Callable[[], None] | None:
    """Give what a child calls between fork and exec to die with its parent, where it can."""
    if _prctl is None:
        return None

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
