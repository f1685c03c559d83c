"""Making a process without copying the daemon first.

A death signal and a controlling terminal can only be asked for between fork and exec, by the
new process itself. Python code there needs a real fork, which copies the page tables of a
daemon that has grown: some milliseconds, in which the daemon stands still. `setpriv` and
`setsid` of util-linux ask for them after a vfork, which copies nothing, and become the
program then.
"""

import os
import subprocess
from collections.abc import Sequence
from functools import cache

_SETPRIV = ("/usr/bin/setpriv", "/bin/setpriv")
_SETSID = ("/usr/bin/setsid", "/bin/setsid")
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


def on_terminal(argv: Sequence[str]) -> list[str] | None:
    """Give the command that leads a session with its stdin as its terminal, and becomes this
    one; it dies with its parent. None as above. It must lead no group when it begins."""
    helper, quick = _terminal_helper(), dying_with_parent(argv)
    return None if helper is None or quick is None else [helper, "--ctty", *quick]


@cache
def _helper() -> str | None:
    """Find a setpriv that knows of death signals; busybox has one that does not."""
    return next((p for p in _SETPRIV if _output([p, *_TO_DIE, p, "--version"])), None)


@cache
def _terminal_helper() -> str | None:
    return next((p for p in _SETSID if "--ctty" in _output([p, "--help"])), None)


def _output(argv: Sequence[str]) -> str:
    """Give what a command prints; nothing when it fails."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return "" if done.returncode else done.stdout


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
