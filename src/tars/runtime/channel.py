"""One process and the codec that speaks with it: bytes in and out until the process is gone."""

import os
import shutil
import signal
import stat
from collections.abc import Callable
from contextlib import aclosing, suppress
from pathlib import Path

import anyio
import anyio.lowlevel

from tars.agents.kind import Launch, Setup
from tars.conversation.model import Garbled, Said
from tars.home import FOLDER_MODE
from tars.protocols.codec import Codec
from tars.runtime import children, pipes, terminal
from tars.runtime.children import Child
from tars.runtime.link import Link, PipeLink
from tars.runtime.log import log
from tars.runtime.pulse import Pulse
from tars.runtime.terminal import PtyLink
from tars.runtime.viewers import Viewers
from tars.runtime.vitals import Gauge

#: How long the pipes of a dead process may still give something.
DRAIN_SECONDS = 1.0
#: How long a process may live on after it closed its stdout.
LINGER_SECONDS = 2.0

Hear = Callable[["Channel", list[Said]], None]
Note = Callable[[list[str]], None]


class Channel:
    """Made with its process; `converse` is to be run until that has exited.

    `heard_at` is when the process last wrote anything anywhere (monotonic seconds). `cut_off`:
    it closed its stdout and lived on, and was ended for that. `garbled` lines of it made no
    sense, and `made_sense`: something else did.
    Raises OSError when the process cannot be made; nothing is left then.
    """

    def __init__(self, setup: Setup, launch: Launch, codec: Codec) -> None:
        _empty(setup.tmp)
        if launch.diagnostics is not None:
            os.mkfifo(launch.diagnostics, 0o600)
        self.child, self._link = _linked(setup, launch)
        self.codec = codec
        self.viewers = _viewers(launch, codec, self.child)
        self.gauge = Gauge(self.child.pid)
        self.pulse = Pulse(self.child.pid)
        self.tail = pipes.Tail(clock=anyio.current_time)
        self.cut_off = False
        self.garbled = 0
        self.made_sense = False
        self.heard_at = anyio.current_time()
        self._quiet_since = self.heard_at
        self._stirred = anyio.Event()
        self._wakes_at = float("inf")
        self._launch = launch
        self.name = setup.name
        self._tmp = setup.tmp

    def flush(self) -> None:
        """Send what the codec has to say; to be called after every call of it."""
        data = self.codec.outgoing()
        if data:
            self._quiet_since = anyio.current_time()
        self._link.send(data)
        silent_until = self._silent_until()
        if silent_until is not None and silent_until < self._wakes_at:
            self._stirred.set()
        if self.viewers is not None:
            self.viewers.show()

    def press(self, keys: bytes) -> None:
        """Pass on what a person types into its terminal."""
        from tars.protocols.screen import ScreenCodec

        if isinstance(self.codec, ScreenCodec):
            self.codec.person_typed()
            self._quiet_since = anyio.current_time()
            self._link.send(keys)
            self.flush()

    def finish_input(self) -> None:
        """Tell the process that no more comes, once everything is sent."""
        self._link.finish()

    def sweep(self) -> None:
        """Remove what the process has left in its private folder for nobody."""
        for pattern in self._launch.litter:
            for path in self._tmp.glob(pattern):
                with suppress(OSError):
                    path.unlink()

    async def converse(self, hear: Hear, note: Note, hint: Note) -> None:
        """Read and write until the child has exited and its pipes are empty.

        `hear` gets what the codec understood, `note` the lines of stderr, `hint` those of
        the diagnostics, which are not to be kept.
        """
        exited, drained = anyio.Event(), anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._link.write)
            tasks.start_soon(self._watch_silence, hear)
            async with anyio.create_task_group() as reading:
                reading.start_soon(self._read_stdout, hear, exited, drained)
                reading.start_soon(self._read_stderr, note)
                if self._launch.diagnostics is not None:
                    tasks.start_soon(self._read_diagnostics, self._launch.diagnostics, hint)
                status = await self.child.exited()
                exited.set()
                if self._launch.stdout_to_file:
                    # A file has an end, however long it takes to read.
                    await drained.wait()
                # Somebody who left the group may hold the pipes open for ever.
                reading.cancel_scope.deadline = anyio.current_time() + DRAIN_SECONDS
            tasks.cancel_scope.cancel()
        if self.viewers is not None:
            self.viewers.end(f"The program of the agent {self.name} {_ended(status)}.")
            self.tail.add(_last_words(self.codec))

    async def _read_stdout(self, hear: Hear, exited: anyio.Event, drained: anyio.Event) -> None:
        async with aclosing(self._link.read(exited)) as source:
            async for data in source:
                self.heard_at = anyio.current_time()
                heard = self.codec.receive(data)
                self._count(heard)
                hear(self, heard)
                self.flush()
        drained.set()
        with anyio.move_on_after(LINGER_SECONDS):
            await exited.wait()
        if not exited.is_set():
            # It closed its stdout and lives on: nobody can talk to it any more.
            self.cut_off = True
            log.warning("agent_cut_off", agent=self.name, reason="it closed its stdout and went on")
        self.child.signal_group(signal.SIGKILL)

    def _count(self, heard: list[Said]) -> None:
        garbled = sum(isinstance(said, Garbled) for said in heard)
        self.garbled += garbled
        self.made_sense = self.made_sense or garbled < len(heard)

    def _silent_until(self) -> float | None:
        """When the silence says something to the codec, if it lasts; None while it does not."""
        seconds = self.codec.quiet_seconds
        return None if seconds is None else max(self.heard_at, self._quiet_since) + seconds

    async def _watch_silence(self, hear: Hear) -> None:
        """Tell the codec of a silence that says something to it."""
        while True:
            self._stirred = anyio.Event()
            silent_until = self._silent_until()
            self._wakes_at = float("inf") if silent_until is None else silent_until
            if anyio.current_time() < self._wakes_at:
                with anyio.CancelScope(deadline=self._wakes_at):
                    await self._stirred.wait()
                continue
            self._quiet_since = anyio.current_time()
            hear(self, self.codec.settle())
            self.flush()
            await anyio.lowlevel.checkpoint()

    async def _read_stderr(self, note: Note) -> None:
        if self.child.stderr is None:
            return
        async with aclosing(pipes.chunks(self.child.stderr)) as source:
            async for data in source:
                self.heard_at = anyio.current_time()
                note(self.tail.add(data))
        note(self.tail.end())

    async def _read_diagnostics(self, fifo: Path, hint: Note) -> None:
        lines = pipes.Tail()
        # Open for writing too, so that its end does not come before the agent's beginning.
        descriptor = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        try:
            async with aclosing(pipes.chunks(descriptor)) as source:
                async for data in source:
                    self.heard_at = anyio.current_time()
                    hint(lines.add(data))
        finally:
            os.close(descriptor)


