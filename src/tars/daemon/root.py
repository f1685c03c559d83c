"""The composition root: config, store, socket and loop, until a signal or a request ends them."""

import fcntl
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial

import anyio

from tars import config as configuration
from tars.agents.kind import Kind
from tars.control.app import build
from tars.control.feed import Feed
from tars.control.server import bind, serve
from tars.core.agent import State
from tars.daemon import logs
from tars.daemon.assembly import Assembly
from tars.daemon.backend import Desk
from tars.daemon.chronicle import Chronicle
from tars.daemon.healing import heal
from tars.errors import AlreadyRunning
from tars.home import FILE_MODE, Home
from tars.runtime import children
from tars.runtime.log import log
from tars.runtime.loop import Loop
from tars.runtime.recorder import Recorder
from tars.service.notify import Notifier

#: How often the decisions so far are written, and the service manager hears a sentence.
FLUSH_SECONDS = 20.0


def run(home: Home, kinds: Mapping[str, Kind] | None = None) -> int:
    """Serve this home in the foreground until SIGTERM, SIGINT or a shutdown request.

    Raises AlreadyRunning, ConfigInvalid, UserError and OSError before anything was
    started. Gives the exit status.
    """
    os.umask(0o077)
    home.prepare()
    if kinds is None:
        from tars.agents.registry import KINDS

        kinds = KINDS
    with _lock(home):
        anyio.run(partial(_serve, home, kinds))
    return 0


async def _serve(home: Home, kinds: Mapping[str, Kind]) -> None:
    config = configuration.load(home, kinds)
    logs.configure(
        home.log,
        level=config.log_level,
        max_bytes=config.log_max_bytes,
        backups=config.log_backups,
    )
    log.info("daemon_started", pid=os.getpid())
    for left in children.end_leftovers(home.children):
        log.warning("leftover_ended", agent=left.name, pid=left.pid)
    stop = anyio.Event()
    recorder = Recorder(home.store)
    chronicle = Chronicle(home, recorder, Feed())
    loop = Loop(chronicle)
    assembly = Assembly(home, config, kinds, loop, chronicle)
    assembly.adopt_all()
    desk = Desk(home, loop, chronicle, recorder, assembly, stop.set)
    socket = bind(home.socket)
    notifier = Notifier.from_environment(os.environ)
    try:
        async with _background(loop, recorder) as tasks:
            closed = anyio.Event()
            # Before anybody can connect: no prompt of this daemon is a left-over.
            tasks.start_soon(heal, recorder, loop, chronicle)
            tasks.start_soon(partial(serve, build(desk), socket, stop=closed))
            tasks.start_soon(_heed_signals, stop, desk, notifier)
            tasks.start_soon(_tell_service_manager, notifier, desk, loop, assembly)
            tasks.start_soon(_flush_now_and_then, chronicle)
            assembly.start_all()
            await stop.wait()
            notifier.stopping()
            log.info("daemon_stopping")
            await loop.stop_all()
            chronicle.adjourned(loop.prompts)
            chronicle.flush()
            recorder.close()
            closed.set()
    finally:
        with suppress(OSError):
            home.socket.unlink()
            home.children.unlink()
        log.info("daemon_stopped")


@asynccontextmanager
async def _background(loop: Loop, recorder: Recorder) -> AsyncIterator[anyio.abc.TaskGroup]:
    """The loop and the recorder run around everything else; the recorder ends last."""
    async with anyio.create_task_group() as writing:
        writing.start_soon(recorder.run)
        async with anyio.create_task_group() as tasks:
            started = anyio.Event()
            tasks.start_soon(partial(loop.run, started=started))
            await started.wait()
            yield tasks
            await recorder.written()
            tasks.cancel_scope.cancel()


async def _heed_signals(stop: anyio.Event, desk: Desk, notifier: Notifier) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for number in signals:
            log.info("signal_received", signal=signal.Signals(number).name)
            if number != signal.SIGHUP:
                stop.set()
                continue
            notifier.reloading()
            await desk.reload()
            notifier.ready("The configuration was read again.")


async def _tell_service_manager(
    notifier: Notifier, desk: Desk, loop: Loop, assembly: Assembly
) -> None:
    """Ready once the default agent answered its handshake, or cannot until it is mended."""
    if notifier.address is None:
        return
    name = assembly.config.default_agent
    settled = (State.READY, State.BUSY, State.FAILED, State.STOPPED)
    await loop.reached(lambda: loop.agent(name).state in settled)
    notifier.ready(_sentence(desk))
    pause = min(FLUSH_SECONDS, (notifier.watchdog_seconds or FLUSH_SECONDS * 2) / 2)
    while True:
        # From the loop's own thread: a loop that hangs sends no heartbeat.
        notifier.watchdog()
        notifier.status(_sentence(desk))
        await anyio.sleep(pause)


def _sentence(desk: Desk) -> str:
    return "; ".join(f"{agent.name}: {agent.state}" for agent in desk.agents().agents)


async def _flush_now_and_then(chronicle: Chronicle) -> None:
    while True:
        await anyio.sleep(FLUSH_SECONDS)
        chronicle.flush()


@contextmanager
def _lock(home: Home) -> Iterator[None]:
    """Hold the home for one daemon. An flock: it goes with the process, however it ends."""
    descriptor = os.open(home.lock, os.O_CREAT | os.O_RDWR, FILE_MODE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                "tars is running already for this home.", advice="`tars status` shows it."
            ) from None
        yield
    finally:
        os.close(descriptor)
