"""Conversations on disk, from Python."""

import multiprocessing
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tars
from tars.errors import (
    Busy,
    NameInvalid,
    Refused,
    SessionAmbiguous,
    SessionNotFound,
    StoreError,
    UserError,
)
from tars.store.rows import PromptRow, TurnBegun
from tars.store.store import Store

AT = datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def library(tmp_path: Path) -> tars.SessionLibrary:
    return tars.SessionLibrary(tmp_path / "home")


def talk(session_id: str | None = None, **more: Any) -> tars.AgentSession:
    session = tars.AgentSession(session_id, created_at=AT, **more)
    session.add_message("system", "Be brief.", timestamp=AT)
    session.add_message("user", "What is a\n daemon?", timestamp=AT + timedelta(seconds=1))
    session.add_message("assistant", "A process.", timestamp=AT + timedelta(seconds=2))
    return session


def said(session: tars.AgentSession) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in session.messages]


def test_what_was_saved_is_loaded(library: tars.SessionLibrary) -> None:
    """The messages, their times and extras, the metadata; found by id, name, and as the last."""
    session = talk("talk-0001", name="daemons", metadata={"topic": ["x", {"y": None}]})
    session.add_message("tool", "out", timestamp=AT + timedelta(seconds=3), metadata={"n": 1.5})
    library.save_session(session)
    for word in ("talk-0001", "talk", "daemons", "last"):
        loaded = library.load_session(word)
        assert loaded.messages == session.messages
        assert loaded.metadata == session.metadata
        assert (loaded.session_id, loaded.name) == ("talk-0001", "daemons")
        assert (loaded.created_at, loaded.last_activity) == (AT, AT + timedelta(seconds=3))


def test_more_is_appended_and_all_of_it_kept_once(library: tars.SessionLibrary) -> None:
    """Saving twice is saving once; what is added later follows what was there."""
    session = talk()
    library.save_session(session)
    library.save_session(session)
    session.add_message("user", "And a zombie?")
    library.save_session(session)
    loaded = library.load_session(session.session_id)
    assert said(loaded) == said(session)
    loaded.add_message("assistant", "A dead one.")
    library.save_session(loaded)
    assert len(library.load_session("last")) == 5
    (record,) = library.list_sessions()
    assert (record.messages, record.title) == (5, "What is a")
    assert record.status == "completed"


@pytest.mark.parametrize(("keep_system", "left"), [(True, ["system"]), (False, [])])
def test_a_history_is_cleared(
    library: tars.SessionLibrary, keep_system: bool, left: list[str]
) -> None:
    """But for what the system said, unless that too; and so it is on disk."""
    session = talk()
    library.save_session(session)
    session.clear_history(keep_system=keep_system)
    assert [m.role for m in session.messages] == left
    library.save_session(session)
    session.add_message("user", "Again.")
    library.save_session(session)
    assert [m.role for m in library.load_session("last").messages] == [*left, "user"]


def test_nothing_is_there_before_something_is_saved(library: tars.SessionLibrary) -> None:
    """To look makes no file."""
    assert library.list_sessions() == []
    assert not library.session_exists("last")
    with pytest.raises(SessionNotFound):
        library.load_session("last")
    with pytest.raises(SessionNotFound):
        library.delete_session("last")
    assert not library.home.root.exists()


def test_a_session_is_deleted(library: tars.SessionLibrary) -> None:
    """It exists, and then it does not; the others stay."""
    one, other = talk("one-session"), talk("two-session", name="other")
    for session in (one, other):
        library.save_session(session)
    assert library.session_exists("one-session")
    assert library.session_exists("other")
    assert not library.session_exists("one-sessio")
    library.delete_session("one-session")
    assert not library.session_exists("one-session")
    assert [record.id for record in library.list_sessions()] == ["two-session"]
    with pytest.raises(SessionNotFound):
        library.load_session("one-session")


def test_who_changed_it_last_wins_and_the_other_is_told(library: tars.SessionLibrary) -> None:
    """A session that changed since it was loaded is not written over."""
    library.save_session(talk("shared-session"))
    mine, theirs = (library.load_session("shared-session") for _ in range(2))
    theirs.add_message("user", "First!")
    library.save_session(theirs)
    mine.add_message("user", "Second!")
    with pytest.raises(Busy, match="changed since"):
        library.save_session(mine)
    with pytest.raises(Busy, match="changed since"):
        library.save_session(talk("shared-session"))
    assert said(library.load_session("shared-session"))[-1] == ("user", "First!")