def _linked(setup: Setup, launch: Launch) -> tuple[Child, Link]:
    """Make the process, and the way to talk with it."""
    if launch.terminal is not None:
        child = terminal.spawn(
            setup.name, launch.argv, env=launch.env, cwd=launch.cwd, terminal=launch.terminal
        )
        return child, PtyLink(child)
    child = children.spawn(
        setup.name,
        launch.argv,
        env=launch.env,
        cwd=launch.cwd,
        stdout_file=setup.tmp / "stdout" if launch.stdout_to_file else None,
    )
    if launch.http is not None:
        # Only these agents need it: the daemon starts without.
        from tars.runtime.http_link import HttpLink

        return child, HttpLink(child, launch.http)
    return child, PipeLink(child, to_file=launch.stdout_to_file)


def _viewers(launch: Launch, codec: Codec, child: Child) -> Viewers | None:
    """Make room for those who look at its screen, where it has one."""
    if launch.terminal is None:
        return None
    from tars.protocols.screen import ScreenCodec  # only who has a screen pays for it

    assert isinstance(codec, ScreenCodec), "what has a terminal is read off its screen"
    size = launch.terminal.rows, launch.terminal.columns
    return Viewers(codec, size, lambda rows, columns: terminal.resize(child, rows, columns))


def _ended(status: int) -> str:
    if status < 0:
        known = -status in set(signal.Signals)
        return f"was ended by {signal.Signals(-status).name if known else f'signal {-status}'}"
    return f"ended with exit status {status}" if status else "has ended"


def _last_words(codec: Codec) -> bytes:
    """Give the end of its screen, for a terminal has no stderr."""
    from tars.protocols.screen import ScreenCodec

    return codec.last_words().encode() if isinstance(codec, ScreenCodec) else b""


def _empty(folder: Path) -> None:
    """Make the private folder anew, without what an earlier process left."""
    try:
        if not os.listdir(folder) and stat.S_IMODE(folder.stat().st_mode) == FOLDER_MODE:
            return
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    folder.mkdir(mode=FOLDER_MODE, parents=True)
