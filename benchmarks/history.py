"""How long it takes to say what all the agents' logs come to, beside ccusage, which reads all of
them each time."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.corpus import prepared
from benchmarks.corpus_claude import another_answer
from benchmarks.corpus_scribe import Truth
from benchmarks.figures import Line, Table, verdict
from benchmarks.peers import ROOT
from benchmarks.sampling import Subject, command_ms, in_turns
from tars.accounting.rates import SLOT_SECONDS, Tokens
from tars.home import Home

CCUSAGE = ROOT / ".cache/bench/node_modules/@ccusage/ccusage-linux-x64/bin/ccusage"
_PEER = [str(CCUSAGE), "daily", "--json", "--offline"]
_SUMMARY = ["costs", "summary", "--range", "all", "--format", "json"]
_TARS = [str(ROOT / ".venv" / "bin" / "tars"), *_SUMMARY]
#: How many files grow between two reports.
_GROWING = 10
#: What is to be reached: ratios to ccusage, milliseconds, megabytes, and a share of the logs.
FIRST, AGAIN, WORK_MS, MEMORY_MB, SIZE = 0.8, 0.1, 50.0, 120.0, 0.02

#: A process that makes the report for each line that it is given, and says how many milliseconds
#: that took, and how many KiB it and its children had at most.
_REPORTER = f"""
import io, resource, sys, time
from contextlib import redirect_stdout
from tars.cli.costs.quick import main
for line in sys.stdin:
    began = time.perf_counter()
    with redirect_stdout(io.StringIO()):
        main({_SUMMARY[1:]})
    took = (time.perf_counter() - began) * 1000
    status = dict(line.split(":") for line in open("/proc/self/status"))
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(took, status["VmHWM"].split()[0], children, flush=True)
"""
#: A small process that runs another one, and says how many KiB that had at most. What begins as
#: a copy of a large process would count that one's memory.
_WATCHER = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ,
    file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
print(os.wait4(pid, 0)[2].ru_maxrss)
"""


def missing() -> str | None:
    """Say why nothing can be compared, or give None."""
    return None if CCUSAGE.exists() else "ccusage is not installed, `make bench` does it"


def tables(folder: Path, *, times: int, megabytes: int = 1000) -> Iterator[Table]:
    """`times` is how often each is run; all of them in turns, warm."""
    # npm installs it as a file that is not to be run.
    CCUSAGE.chmod(0o755)
    logs, truth = prepared(megabytes)
    bench = _Bench(folder, logs)
    figures = in_turns(
        [
            Subject("ccusage 20", lambda: command_ms(_PEER, bench.env()), times),
            Subject("tars, the first time", bench.first, times),
            Subject("tars, nothing changed", bench.again, times),
            Subject(f"tars, {_GROWING} files grew", bench.grown, times),
        ]
    )
    peer, first, *again = (Line(name, values) for name, values in figures.items())
    yield _first_table(bench, truth, [peer, first])
    yield _again_table(bench, peer, again, times)
    yield _processor_table(bench, times)
    yield _memory_table(bench)


