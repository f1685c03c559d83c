"""A process on a pseudo-terminal without a fork of the daemon, which pexpect takes.

A thousand of them start in 4 s instead of 18 that way.
"""

import os
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

from tars.agents.kind import Terminal
from tars.runtime import marks
from tars.runtime.children import Child
from tars.runtime.launcher import on_terminal
from tars.runtime.marks import Mark


def spawn(
    name: str,
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    terminal: Terminal,
    mark: Mark,
) -> Child | None:
    """Make a child on a terminal of its own; None where that takes pexpect. Raises OSError."""
    quick = on_terminal(argv)
    if quick is None:
        return None
    ours, theirs = os.openpty()
    stream = open(ours, "r+b", buffering=0)  # noqa: SIM115  the child closes it
    try:
        termios.tcsetwinsize(ours, (terminal.rows, terminal.columns))
        with marks.handing_down(mark):
            process = subprocess.Popen(
                quick,
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                cwd=cwd,
                env={**env, marks.VARIABLE: str(mark)},
                close_fds=False,
            )
    except BaseException:
        stream.close()
        raise
    finally:
        os.close(theirs)
    return Child(name, process.pid, process.wait, stdin=stream, stdout=stream, mark=mark)
