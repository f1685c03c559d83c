"""A hundred and a thousand children under one daemon: start, memory, status, a mass death.

Each daemon is alone on the machine while it is measured, in turns with the others, and
every child is as trivial as can be. Those of tars are terminal agents (kind `pty`).
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

from benchmarks.births import Births
from benchmarks.figures import Line, Table, verdict
from benchmarks.lives import rss_mib
from benchmarks.peers import Circus, Peer, Supervisord, Tars, await_answer, end_strays
from benchmarks.sampling import command_ms

SIZES = (100, 1000)
#: What a daemon does right after its start is not the mass death's business; supervisord
#: takes a child for running after a second only.
SETTLE_SECONDS = 3.0
STATUS_TIMES = 5

#: What is measured of each daemon: its title, unit, and how its figures are printed.
_QUESTIONS = {
    "start": ("all of them run", "s", "{:.2f} s"),
    "memory": ("resident memory of the daemon", "MiB", "{:.1f} MiB"),
    "status": ("a status command, the whole process", "ms", "{:.0f} ms"),
    "recovery": ("all are killed at once, and all run again", "s", "{:.2f} s"),
}

Make = Callable[[Path], Peer]


class TarsOfTerminals(Tars):
    """tars with an agent on a pseudo-terminal for each child."""

    def launch(self, children: Mapping[str, str]) -> None:
        tables = (
            f'[agents.{name}]\nkind = "pty"\ncommand = ["{script}"]\n'
            for name, script in children.items()
        )
        self.launch_configured("\n".join(tables))


def tables(folder: Path, births: Births, *, rounds: int) -> Iterator[Table]:
    """Measure every daemon `rounds` times with each number of children."""
    makers: tuple[Make, ...] = (Supervisord, Circus, TarsOfTerminals)
    for size in SIZES:
        figures: dict[str, dict[str, list[float]]] = {what: {} for what in _QUESTIONS}
        for turn in range(rounds):
            for make in makers:
                peer = make(folder / f"{size}-{turn}-{make.__name__.lower()}")
                for what, value in _measured(peer, births, size).items():
                    figures[what].setdefault(peer.name, []).append(value)
        for what, by_name in figures.items():
            yield _table(what, size, by_name)


def _table(what: str, size: int, by_name: Mapping[str, list[float]]) -> Table:
    title, unit, shown = _QUESTIONS[what]
    lines = [Line(name, values) for name, values in by_name.items()]
    title = f"{size:,} children: {title}"
    if what == "memory":
        return Table(title, unit, lines)
    ours = median(by_name["tars"])
    best = min(median(values) for name, values in by_name.items() if name != "tars")
    return Table(
        title,
        unit,
        lines,
        reach=f"no more than the better of the others, {shown.format(best)}",
        got=verdict(ours, best, shown.format(ours)),
    )


def _measured(peer: Peer, births: Births, size: int) -> dict[str, float]:
    names = [f"{peer.name}-{number}" for number in range(size)]
    scripts = {name: births.script(name) for name in names}
    with _ended_at_once(peer, births):
        began = time.perf_counter()
        peer.launch(scripts)
        born = births.wait_all(names)
        took = {"start": max(birth.at for birth in born) - began}
        await_answer(peer)
        if isinstance(peer, Tars):
            peer.wait_ready()
        time.sleep(SETTLE_SECONDS)
        took["memory"] = rss_mib(peer.pid())
        status = [command_ms(peer.status_command(), peer.env) for _ in range(STATUS_TIMES)]
        took["status"] = median(status)
        began = time.perf_counter()
        for birth in born:
            os.kill(birth.pid, signal.SIGKILL)
        took["recovery"] = max(birth.at for birth in births.wait_all(names)) - began
    return took


@contextmanager
def _ended_at_once(peer: Peer, births: Births) -> Iterator[None]:
    """End a daemon and its children; an orderly end of a thousand takes circus a minute."""
    try:
        yield
    finally:
        with suppress(OSError):
            os.kill(peer.pid(), signal.SIGKILL)
        peer.end()
        end_strays(births.pids, births.folder)
        births.pids.clear()
