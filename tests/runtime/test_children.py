"""Real processes: how they are made, how they end, and who goes with them."""

import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import msgspec
import psutil
import pytest

from tars.runtime import children
from tars.runtime.children import Child, Identity
from tests.support.stage import ENVIRONMENT, alive, open_files

LIMIT_MS = 30_000


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Run a coroutine function on each of the two event loops."""
    return lambda scene: anyio.run(scene, backend=request.param)


Run = Callable[[Callable[[], Awaitable[None]]], None]


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", textwrap.dedent(code)]


def make(code: str, folder: Path, *, stdout_file: Path | None = None) -> Child:
    return children.spawn("one", python(code), env=ENVIRONMENT, cwd=folder, stdout_file=stdout_file)


def said(descriptor: int | None) -> bytes:
    """Read one line, or to the end of the pipe, whichever comes first."""
    assert descriptor is not None
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    data = b""
    while not data.endswith(b"\n"):
        assert poll.poll(LIMIT_MS), "nothing was said"
        piece = os.read(descriptor, 4096)
        if not piece:
            break
        data += piece
    return data


@contextmanager
def watched(pid: int) -> Iterator[Callable[[], bool]]:
    """Give a question that is answered when the process ends: did it, in time?"""
    pidfd = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    try:
        yield lambda: bool(poll.poll(LIMIT_MS))
    finally:
        os.close(pidfd)


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
        before = open_files()
        for number in range(200):
            file = tmp_path / "stdout" if number % 2 else None
            child = children.spawn(
                "one", ["/bin/true"], env=ENVIRONMENT, cwd=tmp_path, stdout_file=file
            )
            await child.exited()
            child.close()
            child.close()
        assert open_files() == before
        assert not psutil.Process().children()

    anyio.run(scene)


@pytest.mark.parametrize("to_file", [False, True])
def test_a_spawn_that_fails_leaves_nothing(tmp_path: Path, to_file: bool) -> None:
    """No descriptor, no process: whether the command, its rights or the folder is at fault."""
    file = tmp_path / "stdout" if to_file else None
    (tmp_path / "secret").write_text("no program")
    before = open_files()
    for argv, cwd, error in (
        (["/nonexistent/agent"], tmp_path, FileNotFoundError),
        ([str(tmp_path / "secret")], tmp_path, PermissionError),
        (["/bin/true"], tmp_path / "nowhere", FileNotFoundError),
    ):
        with pytest.raises(error):
            children.spawn("one", argv, env=ENVIRONMENT, cwd=cwd, stdout_file=file)
    assert open_files() == before
    assert not psutil.Process().children()


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


SPAWN_AND_WAIT = """
    import signal, sys
    from pathlib import Path
    from tars.runtime import children
    child = children.spawn("one", sys.argv[3:], env={}, cwd=Path(sys.argv[1]))
    children.remember(Path(sys.argv[2]), [child.identity])
    print(child.pid, flush=True)
    while True:
        signal.pause()
"""


def daemon(folder: Path, note: Path, code: str) -> "subprocess.Popen[bytes]":
    """A process that makes a child through tars's own code, notes it, and stays."""
    argv = [sys.executable, "-c", textwrap.dedent(SPAWN_AND_WAIT), str(folder), str(note)]
    return subprocess.Popen([*argv, *python(code)], stdout=subprocess.PIPE)


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_child_dies_with_a_killed_daemon(tmp_path: Path) -> None:
    """kill -9 of the daemon leaves no agent, although nobody ran any code then."""
    parent = daemon(tmp_path, tmp_path / "note", "import signal\nwhile True: signal.pause()")
    assert parent.stdout is not None
    with watched(int(parent.stdout.readline())) as ended:
        kill(parent)
        assert ended()


def test_what_a_killed_daemon_left_is_ended(tmp_path: Path) -> None:
    """The child died with its daemon; the grandchild, which did not, is found by its session."""
    note, place = tmp_path / "children.json", tmp_path / "grandchild"
    os.mkfifo(place)
    code = f"""
        import os, signal
        pid = os.fork()
        if pid:
            with open({str(place)!r}, "w") as fifo:
                fifo.write(str(pid))
        while True:
            signal.pause()
    """
    parent = daemon(tmp_path, note, code)
    assert parent.stdout is not None
    leader = int(parent.stdout.readline())
    with watched(leader) as leader_ended:
        grandchild = int(place.read_text())
        kill(parent)
        assert leader_ended()
    assert alive(grandchild), "else there is nothing to prove"
    with watched(grandchild) as ended:
        assert [child.pid for child in children.end_leftovers(note)] == [leader]
        assert ended()
    assert not note.exists()
    assert children.end_leftovers(note) == []


