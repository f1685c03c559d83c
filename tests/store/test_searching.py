"""Full text: what is found by which words, on both databases, and that nothing stays behind."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select, text, update

from tars.store import searching
from tars.store.schema import messages, sessions
from tars.store.store import Store
from tars.store.text_index import FOUND_CHARACTERS
from tests.store.conftest import OpenStore
from tests.store.samples import NOON

SAID = {
    1: "Fix the parser in src/tars/store_engine.py, please.",
    2: "The PARSER broke: don't parse twice at https://example.org/a?b=c",
    3: "Größe, 東京タワー und naïve Töne; costs 3.14 dollars",
    4: "please fix nothing",
    5: '<div class="parser">quoted "words" here</div>',
}


@pytest.fixture
def said(store: Store) -> Store:
    with store.writing("talk") as connection:
        for seq, words in SAID.items():
            say(connection, seq, words)
    return store


def say(connection: Connection, seq: int, words: str, *, whole: bool = True) -> None:
    connection.execute(
        insert(messages),
        {
            "seq": seq,
            "number": seq,
            "role": "user",
            "text": words,
            "size": len(words),
            "began_at": NOON,
            "ended_at": NOON if whole else None,
        },
    )
    searching.index(connection, seq)


def found(store: Store, sought: str) -> list[int]:
    with store.reading("search") as connection:
        return list(connection.scalars(searching.matching(connection, sought)))


FINDINGS = {
    "parser": [5, 2, 1],
    "Parser FIX": [1],
    "fix please": [4, 1],
    '"please fix"': [4],
    '"fix please': [],
    '"fix nothing': [4],
    "pars*": [5, 2, 1],
    "pars": [],
    '"src/tars/store*': [1],
    '"src tars store"* fix': [1],
    "src/tars/store_engine.py": [1],
    "engine": [1],
    "don't": [2],
    "example.org": [2],
    "größe": [3],
    "東京*": [3],
    "3.14": [3],
    "class": [5],
    '"quoted ""words"': [5],
    "": [],
    "* \" - ( ) AND' \0 …": [],
    "parser AND broke": [],
    "parser -broke": [2],
    "text:parser": [],
    "NEAR(parser broke)": [],
}


def test_words_are_found(said: Store) -> None:
    """All words, in any case and order; phrases; beginnings. Newest first. What is an
    operator elsewhere is a word here, or nothing."""
    assert {sought: found(said, sought) for sought in FINDINGS} == FINDINGS


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sought=st.text(max_size=30) | st.text("ab\"'*()-:^\\&|!<>+% \0\ud800", max_size=12))
def test_no_text_is_a_mistake(said: Store, sought: str) -> None:
    """Whatever somebody types is looked for; the database never complains of its form."""
    assert set(found(said, sought)) <= set(SAID)


def test_a_select_of_messages_is_part_of_a_greater_one(said: Store) -> None:
    """It may be limited, and used to narrow another query."""
    with said.reading("search") as connection:
        matching = searching.matching(connection, "parser")
        assert list(connection.scalars(matching.limit(2))) == [5, 2]
        texts = select(messages.c.text).where(messages.c.seq.in_(matching), messages.c.number < 2)
        assert list(connection.scalars(texts)) == [SAID[1]]


def test_what_still_grows_is_not_found(store: Store) -> None:
    """A message is found once it is whole; told twice to the index, it is there once."""
    with store.writing("talk") as connection:
        say(connection, 1, "half", whole=False)
    assert found(store, "half") == []
    with store.writing("talk") as connection:
        connection.execute(update(messages).values(text="half and half", ended_at=NOON))
        searching.index(connection, 1)
        searching.index(connection, 1)
    assert found(store, "half") == [1]


def test_a_long_message_is_found_by_its_beginning(store: Store) -> None:
    """Beyond a bound it is not searched; no length is a mistake."""
    with store.writing("talk") as connection:
        say(connection, 1, "start " + "x" * 3000 + " é" * FOUND_CHARACTERS + " end")
    assert found(store, "start é") == [1]
    assert found(store, "end") == []


def test_what_is_written_over_is_found_by_its_new_words(said: Store) -> None:
    """The index follows, and it forgets what is no more whole."""
    with said.writing("change") as connection:
        connection.execute(update(messages).where(messages.c.seq == 1).values(text="other"))
        connection.execute(update(messages).where(messages.c.seq == 2).values(ended_at=None))
    assert found(said, "parser") == [5]
    assert found(said, "other") == [1]
    consistent(said)


def test_what_was_deleted_is_not_found(said: Store) -> None:
    """However it went: with its session, by itself, or taken out of the index before."""
    with said.writing("delete") as connection:
        session = connection.scalar(
            insert(sessions).returning(sessions.c.seq),
            {
                "machine": said.machine,
                "agent": "a",
                "id": "s",
                "created_at": NOON,
                "last_activity_at": NOON,
            },
        )
        connection.execute(update(messages).where(messages.c.seq == 1).values(session=session))
        connection.execute(delete(sessions))
        connection.execute(delete(messages).where(messages.c.seq == 2))
        searching.unindex(connection, [5, 99])
        connection.execute(delete(messages).where(messages.c.seq == 5))
    assert found(said, "parser") == []
    assert found(said, "please") == [4]
    consistent(said)


def test_a_new_index_has_what_is_whole(said: Store) -> None:
    """Making it anew loses nothing and finds nothing twice."""
    with said.writing("talk") as connection:
        say(connection, 6, "parser half", whole=False)
        searching.rebuild(connection)
    assert found(said, "parser") == [5, 2, 1]
    consistent(said)


def consistent(store: Store) -> None:
    """SQLite's own check: the index has the words of the whole messages, and no others."""
    with store.writing("check") as connection:
        if connection.dialect.name == "sqlite":
            check = "INSERT INTO message_words (message_words, rank) VALUES ('integrity-check', 1)"
            connection.execute(text(check))


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_no_word_of_a_deleted_message_stays_on_the_disk(
    open_store: OpenStore, tmp_path: Path
) -> None:
    """After the end no file of the store has it: not the table, and not the index, which
    keeps what was deleted until it is written anew."""
    store = open_store()
    with store.writing("talk") as connection:
        for seq in range(1, 300):
            say(connection, seq, f"words of nobody {seq}")
        say(connection, 300, "qzxsecretzq and more")
    store.close()
    assert holds(tmp_path, b"qzxsecretzq")
    store = open_store()
    with store.writing("delete") as connection:
        searching.unindex(connection, [300])
        connection.execute(delete(messages).where(messages.c.seq == 300))
    store.close()
    assert not holds(tmp_path, b"qzxsecretzq")
    assert not holds(tmp_path, b"zxsecretzq")


def holds(folder: Path, words: bytes) -> bool:
    return any(words in file.read_bytes() for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
def test_the_index_of_postgresql_is_used(said: Store) -> None:
    """The query says it in the words of the index: a search is no look at every message."""
    with said.writing("look") as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("SET LOCAL enable_indexscan = off"))
        query = searching.matching(connection, "parser").compile(connection)
        plan = connection.exec_driver_sql(f"EXPLAIN {query}", query.params).scalars()
        assert any("ix_messages_words" in line for line in plan)
