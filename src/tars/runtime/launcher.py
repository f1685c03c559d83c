"""Making a process without copying the daemon first.

A death signal can only be asked for between fork and exec, by the new process itself. Python
code there needs a real fork, which copies the page tables of a daemon that has grown: some
milliseconds, in which the daemon stands still. `setpriv` of util-linux asks for it after a
vfork, which copies nothing, and becomes the program then.
"""

import os
import subprocess
from collections.abc import Sequence
from functools import cache

_SETPRIV = ("/usr/bin/setpriv", "/bin/setpriv")
_TO_DIE = ("--pdeathsig", "KILL")
_ELF = b"\x7fELF"
_SCRIPT = b"#!"


def dying_with_parent(argv: Sequence[str]) -> list[str] | None:
    """Give the command that asks for the death signal and becomes this one.

    None where there is no such command, or where the program may not be one: what cannot
    be run is told best by running it.
    """
    helper = _helper()
    if helper is None or not _is_program(argv[0]):
        return None
    return [helper, *_TO_DIE, *argv]


@cache
def _helper() -> str | None:
    """Find a setpriv that knows of death signals; busybox has one that does not."""
    for path in _SETPRIV:
        argv = [path, *_TO_DIE, path, "--version"]
        try:
            done = subprocess.run(argv, capture_output=True, timeout=5, check=False)
        except (OSError, subprocess.SubprocessError):
            continue
        if done.returncode == 0:
            return path
    return None


def _is_program(path: str) -> bool:
    """Say whether the kernel will run it: a binary, or a script whose interpreter is there."""
    if not os.path.isabs(path) or not os.access(path, os.X_OK):
        return False
    try:
        with open(path, "rb") as file:
            head = file.read(256)
    except OSError:
        return False
    if head.startswith(_SCRIPT):
        words = head[len(_SCRIPT) :].split(b"\n")[0].split()
        return bool(words) and os.access(words[0], os.X_OK)
    return head.startswith(_ELF)
