"""The daemon as a process: making it in the background, and seeing that it is gone."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from tars.home import FILE_MODE, Home

#: How much of what a dying daemon wrote is worth showing, in bytes.
LAST_WORDS = 4096


def last_words_file(home: Home) -> Path:
    """What the daemon writes to stderr, which is nothing unless its logging fails."""
    return home.logs / "daemon.err"


class Background:
    """A daemon that was just started, detached from this terminal and its session.

    Raises OSError when the home cannot be written or the process cannot be made.
    """

    def __init__(self, home: Home) -> None:
        home.prepare()
        self._errors = last_words_file(home)
        descriptor = os.open(self._errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE)
        try:
            os.fchmod(descriptor, FILE_MODE)
            self._offset = os.fstat(descriptor).st_size
            self._process = subprocess.Popen(
                # -P: a folder named tars in the daemon's cwd is not this package.
                [sys.executable, "-P", "-m", "tars", "start", "--foreground"],
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
                cwd="/",
                env={**os.environ, "TARS_HOME": str(home.root)},
            )
        finally:
            os.close(descriptor)

    def exit_status(self) -> int | None:
        """None while it runs; a negative status is a signal's number."""
        return self._process.poll()

    def last_words(self) -> str:
        """The end of what it wrote since it was started."""
        with self._errors.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._offset, size - LAST_WORDS))
            return file.read().decode("utf-8", "replace").strip()

    def let_go(self) -> None:
        """Leave it running: its exit is none of this process's business any more."""
        # Popen warns about a child that nobody waited for; it outlives us on purpose.
        if self._process.returncode is None:
            self._process.returncode = 0


def is_gone(pid: int) -> bool:
    """Whether no such process runs. One that is dead but was not reaped counts as gone:
    in a container there may be nobody to reap it."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
