"""Bytes from and to a child: whole, in order, and within bounds."""

import os
import subprocess
import sys
import textwrap
import tracemalloc
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tars.runtime import pipes
from tars.runtime.pipes import CHUNK, Outbox, Tail

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A reader and a writer that do not block; the test may close either."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:
            continue


# --- reading ----------------------------------------------------------------


@BACKENDS
def test_everything_that_comes_out_of_a_pipe_is_given(pipe: tuple[int, int], backend: str) -> None:
    """In order, to the end; waiting for more blocks nobody."""
    reader, writer = pipe
    heard: list[bytes] = []

    async def listen() -> None:
        async for data in pipes.chunks(reader):
            heard.append(data)

    async def scene() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            for word in (b"one ", b"two ", b"three"):
                count = len(b"".join(heard))
                os.write(writer, word)
                while len(b"".join(heard)) == count:
                    await anyio.lowlevel.checkpoint()
            os.close(writer)

    anyio.run(scene, backend=backend)
    assert b"".join(heard) == b"one two three"


@BACKENDS
def test_a_flood_does_not_keep_others_waiting(backend: str) -> None:
    """Between two chunks everybody else has a turn, although more is there to read."""
    descriptor = os.open("/dev/zero", os.O_RDONLY)
    turns = 0

    async def scene() -> None:
        nonlocal turns
        async with anyio.create_task_group() as tasks, aclosing(pipes.chunks(descriptor)) as flood:

            async def count() -> None:
                nonlocal turns
                while True:
                    await anyio.lowlevel.checkpoint()
                    turns += 1

            tasks.start_soon(count)
            chunks = 0
            async for data in flood:
                assert len(data) == CHUNK
                chunks += 1
                if chunks == 100:
                    break
            tasks.cancel_scope.cancel()

    anyio.run(scene, backend=backend)
    os.close(descriptor)
    assert turns >= 50


def test_a_growing_file_is_read_as_it_grows(tmp_path: Path) -> None:
    """What was appended is there a fiftieth of a second later; the end is told by its writer."""
    file = tmp_path / "stdout"
    file.write_bytes(b"a")
    heard: list[bytes] = []

    async def scene(clock: MockClock) -> None:
        finished = anyio.Event()
        descriptor = os.open(file, os.O_RDONLY)

        async def listen() -> None:
            async for data in pipes.grown(descriptor, finished):
                heard.append(data)
            heard.append(b"END")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            await wait_all_tasks_blocked()
            assert heard == [b"a"]
            with file.open("ab") as writer:
                writer.write(b"b" * (CHUNK + 1))
            await wait_all_tasks_blocked()
            assert heard == [b"a"], "it looks seldom"
            clock.jump(pipes.TAIL_SECONDS)
            await wait_all_tasks_blocked()
            assert b"".join(heard) == b"a" + b"b" * (CHUNK + 1)
            with file.open("ab") as writer:
                writer.write(b"last")
            finished.set()
        assert heard[-2:] == [b"last", b"END"]
        os.close(descriptor)

    clock = MockClock()
    trio.run(scene, clock, clock=clock)


def test_a_file_that_grows_on_after_its_writer_has_gone_has_an_end(tmp_path: Path) -> None:
    """Somebody who kept the file open cannot keep us reading for ever."""
    file = tmp_path / "stdout"
    file.write_bytes(b"x" * CHUNK * 3)
    read = 0

    async def scene() -> None:
        nonlocal read
        finished = anyio.Event()
        finished.set()
        descriptor = os.open(file, os.O_RDONLY)
        with file.open("ab", buffering=0) as stranger:
            async for data in pipes.grown(descriptor, finished):
                read += len(data)
                stranger.write(b"y" * CHUNK)
        os.close(descriptor)

    anyio.run(scene)
    assert CHUNK * 3 <= read <= CHUNK * 4


# --- writing ----------------------------------------------------------------


def drain(reader: int) -> bytes:
    data = b""
    while True:
        try:
            piece = os.read(reader, CHUNK)
        except BlockingIOError:
            return data
        if not piece:
            return data
        data += piece


def test_what_a_pipe_takes_is_written_at_once(pipe: tuple[int, int]) -> None:
    """No task has to run before a prompt is on its way."""
    reader, writer = pipe
    outbox = Outbox(writer)
    outbox.send(b"hello ")
    outbox.send(b"")
    outbox.send(b"there")
    assert drain(reader) == b"hello there"


@BACKENDS
def test_an_agent_that_reads_late_reads_everything_in_order(
    pipe: tuple[int, int], backend: str
) -> None:
    """What a full pipe does not take waits, and goes out as there is room."""
    reader, writer = pipe
    messages = [f"{number:07d}\n".encode() * 4096 for number in range(100)]
    heard = bytearray()

    async def listen() -> None:
        async for data in pipes.chunks(reader):
            heard.extend(data)

    async def scene() -> None:
        outbox = Outbox(writer)
        for message in messages:
            outbox.send(message)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            outbox.finish()
            await outbox.flush()
            os.close(writer)

    anyio.run(scene, backend=backend)
    assert bytes(heard) == b"".join(messages)


@BACKENDS
def test_a_flush_waits_for_more_until_it_is_finished(pipe: tuple[int, int], backend: str) -> None:
    """An empty outbox is no reason to close an agent's stdin."""
    reader, writer = pipe
    ended = False

    async def scene() -> None:
        outbox = Outbox(writer)

        async def flush() -> None:
            nonlocal ended
            await outbox.flush()
            ended = True

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(flush)
            await anyio.wait_all_tasks_blocked()
            assert not ended
            filling = b"x" * 2**20
            outbox.send(filling)
            await anyio.wait_all_tasks_blocked()
            heard = 0
            while heard < len(filling):
                heard += len(drain(reader))
                await anyio.lowlevel.checkpoint()
            assert not ended
            outbox.finish()

    anyio.run(scene, backend=backend)
    assert ended


