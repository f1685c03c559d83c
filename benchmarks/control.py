"""How many questions a daemon answers in a second, to one client that asks one at a time."""

import subprocess
from functools import partial
from pathlib import Path

from benchmarks.births import Births
from benchmarks.commands import child_of
from benchmarks.figures import PER_SECOND, Line, Table, verdict
from benchmarks.peers import (
    PYTHON,
    Circus,
    Peer,
    Supervisord,
    Tars,
    await_answer,
    ended_together,
    environment,
)
from benchmarks.sampling import Subject, in_turns

LIMIT = 6500
CLIENT = str(Path(__file__).with_name("knocker.py"))


def table(folder: Path, births: Births, *, times: int, count: int) -> Table:
    """`times` clients of each daemon, one after the other, with `count` questions each."""
    tars = Tars(folder / "t")
    peers: list[Peer] = [Supervisord(folder / "s"), Circus(folder / "c"), tars]
    with ended_together(peers):
        for peer in peers:
            child = births.script(f"ask-{peer.name}", child_of(peer))
            peer.launch({"one": child})
            births.wait(f"ask-{peer.name}")
            await_answer(peer)
        tars.wait_ready()
        subjects = [
            Subject(peer.name, partial(_per_second, peer, count, folder), times) for peer in peers
        ]
        lines = [Line(name, values) for name, values in in_turns(subjects).items()]
    ours = next(line for line in lines if line.name == "tars")
    return Table(
        "Control requests (status), one client on one connection",
        PER_SECOND,
        lines,
        reach=f"≥ {LIMIT:,} /s",
        got=verdict(ours.median, LIMIT, f"{ours.median:,.0f} /s", at_least=True),
        note="HTTP and JSON for tars, XML-RPC for supervisord, ZeroMQ and JSON for circus",
    )


def _per_second(peer: Peer, count: int, folder: Path) -> float:
    asked = subprocess.run(
        [PYTHON, "-P", CLIENT, peer.name, str(peer.socket), str(count)],
        env=environment(folder),
        capture_output=True,
        check=True,
        timeout=60,
    )
    return float(asked.stdout)
