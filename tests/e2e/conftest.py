"""A real daemon with the built-in agent, in a home of its own, drained at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tars_home import TarsHome, tars_home


@pytest.fixture
def tars(tmp_path: Path) -> Iterator[TarsHome]:
    """A home with `[agents.echo]`, not started."""
    with tars_home(tmp_path) as tars:
        tars.configure_echo()
        yield tars
