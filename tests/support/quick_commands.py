"""A `tars` for shells whose commands cost no imports, which are most of what one costs.

A process that has imported the command line waits for calls, and forks: the copy has the caller's
words, environment, folder and files, and is the command from `tars._entry` on. Tests of what a
command imports, or of how it is installed, use the real one.
"""

import atexit
import gc
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path

#: What it takes to be called: as little as Python lets it.
_CALLER = """\
#!{python} -ISE
import os, sys
from _socket import AF_UNIX, SCM_RIGHTS, SHUT_WR, SOCK_STREAM, SOL_SOCKET, socket
there = socket(AF_UNIX, SOCK_STREAM)
there.connect({address!r})
words = [os.fsencode(word) for word in sys.argv[1:]]
env = [name + b"=" + value for name, value in os.environb.items()]
call = b"\\0".join([os.getcwdb(), b"%d" % len(words), *words, *env])
files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
there.sendmsg([call], [(SOL_SOCKET, SCM_RIGHTS, files)])
there.shutdown(SHUT_WR)
os._exit(int(there.recv(16) or b"70"))
"""
#: More than any call.
_LARGEST = 1 << 20
#: Packages that commands import once they know what is asked of them.
_PACKAGES = ("cli", "sessions", "control", "costs", "store", "service")


@cache
def quick_commands() -> Path:
    """Give a folder for PATH with such a `tars`; it is there as long as this process."""
    folder = Path(tempfile.mkdtemp(prefix="tars-"))
    atexit.register(shutil.rmtree, folder)
    address, programs = folder / "calls", folder / "bin"
    programs.mkdir()
    caller = programs / "tars"
    caller.write_text(_CALLER.format(python=sys.executable, address=str(address)))
    caller.chmod(0o755)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(address))
        listening.listen(8)
        waiting = subprocess.Popen(
            [sys.executable, "-P", __file__, str(listening.fileno())],
            pass_fds=[listening.fileno()],
            stdin=subprocess.PIPE,
            env={"LANG": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
        )
    atexit.register(_end, waiting)
    return programs


def _end(waiting: "subprocess.Popen[bytes]") -> None:
    waiting.communicate()


# --- in the process that waits ------------------------------------------------


def _import_commands() -> None:
    """Import what commands need, but for what draws on a terminal."""
    import importlib
    import pkgutil

    for name in _PACKAGES:
        package = importlib.import_module(f"tars.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not {"migrations", "chat"} & set(module.name.split(".")):
                importlib.import_module(module.name)


def _wait_for_calls(listening: socket.socket) -> None:
    gc.collect()
    gc.freeze()
    under_way = 0
    # Who started it has the other end of stdin, and says nothing there but that it has ended.
    while 0 not in select.select([listening.fileno(), 0], [], [])[0]:
        call, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _be_command(call)
        call.close()
        under_way += 1
        while under_way and os.waitpid(-1, os.WNOHANG)[0]:
            under_way -= 1


def _be_command(call: socket.socket) -> None:
    """Do what was called, and tell the exit status. Does not return."""
    status = 1
    try:
        data, files, *_ = socket.recv_fds(call, _LARGEST, 3)
        while piece := call.recv(_LARGEST):
            data += piece
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
        sys.stderr = os.fdopen(2, "w", buffering=1)
        folder, count, *rest = data.split(b"\0")
        words, env = rest[: int(count)], rest[int(count) :]
        os.chdir(folder)
        os.environb.clear()
        os.environb.update(dict(each.split(b"=", 1) for each in env))
        sys.argv = ["tars", *map(os.fsdecode, words)]
        from tars._entry import main

        status = main()
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        call.sendall(b"%d" % status)
        os._exit(status)


if __name__ == "__main__":
    _import_commands()
    _wait_for_calls(socket.socket(fileno=int(sys.argv[1])))
