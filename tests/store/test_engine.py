"""The database file: whose it is, and what happens when it is broken, locked, full or killed."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tars.core.events import StartAsked
from tars.errors import StoreError
from tars.store.engine import store_errors
from tars.store.machines import Machine
from tars.store.rows import Decision
from tars.store.store import Store
from tests.store.samples import NOON, prompt, record

#: The children import the samples from here.
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "tars.db"


def test_the_files_are_their_owners_alone(path: Path) -> None:
    """The database and its journal are 0600, even one that was not; the folder is 0700."""
    path.parent.mkdir(mode=0o700)
    path.touch(0o644)
    store = Store.open(path)
    store.save_prompt(prompt())
    names = os.listdir(path.parent)
    assert "tars.db-wal" in names
    assert {stat.S_IMODE((path.parent / name).stat().st_mode) for name in names} == {0o600}
    store.close()
    other = Store.open(path.parent / "more" / "tars.db")
    other.close()
    assert stat.S_IMODE((path.parent / "more").stat().st_mode) == 0o700


def test_closing_twice_is_closing_once(path: Path) -> None:
    """close() may be called again; the database is whole in one file."""
    store = Store.open(path)
    store.save_prompt(prompt())
    store.close()
    store.close()
    assert sorted(os.listdir(path.parent)) == ["machine-id", "tars.db"]


def test_readers_do_not_wait_for_a_writer(path: Path) -> None:
    """WAL: another program reads while this one has the database open."""
    store = Store.open(path)
    store.save_prompt(prompt())
    reader = sqlite3.connect(path)
    assert reader.execute("SELECT id FROM prompts").fetchall() == [("p1",)]
    assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    reader.close()
    store.close()


NOT_A_DATABASE = {
    "text": b"this is not a database" * 100,
    "short": b"x",
    "binary": bytes(range(256)) * 64,
}


@pytest.mark.parametrize("content", NOT_A_DATABASE.values(), ids=NOT_A_DATABASE.keys())
def test_what_is_no_database_is_set_aside(path: Path, content: bytes) -> None:
    """It is kept under another name, `problem` names it, and a new database works."""
    path.parent.mkdir()
    path.write_bytes(content)
    store = Store.open(path)
    store.save_prompt(prompt())
    (aside,) = path.parent.glob("tars.db.corrupt-*Z")
    assert aside.read_bytes() == content
    assert store.problem is not None
    assert aside.name in store.problem
    store.close()
    healthy = Store.open(path)
    assert healthy.problem is None
    assert healthy.waiting_prompts() == [prompt()]
    healthy.close()


def test_a_folder_or_another_programs_database_is_set_aside(path: Path) -> None:
    """Whatever stands in the place is kept, and never written to."""
    path.mkdir(parents=True)
    Store.open(path).close()
    path.unlink()
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE photos (id)")
    theirs.close()
    store = Store.open(path)
    assert store.problem is not None
    assert "something else" in store.problem
    store.close()
    assert len(list(path.parent.glob("tars.db.corrupt-*"))) == 2


def test_a_journal_is_set_aside_with_its_database(path: Path) -> None:
    """The journal of a broken database must not be played into the new one."""
    path.parent.mkdir()
    path.write_bytes(b"broken" * 1000)
    path.with_name("tars.db-wal").write_bytes(b"journal")
    Store.open(path).close()
    (journal,) = path.parent.glob("*-wal")
    assert journal.name.startswith("tars.db.corrupt-")
    assert journal.read_bytes() == b"journal"


def test_a_damaged_page_is_a_clear_error(path: Path) -> None:
    """Damage that shows only later raises StoreError, whose text says what to do."""
    store = Store.open(path)
    for number in range(300):
        store.save_prompt(prompt(f"p{number}", "x" * 500))
    store.close()
    with path.open("r+b") as file:
        # The prompts came last; what comes first is the schema.
        file.seek(path.stat().st_size - 20 * 4096)
        file.write(b"\xff" * 4096 * 4)
    store = Store.open(path)
    with pytest.raises(StoreError, match="damaged") as caught:
        store.waiting_prompts()
    assert caught.value.advice
    store.close()


def test_a_lock_of_another_program_is_a_clear_error(path: Path) -> None:
    """A locked database is waited for, then reported; it works once the lock is gone."""
    store = Store.open(path, busy_seconds=0)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="cannot save the prompt: the database is locked"):
        store.save_prompt(prompt())
    with pytest.raises(StoreError, match="cannot open: the database is locked"):
        # Another machine has to be noted; one that is known has nothing to write.
        Store.open(path, machine=Machine("another", "host"), busy_seconds=0)
    Store.open(path, busy_seconds=0).close()
    other.execute("ROLLBACK")
    other.close()
    store.save_prompt(prompt())
    assert store.waiting_prompts() == [prompt()]
    store.close()


def test_a_place_that_is_no_folder_is_a_clear_error(tmp_path: Path) -> None:
    """A database that cannot be made raises StoreError."""
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="cannot open"):
        Store.open(tmp_path / "data" / "tars.db")


def test_an_error_does_not_quote_a_prompt(path: Path) -> None:
    """Errors reach logs: neither the error nor its causes hold a text."""
    store = Store.open(path, busy_seconds=0)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("DROP TABLE prompts")
    with pytest.raises(StoreError) as caught:
        store.save_prompt(prompt(text="the secret haiku"))
    error: BaseException | None = caught.value
    assert "prompts" in str(error)
    while error is not None:
        assert "haiku" not in f"{error} {error!r}"
        error = error.__cause__
    other.close()
    store.close()


def test_the_ledger_stays_whole_when_the_database_may_not_grow(path: Path) -> None:
    """A full database refuses with a clear error, keeps what it has, and works again later."""
    store = Store.open(path)
    store.save_prompt(prompt("p1"))
    limit(store, pages=1)
    with pytest.raises(StoreError, match="cannot save the prompt: the disk is full"):
        store.save_prompt(prompt("p2", "x" * 1_000_000))
    assert [p.id for p in store.waiting_prompts()] == ["p1"]
    store.finish_turn(record("p1", requests=()))
    limit(store, pages=1_000_000)
    store.save_prompt(prompt("p2", "x" * 1_000_000))
    assert [p.id for p in store.waiting_prompts()] == ["p2"]
    assert [t.id for t in store.turns()] == ["p1"]
    store.close()


def test_the_log_goes_on_after_a_failure(path: Path) -> None:
    """Decisions that were refused are logged by the next call, numbered without a gap."""
    store = Store.open(path, busy_seconds=0)
    decision = Decision("run", "gemini", 0.0, NOON, StartAsked())
    store.log_decisions([decision])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError):
        store.log_decisions([decision])
    other.close()
    store.log_decisions([decision, decision])
    assert [d.number for d in store.decisions("run")] == [0, 1, 2]
    store.close()


def limit(store: Store, *, pages: int) -> None:
    """Let the database have at most this many pages, or as many as it has now."""
    store._connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    store._connection.rollback()


def test_os_errors_become_store_errors() -> None:
    """Whatever the operating system refuses is the store's own error."""
    with pytest.raises(StoreError, match="cannot breathe: No space left"), store_errors("breathe"):
        raise OSError(28, "No space left on device")


