"""Transactions that only read: one state of the store, whoever writes meanwhile."""

import pytest
from sqlalchemy import func, insert, select

from tars.errors import StoreError
from tars.store.schema import prompts, templates
from tars.store.store import Store
from tests.store.conftest import OpenStore
from tests.store.samples import NOON, begun, prompt, record

COUNT = select(func.count()).select_from(prompts)
ADD = insert(templates).values(name="t", saved_at=NOON, body="{}")


def test_a_reader_sees_one_state_while_another_writes(open_store: OpenStore) -> None:
    """What is written meanwhile is there for the next transaction."""
    reader, writer = open_store(), open_store()
    writer.save_prompt(prompt("p1"))
    with reader.reading("look") as connection:
        assert connection.scalar(COUNT) == 1
        writer.save_prompt(prompt("p2"))
        assert connection.scalar(COUNT) == 1
    with reader.reading("look") as connection:
        assert connection.scalar(COUNT) == 2


def test_a_reader_waits_for_no_writer(open_store: OpenStore) -> None:
    """Also where one holds the lock, and what it has not kept yet is not seen."""
    reader, writer = open_store(), open_store()
    with writer.writing("hold") as connection:
        connection.execute(ADD)
        assert reader.waiting_prompts() == []
        with reader.reading("look") as other:
            assert other.execute(select(templates)).all() == []
        opened = open_store()
        assert opened.turns() == []


def test_who_only_reads_cannot_write(store: Store) -> None:
    """It is refused, changes nothing, and the next transaction may write again."""
    with pytest.raises(StoreError, match="read-only"), store.reading("look") as connection:
        connection.execute(ADD)
    with store.writing("add") as connection:
        connection.execute(ADD)
    with store.reading("look") as connection:
        assert len(connection.execute(select(templates)).all()) == 1


def test_a_reader_that_fails_leaves_the_store_usable(store: Store) -> None:
    """The way back to writing is not lost with the transaction."""
    with pytest.raises(ZeroDivisionError), store.reading("look"):
        _ = 1 // 0
    store.begin_prompt(prompt(), begun())
    store.finish_turn(record())
    assert len(store.turns()) == 1
