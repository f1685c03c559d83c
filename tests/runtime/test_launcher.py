"""The death signal without a copy of the daemon, where the program is certain to run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tars.runtime.launcher import dying_with_parent

NEEDS_SETPRIV = pytest.mark.skipif(
    dying_with_parent([sys.executable]) is None, reason="there is no setpriv here"
)


def script(folder: Path, text: str) -> str:
    path = folder / "program"
    path.write_text(text)
    path.chmod(0o700)
    return str(path)


@NEEDS_SETPRIV
@pytest.mark.parametrize("text", [None, "#!/bin/sh\necho $0 $*\n", "#! /bin/sh -e\necho $0 $*\n"])
def test_a_program_becomes_what_it_was(tmp_path: Path, text: str | None) -> None:
    """A binary and a script run with their own arguments, whatever those look like."""
    path = "/bin/echo" if text is None else script(tmp_path, text)
    quick = dying_with_parent([path, "--help me", "-p"])
    assert quick is not None
    slow = subprocess.run([path, "--help me", "-p"], capture_output=True, check=True)
    assert subprocess.run(quick, capture_output=True, check=True).stdout == slow.stdout


@pytest.mark.parametrize("text", ["no program", "", "#!/nonexistent/sh\n", "#!\n", "#!sh\n"])
def test_what_may_be_no_program_is_run_as_it_is(tmp_path: Path, text: str) -> None:
    """Only its own exec tells what is wrong with it."""
    assert dying_with_parent([script(tmp_path, text)]) is None


@pytest.mark.parametrize("command", ["/nonexistent/agent", "sh", "bin/sh", "/etc/passwd", "/bin"])
def test_what_is_not_there_or_not_plainly_named_is_run_as_it_is(command: str) -> None:
    """A name is looked up on the agent's own path, and a relative one in its own folder."""
    assert dying_with_parent([command]) is None
