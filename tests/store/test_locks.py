"""One writer per session at a time; a lock that nobody holds any more frees itself."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tars.errors import Busy
from tars.store import locks
from tars.store.rows import Wishes
from tars.store.store import Store
from tests.store.samples import NOON, begun, prompt, record

ELSEWHERE = "another-machine:1:1"


@pytest.fixture
def locked(store: Store) -> Store:
    """A store whose session another machine writes to."""
    store.save_session("gemini", "s1", NOON)
    with store.writing("lock") as connection:
        assert locks.take(connection, 1, ELSEWHERE, datetime.now(UTC))
    return store


def holder(store: Store) -> str | None:
    with store.reading("read") as connection:
        return locks.holder(connection, 1, datetime.now(UTC))


def me(store: Store) -> str:
    with store.reading("read") as connection:
        return locks.me(connection, store.machine)


def test_a_turn_holds_its_session_until_it_ends(store: Store) -> None:
    """From the transaction that begins it to the one that ends it, or holds it."""
    store.save_session("gemini", "s1", NOON)
    assert store.begin_prompt(prompt(), begun()) is None
    assert holder(store) == me(store)
    assert store.begin_turn(begun()) is None, "again is no conflict"
    store.hold_turn(record())
    assert holder(store) is None
    store.begin_turn(begun())
    assert holder(store) == me(store)
    store.finish_turn(record())
    assert holder(store) is None


def test_a_prompt_is_refused_while_another_writes(locked: Store) -> None:
    """Nothing of it is saved; the sentence says that it is another process."""
    refusal = locked.begin_prompt(prompt(), replace(begun(), wishes=Wishes(task="T")))
    assert refusal == "Another process is writing into this conversation."
    assert locked.begin_turn(begun()) == refusal
    assert locked.waiting_prompts() == []
    assert locked.turns() == []
    with locked.writing("lock") as connection:
        assert not locks.take(connection, 1, "me:1:1", datetime.now(UTC))
        with pytest.raises(Busy, match="writing into this conversation"):
            locks.require(connection, 1, "me:1:1", datetime.now(UTC))
        locks.free(connection, 1, "me:1:1")
    assert holder(locked) == ELSEWHERE


def test_a_lock_whose_time_is_over_is_free(locked: Store) -> None:
    """Its holder may say before that it goes on."""
    now = datetime.now(UTC)
    later = now + locks.LEASE - timedelta(seconds=1)
    with locked.writing("lock") as connection:
        locks.prolong(connection, 1, ELSEWHERE, later)
        at = later + locks.LEASE - timedelta(seconds=1)
        assert not locks.take(connection, 1, "me:1:1", at)
        assert locks.take(connection, 1, "me:1:1", at + timedelta(seconds=1))


@pytest.mark.parametrize("says", [True, False])
def test_a_silent_turn_goes_on_holding_its_session(sqlite: Store, *, says: bool) -> None:
    """What it says prolongs its lock, and so does its daemon when it says nothing."""
    sqlite.save_session("gemini", "s1", NOON)
    sqlite.begin_turn(begun())
    who, now = me(sqlite), datetime.now(UTC)
    with sqlite.writing("age") as connection:
        locks.prolong(connection, 1, who, now - locks.LEASE / 2)
    if says:
        sqlite.keep_said("p1", ())
    else:
        sqlite.hold_sessions(("p1", "p0"))
    with sqlite.reading("read") as connection:
        assert locks.holder(connection, 1, now + locks.LEASE * 0.9) == who


def test_the_lock_of_a_process_that_is_gone_is_free(sqlite: Store) -> None:
    """Whoever killed the daemon need not wait: its successor takes the session at once."""
    sqlite.save_session("gemini", "s1", NOON)
    machine = me(sqlite).partition(":")[0]
    gone = subprocess.Popen([sys.executable, "-c", ""])
    name = f"{machine}:{gone.pid}:{locks._began(gone.pid)}"
    with sqlite.writing("lock") as connection:
        assert locks.take(connection, 1, name, datetime.now(UTC))
    gone.wait()
    assert sqlite.begin_prompt(prompt(), begun()) is None
    assert holder(sqlite) == me(sqlite)


def test_a_living_process_of_the_same_machine_is_named(sqlite: Store) -> None:
    """A pid alone is not enough: it may be somebody else's by now."""
    sqlite.save_session("gemini", "s1", NOON)
    machine = me(sqlite).partition(":")[0]
    parent = f"{machine}:{os.getppid()}:{locks._began(os.getppid())}"
    with sqlite.writing("lock") as connection:
        assert locks.take(connection, 1, parent, datetime.now(UTC))
    refusal = sqlite.begin_turn(begun())
    assert refusal is not None
    assert refusal.startswith(f"The process {os.getppid()} on ")
    with sqlite.writing("lock") as connection:
        locks.free(connection, 1, parent)
        assert locks.take(connection, 1, f"{machine}:{os.getppid()}:0", datetime.now(UTC))
    assert sqlite.begin_turn(begun()) is None


def test_the_end_of_a_turn_frees_the_lock_of_the_daemon_that_began_it(sqlite: Store) -> None:
    """A turn that is reported after a crash leaves nothing behind."""
    sqlite.save_session("gemini", "s1", NOON)
    sqlite.begin_turn(begun())
    who = me(sqlite)
    machine = who.partition(":")[0]
    with sqlite.writing("lock") as connection:
        locks.free(connection, 1, who)
        assert locks.take(connection, 1, f"{machine}:999999999:7", datetime.now(UTC))
    sqlite.finish_turn(record())
    assert holder(sqlite) is None
