"""The store that the contract is tested on. Another engine is another parameter."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tars.store.store import Store

#: Opens the test's database; again, with what was kept in it.
OpenStore = Callable[[], Store]


@pytest.fixture(params=["sqlite"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """A function that opens the database of this test; all are closed in the end."""
    opened: list[Store] = []

    def opening() -> Store:
        opened.append(Store.open(tmp_path / "data" / "tars.db"))
        return opened[-1]

    yield opening
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()
