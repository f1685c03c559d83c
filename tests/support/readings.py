"""Readings of logs as the index takes them: each request once, under what it all began with."""

import os
from collections.abc import Iterable
from pathlib import Path

from tars.history.keys import Forks
from tars.history.merging import together
from tars.history.source import Mark, Reading, Request, Source
from tests.support.agent_logs import found


def written(path: Path, *lines: bytes | str) -> Path:
    """Write a log of whole lines, as old as 1 January 2026."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = [line if isinstance(line, bytes) else line.encode() for line in lines]
    path.write_bytes(b"".join(line + b"\n" for line in whole))
    os.utime(path, (1767225600, 1767225600))
    return path


def read(source: Source, *paths: Path) -> list[Reading]:
    """Read files, each from its beginning."""
    return [source.read(found(path), Mark()) for path in paths]


def read_in_parts(source: Source, path: Path, data: bytes, cuts: Iterable[int]) -> list[Reading]:
    """Read a file as it grows: up to each of these lengths, and then to its end."""
    readings, mark = [], Mark()
    for length in [*sorted(cuts), len(data)]:
        path.write_bytes(data[:length])
        os.utime(path, (1767225600, 1767225600))
        readings.append(source.read(found(path), mark))
        mark = readings[-1].mark
    return readings


def counted(source: Source, readings: Iterable[Reading]) -> dict[str, Request]:
    """Give the requests that count after these readings, by what identifies them."""
    readings = list(readings)
    forks = Forks([fork for reading in readings for fork in reading.forks])
    rows = [
        row._replace(key=_rooted(row, forks)) for reading in readings for row in reading.requests
    ]
    return {row.key: row for row in together(rows, newest_wins=source.newest_wins)}


def _rooted(row: Request, forks: Forks) -> str:
    if row.key.startswith(f"{row.session}|"):
        return forks.root(row.session) + row.key.removeprefix(row.session)
    return row.key
