"""How far the reading of the agents' logs has come, on a terminal: the first time it may be
gigabytes."""

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TextIO

PATIENCE_SECONDS = 0.7
EVERY_SECONDS = 0.2
WIPE = "\r\x1b[K"


class Reading:
    """Draws a line on stderr while it is entered, if that takes longer than a moment and stderr
    is a terminal. What it says is what the index at this path has by then."""

    def __init__(self, index: Path, out: TextIO | None = None, *, live: bool | None = None) -> None:
        self._index = index
        self._out = out or sys.stderr
        self._live = _live(self._out) if live is None else live

    def __enter__(self) -> None:
        if not self._live:
            return
        import threading

        self._over = threading.Event()
        self._drawing = threading.Thread(target=self._draw, daemon=True)
        self._drawing.start()

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._over.set()
            self._drawing.join()

    def _draw(self) -> None:
        wait, drawn = PATIENCE_SECONDS, False
        while not self._over.wait(wait):
            wait, drawn = EVERY_SECONDS, True
            self._out.write(f"{WIPE}Reading the agents' logs{so_far(self._index)}")
            self._out.flush()
        if drawn:
            self._out.write(WIPE)
            self._out.flush()


def so_far(index: Path) -> str:
    """Say how much of the logs an index has: `: 1,234 MB in 567 files`."""
    import sqlite3

    try:
        # Nothing is made here, and nobody waits for this.
        with closing(sqlite3.connect(f"{index.as_uri()}?mode=ro", uri=True, timeout=0)) as reading:
            size, files = reading.execute("SELECT sum(offset), count(*) FROM files").fetchone()
    except (sqlite3.Error, ValueError):
        return ""
    return f": {(size or 0) // 1_000_000:,} MB in {files:,} files" if files else ""


def _live(out: TextIO) -> bool:
    return out.isatty() and os.environ.get("TERM") != "dumb"
