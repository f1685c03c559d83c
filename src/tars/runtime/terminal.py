"""Pseudo-terminals: a process that believes that it talks with a person.

pexpect makes the process, where that cannot be had for less, and nothing else: what it prints
is read here, without blocking.
"""

import errno
import fcntl
import os
import re
import signal
import struct
import termios
import warnings
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel

from tars.agents.kind import Terminal
from tars.runtime import children, marks, pipes, quick_terminal
from tars.runtime.children import Child
from tars.runtime.family import OURS
from tars.runtime.marks import Mark

#: What the screens are read as.
TERM = "xterm-256color"
#: The size of the terminal that the daemon itself was started from is nobody's business.
_NOT_INHERITED = ("COLUMNS", "LINES")


def spawn(
    name: str, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, terminal: Terminal
) -> Child:
    """Make a child on a terminal of its own. Call it on the main thread: PDEATHSIG follows it.

    Raises OSError when the command cannot be run; nothing is left then.
    """
    command = _runnable(argv[0])
    mark = OURS.mark(name)
    inherited = {key: value for key, value in env.items() if key not in _NOT_INHERITED}
    environment = {"COLORTERM": "truecolor", **inherited, "TERM": TERM}
    launch = [command, *argv[1:]]
    if (child := quick_terminal.spawn(name, launch, environment, cwd, terminal, mark)) is not None:
        return child
    # Not at the top: a daemon without such agents does not pay for the import (20 ms).
    import pexpect

    with warnings.catch_warnings(), marks.handing_down(mark):
        # Python 3.12 warns of forks beside threads; ours only makes system calls and execs.
        warnings.simplefilter("ignore", DeprecationWarning)
        process = pexpect.spawn(
            # Without arguments pexpect reads a command line, in which a space ends a word.
            command if len(argv) > 1 else re.sub(r"([\s'\"\\])", r"\\\1", command),
            list(argv[1:]),
            env={**environment, marks.VARIABLE: str(mark)},
            dimensions=(terminal.rows, terminal.columns),
            # Its own `cwd` would raise in the middle of the forked daemon.
            preexec_fn=_prepared(cwd),
            timeout=None,
        )
    return _taken_over(name, process, mark)


def resize(child: Child, rows: int, columns: int) -> None:
    """Tell the child's terminal, and by SIGWINCH its program, how large it is now."""
    if child.stdout is not None:
        with suppress(OSError):
            size = struct.pack("HHHH", rows, columns, 0, 0)
            fcntl.ioctl(child.stdout, termios.TIOCSWINSZ, size)


async def chunks(descriptor: int) -> AsyncGenerator[bytes, None]:
    """Give what the process prints, until nobody has its terminal open any more."""
    while True:
        try:
            data = os.read(descriptor, pipes.CHUNK)
        except BlockingIOError:
            await anyio.wait_readable(descriptor)
            continue
        except OSError as error:
            # Linux reports the end of a pty as EIO, not as an empty read.
            if error.errno != errno.EIO:
                raise
            return
        if not data:
            return
        yield data
        # A child that floods must not keep the others waiting.
        await anyio.lowlevel.checkpoint()


class PtyLink:
    """A process on a pseudo-terminal: one descriptor for what is typed and what is printed."""

    def __init__(self, child: Child) -> None:
        assert child.stdin is not None
        self._child = child
        self._outbox = pipes.Outbox(child.stdin)

    def send(self, data: bytes) -> None:
        self._outbox.send(data)

    def finish(self) -> None:
        """Nothing: a terminal has no end of input, and goes on showing."""

    async def write(self) -> None:
        await self._outbox.flush()

    def read(self, exited: anyio.Event) -> AsyncGenerator[bytes, None]:  # noqa: ARG002
        assert self._child.stdout is not None
        return chunks(self._child.stdout)


def _runnable(command: str) -> str:
    """Check what pexpect would only call "not found or not executable". Raises OSError."""
    mode = os.stat(command).st_mode if os.sep in command else 0
    if mode and not (os.access(command, os.X_OK) and mode & 0o111):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), command)
    if not mode:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command)
    return command


def _prepared(cwd: Path) -> Callable[[], None]:
    """What the child does between fork and exec; what is raised there reaches the parent."""
    die = children.die_with(os.getpid())
    ignored = [s for s in (signal.SIGPIPE, signal.SIGXFSZ) if signal.getsignal(s) == signal.SIG_IGN]

    def prepare() -> None:
        os.chdir(cwd)
        for number in ignored:
            # Python ignores them for itself, and exec would pass that on.
            signal.signal(number, signal.SIG_DFL)
        if die is not None:
            die()

    return prepare


def _taken_over(name: str, process: Any, mark: Mark) -> Child:
    """Keep the terminal and the pid; pexpect lets go of both, so that it ends neither."""
    descriptor = os.dup(process.child_fd)
    process.ptyproc.fileobj.close()
    process.ptyproc.closed = process.closed = True
    stream = open(descriptor, "r+b", buffering=0)  # noqa: SIM115  the child closes it
    pid = process.pid
    return Child(name, pid, lambda: _reap(pid), stdin=stream, stdout=stream, mark=mark)


def _reap(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)
