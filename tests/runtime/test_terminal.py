"""Processes on a terminal of their own."""

import os
import sys
from pathlib import Path

import anyio
import pytest

from tars.agents.kind import Terminal
from tars.runtime import terminal
from tars.runtime.children import Child
from tests.support.stage import open_files

PYTHON = sys.executable
SIZE = Terminal(rows=30, columns=100)


def spawned(folder: Path, code: str, **env: str) -> Child:
    return terminal.spawn(
        "one",
        [PYTHON, "-S", "-c", code],
        env={"PATH": os.environ["PATH"], **env},
        cwd=folder,
        terminal=SIZE,
    )


async def printed(child: Child) -> str:
    """Everything that it prints, to its end."""
    assert child.stdout is not None
    data = b"".join([chunk async for chunk in terminal.chunks(child.stdout)])
    return data.decode().replace("\r\n", "\n")


def test_it_has_a_terminal_of_its_own(tmp_path: Path) -> None:
    """It leads a session whose terminal this is, of the wanted size and kind, in its folder."""
    code = (
        "import os;"
        "print(os.isatty(0), os.isatty(2), os.getsid(0) == os.getpid() == os.tcgetpgrp(0),"
        "tuple(os.get_terminal_size()), os.environ['TERM'], os.environ.get('COLUMNS'),"
        "os.path.basename(os.getcwd()))"
    )

    async def scene() -> None:
        before = open_files()
        child = spawned(tmp_path, code, COLUMNS="5", TERM="dumb")
        words = (await printed(child)).split()
        assert await child.exited() == 0
        child.close()
        assert words[:3] == ["True", "True", "True"]
        assert words[3:] == ["(100,", "30)", "xterm-256color", "None", tmp_path.name]
        assert open_files() == before

    anyio.run(scene)


def test_its_size_can_change(tmp_path: Path) -> None:
    """The program is told by SIGWINCH."""
    code = (
        "import os, signal\n"
        "def changed(*_): os.write(1, str(os.get_terminal_size()).encode()); os._exit(0)\n"
        "signal.signal(signal.SIGWINCH, changed)\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()\n"
    )

    async def scene() -> None:
        child = spawned(tmp_path, code)
        assert child.stdout is not None
        said = ""
        async for chunk in terminal.chunks(child.stdout):
            said += chunk.decode()
            if said.strip() == "ready":
                terminal.resize(child, 12, 34)
        assert "columns=34, lines=12" in said
        await child.exited()
        child.close()

    anyio.run(scene)


def test_a_program_that_cannot_be_run_is_an_error(tmp_path: Path) -> None:
    """As for any other agent; nothing is left of it."""
    before = open_files()
    plain = tmp_path / "plain"
    plain.write_text("no program")
    for command, kind in (
        ("/nowhere/program", FileNotFoundError),
        ("not-on-the-path", FileNotFoundError),
        (str(plain), PermissionError),
    ):
        with pytest.raises(kind):
            terminal.spawn("one", [command], env={}, cwd=tmp_path, terminal=SIZE)
    with pytest.raises(OSError):
        terminal.spawn("one", [PYTHON], env={}, cwd=tmp_path / "none", terminal=SIZE)
    assert open_files() == before


def test_a_path_with_blanks_is_one_word(tmp_path: Path) -> None:
    """Also without arguments, where pexpect would read a command line."""
    script = tmp_path / "a 'b' \"c\""
    script.write_text("#!/bin/sh\necho here\n")
    script.chmod(0o700)

    async def scene() -> None:
        env = {"PATH": os.environ["PATH"]}
        child = terminal.spawn("one", [str(script)], env=env, cwd=tmp_path, terminal=SIZE)
        assert await printed(child) == "here\n"
        assert await child.exited() == 0
        child.close()

    anyio.run(scene)
