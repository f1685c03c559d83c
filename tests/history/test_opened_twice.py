"""An index that one process has open twice, as a daemon does."""

import subprocess
import sys
from pathlib import Path

from tars.history.index import Index

#: Another process does something with a database, and closes it.
_OTHER = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"


def elsewhere(path: Path, statement: str) -> None:
    subprocess.run([sys.executable, "-c", _OTHER, str(path), statement], check=True, timeout=60)


def test_it_keeps_its_journal(tmp_path: Path) -> None:
    """Another process that closes the index is not the last one, and takes nothing away: both
    see from then on what the other writes."""
    path = tmp_path / "history.db"
    with Index.open(path) as first, Index.open(path):
        elsewhere(path, "SELECT * FROM models")
        first.connection.execute("INSERT INTO models VALUES (1, 'anthropic', 'opus')")
        elsewhere(path, "DELETE FROM models WHERE id = 1")
        assert first.connection.execute("SELECT * FROM models").fetchall() == []
