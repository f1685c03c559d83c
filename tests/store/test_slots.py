"""What was spent when: always what the ledger makes, whoever changes it, and in one more write."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event, func, select, text, update

from tars.accounting.usage import ModelUsage, TurnUsage
from tars.core.agent import Outcome
from tars.store import managing, mending, migrations, slots, spending, transfer
from tars.store.machines import Machine
from tars.store.rows import TurnBegun, TurnRecord, Wishes
from tars.store.schema import sessions, spent_slots, turn_models, turns
from tars.store.slot_text import SUMS
from tars.store.store import Store
from tests.store.samples import LATER, NOON, USAGE, prompt, record

COSTLY = replace(USAGE, cost_microusd=1234)


def rows(store: Store) -> list[dict[str, object]]:
    order = spent_slots.c.slot, spent_slots.c.session, spent_slots.c.model
    with store.reading("look") as connection:
        return [
            dict(row._mapping) for row in connection.execute(select(spent_slots).order_by(*order))
        ]


def check(store: Store) -> None:
    """Every sum is what its turns make, and all of them what the ledger's are."""
    with store.reading("compare") as connection:
        assert slots.wrong(connection) == 0
        whole = spending.whole(connection).spent
        sums = connection.execute(select(*(func.sum(spent_slots.c[name]) for name in SUMS)))
        tokens = whole.tokens
        assert [int(each or 0) for each in sums.one()] == [
            whole.requests,
            tokens.net_input,
            tokens.cache_read,
            tokens.cache_write,
            tokens.output,
            tokens.reasoning,
            whole.cost_microusd,
        ]


def test_a_turn_counts_in_the_quarter_of_its_end_by_model_and_task(store: Store) -> None:
    """All shares of a turn whose agent told its cost are official; the cost is the main one's."""
    begun = TurnBegun("p1", "gemini", NOON, "s1", "flash", "m1", wishes=Wishes(task="fix"))
    assert store.begin_prompt(prompt(), begun) is None
    store.finish_turn(record(usage=COSTLY))
    common = {"slot": 1_969_296, "machine": store.machine, "agent": "gemini", "session": "s1"}
    common |= {"task": "fix", "size": 0, "official": 1}
    assert slots.slot_of(LATER) == common["slot"]
    assert rows(store) == [
        {**common, "model": "flash", "requests": 2, "net_input": 1200, "cache_read": 900,
         "cache_write": 0, "output": 41, "reasoning": 11, "cost_microusd": 1234},
        {**common, "model": "pro", "requests": 1, "net_input": 197, "cache_read": 1000,
         "cache_write": 3, "output": 37, "reasoning": 7, "cost_microusd": 0},
    ]  # fmt: skip
    store.finish_turn(record(usage=COSTLY))
    check(store)


@pytest.mark.parametrize(
    ("requests", "context", "is_sum", "size"),
    [(2, 0, False, 4), (3, 0, False, 3), (0, 0, False, 7), (0, 40_000, False, 1), (0, 9, True, 7)],
)
def test_the_size_is_that_of_the_average_request(
    sqlite: Store, requests: int, context: int, is_sum: bool, size: int
) -> None:
    """Where nobody says how many they were, that of the last one, or of all together."""
    usage = TurnUsage(
        input=400_000, net=400_000, requests=requests, context=context, context_is_sum=is_sum
    )
    sqlite.finish_turn(record(usage=usage, requests=()))
    assert [row["size"] for row in rows(sqlite)] == [size]
    check(sqlite)


def test_a_turn_that_used_nothing_leaves_no_row(sqlite: Store) -> None:
    """There is nothing to sum up."""
    sqlite.finish_turn(record(usage=TurnUsage(), requests=()))
    assert rows(sqlite) == []
    check(sqlite)


def test_a_turn_costs_one_more_statement(sqlite: Store) -> None:
    """Its end is waited for: nothing is looked up for the sums."""
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    with sqlite.reading("listen") as connection:
        engine = connection.engine
    event.listen(engine, "before_cursor_execute", note)
    sqlite.finish_turn(record(usage=COSTLY))
    assert len([each for each in seen if "spent_slots" in each]) == 1


