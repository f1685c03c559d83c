"""A damaged store is set aside and made anew of what can be read; what was half done is ended."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Delete, Update, delete, func, insert, select, text, update
from sqlalchemy.dialects import sqlite

from tars.errors import StoreError
from tars.home import Home
from tars.sessions.library import Library
from tars.sessions.repair import Repaired, recover, repair
from tars.store import searching
from tars.store.messages import recount
from tars.store.pages import Pages
from tars.store.schema import (
    messages,
    metadata,
    session_models,
    sessions,
    tool_calls,
    turn_models,
    turns,
)
from tests.store.samples import LATER, NOON, USAGE, begun, prompt, record

NOW = datetime(2026, 5, 1, tzinfo=UTC)
PAGE = 4096
#: How many turns the store has, and how many sessions.
TURNS, SESSIONS = 48, 6


def home_in(folder: Path) -> Home:
    home = Home(folder)
    home.prepare()
    return home


def fill(home: Home) -> None:
    """Sessions of some turns, each with messages, of which some are longer than a page."""
    with Library.open(home) as library:
        for number in range(TURNS):
            turn, session = f"t{number}", f"session-{number % SESSIONS}"
            library.store.begin_prompt(prompt(turn), begun(turn, session=session))
            library.store.finish_turn(record(turn, session=session))
        with library.writing() as connection:
            keys = {row.id: row.seq for row in connection.execute(select(sessions))}
            for number in range(TURNS):
                for place in range(6):
                    words = f"pelican {number} {place} " + "and so on " * (
                        900 if place == 3 else 30
                    )
                    _say(connection, keys[f"session-{number % SESSIONS}"], number, place, words)
            for key in keys.values():
                recount(connection, key)


def _say(connection: Connection, session: int, turn: int, number: int, words: str) -> None:
    row = {
        "session": session,
        "turn": f"t{turn}",
        "number": 100 + number,
        "role": "assistant",
        "text": words,
        "size": len(words),
        "began_at": NOON,
        "ended_at": LATER,
    }
    seq = connection.execute(insert(messages).returning(messages.c.seq), row).scalar_one()
    searching.index(connection, seq)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a home whose store is sound, and never used again."""
    home = home_in(tmp_path_factory.mktemp("sound") / "tars")
    fill(home)
    return home.root


@pytest.fixture
def home(sound: Path, tmp_path: Path) -> Home:
    shutil.copytree(sound, tmp_path / "tars")
    return Home(tmp_path / "tars")


def counts(home: Home) -> dict[str, int]:
    """How many rows each table has that has any."""
    with Library.open(home) as library, library.reading() as connection:
        found = {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in metadata.tables.items()
        }
    return {name: count for name, count in found.items() if count}


def rows(home: Home, what: str) -> set[tuple[object, ...]]:
    """The rows of a table, without what their order gave them."""
    with Library.open(home) as library, library.reading() as connection:
        table = metadata.tables[what]
        chosen = [column for column in table.c if column.name != "seq"]
        return {tuple(row) for row in connection.execute(select(*chosen))}


def damage(home: Home, change: Callable[[bytearray], None]) -> bytes:
    """Change the file by hand, and give what it holds then."""
    data = bytearray(home.store.read_bytes())
    change(data)
    home.store.write_bytes(data)
    return bytes(data)


def overwrite(*pages: int) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        for number in pages:
            data[(number - 1) * PAGE : number * PAGE] = b"\xa5" * PAGE

    return change


def root_of(home: Home, table: str) -> int:
    with Library.open(home) as library, library.reading() as connection:
        query = text("SELECT rootpage FROM sqlite_schema WHERE name = :name")
        return int(connection.execute(query, {"name": table}).scalar_one())


def test_a_sound_store_is_left_alone(home: Home) -> None:
    """Nothing is wrong with it, so nothing is done, and nothing set aside."""
    before = counts(home)
    assert repair(home, NOW) == Repaired()
    assert repair(home, NOW).was_well
    assert counts(home) == before
    assert [path.name for path in home.data.iterdir() if "corrupt" in path.name] == []


def test_every_row_on_a_sound_page_is_kept(home: Home) -> None:
    """Where a page of messages and the root of the turns are overwritten, only the messages of
    that page are lost: the turns are known by what their pages hold."""
    before_turns, before_messages = rows(home, "turns"), counts(home)["messages"]
    root = root_of(home, "messages")
    pages = Pages(home.store.read_bytes())
    leaf = list(pages.leaves(root, set()))[4]
    lost = len(list(pages.rows(leaf)))
    assert lost > 0
    data = damage(home, overwrite(leaf, root_of(home, "turns")))
    done = repair(home, NOW)
    assert done.faults
    assert done.aside is not None
    assert done.aside.read_bytes() == data, "what was set aside is as it was"
    assert rows(home, "turns") == before_turns
    assert counts(home)["messages"] == before_messages - lost
    assert home.store.stat().st_mode & 0o777 == 0o600
    assert repair(home, NOW).was_well


