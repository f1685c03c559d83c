"""A control group for each agent, where the daemon has one to divide.

Run as root where the unified hierarchy can be written; a group that systemd delegated has
not been driven.
"""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tars.runtime import cgroups

ROOT = next(
    (
        p
        for p in map(Path, ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"))
        if (p / "cgroup.controllers").exists()
    ),
    None,
)


@pytest.fixture
def group() -> Iterator[Path]:
    """A group of our own, as systemd would delegate it."""
    if ROOT is None or os.geteuid() != 0:
        pytest.skip("no unified hierarchy that may be written")
    path = ROOT / f"tars-test-{os.urandom(4).hex()}"
    try:
        path.mkdir()
        os.setxattr(path, "user.delegate", b"1")
    except OSError as error:
        with suppress(OSError):
            path.rmdir()
        pytest.skip(f"no group can be made: {error}")
    yield path
    for below in [*path.glob("*/"), path]:
        cgroups.end(below)
        for _ in range(1000):
            with suppress(OSError):
                below.rmdir()
                break
    assert not path.exists()


def inside(group: Path, code: str) -> str:
    """Run code in a process of its own in this group."""
    head = """
        import os, sys
        from pathlib import Path
        import anyio
        from tars.runtime import cgroups, children
        from tars.runtime.family import OURS
        group = Path(sys.argv[1])
        (group / "cgroup.procs").write_text(str(os.getpid()))

        def make(argv):
            return children.spawn("one", argv, env={"PATH": os.environ["PATH"]}, cwd=Path("/"))
    """
    argv = [sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(code), str(group)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_an_agent_has_a_group_of_its_own_that_goes_with_it(group: Path) -> None:
    """Its descendants are in it, whatever they do, and are gone when its exit is told."""
    code = """
        OURS.settle("ab" * 8)
        # It is put into its group once it runs: what it starts before that is not in it.
        born = "read go; setsid sleep 1000 & setsid sleep 1000 & read x"
        child = make(["/bin/sh", "-c", born])
        os.write(child.stdin, b"go" + bytes([10]))
        [below] = group.glob("tars-*")
        async def scene():
            while len(cgroups.members(below)) < 3:
                await anyio.sleep(0.001)
            child.close_stdin()
            await child.exited()
        anyio.run(scene)
        child.close()
        print(below.name.startswith("tars-" + "ab" * 8 + "-one-"), list(group.glob("tars-*")))
    """
    assert inside(group, code) == "True []"


def test_the_next_daemon_ends_the_groups_of_its_own_home(group: Path) -> None:
    """Another home's are left alone."""
    code = """
        homes = ("ab" * 8, "cd" * 8)
        for home in homes:
            OURS.settle(home)
            make(["/bin/sleep", "1000"])
        OURS.settle(homes[0])
        os.waitpid(-1, 0)
        print(*(len(cgroups.members(b)) for h in homes for b in group.glob(f"tars-{h}-*")))
    """
    assert inside(group, code) in ("1", "0 1")


def test_a_group_that_was_not_delegated_is_not_divided(group: Path) -> None:
    """It is the service manager's alone."""
    os.removexattr(group, "user.delegate")
    code = """
        OURS.settle("ab" * 8)
        child = make(["/bin/true"])
        print(list(group.glob("tars-*")))
        anyio.run(child.exited)
        child.close()
    """
    assert inside(group, code) == "[]"
