"""The screen's tests run on asyncio, as the screen does, and in one time zone."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    yield
    os.environ.pop("TZ", None)
    time.tzset()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A temporary folder whose name leaves room for a Unix socket's (about 100 bytes)."""
    folder = Path(tempfile.mkdtemp(prefix="tars-"))
    yield folder
    shutil.rmtree(folder)
