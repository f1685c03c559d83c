"""Looking at the store's files leaves the locks that this process has on them."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from tars.costs.settling import state_of
from tars.home import Home

#: Another process that opens the store, reads, and is the last to close it as far as it can tell.
OTHER = """
import sqlite3, sys
store = sqlite3.connect(sys.argv[1])
print(store.execute("SELECT COUNT(*) FROM t").fetchone()[0])
store.close()
"""


def test_what_is_written_after_a_look_is_not_lost(tmp_path: Path) -> None:
    """Others see it, however often they open and close the store themselves."""
    home = Home(tmp_path)
    home.prepare()

    def seen() -> str:
        words = [sys.executable, "-c", OTHER, str(home.store)]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    store = sqlite3.connect(home.store, isolation_level=None)
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("CREATE TABLE t (a)")
    for number in range(3):
        assert seen() == str(number)
        assert state_of(home, "", time.time() + 60)
        assert seen() == str(number)
        store.execute("INSERT INTO t VALUES (1)")
    assert seen() == "3"
    store.close()
