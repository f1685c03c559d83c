"""A quiet minute and a sudden death: what idle daemons use, and how soon a child is back.

Both need daemons that have run for a minute: only after that is a restart the first one
after a healthy life, which tars answers without a pause. So one wait serves both.
"""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.births import Birth, Births
from benchmarks.commands import child_of
from benchmarks.figures import Line, Table, verdict
from benchmarks.peers import Bare, Daemon, Peer, Tars, ended_together, others

#: tars takes a life of this many seconds for a healthy one; a little more is waited.
HEALTHY_SECONDS = 60.0
SETTLE_SECONDS = 4.0
#: After a restart: what the new child does at its start is not the next one's business.
PAUSE_SECONDS = 0.5

RESTART_MS = 10
IDLE_MIB, IDLE_CPU_MS = 50, 10


def tables(folder: Path, births: Births, *, deaths: int) -> Iterator[Table]:
    """`deaths` children of each supervisor are killed, one at a time."""
    quiet: list[Peer] = [Tars(folder / "qt"), *others(folder / "q")]
    mortal: list[Daemon] = [
        Bare(folder / "mb"),
        Tars(folder / "mt"),
        *others(folder / "m"),
    ]
    with ended_together([*quiet, *mortal]):
        for idle in quiet:
            _launch(idle, births, [f"quiet-{idle.name}"])
        running = {p.name: _launch(p, births, _names(p, deaths)) for p in mortal}
        for peer in (*quiet, *mortal):
            if isinstance(peer, Tars):
                peer.wait_ready()
        time.sleep(SETTLE_SECONDS)
        yield from _idle(quiet)
        yield _restarts(mortal, births, running)


def _names(peer: Daemon, deaths: int) -> list[str]:
    return [f"{peer.name.split()[0]}-{number}" for number in range(deaths)]


def _launch(peer: Daemon, births: Births, names: Sequence[str]) -> list[Birth]:
    peer.launch({name: births.script(name, child_of(peer)) for name in names})
    return [births.wait(name) for name in names]


# --- idle -------------------------------------------------------------------


def _idle(peers: Sequence[Peer]) -> Iterator[Table]:
    began = {peer.name: _cpu_ms(peer.pid()) for peer in peers}
    since = time.monotonic()
    time.sleep(HEALTHY_SECONDS + 1)
    minutes = (time.monotonic() - since) / 60
    used = {p.name: (_cpu_ms(p.pid()) - began[p.name]) / minutes for p in peers}
    memory = {p.name: rss_mib(p.pid()) for p in peers}
    first = [*(p for p in peers if p.name != "tars"), *(p for p in peers if p.name == "tars")]
    note = "the daemon alone, its store open, without its one child"
    yield Table(
        "Idle: resident memory",
        "MiB",
        [Line(p.name, [memory[p.name]]) for p in first],
        reach=f"≤ {IDLE_MIB} MiB",
        got=verdict(memory["tars"], IDLE_MIB, f"{memory['tars']:.1f} MiB"),
        note=note,
    )
    yield Table(
        "Idle: processor time in one minute",
        "ms",
        [Line(p.name, [used[p.name]]) for p in first],
        reach=f"≤ {IDLE_CPU_MS} ms",
        got=verdict(used["tars"], IDLE_CPU_MS, f"{used['tars']:.1f} ms"),
        note=note,
    )


def _cpu_ms(pid: int) -> float:
    """Processor time of all threads so far; schedstat counts nanoseconds, stat only ticks."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def rss_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


# --- restarts ---------------------------------------------------------------


def _restarts(peers: list[Daemon], births: Births, running: dict[str, list[Birth]]) -> Table:
    figures: dict[str, list[float]] = {peer.name: [] for peer in peers}
    patient = [peer for peer in peers if peer.name == "circus"]
    for number in range(len(running["tars"])):
        for peer in peers[number % len(peers) :] + peers[: number % len(peers)]:
            if peer not in patient:
                figures[peer.name].append(_kill(running[peer.name][number], births))
                time.sleep(PAUSE_SECONDS)
    # It looks only every five seconds: killed one after the other they would take a minute.
    for peer in patient:
        figures[peer.name] = _kill_all(running[peer.name], births)
    lines = [Line(name, values) for name, values in figures.items()]
    ours = next(line for line in lines if line.name == "tars")
    return Table(
        "A killed child is running again (its first death after a healthy minute)",
        "ms",
        lines,
        reach=f"≤ {RESTART_MS} ms",
        got=verdict(ours.median, RESTART_MS, f"{ours.median:.1f} ms"),
        note="from SIGKILL until the new process reports itself, some 1 ms of shell included",
    )


def _kill(child: Birth, births: Births) -> float:
    began = time.perf_counter()
    os.kill(child.pid, signal.SIGKILL)
    return (births.wait(child.name).at - began) * 1000


def _kill_all(children: Sequence[Birth], births: Births) -> list[float]:
    killed = {}
    for child in children:
        killed[child.name] = time.perf_counter()
        os.kill(child.pid, signal.SIGKILL)
        time.sleep(PAUSE_SECONDS)
    return [(births.wait(name).at - at) * 1000 for name, at in killed.items()]
