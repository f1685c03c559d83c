"""`python -m benchmarks [--quick] [--only NAME …] [--write]`: measure, and print the tables."""

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import commands, control, costs, history, lives, prompts, scale, sessions, startup
from benchmarks.births import Births
from benchmarks.figures import Table, as_markdown, as_text
from benchmarks.peers import ROOT, end_strays, pm2_installed
from docs.generating.parts import with_part

PAGE = ROOT / "docs" / "performance.md"
NAMES = ("commands", "prompts", "control", "startup", "lives", "scale", "sessions",
         "history", "costs")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer samples, coarser figures")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="some of them")
    parser.add_argument("--write", action="store_true", help=f"write the tables to {PAGE.name}")
    chosen = parser.parse_args()
    if chosen.write and (chosen.quick or chosen.only != NAMES):
        parser.error("--write takes no --quick and no --only: the page has whole figures")
    # It would double the start-up of everything in Python.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.monotonic()
    print(_machine() + "\n")
    # Not below /tmp, which may be memory: what is durable costs nothing there.
    folder = Path(tempfile.mkdtemp(prefix="tars-bench-", dir="/var/tmp"))
    tables = []
    try:
        births = Births(folder)
        try:
            for measured in _measure(folder, births, chosen.only, quick=chosen.quick):
                table = replace(measured, load=os.getloadavg()[0])
                print(as_text(table), flush=True)
                tables.append(table)
        finally:
            births.close()
            end_strays(births.pids, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"Took {time.monotonic() - began:.0f} s.")
    if chosen.write:
        _write(tables)
    return 0


def _measure(
    folder: Path, births: Births, only: tuple[str, ...], *, quick: bool
) -> Iterator[Table]:
    if not pm2_installed():
        _say("pm2 is left out: it is not installed (`make bench` does it where Node.js is).")
    if "commands" in only:
        yield from commands.tables(folder / "1", births, times=20 if quick else 100)
    if "prompts" in only:
        why_not = prompts.missing()
        if why_not is None:
            yield prompts.table(
                folder / "2", times=30 if quick else 150, processes=2 if quick else 6
            )
        else:
            _say(f"The prompts are left out: {why_not}.")
    if "control" in only:
        count = 1000 if quick else 5000
        yield control.table(folder / "3", births, times=3 if quick else 7, count=count)
    if "startup" in only:
        yield startup.table(folder / "4", births, times=2 if quick else 5)
    if "lives" in only:
        yield from lives.tables(folder / "5", births, deaths=4 if quick else 10)
    if "scale" in only:
        yield from scale.tables(folder / "6", births, rounds=1 if quick else 2)
    if "sessions" in only:
        yield from sessions.tables(times=5 if quick else 20)
    if "history" in only:
        why_not = history.missing()
        if why_not is None:
            yield from history.tables(folder / "7", times=3 if quick else 5)
        else:
            _say(f"The logs are left out: {why_not}.")
    if "costs" in only:
        yield from costs.tables(folder / "8", times=3 if quick else 10)


def _machine() -> str:
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} x {model}, "
        f"{platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}"
    )


def _write(tables: list[Table]) -> None:
    figures = f"{_machine()}.\n\n" + "\n".join(as_markdown(table) for table in tables)
    PAGE.write_text(with_part(PAGE.read_text(), "figures", figures))


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
