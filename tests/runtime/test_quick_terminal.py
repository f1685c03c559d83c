"""A process on a terminal that was made without a fork is as one that pexpect made."""

import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import anyio
import psutil
import pytest

from tars.agents.kind import Terminal
from tars.runtime import quick_terminal
from tars.runtime.children import Child
from tars.runtime.launcher import on_terminal
from tars.runtime.marks import Mark
from tests.support.processes import said
from tests.support.stage import open_files

pytestmark = pytest.mark.skipif(
    on_terminal([sys.executable]) is None, reason="setpriv and setsid of util-linux are not here"
)
MARK = Mark("00" * 8, "one", "0" * 8)


def make(code: str, folder: Path, env: Mapping[str, str] | None = None) -> Child:
    argv = [sys.executable, "-I", "-S", "-c", code]
    child = quick_terminal.spawn("one", argv, env or {}, folder, Terminal(33, 77), MARK)
    assert child is not None
    return child


def test_the_terminal_is_its_own_and_has_the_size(tmp_path: Path) -> None:
    """It leads a session, owns its terminal's foreground, and is in its folder."""
    code = (
        "import os; t = os.get_terminal_size(0); leads = os.getsid(0) == os.getpid(); "
        "front = os.tcgetpgrp(os.open('/dev/tty', os.O_RDWR)) == os.getpid(); "
        "print(leads, front, t.lines, t.columns, os.isatty(2), os.getcwd(), os.environ['A'])"
    )

    async def scene() -> None:
        child = make(code, tmp_path, {"A": "b"})
        assert said(child.stdout).decode().split() == [
            *("True", "True", "33", "77", "True"),
            *(str(tmp_path), "b"),
        ]
        assert await child.exited() == 0
        child.close()

    before = open_files()
    anyio.run(scene)
    assert open_files() == before


def test_a_signal_reaches_one_that_has_only_begun(tmp_path: Path) -> None:
    """It is on its way to be a leader of a group, and is none yet."""

    async def scene() -> None:
        for _ in range(20):
            child = make("import signal\nwhile True: signal.pause()", tmp_path)
            child.signal_group(signal.SIGTERM)
            assert await child.exited() == -signal.SIGTERM
            child.close()

    anyio.run(scene)


def test_one_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    """What is no program is left to pexpect, and a missing folder is told."""
    # What the tests before this one share, a database server say, has children of its own.
    before, children = open_files(), psutil.Process().children()
    nowhere = tmp_path / "nowhere"
    assert quick_terminal.spawn("one", [str(nowhere)], {}, tmp_path, Terminal(), MARK) is None
    with pytest.raises(FileNotFoundError):
        quick_terminal.spawn("one", [sys.executable], {}, nowhere, Terminal(), MARK)
    assert open_files() == before
    assert psutil.Process().children() == children