FULL_DISK = """
import pathlib, resource, sys
from tars.errors import StoreError
from tars.store.store import Store
from tests.store.samples import prompt, record

store = Store.open(sys.argv[1])
kept, refused = [], set()
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
size = max(file.stat().st_size for file in pathlib.Path(sys.argv[1]).parent.iterdir())
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 300_000, hard))
for number in range(100):
    try:
        store.save_prompt(prompt(f"p{number}", "x" * 20_000))
        kept.append(f"p{number}")
    except StoreError as error:
        refused.add(str(error))
assert [p.id for p in store.waiting_prompts()] == kept
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
store.save_prompt(prompt("after"))
print(*kept, "after")
print(*refused)
"""


def test_a_full_disk_loses_nothing_that_was_kept(path: Path) -> None:
    """Writes are refused while the disk is full; what was kept is there, then and later."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    kept, refused = done.stdout.splitlines()
    assert 3 < len(kept.split()) < 100
    assert "the disk" in refused
    store = Store.open(path)
    assert [p.id for p in store.waiting_prompts()] == kept.split()
    assert store.problem is None
    store.close()


WRITING = """
import itertools, sys
from tars.store.store import Store
from tests.store.samples import begun, prompt, record

store = Store.open(sys.argv[1])
first = len(store.turns(1_000_000)) + len(store.waiting_prompts())
print("ready", flush=True)
for number in itertools.count(first):
    id = f"p{number}"
    store.save_prompt(prompt(id))
    print("saved", id, flush=True)
    store.begin_turn(begun(id))
    print("begun", id, flush=True)
    store.finish_turn(record(id, requests=()))
    print("finished", id, flush=True)
"""


def test_a_kill_at_any_moment_loses_nothing_acknowledged(path: Path) -> None:
    """SIGKILL in the midst of writing: every call that returned is found afterwards."""
    known: dict[str, str] = {}
    for lines in (1, 2, 3, 10, 30):
        with subprocess.Popen(
            [sys.executable, "-c", WRITING, path], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            heard = [child.stdout.readline() for _ in range(1 + lines)]
            child.send_signal(signal.SIGKILL)
            heard += child.stdout.read().splitlines(keepends=True)
        for line in heard[1:]:
            if line.endswith("\n"):
                what, id = line.split()
                known[id] = what
        store = Store.open(path)
        assert store.problem is None
        finished = {t.id for t in store.turns(1_000_000) if t.outcome is not None}
        begun = {t.id for t in store.unfinished_turns()}
        waiting = {p.id for p in store.waiting_prompts()}
        store.close()
        assert {id for id, what in known.items() if what == "finished"} <= finished
        assert {id for id, what in known.items() if what == "begun"} <= finished | begun
        assert set(known) <= finished | begun | waiting
