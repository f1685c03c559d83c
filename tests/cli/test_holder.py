"""Who holds a home: by the lock alone, and never a process that is not plainly tars."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tars.cli.holder import Holder, is_over, kill, lock_holder
from tars.home import Home


@contextmanager
def locked(home: Home, written: bytes) -> Iterator[None]:
    """The home's lock is held by this process, and its file says this."""
    home.run.mkdir(parents=True)
    descriptor = os.open(home.lock, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, written)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def child(*words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that ignores SIGTERM and waits for its stdin's end, ready."""
    code = "import signal, sys; signal.signal(15, 1); print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process


def test_a_lock_that_nobody_holds_has_no_holder(tmp_path: Path) -> None:
    """A file that a killed daemon left, with its pid in it, means nothing."""
    home = Home(tmp_path)
    assert lock_holder(home) is None
    home.run.mkdir()
    home.lock.write_text(str(os.getppid()))
    assert lock_holder(home) is None


@pytest.mark.parametrize("written", [b"", b"nonsense", b"-1", b"0", b"9" * 30])
def test_a_holder_without_a_pid_is_still_a_holder(tmp_path: Path, written: bytes) -> None:
    """A daemon lives; which process it is, nobody can tell."""
    home = Home(tmp_path)
    with locked(home, written):
        assert lock_holder(home) == Holder(None)


@pytest.mark.parametrize(("word", "ours"), [("tars", True), ("other", False)])
def test_only_a_tars_is_trusted_to_be_the_holder(tmp_path: Path, word: str, ours: bool) -> None:
    """By the words of its command line; the pid of anything else is not given."""
    home = Home(tmp_path)
    with child(word) as process, locked(home, b"%d\n" % process.pid):
        holder = lock_holder(home)
        assert holder is not None
        expected = process.pid if ours or "tars" in sys.executable else None
        assert holder.pid == expected


def test_a_daemon_that_ignores_sigterm_is_killed() -> None:
    """The process is over then, though nobody has reaped it."""
    with child("tars") as process:
        found = psutil.Process(process.pid)
        assert not is_over(found)
        kill(found)
        assert process.wait() == -9
        assert is_over(found)
        kill(found)
