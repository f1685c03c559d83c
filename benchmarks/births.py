"""Every supervised child reports its own start, so that no supervisor is asked for it.

A child is a shell script whose first act is to write its name and pid into a FIFO; then
it becomes the real program. What is measured so includes the shell, some 1 ms, for all.
"""

import os
import queue
import shlex
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: What a child does when nothing else is wanted of it.
TRIVIAL = ("sleep", "1000000")


@dataclass(frozen=True, slots=True)
class Birth:
    """A child is running since `at` (seconds, time.perf_counter)."""

    name: str
    pid: int
    at: float


class Births:
    """Listens until `close`. Scripts and FIFO are in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._fifo = folder / "births"
        os.mkfifo(self._fifo, 0o600)
        # Read and write: a FIFO without writers would be at its end.
        self._descriptor = os.open(self._fifo, os.O_RDWR)
        self._born: queue.Queue[Birth] = queue.Queue()
        self._early: list[Birth] = []
        self.pids: set[int] = set()
        threading.Thread(target=self._listen, daemon=True).start()

    def script(self, name: str, then: Sequence[str] = TRIVIAL) -> str:
        """Write the script of this child and give its path."""
        path = self.folder / f"{name}.sh"
        fifo = shlex.quote(str(self._fifo))
        path.write_text(f"#!/bin/sh\necho {name} $$ > {fifo}\nexec {shlex.join(then)}\n")
        path.chmod(0o700)
        return str(path)

    def wait(self, name: str, seconds: float = 60.0) -> Birth:
        """Wait for the next start of this child. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while True:
            for birth in self._early:
                if birth.name == name:
                    self._early.remove(birth)
                    return birth
            try:
                self._early.append(self._born.get(timeout=max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                raise TimeoutError(f"{name} was not started within {seconds:g} s") from None

    def wait_all(self, names: Sequence[str], seconds: float = 120.0) -> list[Birth]:
        """Wait for the next start of each of these, whatever the order. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        found: dict[str, Birth] = {}
        missing = set(names)
        while missing:
            try:
                birth = self._born.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"{len(missing)} were not started in {seconds:g} s") from None
            if birth.name in missing:
                missing.remove(birth.name)
                found[birth.name] = birth
        return [found[name] for name in names]

    def close(self) -> None:
        os.write(self._descriptor, b"\n")

    def _listen(self) -> None:
        while True:
            data = os.read(self._descriptor, 4096)
            at = time.perf_counter()
            for line in data.decode().splitlines():
                if not line:
                    os.close(self._descriptor)
                    return
                name, pid = line.split()
                self.pids.add(int(pid))
                self._born.put(Birth(name, int(pid), at))
