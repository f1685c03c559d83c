"""What watchfiles says, where it is installed."""

import select
from pathlib import Path

import pytest

from tars.history.notified import Notified
from tars.history.seen import CannotWatch

pytest.importorskip("watchfiles")


def test_it_tells_over_its_descriptor_and_stops(tmp_path: Path) -> None:
    """A file that is written is named; a root that comes later asks for a new watch; closing
    ends the thread."""
    log = tmp_path / "a.jsonl"
    watch = Notified([str(tmp_path), str(tmp_path / "later")])
    try:
        assert not watch.read()
        log.write_text("x\n")
        select.select([watch.fd], [], [])
        assert watch.read().paths == {str(log)}
        (tmp_path / "later").mkdir()
        with pytest.raises(CannotWatch):
            watch.read()
    finally:
        watch.close()
    watch.close()
