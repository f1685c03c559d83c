"""The inside of a daemon, without a socket and without a past."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio

from tars import config
from tars.agents.registry import KINDS
from tars.control.feed import Feed
from tars.daemon.assembly import Assembly
from tars.daemon.chronicle import Chronicle
from tars.home import Home
from tars.runtime.loop import Loop
from tars.runtime.recorder import Recorder
from tars.store.store import Store


@asynccontextmanager
async def running(
    home: Home, opened: Callable[[Path], Store] | None = None
) -> AsyncIterator[tuple[Recorder, Loop, Chronicle, Assembly]]:
    """Run it with the agents of this home; everything that happened is written at the end."""
    recorder = Recorder(home.store, opened)
    chronicle = Chronicle(home, recorder, Feed())
    loop = Loop(chronicle)
    async with anyio.create_task_group() as tasks:
        started = anyio.Event()
        tasks.start_soon(recorder.run)
        tasks.start_soon(partial(loop.run, started=started))
        await started.wait()
        assembly = Assembly(home, config.load(home, KINDS), KINDS, loop, chronicle)
        assembly.adopt_all()
        yield recorder, loop, chronicle, assembly
        await loop.stop_all()
        recorder.close()
        await recorder.written()
        chronicle.close()
        tasks.cancel_scope.cancel()
