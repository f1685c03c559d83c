"""What a crash left half done is put right on every database; what is in order stays as it is."""

from datetime import timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from tars.store import mending, orphans
from tars.store.schema import messages, session_models, sessions, tool_calls, turn_models, turns
from tars.store.store import Store
from tests.store.samples import LATER, NOON, begun, prompt, record

NOW = NOON + timedelta(days=1)


def mended(connection: Connection, machine: int) -> tuple[object, ...]:
    """Everything that is mended, and what was done."""
    return (
        orphans.adopt(connection, machine, NOW, damaged=True),
        mending.end_what_was_said(connection),
        mending.split_turns(connection),
        mending.add_up(connection),
        mending.free_locks(connection, machine, NOW),
        mending.index_is_out_of_step(connection),
    )


def test_what_is_in_order_stays(store: Store) -> None:
    """Nothing is found in a store that only tars has written, also beside a turn under way."""
    for turn in ("t1", "t2"):
        store.begin_prompt(prompt(turn), begun(turn))
        store.finish_turn(record(turn))
    store.begin_prompt(prompt("now"), begun("now"))
    with store.writing("test") as connection:
        connection.execute(update(sessions).values(writer=None))
        assert mended(connection, store.machine) == ({}, (0, 0), 0, [], 0, False)


def test_what_was_left_half_done_is_put_right(store: Store) -> None:
    """Growing text, a call without a result, a turn that was not split, sums that are wrong, a
    session without a row, a stale lock: each is found once."""
    for turn, session in (("t1", "s1"), ("t2", "s2")):
        store.begin_prompt(prompt(turn), begun(turn, session=session))
        store.finish_turn(record(turn, session=session))
    with store.writing("break") as connection:
        part = {"turn": "t1", "number": 50, "role": "assistant", "text": "a", "size": 1}
        connection.execute(insert(messages), {**part, "began_at": NOON})
        call = {"turn": "t1", "number": 51, "id": "c", "kind": "edit", "title": "", "status": "x"}
        connection.execute(insert(tool_calls), {**call, "output": "", "size": 0, "began_at": NOON})
        first = select(turns.c.seq).where(turns.c.id == "t1").scalar_subquery()
        connection.execute(delete(turn_models).where(turn_models.c.turn == first))
        connection.execute(delete(sessions).where(sessions.c.id == "s2"))
        connection.execute(update(sessions).values(tokens=1, writer="x", writer_until=LATER))
    with store.writing("test") as connection:
        adopted, ended, split, wrong, freed, _ = mended(connection, store.machine)
        again = mended(connection, store.machine)
        rows = {row.id: row for row in connection.execute(select(sessions))}
        models = connection.execute(select(func.sum(session_models.c.output))).scalar_one()
        assert isinstance(wrong, list)
    assert adopted == {"sessions_recovered": 1}
    assert (ended, split, freed) == ((1, 1), 1, 1)
    assert ("s1", "tokens", 1) in {(d.session, d.figure, d.was) for d in wrong}
    assert rows["s1"].tokens == rows["s2"].tokens > 1
    assert rows["s1"].output + rows["s2"].output == models
    assert again == ({}, (0, 0), 0, [], 0, False)
