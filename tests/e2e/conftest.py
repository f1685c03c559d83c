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


@pytest.fixture(scope="module")
def one_for_many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TarsHome]:
    """A daemon that runs for all tests of a file that want it: each one costs a second."""
    with tars_home(tmp_path_factory.mktemp("many")) as tars:
        tars.configure_echo()
        tars.start()
        yield tars


@pytest.fixture
def shared(one_for_many: TarsHome) -> TarsHome:
    """The daemon of this file, with nothing left of the tests before."""
    one_for_many.begin()
    return one_for_many