@BACKENDS
def test_a_broken_pipe_ends_the_flush_and_is_no_error(pipe: tuple[int, int], backend: str) -> None:
    """The child's exit says more than its stdin."""
    reader, writer = pipe

    async def scene() -> None:
        outbox = Outbox(writer)
        outbox.send(b"x" * 2**20)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(outbox.flush)
            await anyio.wait_all_tasks_blocked()
            os.close(reader)
        assert outbox.broken
        outbox.send(b"more")

    anyio.run(scene, backend=backend)


def test_nothing_is_written_once_stdin_is_to_be_closed(
    pipe: tuple[int, int], tmp_path: Path
) -> None:
    """The descriptor's number may be another file's by then, which must not get our words."""
    _, writer = pipe
    outbox = Outbox(writer)
    outbox.finish()
    anyio.run(outbox.flush)
    innocent = os.open(tmp_path / "innocent", os.O_CREAT | os.O_WRONLY)
    os.dup2(innocent, writer)
    os.close(innocent)
    outbox.send(b"a cancel that came too late")
    assert (tmp_path / "innocent").read_bytes() == b""


def test_an_outbox_is_bounded_and_drops_whole_messages(pipe: tuple[int, int]) -> None:
    """A deaf agent cannot fill the daemon's memory; what goes beyond the bound is not torn."""
    reader, writer = pipe
    outbox = Outbox(writer)
    message = b"m" * (2**20 - 1) + b"\n"
    tracemalloc.start()
    for _ in range(200):
        outbox.send(message)
    size, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < pipes.OUTBOX_LIMIT * 1.3
    assert peak < pipes.OUTBOX_LIMIT * 2.5

    heard = bytearray()

    async def scene() -> None:
        outbox.finish()

        async def listen() -> None:
            async for data in pipes.chunks(reader):
                heard.extend(data)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            await outbox.flush()
            os.close(writer)

    anyio.run(scene)
    count, rest = divmod(len(heard), len(message))
    assert rest == 0
    assert count >= 60
    assert heard == message * count


# --- the end of stderr ------------------------------------------------------


def test_lines_are_given_when_they_are_whole() -> None:
    """Torn anywhere, even inside a character."""
    tail = Tail()
    assert tail.add(b"one\ntw") == ["one"]
    assert tail.add("o ä".encode()[:-1]) == []
    assert tail.add("ä".encode()[-1:] + b"\n\nthree\n") == ["two ä", "", "three"]
    assert tail.end() == []


def test_a_last_line_without_a_newline_is_given_at_the_end() -> None:
    """A process that is killed in mid-sentence said something all the same."""
    tail = Tail()
    tail.add(b"whole\nlast wor")
    assert tail.end() == ["last wor"]
    assert tail.end() == []
    assert tail.text == "whole\nlast wor"


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    """Nothing that is written to stderr is an error of ours."""
    assert Tail().add(b"\xff\xfe ok\n") == ["\ufffd\ufffd ok"]


def test_only_the_end_is_kept() -> None:
    """Both of the text and of a line that is too long."""
    tail = Tail(limit=10)
    assert tail.add(b"0123456789abcdef") == []
    assert tail.text == "6789abcdef"
    assert tail.add(b"XY\n") == ["6789abcdefXY"]
    assert tail.text == "9abcdefXY\n"


def test_it_is_known_when_the_end_was_written() -> None:
    """To a quarter of a second, and within bounds."""
    now = 10.0
    tail = Tail(limit=20, clock=lambda: now)
    tail.add(b"long ago\n")
    now = 130.0
    tail.add(b"just ")
    now = 130.1
    tail.add(b"now\n")
    assert tail.since(125.0) == "just now\n"
    assert tail.since(131.0) == ""
    assert tail.written_at == 130.1
    now = 131.0
    tail.add(b"x" * 30)
    assert tail.since(0.0) == tail.since(131.0) == "x" * 20


@pytest.mark.parametrize("piece", [1, 100, CHUNK])
def test_an_endless_line_is_bounded_however_it_comes(piece: int) -> None:
    """Neither memory nor work grows with what was written before."""
    tail = Tail()
    data = b"x" * piece
    tail.add(data)
    tracemalloc.start()
    for _ in range(max(2000, 2**20 // piece) if piece > 1 else 100_000):
        assert tail.add(data) == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * CHUNK
    assert len(tail.text) <= 16 * 1024


# --- a flood, through a codec -----------------------------------------------

#: Where `tests` is found by a Python of its own.
ROOT = Path(__file__).parents[2]
FLOOD = """
    import resource, sys
    from pathlib import Path
    from tests.support.stage import Stage, play_live

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        await stage.asked("text warm")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        report = await stage.asked("flood 100; text still here")
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        garbled = stage.witness.garbled()
        print(report.text, [said.size for said in garbled], grown < 16 * 1024, file=sys.stderr)

    play_live(scene, Path(sys.argv[1]))
"""


def test_a_hundred_megabytes_without_a_newline_are_one_garbled_line(tmp_path: Path) -> None:
    """Memory does not grow with it, and the agent answers on. In a process of its own, whose
    peak memory nobody else has raised."""
    argv = [sys.executable, "-W", "error", "-c", textwrap.dedent(FLOOD), str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=100, check=False, cwd=ROOT)
    assert done.stderr == f"still here [{100 * 2**20}] True\n"
