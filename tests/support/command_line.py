"""The real command line in processes of its own, and on a terminal of its own."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

#: A bound for what never happens, so that a broken test ends.
LONG_SECONDS = 30.0

TARS = [sys.executable, "-m", "tars"]


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A small, known environment: what the developer's shell sets does not matter."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TARS_HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        **(extra or {}),
    }


def tars(
    home: Path, *words: str, given: bytes = b"", env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end; `given` is its stdin."""
    done = subprocess.run(
        [*TARS, *words],
        env=environment(home, env),
        input=given,
        capture_output=True,
        timeout=LONG_SECONDS,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


@contextlib.contextmanager
def running(
    home: Path, *words: str, env: Mapping[str, str] | None = None
) -> "Iterator[subprocess.Popen[bytes]]":
    """A command under way, with its stdout and stderr on pipes."""
    process = subprocess.Popen(
        [*TARS, *words],
        env=environment(home, env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


class OnTerminal:
    """A command whose stdin, stdout and stderr are one terminal, as a person has it."""

    def __init__(self, home: Path, *words: str, env: Mapping[str, str] | None = None) -> None:
        self.seen = ""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            try:
                os.execve(sys.executable, [*TARS, *words], environment(home, env))
            finally:
                os._exit(127)

    def expect(self, text: str) -> None:
        """Read until the text was seen."""
        deadline = time.monotonic() + LONG_SECONDS
        while text not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} never came: {self.seen!r}"
            assert self._read(left), f"it ended without {text!r}: {self.seen!r}"

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def end(self) -> int:
        """Read to the end and give the exit status; a signal's number is negative."""
        while self._read(LONG_SECONDS):
            pass
        os.close(self._terminal)
        _, status = os.waitpid(self._pid, 0)
        return os.waitstatus_to_exitcode(status)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._terminal], [], [], seconds)[0]:
            self.kill()
            return False
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # Linux reports the end of a pty as EIO, not as an empty read.
            return False
        self.seen += data.decode("utf-8", "replace")
        return bool(data)