def test_names_are_checked_and_belong_to_one(library: tars.SessionLibrary) -> None:
    """A taken name is refused, and the session is not saved."""
    library.save_session(talk("first-one", name="same"))
    with pytest.raises(NameInvalid, match="another session"):
        library.save_session(talk("second-one", name="same"))
    assert not library.session_exists("second-one")
    for name in ("../x", "", "x" * 300, "a\nb"):
        with pytest.raises(NameInvalid):
            tars.AgentSession(name=name)
        with pytest.raises(NameInvalid):
            tars.AgentSession(name)


def test_the_beginning_of_several_ids_is_refused(library: tars.SessionLibrary) -> None:
    """The error names them."""
    for end in "ab":
        library.save_session(talk(f"same-{end}"))
    with pytest.raises(SessionAmbiguous, match="means several sessions"):
        library.load_session("same")


def test_what_is_not_json_is_refused_whole(library: tars.SessionLibrary) -> None:
    """Nothing of it is saved; roles are those that there are."""
    session = talk(metadata={"at": AT})
    with pytest.raises(UserError, match="JSON"):
        library.save_session(session)
    session.metadata = {}
    session.add_message("user", "x", metadata={"a": float("nan")})
    with pytest.raises(UserError, match="JSON"):
        library.save_session(session)
    assert library.list_sessions() == []
    with pytest.raises(UserError, match="'robot' is no role"):
        session.add_message("robot", "x")


def test_what_tars_recorded_can_be_read_and_not_rewritten(library: tars.SessionLibrary) -> None:
    """A copy of it can be saved under another id."""
    home = library.home
    store = Store.open(home.store)
    store.begin_prompt(
        PromptRow("t1", "echo", "Hello", AT), TurnBegun("t1", "echo", AT, "recorded-1")
    )
    store.save_session("echo", "recorded-1", AT)
    store.close()
    recorded = library.load_session("recorded-1")
    recorded.add_message("user", "I never said that.")
    with pytest.raises(Refused, match="stays"):
        library.save_session(recorded)
    with pytest.raises(Refused, match="recorded"):
        library.save_session(tars.AgentSession("recorded-1", agent="echo"))
    copy = tars.AgentSession("a-copy", messages=recorded.messages)
    library.save_session(copy)
    assert said(library.load_session("a-copy")) == said(recorded)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["user", "assistant", "system", "tool", "thought"]),
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        ),
        max_size=5,
    )
)
def test_any_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, str]]
) -> None:
    """Character by character, in its order."""
    library = tars.SessionLibrary(tmp_path_factory.mktemp("any"))
    session = tars.AgentSession()
    for role, content in history:
        session.add_message(role, content)
    library.save_session(session)
    assert said(library.load_session(session.session_id)) == history


def _save_many(root: str, who: int, count: int) -> None:
    library = tars.SessionLibrary(root)
    for number in range(count):
        session = talk(f"process-{who}-{number}")
        library.save_session(session)
        session.add_message("user", "more")
        library.save_session(session)
    os._exit(0)


def test_several_processes_share_a_library(library: tars.SessionLibrary) -> None:
    """Nothing is lost, and nobody is told that the database is locked."""
    fresh = multiprocessing.get_context("spawn")
    args = str(library.home.root)
    processes = [fresh.Process(target=_save_many, args=(args, who, 5)) for who in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    records = library.list_sessions()
    assert len(records) == 20
    assert {record.messages for record in records} == {4}


def test_a_foreign_file_is_refused_and_left_alone(library: tars.SessionLibrary) -> None:
    """It is somebody's, whatever it is."""
    library.home.data.mkdir(parents=True)
    library.home.store.write_bytes(b"not a database, but somebody's file" * 10)
    before = library.home.store.read_bytes()
    with pytest.raises(StoreError):
        library.save_session(talk())
    assert library.home.store.read_bytes() == before


def test_times_without_a_zone_are_utc() -> None:
    """All times of a session are aware."""
    session = tars.AgentSession(created_at=AT.replace(tzinfo=None))
    message = session.add_message("user", "x", timestamp=AT.replace(tzinfo=None))
    assert session.created_at == message.timestamp == session.last_activity == AT


def test_the_public_names_are_all_there() -> None:
    """Each is loaded when it is used; what is not public is no attribute."""
    for name in ("Agent", "AsyncAgent", "AsyncClient", "Client", "SessionLibrary", "TarsError"):
        assert getattr(tars, name).__name__ == name
        assert name in dir(tars)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = getattr(tars, "Nothing")  # noqa: B009
