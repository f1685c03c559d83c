"""An open library on a file of SQLite's, and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tars.home import Home
from tars.sessions.library import Library


@pytest.fixture(params=["sqlite", "postgres"])
def shared_library(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Library]:
    """A library on each of the databases."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_store_url")
    with Library.open(Home(tmp_path / "tars"), url=url) as opened:
        yield opened


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """A library on a file."""
    with Library.open(Home(tmp_path / "tars")) as opened:
        yield opened
