"""Real processes: how they are made, how they end, and who goes with them."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import psutil
import pytest

from tars.runtime import children
from tars.runtime.children import Child
from tests.support.processes import bystander, died_at_once, python, said, watched
from tests.support.stage import ENVIRONMENT, open_files


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Run a coroutine function on each of the two event loops."""
    return lambda scene: anyio.run(scene, backend=request.param)


Run = Callable[[Callable[[], Awaitable[None]]], None]


def make(code: str, folder: Path, *, stdout_file: Path | None = None) -> Child:
    return children.spawn("one", python(code), env=ENVIRONMENT, cwd=folder, stdout_file=stdout_file)


BEAR = """
    import os, signal
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, b".")
        while True:
            signal.pause()
    os.read(reader, 1)
    print(pid, flush=True)
"""


def test_a_child_leads_a_session_and_a_group_of_its_own(tmp_path: Path, run: Run) -> None:
    """Signals to tars's group do not reach it, and its group is its pid."""

    async def scene() -> None:
        child = make("input()", tmp_path)
        assert os.getsid(child.pid) == os.getpgid(child.pid) == child.pid
        assert child.pid != os.getpgrp()
        child.close_stdin()
        await child.exited()
        child.close()

    run(scene)


@pytest.mark.parametrize(
    ("code", "status"),
    [("pass", 0), ("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 15)", -15)],
)
def test_the_exit_status_is_told_and_a_signal_is_negative(
    tmp_path: Path, run: Run, code: str, status: int
) -> None:
    """Asking twice gives the same answer, although the process was reaped the first time."""

    async def scene() -> None:
        child = make(code, tmp_path)
        assert await child.exited() == status
        assert await child.exited() == status
        child.close()

    run(scene)


def test_two_may_wait_for_the_same_exit(tmp_path: Path, run: Run) -> None:
    """Both get the status; the second touches no group that may be somebody else's."""

    async def scene() -> None:
        child = make("input()", tmp_path)
        statuses: list[int] = []

        async def wait() -> None:
            statuses.append(await child.exited())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            tasks.start_soon(wait)
            child.signal_group(signal.SIGTERM)
        child.close()
        assert statuses == [-15, -15]

    run(scene)


def test_a_process_that_is_reaped_is_not_signalled(tmp_path: Path, run: Run) -> None:
    """Its pid may be another's by then: the number is never used again."""

    async def scene() -> None:
        child = make("pass", tmp_path)
        await child.exited()
        with bystander() as stranger:
            child.pid = stranger.pid
            child.signal_group(signal.SIGKILL)
            assert await child.exited() == 0
            assert not died_at_once(stranger)
        child.close()

    run(scene)


def test_the_group_ends_with_a_leader_that_exits_by_itself(tmp_path: Path, run: Run) -> None:
    """A grandchild that stayed behind is killed before the leader is reaped."""

    async def scene() -> None:
        child = make(BEAR, tmp_path)
        grandchild = int(said(child.stdout))
        with watched(grandchild) as ended:
            assert await child.exited() == 0
            assert ended()
        child.close()

    run(scene)


def test_a_job_of_a_shell_ends_with_the_session(tmp_path: Path, run: Run) -> None:
    """It has a process group of its own, which no signal to the leader's reaches."""

    async def scene() -> None:
        child = make(BEAR.replace("os.write", "os.setpgid(0, 0); os.write"), tmp_path)
        grandchild = int(said(child.stdout))
        with watched(grandchild) as ended:
            assert await child.exited() == 0
            assert ended()
        child.close()

    run(scene)


def test_a_signal_reaches_the_whole_group(tmp_path: Path, run: Run) -> None:
    """A grandchild dies of the leader's signal too."""

    async def scene() -> None:
        child = make(BEAR + "    input()\n", tmp_path)
        grandchild = int(said(child.stdout))
        with watched(grandchild) as ended:
            child.signal_group(signal.SIGTERM)
            assert ended()
        assert await child.exited() == -signal.SIGTERM
        child.close()

    run(scene)


def test_waiting_can_be_given_up_and_taken_up_again(tmp_path: Path, run: Run) -> None:
    """A cancelled wait reaps nothing and leaves no descriptor."""

    async def scene() -> None:
        child = make("input()", tmp_path)
        before = open_files()
        with anyio.CancelScope() as scope:
            scope.cancel()
            await child.exited()
        assert open_files() == before
        child.signal_group(signal.SIGKILL)
        assert await child.exited() == -9
        child.close()

    run(scene)


def test_two_hundred_children_leave_no_descriptor_and_no_zombie(tmp_path: Path) -> None:
    """Every end of every pipe is closed, with the process running or gone."""

    async def scene() -> None:
        before, others = open_files(), psutil.Process().children()
        for number in range(200):
            file = tmp_path / "stdout" if number % 2 else None
            child = children.spawn(
                "one", ["/bin/true"], env=ENVIRONMENT, cwd=tmp_path, stdout_file=file
            )
            await child.exited()
            child.close()
            child.close()
        assert open_files() == before
        assert psutil.Process().children() == others

    anyio.run(scene)


@pytest.mark.parametrize("to_file", [False, True])
def test_a_spawn_that_fails_leaves_nothing(tmp_path: Path, to_file: bool) -> None:
    """No descriptor, no process: whether the command, its rights or the folder is at fault."""
    file = tmp_path / "stdout" if to_file else None
    (tmp_path / "secret").write_text("no program")
    before, others = open_files(), psutil.Process().children()
    for argv, cwd, error in (
        (["/nonexistent/agent"], tmp_path, FileNotFoundError),
        ([str(tmp_path / "secret")], tmp_path, PermissionError),
        (["/bin/true"], tmp_path / "nowhere", FileNotFoundError),
    ):
        with pytest.raises(error):
            children.spawn("one", argv, env=ENVIRONMENT, cwd=cwd, stdout_file=file)
    assert open_files() == before
    assert psutil.Process().children() == others


def test_a_spawn_without_free_descriptors_leaves_nothing(tmp_path: Path) -> None:
    """Running out of descriptors anywhere on the way is an OSError, and all is undone.

    In a process of its own, for its limit is lowered step by step.
    """
    code = f"""
        import os, resource
        from pathlib import Path
        from tars.runtime import children
        import anyio

        def attempt(room):
            holes = []
            limit = len(os.listdir("/proc/self/fd")) - 1 + room
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            try:
                child = children.spawn(
                    "one", ["/bin/true"], env={{}}, cwd=Path({str(tmp_path)!r}),
                    stdout_file=Path({str(tmp_path)!r}) / "stdout" if room % 2 else None,
                )
            except OSError:
                child = None
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            if child is not None:
                async def end():
                    await child.exited()
                anyio.run(end)
                child.close()
            return child is not None

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        attempt(50)
        before = len(os.listdir("/proc/self/fd"))
        made = [attempt(room) for room in range(24)]
        assert not made[0] and made[-1], made
        assert len(os.listdir("/proc/self/fd")) == before
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            print("clean")
    """
    argv = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("clean\n", "")


def test_stdout_can_be_a_file_that_nobody_else_may_read(tmp_path: Path, run: Run) -> None:
    """What the child writes is read from the file, and an earlier file is not appended to."""
    file = tmp_path / "stdout"
    file.write_bytes(b"of an earlier life")

    async def scene() -> None:
        child = make("print('of this one')", tmp_path, stdout_file=file)
        await child.exited()
        assert child.stdout is not None
        assert os.read(child.stdout, 100) == b"of this one\n"
        assert file.stat().st_mode & 0o777 == 0o600
        child.close()

    run(scene)
