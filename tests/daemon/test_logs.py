"""The files that the daemon writes its logs to."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tars.daemon import logs
from tars.daemon.logs import AgentLog
from tars.runtime.log import log


@pytest.fixture
def root_log(tmp_path: Path) -> Iterator[Path]:
    """Where tars.log goes; what others log afterwards goes where it went before."""
    root = logging.getLogger()
    before, level, settings = root.handlers[:], root.level, structlog.get_config()
    yield tmp_path / "logs" / "tars.log"
    for handler in set(root.handlers) - set(before):
        root.removeHandler(handler)
        handler.close()
    for handler in set(before) - set(root.handlers):
        root.addHandler(handler)
    root.setLevel(level)
    structlog.configure(**settings)


def test_one_json_object_a_line(root_log: Path) -> None:
    """With its level and its time; what is below the level is left out."""
    logs.configure(root_log, level="info", max_bytes=10_000, backups=1)
    log.info("agent_exited", agent="echo", status=-9)
    log.debug("not_this")
    log.warning("two\nlines", path=Path("/x"))
    first, second = (json.loads(line) for line in root_log.read_text().splitlines())
    assert (first["event"], first["level"], first["status"]) == ("agent_exited", "info", -9)
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["path"]) == ("two\nlines", "/x")


def test_files_are_private_and_rotated(tmp_path: Path) -> None:
    """Whatever the umask: 0600 in 0700 folders, after a rotation too."""
    path = tmp_path / "agents" / "echo.log"
    before = os.umask(0)
    try:
        agent = AgentLog(path, max_bytes=1000, backups=2)
        for number in range(400):
            agent.write([f"line {number}"])
        agent.close()
    finally:
        os.umask(before)
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["echo.log", "echo.log.1", "echo.log.2"]
    assert path.read_text().endswith("line 399\n")
    assert path.parent.stat().st_mode & 0o777 == 0o700
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.stat().st_size <= 1000


def test_what_cannot_be_written_is_lost_in_silence(tmp_path: Path) -> None:
    """A full disk costs lines of the log, never an exception in who logs."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    path = tmp_path / "echo.log"
    path.symlink_to("/dev/full")
    agent = AgentLog(path, max_bytes=0, backups=0)
    agent.write(["a line"])
    agent.close()
