"""Real processes to test with: how they are made, listened to and watched."""

import ctypes
import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LIMIT_MS = 30_000


def terminal_of(master: int) -> str:
    """The path of the terminal whose other end this descriptor is.

    psutil lists the terminals once and remembers them: one that is newer it does not know.
    """
    ptsname = ctypes.CDLL(None).ptsname
    ptsname.restype = ctypes.c_char_p
    path = ptsname(master)
    assert isinstance(path, bytes)
    return path.decode()


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", textwrap.dedent(code)]


def said(descriptor: int | None) -> bytes:
    """Read one line, or to the end of the pipe, whichever comes first."""
    assert descriptor is not None
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    data = b""
    while not data.endswith(b"\n"):
        assert poll.poll(LIMIT_MS), "nothing was said"
        piece = os.read(descriptor, 4096)
        if not piece:
            break
        data += piece
    return data


@contextmanager
def watched(pid: int) -> Iterator[Callable[[], bool]]:
    """Give a question that is answered when the process ends: did it, in time?"""
    pidfd = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    try:
        yield lambda: bool(poll.poll(LIMIT_MS))
    finally:
        os.close(pidfd)


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


@contextmanager
def bystander() -> Iterator["subprocess.Popen[bytes]"]:
    """Somebody else's process, which leads a session too."""
    argv = python(
        """
        import os, signal
        signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"here\\n"))
        print(flush=True)
        while True:
            signal.pause()
        """
    )
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process
    finally:
        kill(process)


def died_at_once(process: "subprocess.Popen[bytes]") -> bool:
    """Whether a SIGKILL was sent to it: nothing that it is told later is heard."""
    assert process.stdout is not None
    process.send_signal(signal.SIGUSR1)
    return process.stdout.readline() != b"here\n"