counts = st.integers(0, 10**6)
usages = st.builds(
    TurnUsage,
    *([counts] * 6),
    context=counts,
    requests=st.integers(0, 5),
    context_is_sum=st.booleans(),
    cost_microusd=st.none() | counts,
    models=st.lists(
        st.builds(ModelUsage, st.sampled_from("ab\0"), *([counts] * 5), requests=counts),
        max_size=3,
    ).map(tuple),
)
ends = st.timedeltas(timedelta(0), timedelta(hours=1)).map(lambda after: NOON + after)
steps = st.lists(
    st.tuples(
        st.sampled_from(["turn", "turn", "turn", "delete", "with turns", "import"]),
        st.sampled_from(["s1", "s2", None]),
        usages,
        ends,
    ),
    max_size=8,
)
numbers = iter(range(10**9))


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps)
def test_the_sums_are_those_of_the_ledger_whatever_is_done(
    store: Store, done: list[tuple[str, str | None, TurnUsage, datetime]]
) -> None:
    """Turns of sessions and of none, sessions deleted with and without their turns, and those
    that are taken over again."""
    for what, session, usage, end in done:
        if what == "turn" or session is None:
            finish(store, f"t{next(numbers)}", session, usage, end)
        else:
            with store.writing("change") as connection:
                change(connection, store.machine, what, session)
        check(store)


def finish(store: Store, id: str, session: str | None, usage: TurnUsage, end: datetime) -> None:
    store.finish_turn(
        TurnRecord(id, "gemini", Outcome.OK, NOON, end, 5, session=session, model="a", usage=usage)
    )


def change(connection: Connection, machine: int, what: str, session: str) -> None:
    """Delete a session, or take it over again with the turns that it once had."""
    seq = connection.scalar(select(sessions.c.seq).where(sessions.c.id == session))
    if what != "import":
        if seq is not None:
            managing.remove(connection, seq, with_turns=what == "with turns")
        return
    if seq is not None:
        managing.remove(connection, seq)
    row = {"machine": machine, "agent": "gemini", "id": session, "source": "import"}
    seq = transfer.add_session(
        connection, {**row, "created_at": NOON, "last_activity_at": NOON}, ()
    )
    lost = connection.execute(select(turns).where(turns.c.session.is_(None))).all()
    for turn in lost[::2]:
        columns = {name: value for name, value in turn._mapping.items() if name != "seq"}
        transfer.add_turn(connection, {**columns, "session": session}, ())
    transfer.add_up(connection, seq)


def test_wrong_sums_are_found_and_made_anew(store: Store) -> None:
    """Those that are not as the turns make them, those that are missing, and strange ones."""
    store.finish_turn(record("p1", usage=COSTLY))
    store.finish_turn(record("p2", session="s2", usage=COSTLY, requests=()))
    right = rows(store)
    with store.writing("break") as connection:
        connection.execute(update(spent_slots).where(spent_slots.c.model == "pro").values(output=1))
        connection.execute(text("DELETE FROM spent_slots WHERE model = 'flash' AND session = 's2'"))
    with store.writing("mend") as connection:
        assert mending.recount_slots(connection) == 5
        assert mending.recount_slots(connection) == 0
    assert rows(store) == right
    check(store)


def test_a_store_of_before_is_added_up_when_it_is_migrated(store: Store) -> None:
    """With turns of several models, without a split, of no session, and under way."""
    store.finish_turn(record("p1", usage=COSTLY))
    store.finish_turn(record("p2", session=None, usage=replace(USAGE, requests=0), requests=()))
    store.finish_turn(record("p3", session="s3", usage=COSTLY, requests=()))
    store.begin_turn(TurnBegun("p4", "gemini", datetime.now(UTC), "s4", "flash", ""))
    with store.writing("go back") as connection:
        split = select(turns.c.seq).where(turns.c.id == "p3").scalar_subquery()
        connection.execute(turn_models.delete().where(turn_models.c.turn == split))
        for table in ("spent_slots", "logged_slots", "logged_days", "deleted_sessions"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
        migrations.upgrade(connection, Machine("here", "host"))
    check(store)
    assert [row["session"] for row in rows(store)] == ["", "", "s1", "s1", "s3"]