@contextmanager
def bystander() -> Iterator["subprocess.Popen[bytes]"]:
    """Somebody else's process, which leads a session too."""
    argv = python(
        """
        import os, signal
        signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"here\\n"))
        print(flush=True)
        while True:
            signal.pause()
        """
    )
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process
    finally:
        kill(process)


def died_at_once(process: "subprocess.Popen[bytes]") -> bool:
    """Whether a SIGKILL was sent to it: nothing that it is told later is heard."""
    assert process.stdout is not None
    process.send_signal(signal.SIGUSR1)
    return process.stdout.readline() != b"here\n"


def test_a_leader_that_still_lives_is_ended_with_its_session(tmp_path: Path) -> None:
    """Where PDEATHSIG did not do it, the note does."""
    note = tmp_path / "children.json"
    with bystander() as process:
        children.remember(note, [Identity("one", process.pid, children.create_time(process.pid))])
        with watched(process.pid) as ended:
            assert [child.name for child in children.end_leftovers(note)] == ["one"]
            assert ended()


def test_a_pid_that_is_somebody_elses_by_now_is_not_touched(tmp_path: Path) -> None:
    """The same number with another birthday is another process."""
    note = tmp_path / "children.json"
    with bystander() as process:
        born = children.create_time(process.pid)
        for other in (born - 3600, born + 3600):
            children.remember(note, [Identity("one", process.pid, other)])
            assert children.end_leftovers(note) == []
        assert not died_at_once(process)


def test_a_note_from_before_the_machine_was_started_names_nobody(tmp_path: Path) -> None:
    """Pids are given anew after a boot: even a birthday that fits is a coincidence."""
    note = tmp_path / "children.json"
    with bystander() as process:
        children.remember(note, [Identity("one", process.pid, children.create_time(process.pid))])
        os.utime(note, (0, psutil.boot_time() - 60))
        assert children.end_leftovers(note) == []
        assert not died_at_once(process)


def test_the_clock_may_have_been_set_between_two_daemons(tmp_path: Path) -> None:
    """A birthday is reckoned from the boot, which the clock moves by up to a second."""
    note = tmp_path / "children.json"
    with bystander() as process:
        born = children.create_time(process.pid)
        children.remember(note, [Identity("one", process.pid, born + 1.0)])
        assert len(children.end_leftovers(note)) == 1


def test_a_zombie_is_not_waited_for(tmp_path: Path) -> None:
    """Where nobody reaps orphans, a dead leftover would hold up the start for seconds."""
    note = tmp_path / "children.json"
    process = subprocess.Popen(["/bin/true"], start_new_session=True)
    with watched(process.pid) as ended:
        assert ended()
        began = time.monotonic()
        children.remember(note, [Identity("one", process.pid, children.create_time(process.pid))])
        assert children.end_leftovers(note) == []
        assert time.monotonic() - began < 4
    process.wait()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1]", b'[{"name":"one","pid":"x","create_time":0}]', b"null", b"\xff\xfe\x00"],
)
def test_a_broken_note_ends_nobody(tmp_path: Path, content: bytes) -> None:
    """A torn or foreign file is as good as none."""
    note = tmp_path / "children.json"
    note.write_bytes(content)
    assert children.end_leftovers(note) == []


def test_no_note_ends_nobody(tmp_path: Path) -> None:
    """The first daemon of a home finds none."""
    assert children.end_leftovers(tmp_path / "children.json") == []


def test_a_note_is_its_owners_alone_and_replaces_the_one_before(tmp_path: Path) -> None:
    """It is written beside and renamed, with nothing left over."""
    note = tmp_path / "children.json"
    children.remember(note, [Identity("one", 1, 2.0), Identity("two", 3, 4.0)])
    children.remember(note, [Identity("two", 3, 4.0)])
    assert msgspec.json.decode(note.read_bytes()) == [{"name": "two", "pid": 3, "create_time": 4.0}]
    assert note.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [note]


def test_a_process_that_is_gone_has_no_birthday() -> None:
    """0.0 is no time at which a process can have begun."""
    with bystander() as process:
        assert children.create_time(process.pid) > 0
    assert children.create_time(process.pid) == 0.0
