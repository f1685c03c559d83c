"""Logs as agents leave them, and what a source makes of them, however they are cut."""

import json
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from tars.accounting.rates import Tokens
from tars.history.source import Found, Mark, Reading, Request, Source

GOLDEN = Path(__file__).parents[1] / "golden" / "history"


def golden(name: str) -> bytes:
    """Give a recorded log."""
    return (GOLDEN / name).read_bytes()


def write(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def database(path: Path, name: str) -> Path:
    """Make a database of recorded rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    for line in golden(name).splitlines():
        told = json.loads(line)
        if "sql" in told:
            connection.execute(told["sql"])
        else:
            marks = ", ".join("?" * len(told["row"]))
            row = list(told["row"].values())
            connection.execute(f"insert into {told['table']} values ({marks})", row)
    connection.commit()
    connection.close()
    return path


def found(path: Path) -> Found:
    stat = os.stat(path)
    return Found(str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns)


def read(source: Source, path: Path, mark: Mark | None = None) -> Reading:
    """Read a file on from a mark, as it is now."""
    return source.read(found(path), mark or Mark())


def read_all(source: Source, root: Path) -> list[Request]:
    """Read whatever the source finds, and give what counts of it."""
    return counted(source, (source.read(each, Mark()) for each in source.find(root)))


def counted(source: Source, readings: Iterable[Reading]) -> list[Request]:
    """Give the rows that count, by the contract of `Request`."""
    rows: dict[str, Request] = {}
    for reading in readings:
        for row in reading.requests:
            old = rows.get(row.key)
            if old is None or row.rank > old.rank or (row.rank == old.rank and source.newest_wins):
                rows[row.key] = row
    return list(rows.values())


def read_in_pieces(source: Source, path: Path, data: bytes, cuts: Iterable[int]) -> list[Request]:
    """Let a log grow up to each of these lengths, and read it on each time."""
    mark, readings = Mark(), []
    for size in [*sorted(cuts), len(data)]:
        path.write_bytes(data[:size])
        readings.append(read(source, path, mark))
        assert readings[-1].mark.offset <= size
        mark = readings[-1].mark
    assert sum(reading.garbled for reading in readings) == 0
    return counted(source, readings)


def tokens(requests: Iterable[Request]) -> Tokens:
    """Add up what requests used."""
    total = Tokens()
    for r in requests:
        total = total.plus(
            Tokens(
                r.net_input,
                r.cache_read,
                r.cache_write,
                r.cache_write_1h,
                r.output,
                r.reasoning,
                r.requests,
            )
        )
    return total
