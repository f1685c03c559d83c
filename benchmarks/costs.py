"""What was spent, asked of a daemon that follows a gigabyte of logs, and how soon it sees a line.

The logs are those of the comparison with ccusage, behind a link so that a line can be added.
"""

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.corpus import prepared
from benchmarks.figures import Line, Table, verdict
from benchmarks.peers import PYTHON, Tars, ended_together, until
from benchmarks.sampling import Subject, command_ms, in_turns
from benchmarks.wire import Connection

REPORT = "/v1/costs?report=summary&range=all"
ANSWER_MS, SEEN_MS, LINE_MS = 5.0, 1000.0, 10.0
EMPTY = "python -c pass"


def tables(folder: Path, *, times: int, megabytes: int = 1000) -> Iterator[Table]:
    """`times` is how often each is asked, tenfold where it is quick."""
    logs, _ = prepared(megabytes)
    tars = _Following(folder, logs)
    try:
        with ended_together([tars]):
            tars.launch_configured('[agents.one]\nkind = "echo"\n')
            tars.wait_ready()
            tars.wait_read()
            yield _answers(tars, times)
            yield _seen(tars, times)
            yield _line(tars, times)
    finally:
        tars.forget()


class _Following(Tars):
    """A daemon whose person has these logs."""

    def __init__(self, folder: Path, logs: Path) -> None:
        super().__init__(folder)
        self.env = {**self.env, "HOME": str(logs)}
        self._own = logs / ".claude" / "projects" / "-benchmark"
        self._number = 0

    def wait_read(self) -> None:
        """Wait until its first index is made."""
        log = self.home / "logs" / "tars.log"
        until(lambda: log.exists() and "history_built" in log.read_text())
        # Whoever asks now waits for the reading after it.
        connection = self.connect()
        connection.get(REPORT)
        connection.close()

    def write(self) -> None:
        """Let an agent make one more request."""
        self._own.mkdir(exist_ok=True)
        self._number += 1
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {"id": f"m{self._number}", "model": "claude-opus-4-5", "usage": usage}
        line = {
            "type": "assistant",
            "sessionId": "benchmark",
            "timestamp": datetime.now(UTC).isoformat(),
            "message": message,
        }
        with (self._own / "benchmark.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def forget(self) -> None:
        """Leave the logs as they were."""
        shutil.rmtree(self._own, ignore_errors=True)


def _answers(tars: _Following, times: int) -> Table:
    with closing(tars.connect()) as connection:
        subjects = [
            Subject("GET /v1/status", partial(_asked_ms, connection, "/v1/status"), times * 10),
            Subject(
                "GET /v1/costs, nothing changed", partial(_asked_ms, connection, REPORT), times * 10
            ),
            Subject("GET /v1/costs, a line was added", partial(_anew_ms, tars, connection), times),
        ]
        lines = [Line(name, values) for name, values in in_turns(subjects).items()]
    warm = lines[1].median
    return Table(
        "What was spent, asked of the daemon",
        "ms",
        lines,
        reach=f"≤ {ANSWER_MS:g} ms where nothing changed",
        got=verdict(warm, ANSWER_MS, f"{warm:.2f} ms"),
        note="a summary of all time by agent and model, as JSON; the last is once it has been read",
    )


def _seen(tars: _Following, times: int) -> Table:
    lines = [Line("a line of a log", in_turns([Subject("", partial(_seen_ms, tars), times)])[""])]
    worst = max(lines[0].values)
    return Table(
        "From a line in a log to its figures in the index",
        "ms",
        lines,
        reach=f"≤ {SEEN_MS:g} ms, each time",
        got=verdict(worst, SEEN_MS, f"{worst:.0f} ms at most"),
    )


def _line(tars: _Following, times: int) -> Table:
    words = {EMPTY: [PYTHON, "-c", "pass"], "tars status line": [tars.command, "status", "line"]}
    figures = in_turns(
        [Subject(n, partial(command_ms, argv, tars.env), times * 10) for n, argv in words.items()]
    )
    empty, line = (Line(name, values) for name, values in figures.items())
    above = line.median - empty.median
    return Table(
        "A status line, the whole process",
        "ms",
        [empty, line],
        reach=f"≤ {LINE_MS:g} ms above `{EMPTY}`",
        got=verdict(above, LINE_MS, f"{above:.1f} ms"),
    )


def _asked_ms(connection: Connection, path: str) -> float:
    began = time.perf_counter()
    connection.get(path)
    return (time.perf_counter() - began) * 1000


def _anew_ms(tars: _Following, connection: Connection) -> float:
    _seen_ms(tars)
    return _asked_ms(connection, REPORT)


def _seen_ms(tars: _Following) -> float:
    """Add a line, and give how long it takes until the index has it."""
    with closing(sqlite3.connect(tars.home / "data" / "history.db")) as index:

        def count() -> int:
            found: int = index.execute("SELECT count(*) FROM requests").fetchone()[0]
            return found

        before, began = count(), time.perf_counter()
        tars.write()
        while count() == before:
            time.sleep(0.002)
        return (time.perf_counter() - began) * 1000
