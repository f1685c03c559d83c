"""Make daemons for tests without the price of their imports, which is most of what one costs.

A process that has imported what a daemon needs waits for orders, and forks: the copy becomes a
daemon with an environment, a session and files of its own, and the child of nobody. Tests of the
start itself begin with the command, in a new Python; this is for those that need a daemon.
"""

import ctypes
import gc
import json
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path

#: What is decided when Python starts cannot be another in a copy.
_DECIDED = ("LANG", "LC_", "LANGUAGE", "PYTHON", "LD_", "MALLOC_", "TZ")
_BASE = {"LANG": "C.UTF-8"}
#: Room for a daemon's environment where the system shows it.
_ROOM = "INCUBATOR_ROOM"
_ROOM_BYTES = 16384


class Incubator:
    """The process that waits. It ends with this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            # The words make it look like what it brings forth, to who asks for its command.
            [sys.executable, "-P", __file__, "tars", "start", "--foreground"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**_BASE, _ROOM: " " * _ROOM_BYTES},
            cwd="/",
            start_new_session=True,
        )

    def spawn(self, env: Mapping[str, str], errors: Path) -> int:
        """Make a daemon, and give its pid. What it writes goes to `errors`, which exists."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = json.dumps([dict(env), str(errors)]).encode() + b"\n"
        with self._lock:
            self._process.stdin.write(order)
            self._process.stdin.flush()
            return int(self._process.stdout.readline())


def can_make(env: Mapping[str, str]) -> bool:
    """Say whether a daemon with this environment can be a copy."""
    decided = {name: value for name, value in env.items() if name.startswith(_DECIDED)}
    fits = sum(len(os.fsencode(f"{n}={v}")) + 1 for n, v in env.items()) < _ROOM_BYTES
    return sys.platform == "linux" and decided == _BASE and fits


@cache
def incubator() -> Incubator:
    """The one of this process."""
    return Incubator()


# --- in the process that waits ------------------------------------------------


def _import_daemon() -> None:
    """Import in the daemon's own order what it has imported when it works."""
    from tars.daemon.lean import lean_imports

    with lean_imports():
        import tars.agents.registry
        import tars.cli.foreground
        import tars.daemon.root
    with lean_imports():
        import tars.agents.echo.kind
        import tars.control.app
        import tars.control.server
        import tars.daemon.backend
    import tars.history.index
    import tars.history.reader
    import tars.history.sources.registry
    import tars.store.store  # noqa: F401


def _wait_for_orders() -> None:
    gc.collect()
    gc.freeze()
    while order := os.fsencode(_line(0)):
        env, errors = json.loads(order)
        reading, writing = os.pipe()
        between = os.fork()
        if between == 0:
            # Its child is nobody's once it has ended.
            daemon = os.fork()
            if daemon == 0:
                _be_daemon(env, errors)
            os.write(writing, b"%d\n" % daemon)
            os._exit(0)
        os.close(writing)
        os.waitpid(between, 0)
        os.write(1, _line(reading).encode())
        os.close(reading)


def _line(descriptor: int) -> str:
    """Read a line without reading ahead: a copy shall have no order that is not its own."""
    data = b""
    while not data.endswith(b"\n"):
        piece = os.read(descriptor, 1)
        if not piece:
            break
        data += piece
    return data.decode()


def _be_daemon(env: dict[str, str], errors: str) -> None:
    try:
        os.setsid()
        output = os.open(errors, os.O_WRONLY | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, 256)
        os.environ.clear()
        os.environ.update(env)
        _show_environment(env)
        sys.argv = ["tars", "start", "--foreground"]
        from tars._entry import leave, main

        leave(main())
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _show_environment(env: Mapping[str, str]) -> None:
    """Let the system show this environment: it shows what stands where Python was started with
    its own, which `_ROOM` has made large enough."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[47]), int(fields[48])
    shown = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in env.items())
    ctypes.memmove(start, shown.ljust(end - start, b"\0"), end - start)


if __name__ == "__main__":
    _import_daemon()
    _wait_for_orders()
