"""From nothing to a daemon that works: its child runs, its socket answers, its agent is ready."""

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.births import Births
from benchmarks.commands import child_of
from benchmarks.figures import Line, Table
from benchmarks.peers import (
    Circus,
    Peer,
    Pm2,
    Supervisord,
    Tars,
    await_answer,
    ended_together,
    pm2_installed,
)

SETTLE_SECONDS = 0.5

Make = Callable[[Path], Peer]


def table(folder: Path, births: Births, *, times: int) -> Table:
    """Each daemon is started and ended `times` times, in turns."""
    makers: list[Make] = [Supervisord, Circus, *([Pm2] if pm2_installed() else []), Tars]
    figures: dict[str, list[float]] = {}
    # Not counted: the first start of all writes the bytecode.
    for make in makers:
        _start(make, folder / "warm", births)
    for turn in range(times):
        for make in makers:
            for what, took in _start(make, folder / str(turn), births).items():
                figures.setdefault(what, []).append(took)
    lines = [Line(name, values) for name, values in figures.items()]
    return Table("A daemon's start, from its spawning on", "ms", lines)


def _start(make: Make, folder: Path, births: Births) -> dict[str, float]:
    peer = make(folder / make.__name__.lower())
    child = f"start-{peer.name}"
    script = births.script(child, child_of(peer))
    with ended_together([peer]):
        began = time.perf_counter()
        peer.launch({"one": script})
        await_answer(peer)
        answers = (time.perf_counter() - began) * 1000
        running = (births.wait(child).at - began) * 1000
        took = {
            f"{peer.name}: its child runs": running,
            f"{peer.name}: its socket answers": answers,
        }
        if isinstance(peer, Tars):
            peer.wait_ready()
            took["tars: its agent is ready"] = (time.perf_counter() - began) * 1000
        # circus does not hear a SIGTERM that comes while it starts.
        time.sleep(SETTLE_SECONDS)
    return took
