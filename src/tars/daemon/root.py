"""The composition root: config, store, socket and loop, until a signal or a request ends them."""

import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import anyio

from tars import config as configuration
from tars.agents.kind import Kind
from tars.control.feed import Feed
from tars.daemon import logs
from tars.daemon.assembly import Assembly
from tars.daemon.budgets import Budgets
from tars.daemon.chronicle import Chronicle
from tars.daemon.costs import Spending
from tars.daemon.fallbacks import Fallbacks
from tars.daemon.healing import heal
from tars.daemon.history import History
from tars.daemon.hold import hold
from tars.daemon.lean import lean_imports
from tars.daemon.retention import keep_in_order
from tars.daemon.runaways import Runaways
from tars.daemon.service import EXTENSION_SECONDS, Agents, tell_service_manager
from tars.daemon.upkeep import Door, StoreFile
from tars.daemon.web import WebPage
from tars.home import Home
from tars.runtime import descriptors
from tars.runtime.family import OURS
from tars.runtime.leftovers import end_leftovers
from tars.runtime.log import log
from tars.runtime.loop import Loop
from tars.runtime.marks import home_id
from tars.runtime.recorder import Recorder
from tars.service.activation import activated
from tars.service.notify import Notifier
from tars.sessions.library import finish_restore

if TYPE_CHECKING:
    from tars.daemon.backend import Desk

#: How often the decisions so far are written.
FLUSH_SECONDS = 20.0


def run(home: Home, kinds: Mapping[str, Kind] | None = None) -> int:
    """Serve this home in the foreground until SIGTERM, SIGINT or a shutdown request.

    Raises AlreadyRunning, ConfigInvalid, UserError and OSError before anything was
    started. Gives the exit status.
    """
    os.umask(0o077)
    descriptors.OURS.raise_limit()
    descriptors.OURS.keep()
    home.prepare()
    if kinds is None:
        from tars.agents.registry import KINDS

        kinds = KINDS
    given = activated(os.environ, home.socket)
    with hold(home, listens=given is not None):
        finish_restore(home)
        anyio.run(partial(_serve, home, kinds, given))
    return 0


async def _serve(home: Home, kinds: Mapping[str, Kind], given: socket.socket | None = None) -> None:
    config = configuration.load(home, kinds)
    logs.configure(
        home.log,
        level=config.log_level,
        max_bytes=config.log_max_bytes,
        backups=config.log_backups,
    )
    log.info("daemon_started", pid=os.getpid())
    own = home_id(home.root)
    OURS.settle(own)
    for left in end_leftovers(home.children, own):
        log.warning("leftover_ended", agent=left.name, pid=left.pid)
    stop = anyio.Event()
    store_file = StoreFile(config.store, home.spool)
    recorder = Recorder(home.store, store_file.open)
    chronicle = Chronicle(home, recorder, Feed())
    loop = Loop(chronicle)
    assembly = Assembly(home, config, kinds, loop, chronicle)
    assembly.adopt_all()
    fallbacks = Fallbacks(loop, chronicle.feed, assembly.fallbacks)
    chronicle.fallbacks = fallbacks
    chronicle.asked_for = loop.asked_for
    chronicle.refuse = loop.refuse
    spending = Spending(home, os.environ)
    chronicle.counted = spending.changed
    history = History(home, recorder, spending, lambda: assembly.config, os.environ)
    budgets = Budgets(home, loop, chronicle.feed, spending, lambda: assembly.config)
    runaways = Runaways(chronicle.feed, lambda: assembly.config.runaway, loop.send)
    chronicle.watching += [runaways, budgets]
    chronicle.gate, fallbacks.bars = budgets.begins, budgets.bars
    page = WebPage(home, loop, recorder, lambda: assembly.config.web)
    closed = anyio.Event()
    door = Door(home.socket, closed, given)
    door.bind()
    notifier = Notifier.from_environment(os.environ)
    try:
        async with background(loop, recorder) as tasks:
            assembly.start_all()
            # What answers people is imported while the agents begin: they need not wait for it.
            with lean_imports():
                from tars.control.app import build
                from tars.daemon.backend import Desk

                desk = Desk(
                    home,
                    loop,
                    chronicle,
                    recorder,
                    assembly,
                    fallbacks,
                    budgets,
                    history,
                    page,
                    stop.set,
                )
                # Before anybody can connect: no prompt of this daemon is a left-over.
                tasks.start_soon(heal, recorder, loop, chronicle)
                routes = build(desk)
                door.serve(routes, tasks)
                page.begin(routes, tasks)

            def look() -> None:
                door.watch(tasks)
                chronicle.store_deleted = store_file.is_deleted()

            tasks.start_soon(_heed_signals, stop, desk, notifier, look)
            agents = Agents(desk, loop, assembly)
            tasks.start_soon(tell_service_manager, notifier, agents, stop)
            tasks.start_soon(_flush_now_and_then, chronicle, look)
            tasks.start_soon(chronicle.scribe.run)
            tasks.start_soon(keep_in_order, recorder, home, lambda: assembly.config.sessions)
            tasks.start_soon(budgets.run)
            tasks.start_soon(history.run)
            tasks.start_soon(spending.leave_today)
            tasks.start_soon(OURS.reap)
            tasks.start_soon(assembly.order.run)
            await stop.wait()
            notifier.stopping()
            notifier.extend(EXTENSION_SECONDS)
            log.info("daemon_stopping")
            await assembly.retire()
            fallbacks.close()
            await assembly.order.stop_all()
            await OURS.end_strangers()
            chronicle.adjourned(loop.prompts)
            chronicle.flush()
            await spending.end()
            recorder.close()
            page.end()
            closed.set()
    finally:
        chronicle.close()
        spending.close()
        door.remove()
        with suppress(OSError):
            home.children.unlink()
        log.info("daemon_stopped")


@asynccontextmanager
async def background(loop: Loop, recorder: Recorder) -> AsyncIterator[anyio.abc.TaskGroup]:
    """The loop and the recorder run around everything else; the recorder ends last."""
    async with anyio.create_task_group() as writing, anyio.create_task_group() as tasks:
        started = anyio.Event()
        tasks.start_soon(partial(loop.run, started=started))
        await started.wait()
        # Once whoever uses this block waits for the first time: the store's import takes a
        # tenth of a second of the interpreter, which the first agents are started in.
        writing.start_soon(recorder.run)
        yield tasks
        await recorder.written()
        tasks.cancel_scope.cancel()


async def _heed_signals(
    stop: anyio.Event, desk: "Desk", notifier: Notifier, look: Callable[[], None]
) -> None:
    async def reload() -> None:
        notifier.reloading()
        look()
        await desk.reload()
        if not stop.is_set():
            notifier.ready("The configuration was read again.")

    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        # A reload waits for agents that it ends; a signal to stop does not wait for it.
        async with anyio.create_task_group() as tasks:
            async for number in signals:
                log.info("signal_received", signal=signal.Signals(number).name)
                if number != signal.SIGHUP:
                    stop.set()
                elif not stop.is_set():
                    tasks.start_soon(reload)


async def _flush_now_and_then(chronicle: Chronicle, look: Callable[[], None]) -> None:
    while True:
        await anyio.sleep(FLUSH_SECONDS)
        look()
        chronicle.flush()
