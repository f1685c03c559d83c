"""A database that goes away loses nothing, and gets nothing twice, whenever it goes.

It is one in a file here, behind a network that loses commits and answers; every property holds
of a real server too, see tests/e2e/.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.core.agent import Outcome
from tars.core.events import StartAsked
from tars.errors import StoreError
from tars.store import spooled as module
from tars.store.engine import Unreachable
from tars.store.operations import Operation
from tars.store.rows import Decision
from tars.store.spooled import SpooledStore
from tars.store.store import Store
from tests.store.samples import LATER, NOON, begun, prompt, record
from tests.support.lossy import Network


class Home:
    """A machine with a database elsewhere. `open` again is a daemon that starts again."""

    def __init__(self, folder: Path) -> None:
        self.network = Network(folder / "far" / "tars.db")
        self.spool = folder / "near" / "spool.db"
        self._opened: list[Store] = []

    def open(self) -> SpooledStore:
        store = SpooledStore.beside(self.spool, self.network.open)
        self._opened.append(store)
        return store

    def settled(self, store: SpooledStore) -> SpooledStore:
        """Bring the database back, and wait until it has everything."""
        self.network.down = False
        while store.behind:
            store._adopt(patience=10)
            store.catch_up()
        return store

    def far(self) -> Store:
        """The database itself, by another connection."""
        self._opened.append(Store.open(self.network.path))
        return self._opened[-1]

    def close(self) -> None:
        for store in self._opened:
            store.close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.close()


def test_with_its_database_it_is_a_store(home: Home) -> None:
    """Nothing waits, nothing is wrong, and what a method gives is given."""
    store = home.open()
    assert store.begin_prompt(prompt(), begun()) is None
    store.finish_turn(record())
    assert [row.id for row in store.turns()] == ["p1"]
    assert (store.behind, store.problem) == (False, None)
    assert store._spool.count == 0


def test_what_is_written_without_it_is_there_when_it_is_back(home: Home) -> None:
    """In the order in which it was written, as if it had never been away."""
    store = home.open()
    store.save_prompt(prompt("p1"))
    home.network.down = True
    store.begin_turn(begun("p1"))
    store.save_prompt(prompt("p2"))
    store.finish_turn(record("p1"))
    assert store.behind
    far = home.far()
    assert [row.id for row in far.waiting_prompts()] == ["p1"]
    home.settled(store)
    assert [row.id for row in far.waiting_prompts()] == ["p2"]
    assert [(row.id, row.outcome) for row in far.turns()] == [("p1", Outcome.OK)]
    assert store.problem is None


def test_it_says_what_is_wrong_and_how_much_waits(home: Home) -> None:
    """Since when, too; and that it is over, by saying nothing."""
    home.network.down = True
    store = home.open()
    assert store.problem is not None
    assert "away since" in store.problem
    assert "nobody answers" in store.problem
    store.save_prompt(prompt("p1"))
    assert "1 write waits for it since" in str(store.problem)
    store.save_prompt(prompt("p2"))
    assert "2 writes wait" in str(store.problem)
    assert home.settled(store).problem is None


@pytest.mark.parametrize("loss", ["before", "after"])
def test_a_commit_that_nobody_answered_is_done_once(home: Home, loss: str) -> None:
    """Whether it was kept or not: appending twice would be refused, not appending leave a gap."""
    store = home.open()
    for number in range(4):
        home.network.losses = [loss] if number % 2 else []
        store.log_decisions([Decision("run", "echo", float(number), NOON, StartAsked())])
        home.settled(store)
    assert [d.now for d in home.far().decisions("run")] == [0.0, 1.0, 2.0, 3.0]
    assert store.problem is None


@pytest.mark.parametrize("loss", ["before", "after"])
def test_taking_over_that_nobody_answered_is_done_once(home: Home, loss: str) -> None:
    """The same of everything that waits, and of a daemon that is killed in the midst of it."""
    home.network.down = True
    store = home.open()
    for number in range(5):
        store.log_decisions([Decision("run", "echo", float(number), NOON, StartAsked())])
    home.network.down = False
    # The machine is noted, what is there compared, and then it is taken over.
    home.network.losses = ["", loss]
    while home.network.losses:
        store._adopt(patience=10)
        store.catch_up()
    home.settled(home.open())
    assert [d.now for d in home.far().decisions("run")] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_what_takes_long_is_taken_over_bit_by_bit(home: Home) -> None:
    """A slow database keeps what it got in time: the rest comes next, and not all of it again."""
    home.network.down = True
    store = home.open()
    for number in range(3):
        store.save_prompt(prompt(f"p{number}"))
    home.network.down = False
    store._adopt(patience=10)
    store._drain_until(0.0)
    assert [row.id for row in home.far().waiting_prompts()] == ["p0"]
    assert store._spool.count == 2
    home.settled(store)
    assert [row.id for row in home.far().waiting_prompts()] == ["p0", "p1", "p2"]


def test_a_daemon_finds_what_an_earlier_one_left(home: Home) -> None:
    """What it was told is kept, though neither closed anything."""
    home.network.down = True
    home.open().begin_prompt(prompt("p1"), begun("p1"))
    second = home.open()
    second.save_prompt(prompt("p2"))
    home.settled(second)
    far = home.far()
    assert [turn.id for turn in far.unfinished_turns()] == ["p1"]
    assert [row.id for row in far.waiting_prompts()] == ["p2"]


def test_what_waits_can_be_looked_at_apart(home: Home) -> None:
    """A daemon that starts without its database: its own queue and turns, by what waits."""
    store = home.open()
    store.save_prompt(prompt("known"))
    store.begin_prompt(prompt("under way"), begun("under way"))
    home.network.down = True
    store.begin_turn(begun("known"))
    store.save_prompt(prompt("waits"))
    store.begin_prompt(prompt("done"), begun("done"))
    store.finish_turn(record("done"))
    store.finish_turn(record("under way"))
    with pytest.raises(StoreError):
        store.waiting_prompts()
    apart = home.open().apart()
    assert apart is not None
    assert [row.id for row in apart.waiting_prompts()] == ["waits"]
    assert [turn.id for turn in apart.unfinished_turns()] == ["known"]
    apart.close()


def test_a_read_follows_on_every_write_before_it(home: Home) -> None:
    """It is an error while the database is away, and sees everything once it is back."""
    store = home.open()
    home.network.down = True
    store.finish_turn(record("p1"))
    with pytest.raises(Unreachable, match="read the turns"):
        store.turns()
    with pytest.raises(Unreachable, match="change"), store.writing("change it"):
        pass
    home.settled(store)
    assert [row.id for row in store.turns()] == ["p1"]


def test_a_connection_lost_in_a_read_is_made_anew(home: Home) -> None:
    """Whoever asked hears of it; the next one does not."""
    store = home.open()
    store.save_prompt(prompt())
    home.network.down = True
    with pytest.raises(Unreachable):
        store.waiting_prompts()
    assert store.behind
    home.settled(store)
    assert [row.id for row in store.waiting_prompts()] == ["p1"]


def test_no_room_is_an_error_and_is_said(home: Home, tmp_path: Path) -> None:
    """What fits no more is not kept; the log of decisions gives way long before."""
    home.network.down = True
    store = home.open()
    store._spool.capacity = 100_000
    long = "x" * 10_000
    for number in range(3):
        store.save_prompt(prompt(f"p{number}", long))
    count = store._spool.count
    store.log_decisions([Decision("run", "echo", 0.0, NOON, StartAsked())])
    assert store._spool.count == count
    assert "left out" in str(store.problem)
    with pytest.raises(StoreError):
        for number in range(3, 20):
            store.save_prompt(prompt(f"p{number}", long))
    assert "No more fit" in str(store.problem)
    home.settled(store)
    assert "No more fit" not in str(store.problem)
    assert 5 < len(home.far().waiting_prompts()) < 12


def test_what_the_database_never_takes_holds_up_nothing(home: Home) -> None:
    """It is put aside and told, and what was behind it is taken over."""
    home.network.down = True
    store = home.open()
    store.save_prompt(prompt("p1"))
    store._spool.append(Operation("save_prompt", '{"prompt": 3}'))
    store._spool.append(Operation("dream", "{}"))
    line = Decision("run", "echo", 0.0, NOON, StartAsked())
    store.log_decisions([line])
    store._run = ""
    store.log_decisions([line])  # its number is there already
    store.save_prompt(prompt("p2"))
    home.settled(store)
    assert [row.id for row in home.far().waiting_prompts()] == ["p1", "p2"]
    assert "took 3 of the writes" in str(store.problem)
    assert store._spool.refused == 3


def test_a_bug_in_a_write_is_that_writes_alone(home: Home) -> None:
    """With the database there: it raises, nothing waits, and the next one is written."""
    store = home.open()
    line = Decision("run", "echo", 0.0, NOON, StartAsked())
    store.log_decisions([line])
    store._run = ""
    with pytest.raises(StoreError):
        store.log_decisions([line])
    store.save_prompt(prompt())
    assert (store.behind, store.problem) == (False, None)
    assert [row.id for row in home.far().waiting_prompts()] == ["p1"]


def test_a_database_that_others_wrote_to_counts_by_itself(home: Home) -> None:
    """A spool that was lost or copied begins with the number that the database has."""
    store = home.open()
    for number in range(5):
        store.save_prompt(prompt(f"p{number}"))
    store.close()
    for file in home.spool.parent.glob("spool.db*"):
        file.unlink()
    home.network.down = True
    store = home.open()
    store.save_prompt(prompt("later"))
    home.settled(store)
    assert len(home.far().waiting_prompts()) == 6


def test_locks_and_old_decisions_wait_for_nothing(home: Home) -> None:
    """While the database is away nobody takes a lock, and nothing is pruned."""
    home.network.down = True
    store = home.open()
    store.hold_sessions(("p1",))
    assert store.prune_decisions(1) == 0
    assert store._spool.count == 0


Step = Callable[[SpooledStore, int], None]


def _accept(store: SpooledStore, number: int) -> None:
    store.begin_prompt(prompt(f"p{number}"), begun(f"p{number}"))


def _finish(store: SpooledStore, number: int) -> None:
    ended = LATER + timedelta(seconds=number)
    store.finish_turn(replace(record(f"p{number}", requests=()), ended_at=ended))


def _log(store: SpooledStore, number: int) -> None:
    store.log_decisions([Decision("run", "echo", float(number), NOON, StartAsked())])


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["go", "down", "up", "before", "after", "kill", "settle"]),
            st.integers(1, 3),
        ),
        max_size=12,
    )
)
def test_whatever_the_network_does_everything_is_there_once(script: list[tuple[str, int]]) -> None:
    """Lost commits, lost answers, outages and killed daemons, in any order."""
    with TemporaryDirectory() as folder:
        home = Home(Path(folder))
        try:
            _play(home, script)
        finally:
            home.close()


def _play(home: Home, script: list[tuple[str, int]]) -> None:
    store, done = home.open(), 0
    for what, count in script:
        match what:
            case "down" | "up":
                home.network.down = what == "down"
            case "before" | "after":
                home.network.losses += [what] * count
            case "kill":
                run, number = store._run, store._next_number
                store = home.open()
                store._run, store._next_number = run, number
            case "settle":
                home.network.losses.clear()
                home.settled(store)
            case _:
                for _ in range(count):
                    for step in (_accept, _log, _finish):
                        step(store, done)
                    done += 1
        store.catch_up()
    home.network.losses.clear()
    home.settled(store)
    far = home.far()
    assert [d.now for d in far.decisions("run")] == [float(n) for n in range(done)]
    assert sorted(row.id for row in far.turns(1000)) == sorted(f"p{n}" for n in range(done))
    assert far.unfinished_turns() == []
    assert far.waiting_prompts() == []
    assert far.totals("s1").turns == done
    session = far.session("gemini", "s1")
    assert (session.interaction_count if session else 0) == done
    assert store._plight.refused == 0


def test_it_does_not_wait_long_at_a_start(tmp_path: Path) -> None:
    """A database that says nothing at all is as good as away."""
    import threading

    never = threading.Event()

    def hang() -> Store:
        never.wait()
        raise StoreError("It was never there.")

    store = SpooledStore.beside(tmp_path / "spool.db", hang, patience=0.01)
    store.save_prompt(prompt())
    assert store._spool.count == 1
    never.set()
    store.close()
    assert module.START_SECONDS < 5


def test_a_bug_is_not_the_end_of_all_attempts(home: Home) -> None:
    """It is told, and the database is reached at the next one."""
    attempts = iter([KeyError("a bug"), None])

    def opened() -> Store:
        if (bug := next(attempts)) is not None:
            raise bug
        return home.network.open()

    store = SpooledStore.beside(home.spool, opened)
    assert "KeyError" in str(store.problem)
    store.save_prompt(prompt())
    home.settled(store)
    assert [row.id for row in home.far().waiting_prompts()] == ["p1"]
    store.close()
