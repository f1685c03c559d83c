"""Opening the store for a person: what cannot be read is refused, and left where it is."""

import sqlite3
from pathlib import Path

import pytest

from tars.errors import StoreError
from tars.home import Home
from tars.sessions.library import Library
from tars.store.store import Store
from tests.store.samples import prompt, record


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home whose store has a turn."""
    home = Home(tmp_path / "home")
    store = Store.open(home.store)
    for number in range(50):
        store.save_prompt(prompt(f"p{number}", "x" * 2000))
    store.finish_turn(record("p0"))
    store.close()
    return home


def damage(path: Path, how: str) -> None:
    match how:
        case "text":
            path.write_text("no database at all")
        case "cut short":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        case "scribbled over":
            content = path.read_bytes()
            path.write_bytes(content[:100] + b"\xff" * 8192 + content[8292:])
        case "something else's":
            path.unlink()
            with sqlite3.connect(path) as theirs:
                theirs.execute("CREATE TABLE photos (id)")
            theirs.close()
        case "newer":
            with sqlite3.connect(path) as newer:
                newer.execute("UPDATE alembic_version SET version_num = '9999'")
            newer.close()
        case _:
            raise AssertionError(how)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("text", "not a database"),
        ("cut short", "damaged"),
        ("scribbled over", "damaged"),
        ("something else's", "something else"),
        ("newer", "newer tars"),
    ],
)
def test_what_cannot_be_read_is_refused_and_left_alone(home: Home, how: str, why: str) -> None:
    """A person hears why and what to do; not a byte of the file is changed."""
    damage(home.store, how)
    before = home.store.read_bytes()
    with pytest.raises(StoreError, match=why) as caught:
        Library.open(home)
    assert caught.value.advice
    assert home.store.read_bytes() == before
    assert sorted(file.name for file in home.data.iterdir()) == ["machine-id", "tars.db"]


@pytest.mark.parametrize("how", ["text", "cut short", "scribbled over", "something else's"])
def test_the_daemon_sets_it_aside_and_begins_anew(home: Home, how: str) -> None:
    """What a person is told of, a daemon cannot wait for."""
    damage(home.store, how)
    before = home.store.read_bytes()
    store = Store.open(home.store)
    assert store.problem is not None
    assert store.turns() == []
    store.close()
    (aside,) = home.data.glob("tars.db.corrupt-*Z")
    assert aside.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"not an id\n"])
def test_a_damaged_id_of_the_machine_is_refused(home: Home, content: bytes) -> None:
    """With another one everything here would be another machine's."""
    (home.data / "machine-id").write_bytes(content)
    with pytest.raises(StoreError, match="machine-id is damaged") as caught:
        Library.open(home)
    assert caught.value.advice
    assert (home.data / "machine-id").read_bytes() == content


def test_an_id_that_cannot_be_read_is_refused(home: Home) -> None:
    """It is not replaced."""
    (home.data / "machine-id").unlink()
    (home.data / "machine-id").mkdir()
    with pytest.raises(StoreError, match="cannot open"):
        Library.open(home)


def test_a_library_is_open_beside_a_daemon(home: Home) -> None:
    """Both see what the other has written; the machine is the same one."""
    store = Store.open(home.store)
    with Library.open(home) as library:
        assert library.store.machine == store.machine
        store.finish_turn(record("p1"))
        assert library.store.totals("s1").turns == 2
    store.close()
