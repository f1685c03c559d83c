"""A throw-away home with a short name, and a daemon of paper in it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_daemon import FakeDaemon


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The tars home of this test's commands, in this process and in others."""
    # A Unix socket's path has some 100 bytes; pytest's own folders may be longer.
    folder = Path(tempfile.mkdtemp(prefix="tars-"))
    monkeypatch.setenv("TARS_HOME", str(folder))
    monkeypatch.setenv("HOME", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def daemon(home: Path) -> Iterator[FakeDaemon]:
    with FakeDaemon(home) as fake:
        yield fake