def _first_table(bench: "_Bench", truth: Truth, lines: list[Line]) -> Table:
    files = [path for path in bench.logs.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    requests = sum(tokens.requests for tokens in truth.values())
    ratio, share = lines[1].median / lines[0].median, bench.home.history.stat().st_size / size
    off = len(set(bench.counted.items()) ^ set(truth.items()))
    got = (
        verdict(ratio, FIRST, f"{ratio:.2f} x"),
        verdict(share, SIZE, f"{share:.1%}"),
        verdict(off, 0, f"{off} figures of an agent, model and day are others"),
    )
    return Table(
        f"What {size / 1e6:,.0f} MB of logs come to: {len(files):,} files, {requests:,} requests",
        "ms",
        lines,
        reach=f"≤ {FIRST} x, an index of ≤ {SIZE:.0%} of the logs, exact to the token",
        got="; ".join(got),
        note="whole commands, the files in memory; tars makes its index, and keeps it",
    )


def _again_table(bench: "_Bench", peer: Line, again: list[Line], times: int) -> Table:
    works = [Line(f"  the work of it ({name})", each, False) for name, each in bench.work(times)]
    ratio = max(line.median for line in again) / peer.median
    longest = max(line.median for line in works)
    got = (
        verdict(ratio, AGAIN, f"{ratio:.2f} x"),
        verdict(longest, WORK_MS, f"{longest:.0f} ms"),
    )
    return Table(
        "The same report again",
        "ms",
        [peer, *again, *works],
        reach=f"≤ {AGAIN} x, ≤ {WORK_MS:.0f} ms of work",
        got="; ".join(got),
        note="work: what one more report takes in a process that has made one",
    )


def _processor_table(bench: "_Bench", times: int) -> Table:
    figures: dict[str, list[float]] = {}
    for _ in range(times):
        with bench.throw_away() as home:
            for name, argv, place in (
                ("ccusage 20", _PEER, None),
                ("tars, the first time", _TARS, home),
                ("tars, nothing changed", _TARS, home),
            ):
                figures.setdefault(name, []).append(_processor_ms(argv, bench.env(place)))
    return Table(
        "Processor time of such a report",
        "ms",
        [Line(name, values) for name, values in figures.items()],
        note="of all threads and processes; other programs disturb it less than the clock's",
    )


def _memory_table(bench: "_Bench") -> Table:
    peer, ours = _peak_mb(_PEER, bench.env()), bench.memory()
    return Table(
        "Memory at most, the first time",
        "MB",
        [Line("ccusage 20", [peer]), Line("tars, both processes together", [ours])],
        reach=f"≤ {MEMORY_MB:.0f} MB",
        got=verdict(ours, MEMORY_MB, f"{ours:.0f} MB"),
        note="resident; pages that both have count twice",
    )


class _Bench:
    """The logs, and a home of tars whose index has been made from them."""

    def __init__(self, folder: Path, logs: Path) -> None:
        self._folder = folder
        self.logs = logs
        self.home = Home(folder / "tars")
        command_ms(_TARS, self.env())
        #: What the index says of each agent, model and day, before any log grew.
        self.counted = self._count()

    def env(self, home: Path | None = None) -> dict[str, str]:
        return {**os.environ, "HOME": str(self.logs), "TARS_HOME": str(home or self.home.root)}

    def first(self) -> float:
        with self.throw_away() as home:
            return command_ms(_TARS, self.env(home))

    def again(self) -> float:
        return command_ms(_TARS, self.env())

    def grown(self) -> float:
        with self._growing():
            took = command_ms(_TARS, self.env())
        # Let it find them short again.
        command_ms(_TARS, self.env())
        return took

    def work(self, times: int) -> Iterator[tuple[str, list[float]]]:
        """Give what reports take that need no start of a process."""
        with _reporter(self.env()) as report:
            report()
            yield "nothing changed", [report()[0] for _ in range(times)]
            grown = []
            for _ in range(times):
                with self._growing():
                    grown.append(report()[0])
                report()
            yield "files grew", grown

    def memory(self) -> float:
        """Give the most that both processes of a first time have, in MB."""
        with self.throw_away() as home, _reporter(self.env(home)) as report:
            _, *kib = report()
        return float(sum(kib)) * 1024 / 1e6

    def _count(self) -> Truth:
        sums = ", ".join(f"sum({name})" for name in Tokens._fields)
        with closing(sqlite3.connect(self.home.history)) as connection:
            rows = connection.execute(
                f"SELECT agent, models.model, date(slot * {SLOT_SECONDS}, 'unixepoch'), {sums}"
                " FROM slots JOIN sessions ON sessions.id = slots.session"
                " JOIN models ON models.id = slots.model GROUP BY 1, 2, 3"
            ).fetchall()
        return {(agent, model, day): Tokens(*rest) for agent, model, day, *rest in rows}

    @contextmanager
    def throw_away(self) -> Iterator[Path]:
        """Give a home of tars that has nothing, for a while."""
        home = self._folder / "first"
        try:
            yield home
        finally:
            shutil.rmtree(home, ignore_errors=True)

    @contextmanager
    def _growing(self) -> Iterator[None]:
        """Let some logs have one more answer for a while."""
        found = sorted(self.logs.glob(".claude/projects/*/*.jsonl"))
        files = {path: path.stat() for path in found[:: len(found) // _GROWING][:_GROWING]}
        try:
            for path in files:
                with path.open("a") as file:
                    file.write(another_answer())
            yield
        finally:
            for path, stat in files.items():
                os.truncate(path, stat.st_size)
                os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@contextmanager
def _reporter(env: dict[str, str]) -> Iterator[Any]:
    """Give what has a process report once more, and tells its three figures."""
    with subprocess.Popen(
        [sys.executable, "-c", _REPORTER],
        env=env,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def report() -> list[float]:
            assert process.stdin
            assert process.stdout
            process.stdin.write("\n")
            process.stdin.flush()
            return [float(each) for each in process.stdout.readline().split()]

        yield report


def _processor_ms(argv: list[str], env: dict[str, str]) -> float:
    nowhere = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawn(argv[0], argv, env, file_actions=nowhere)
    usage = os.wait4(pid, 0)[2]
    return (usage.ru_utime + usage.ru_stime) * 1000


def _peak_mb(argv: list[str], env: dict[str, str]) -> float:
    watcher = [sys.executable, "-c", _WATCHER, *argv]
    done = subprocess.run(watcher, env=env, stdout=subprocess.PIPE, check=True)
    return int(done.stdout) * 1024 / 1e6
