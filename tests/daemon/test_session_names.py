"""When the daemon looks what its sessions are called by now."""

from pathlib import Path

from tars.daemon.session_files import SessionFiles
from tars.runtime.recorder import Recorder


class Counting(SessionFiles):
    """Counts how often it asks the store."""

    asked = 0

    def read_names(self) -> None:
        self.asked += 1


def test_an_idle_store_is_not_asked_each_time(tmp_path: Path) -> None:
    """Only when its file or its journal changed; one elsewhere, which shows nothing, every third
    time."""
    store = tmp_path / "tars.db"
    files = Counting(Recorder(store), lambda _: None)
    counts = []
    for change in ("", "", "", "tars.db", "", "", "tars.db-wal"):
        if change:
            (tmp_path / change).write_bytes(b"x")
        files.look_at_names(store)
        counts.append(files.asked)
    assert counts == [1, 1, 2, 3, 3, 4, 5]
