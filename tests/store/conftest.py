"""The stores that the contract is tested on: a file of SQLite's, and PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tars.store.store import Store

#: Opens the test's database; again, with what was kept in it.
OpenStore = Callable[[], Store]


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    """What names the database of this test: nothing, if it is the file."""
    if request.param == "sqlite":
        return ""
    url: str = request.getfixturevalue("postgres_store_url")
    return url


@pytest.fixture
def open_store(store_url: str, tmp_path: Path) -> Iterator[OpenStore]:
    """A function that opens the database of this test; all are closed in the end."""
    opened: list[Store] = []

    def opening() -> Store:
        opened.append(Store.open(tmp_path / "data" / "tars.db", url=store_url))
        return opened[-1]

    yield opening
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Store]:
    """The file alone, for what no database has a say in."""
    with closing(Store.open(tmp_path / "data" / "tars.db")) as store:
        yield store
