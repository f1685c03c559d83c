"""A real PostgreSQL that goes away: cut off, silent, or in the midst of a commit."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tars.core.events import StartAsked
from tars.errors import StoreError
from tars.store.rows import Decision
from tars.store.spooled import SpooledStore
from tars.store.store import Store
from tests.store.samples import NOON, begun, prompt, record
from tests.support.outage import Line, line

Opening = Callable[[], SpooledStore]


@pytest.fixture
def far(postgres_store_url: str) -> Iterator[Line]:
    """The line to the database, which works at first."""
    with line(postgres_store_url) as made:
        yield made


@pytest.fixture
def opening(far: Line, tmp_path: Path) -> Iterator[Opening]:
    """Opens the database by the line, as a daemon does; again, as the next one."""
    opened: list[SpooledStore] = []

    def open_it() -> SpooledStore:
        def by_line() -> Store:
            return Store.open(tmp_path / "tars.db", url=far.url)

        store = SpooledStore.beside(tmp_path / "spool.db", by_line, write_seconds=0.3)
        opened.append(store)
        return store

    yield open_it
    far.restore()
    for store in opened:
        store.close()


@pytest.fixture
def direct(postgres_store_url: str, tmp_path: Path, opening: Opening) -> Iterator[Store]:
    """The database without the line, as the same machine."""
    store = Store.open(tmp_path / "tars.db", url=postgres_store_url)
    yield store
    store.close()


def settle(store: SpooledStore, far: Line) -> None:
    """Mend the line, and wait until everything is taken over."""
    far.restore()
    while store.behind:
        store._adopt(patience=10)
        store.catch_up()


def log(store: SpooledStore, number: int) -> None:
    """Write what would be refused if it came twice, and leave a gap if it did not come."""
    store.log_decisions([Decision("run", "echo", float(number), NOON, StartAsked())])


def test_what_is_written_while_it_is_cut_off_is_there_once(
    far: Line, opening: Opening, direct: Store
) -> None:
    """And it is said meanwhile, and no more afterwards."""
    store = opening()
    store.begin_prompt(prompt(), begun())
    far.cut()
    store.finish_turn(record())
    log(store, 0)
    assert "2 writes wait" in str(store.problem)
    assert direct.unfinished_turns() != []
    settle(store, far)
    assert [row.usage for row in direct.turns()] == [record().usage]
    assert len(list(direct.decisions("run"))) == 1
    assert store.problem is None


@pytest.mark.parametrize("count", [1, 3])
def test_a_commit_whose_answer_is_lost_is_done_once(
    far: Line, opening: Opening, direct: Store, count: int
) -> None:
    """Lost in a write, when it is looked what became of that, and when it is taken over."""
    store = opening()
    for number in range(3):
        far.lose_answers(count)
        log(store, number)
        assert store.behind
        settle(store, far)
    assert [d.now for d in direct.decisions("run")] == [0.0, 1.0, 2.0]
    assert store.problem is None


def test_a_silent_line_holds_up_nothing(far: Line, opening: Opening, direct: Store) -> None:
    """Nobody says that it is dead: a write waits for it once, briefly, and none after that."""
    store = opening()
    log(store, 0)
    far.hang()
    began = time.monotonic()
    log(store, 1)
    assert time.monotonic() - began < 3
    began = time.monotonic()
    for number in range(2, 10):
        log(store, number)
    with pytest.raises(StoreError):
        store.turns()
    assert time.monotonic() - began < 1
    settle(store, far)
    assert [d.now for d in direct.decisions("run")] == [float(n) for n in range(10)]


def test_a_commit_on_its_way_is_waited_for(far: Line, opening: Opening, direct: Store) -> None:
    """A connection that is given up may still be at work: what it does is not done again."""
    store = opening()
    log(store, 0)
    with direct.writing("hold it up") as connection:
        connection.exec_driver_sql("SELECT * FROM drained FOR UPDATE")
        log(store, 1)
        assert store.behind
    settle(store, far)
    assert [d.now for d in direct.decisions("run")] == [0.0, 1.0]
