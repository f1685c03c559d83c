"""The daemon's parts around each other."""

import subprocess
import sys
from pathlib import Path

import anyio

from tars.control.feed import Feed
from tars.daemon.chronicle import Chronicle
from tars.daemon.root import background
from tars.home import Home
from tars.runtime.loop import Loop
from tars.runtime.recorder import Recorder
from tars.store.store import Store


def test_the_store_is_opened_behind_the_first_agents(tmp_path: Path) -> None:
    """What is done before anything is waited for has the interpreter for itself."""
    home, opened = Home(tmp_path), list[Path]()
    home.prepare()

    def open_store(path: Path) -> Store:
        opened.append(path)
        return Store.open(path)

    async def live() -> None:
        recorder = Recorder(home.store, open_store)
        chronicle = Chronicle(home, recorder, Feed())
        async with background(Loop(chronicle), recorder):
            # As an agent's start does, it lets a thread run that has begun.
            subprocess.run([sys.executable, "-c", ""], check=True)
            assert opened == []
            chronicle.prune()
            await recorder.ask(lambda store: store.waiting_prompts())
            assert opened == [home.store]
            recorder.close()

    anyio.run(live)