@pytest.mark.parametrize(
    "first_page", [b"\0" * 100, b"\xa5" * PAGE], ids=["its header", "its first page"]
)
def test_the_beginning_of_the_file_is_not_needed(home: Home, first_page: bytes) -> None:
    """Without the header, or the whole page that leads to all others, all is read."""
    before = counts(home)

    def change(data: bytearray) -> None:
        data[: len(first_page)] = first_page

    damage(home, change)
    done = repair(home, NOW)
    assert done.faults == ["the file is not a database"]
    assert done.unreadable == 0
    assert counts(home) == before
    assert repair(home, NOW).was_well


def test_a_file_that_was_cut_off_gives_what_is_left(home: Home) -> None:
    """Half of it has half of the rows; what they hung on is put in place again."""
    before = counts(home)

    def change(data: bytearray) -> None:
        del data[len(data) // 2 :]

    damage(home, change)
    done = repair(home, NOW)
    assert done.faults
    after = counts(home)
    assert 0 < after["messages"] < before["messages"]
    assert after["sessions"] >= 1
    with Library.open(home) as library, library.reading() as connection:
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
        found = connection.scalars(searching.matching(connection, "pelican")).all()
        assert len(found) == after["messages"]
    assert repair(home, NOW).was_well


@pytest.mark.parametrize("length", [0, 1, 50, 100, 4000])
def test_a_file_cut_in_its_first_page_is_begun_anew(home: Home, length: int) -> None:
    """There is nothing to be read of it; it is kept all the same, unless it is empty."""

    def change(data: bytearray) -> None:
        del data[length:]

    data = damage(home, change)
    done = repair(home, NOW)
    assert list(counts(home)) == ["alembic_version", "machines"]
    assert (done.aside.read_bytes() if done.aside else b"") == data


@pytest.mark.parametrize("kind", ["a text", "another database"])
def test_a_foreign_file_is_set_aside(home: Home, kind: str) -> None:
    """It is not tars' to write to: a new store is begun beside it."""
    home.store.unlink()
    if kind == "a text":
        home.store.write_text("Dear diary" * 1000)
    else:
        with closing(sqlite3.connect(home.store)) as other, other:
            other.execute("CREATE TABLE sessions (x)")
            other.execute("INSERT INTO sessions VALUES (1)")
    data = home.store.read_bytes()
    done = repair(home, NOW)
    assert done.faults
    assert done.aside is not None
    assert done.aside.read_bytes() == data
    assert list(counts(home)) == ["alembic_version", "machines"]


def test_a_dry_run_says_the_same_and_changes_nothing(home: Home) -> None:
    """What would be read and mended is told; the file stays where it is, as it is."""
    data = damage(home, overwrite(root_of(home, "turns")))
    names = {path.name for path in home.data.iterdir()}
    dry = repair(home, NOW, dry_run=True)
    assert home.store.read_bytes() == data
    assert {path.name for path in home.data.iterdir()} == names
    done = repair(home, NOW)
    assert (dry.faults, dry.rows, dry.mended) == (done.faults, done.rows, done.mended)
    assert dry.aside is None


def test_nothing_that_was_set_aside_is_overwritten(home: Home) -> None:
    """Two repairs in one second are two files."""
    first = damage(home, overwrite(1))
    one = repair(home, NOW).aside
    second = damage(home, overwrite(2))
    other = repair(home, NOW).aside
    assert one is not None
    assert other is not None
    assert one != other
    assert (one.read_bytes(), other.read_bytes()) == (first, second)


def test_a_store_of_a_newer_tars_is_refused(home: Home) -> None:
    """It is not read as if it were one of today, and stays where it is."""
    with Library.open(home) as library, library.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    data = damage(home, overwrite(root_of_without_opening(home.store, "messages")))
    with pytest.raises(StoreError, match="written by a newer tars"):
        repair(home, NOW)
    assert home.store.read_bytes() == data


def root_of_without_opening(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        return int(connection.execute(query, (table,)).fetchone()[0])


def test_a_lost_turn_is_one_of_which_little_is_known(home: Home) -> None:
    """What was said in it stays, and what its session had used counts as before; more may have
    been used in the turn itself."""
    before = _sums(home, "session-1")
    _without_keys(home, delete(turns).where(turns.c.id == "t7"))
    done = repair(home, NOW)
    assert done.mended["turns_recovered"] == 1
    with Library.open(home) as library, library.reading() as connection:
        row = connection.execute(select(turns).where(turns.c.id == "t7")).one()
        said = select(func.count()).where(messages.c.turn == "t7")
        assert connection.execute(said).scalar_one() == 6
    assert (row.session, row.outcome, row.at_least) == ("session-1", "interrupted", True)
    assert done.disagreements == []
    assert _sums(home, "session-1") == before
    assert repair(home, NOW).was_well


def test_lost_turns_that_had_a_cost_keep_it_together(home: Home) -> None:
    """Two turns of a session are lost, of which one had a cost: the session's stays."""
    with Library.open(home) as library:
        usage = replace(USAGE, cost_microusd=1_234_567)
        library.store.finish_turn(record("dear", session="session-1", usage=usage))
        with library.writing() as connection:
            _say(connection, 2, 0, 50, "toucan")
            connection.execute(
                update(messages).where(messages.c.number == 150).values(turn="dear", number=1)
            )
    before = _sums(home, "session-1")
    _without_keys(home, delete(turns).where(turns.c.id.in_(["t7", "dear"])))
    done = repair(home, NOW)
    assert done.mended["turns_recovered"] == 2
    assert done.disagreements == []
    assert _sums(home, "session-1") == before
    assert repair(home, NOW).was_well


def test_a_lost_session_is_told_of_by_its_turns(home: Home) -> None:
    """It has its id and its sums again, and what was said in it."""
    before = _sums(home, "session-2")
    said = _said(home, "session-2")
    _without_keys(home, delete(sessions).where(sessions.c.id == "session-2"))
    done = repair(home, NOW)
    assert done.mended["sessions_recovered"] == 1
    assert _sums(home, "session-2") == before
    assert _said(home, "session-2") == said > 0
    assert repair(home, NOW).was_well


def test_a_conversation_that_was_not_to_be_remembered_stays_unlisted(home: Home) -> None:
    """Its turns name it, and nothing that was said in them was kept."""
    with Library.open(home) as library:
        private = replace(record("private", session="private"), unrecorded=True)
        library.store.finish_turn(private)
    assert repair(home, NOW).was_well
    with Library.open(home) as library, library.reading() as connection:
        assert "private" not in set(connection.scalars(select(sessions.c.id)))


def test_sums_are_brought_to_what_the_turns_make(home: Home) -> None:
    """Each figure that disagreed is told, of the session and of its models."""
    before = _sums(home, "session-3")
    wrong = update(sessions).where(sessions.c.id == "session-3").values(tokens=5, turns=1)
    _without_keys(home, wrong)
    _without_keys(
        home, update(session_models).values(output=0).where(session_models.c.session == 1)
    )
    done = repair(home, NOW)
    told = {(d.session, d.figure, d.was) for d in done.disagreements}
    assert {("session-3", "tokens", 5), ("session-3", "turns", 1)} <= told
    assert any(
        d.session == "session-0" and d.figure == "output of its models" for d in done.disagreements
    )
    assert _sums(home, "session-3") == before
    assert repair(home, NOW).was_well


def test_what_a_crash_left_open_is_ended(home: Home) -> None:
    """Growing messages and tool calls without a result of turns that are over, locks of who is
    gone, turns that were not split: each is ended and counted; those under way go on."""
    with Library.open(home) as library:
        store = library.store
        store.begin_prompt(prompt("now"), begun("now", session="session-5"))
        with library.writing() as connection:
            connection.execute(update(sessions).values(writer="gone:1:1", writer_until=LATER))
            for turn, key in (("t1", 2), ("now", 6)):
                part = {"session": key, "turn": turn, "number": 200, "role": "assistant"}
                grows = {**part, "text": "toucan", "size": 6, "began_at": NOON, "ended_at": None}
                connection.execute(insert(messages), grows)
                call = {"session": key, "turn": turn, "number": 201, "id": "c1", "kind": "edit"}
                rest = {"title": "", "status": "in_progress", "output": "", "size": 0}
                connection.execute(insert(tool_calls), {**call, **rest, "began_at": NOON})
            lost = select(turns.c.seq).where(turns.c.id == "t1").scalar_subquery()
            connection.execute(delete(turn_models).where(turn_models.c.turn == lost))
    dry = repair(home, NOW, dry_run=True)
    done = repair(home, NOW)
    assert dry.mended == done.mended
    assert done.mended == {
        "messages_ended": 1,
        "tool_calls_ended": 1,
        "turns_split": 1,
        "locks_freed": SESSIONS,
    }
    assert done.disagreements == []
    with Library.open(home) as library, library.reading() as connection:
        calls = {row.turn: row for row in connection.execute(select(tool_calls))}
        found = connection.scalars(searching.matching(connection, "toucan")).all()
    assert (calls["t1"].status, calls["t1"].ended_at) == ("interrupted", LATER)
    assert (calls["now"].status, calls["now"].ended_at) == ("in_progress", None)
    assert len(found) == 1
    assert repair(home, NOW).was_well


def test_the_index_is_brought_into_step(home: Home) -> None:
    """Messages that it lacks are found again."""
    with Library.open(home) as library, library.writing() as connection:
        connection.execute(text("INSERT INTO message_words (message_words) VALUES ('delete-all')"))
    done = repair(home, NOW)
    assert done.mended == {"index_rebuilt": 1}
    with Library.open(home) as library, library.reading() as connection:
        assert len(connection.scalars(searching.matching(connection, "pelican")).all()) == TURNS * 6


def test_what_was_written_last_is_read_too(home: Home) -> None:
    """A daemon that was killed leaves its last writes beside the file; they count."""
    library = Library.open(home)
    library.store.finish_turn(record("last", session="session-1"))
    beside = home.store.with_name("tars.db-wal")
    data, wal = home.store.read_bytes(), beside.read_bytes()
    library.close()
    home.store.write_bytes(data)
    beside.write_bytes(wal)
    damage(home, overwrite(root_of_pages(data, "notes")))
    done = repair(home, NOW)
    assert done.faults
    assert counts(home)["turns"] == TURNS + 1


def test_a_file_that_was_set_aside_is_taken_over(home: Home) -> None:
    """A daemon that finds its store damaged sets it aside and begins a new one: the sessions of
    the old one come back into that, those that it has stay as they are."""
    sums = _sums(home, "session-1")
    aside = home.store.with_name("tars.db.corrupt")
    damage(home, overwrite(1))
    home.store.rename(aside)
    data = aside.read_bytes()
    with Library.open(home) as library:
        library.store.finish_turn(record("new", session="session-0"))
    found = recover(home, aside, NOW)
    assert {each.id: str(each.done) for each in found} == {
        "session-0": "skipped",
        **{f"session-{number}": "imported" for number in range(1, SESSIONS)},
    }
    assert _sums(home, "session-1") == sums
    assert aside.read_bytes() == data
    assert {str(each.done) for each in recover(home, aside, NOW)} == {"skipped"}
    assert sorted(path.name for path in home.data.iterdir() if path.name.startswith(".")) == []


def test_a_file_of_something_else_is_not_taken_over(home: Home, tmp_path: Path) -> None:
    """Nothing is changed for it."""
    (tmp_path / "diary").write_text("Dear diary" * 1000)
    before = counts(home)
    with pytest.raises(StoreError, match="Nothing of tars can be read"):
        recover(home, tmp_path / "diary", NOW)
    assert counts(home) == before


def root_of_pages(data: bytes, table: str) -> int:
    pages = Pages(data)
    for leaf in pages.leaves(1, set()):
        for row in pages.rows(leaf):
            if row.values[1] == table:
                assert isinstance(row.values[3], int)
                return row.values[3]
    raise AssertionError(table)


def test_no_bytes_are_a_crash(home: Home, tmp_path: Path) -> None:
    """Whatever a page holds, it is read to an end: every page is turned into noise in turn."""
    data = bytearray(home.store.read_bytes())
    for number in range(1, len(data) // PAGE + 1):
        noisy = bytearray(data)
        start = (number - 1) * PAGE
        for place in range(start, start + PAGE, 3):
            noisy[place] = (place * 31 + number) % 256
        pages = Pages(bytes(noisy))
        if pages.holds_rows(number):
            assert len(list(pages.rows(number))) <= PAGE
        list(pages.leaves(number, set()))


def _without_keys(home: Home, statement: Delete | Update) -> None:
    """Change the store as a damaged page would: what hangs on a row does not go with it."""
    compiled = statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    with closing(sqlite3.connect(home.store)) as connection, connection:
        connection.execute(str(compiled))


def _sums(home: Home, session: str) -> tuple[object, ...]:
    with Library.open(home) as library, library.reading() as connection:
        row = connection.execute(select(sessions).where(sessions.c.id == session)).one()
        models = select(session_models).where(session_models.c.session == row.seq)
        each = sorted(tuple(model) for model in connection.execute(models))
        names = ("turns", "tokens", "output", "cost_microusd", "costed_turns", "messages")
        return (*(row._mapping[name] for name in names), *each)


def _said(home: Home, session: str) -> int:
    with Library.open(home) as library, library.reading() as connection:
        its = messages.join(sessions, sessions.c.seq == messages.c.session)
        query = select(func.count()).select_from(its).where(sessions.c.id == session)
        return int(connection.execute(query).scalar_one())
