"""What the daemon's own tests share."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A temporary folder whose name leaves room for a Unix socket's (about 100 bytes)."""
    folder = Path(tempfile.mkdtemp(prefix="tars-"))
    yield folder
    shutil.rmtree(folder)
