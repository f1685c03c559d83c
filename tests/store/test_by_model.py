"""The sums of models: over a turn's they are the turn's, over a session's the session's."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Row, select

from tars.accounting.shares import FIGURES
from tars.accounting.usage import ModelUsage, TurnUsage
from tars.core.agent import Outcome
from tars.store.schema import session_models, sessions, turn_models, turns
from tars.store.store import Store
from tests.store.samples import USAGE, record

COSTLY = replace(USAGE, cost_microusd=1234)


def models_of(store: Store, session: str) -> dict[str, Row[object]]:
    query = select(session_models).join(sessions).where(sessions.c.id == session)
    with store.reading("look") as connection:
        return {row.model: row for row in connection.execute(query)}


def test_a_finished_turn_is_split_over_its_models(store: Store) -> None:
    """Each has what it was counted with; the cost is put down to the turn's own model."""
    store.finish_turn(record(usage=COSTLY))
    found = models_of(store, "s1")
    assert {name: tuple(row)[2:] for name, row in found.items()} == {
        "flash": (1, 2, 1200, 900, 0, 41, 11, 1234, 1),
        "pro": (1, 1, 197, 1000, 3, 37, 7, 0, 0),
    }
    with store.reading("look") as connection:
        of_turn = connection.execute(select(turn_models).order_by("model")).all()
    assert [tuple(row)[1:] for row in of_turn] == [
        (name, *tuple(found[name])[3:]) for name in ("flash", "pro")
    ]


def test_a_turn_recorded_twice_is_split_once(store: Store) -> None:
    """As it counts once."""
    for _ in range(2):
        store.finish_turn(record(usage=COSTLY))
    assert models_of(store, "s1")["flash"].turns == 1


def test_sums_of_models_grow_with_each_turn(store: Store) -> None:
    """Failed ones too; a turn without a session is split all the same."""
    store.finish_turn(record("p1", usage=COSTLY))
    store.finish_turn(record("p2", Outcome.ERROR, usage=COSTLY, requests=()))
    store.finish_turn(record("p3", session=None, usage=COSTLY, requests=()))
    flash = models_of(store, "s1")["flash"]
    assert (flash.turns, flash.cost_microusd, flash.costed_turns) == (2, 2468, 2)
    with store.reading("look") as connection:
        assert len(connection.execute(select(turn_models)).all()) == 6


def test_absurd_figures_break_no_sum(store: Store) -> None:
    """A price beyond what a database holds, or below nothing, is brought to the nearer end."""
    for number, cost in enumerate((10**30, -5)):
        usage = TurnUsage(input=10**30, net=10**30, output=10**30, cost_microusd=cost)
        store.finish_turn(record(f"p{number}", usage=usage, requests=()))
    check_sums(store)


counts = st.integers(0, 10**6) | st.integers(-(10**20), 10**20)
usages = st.builds(
    TurnUsage,
    *([counts] * 6),
    requests=counts,
    cost_microusd=st.none() | counts,
    models=st.lists(
        st.builds(ModelUsage, st.sampled_from("ab\0\ud800"), *([counts] * 5), requests=counts),
        max_size=4,
    ).map(tuple),
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(usages, max_size=4), st.data())
def test_all_sums_agree(store: Store, used: list[TurnUsage], data: st.DataObject) -> None:
    """Session = its models = its turns = their models, whatever was used by whom."""
    with store.reading("count") as connection:
        known = len(connection.execute(select(turns.c.seq)).all())
    for number, usage in enumerate(used):
        session = data.draw(st.sampled_from(["s1", "s2"]))
        store.finish_turn(record(f"p{known + number}", session=session, usage=usage, requests=()))
    check_sums(store)


def check_sums(store: Store) -> None:
    with store.reading("add up") as connection:
        everything = [
            connection.execute(select(*(table.c[name] for name in FIGURES[:-1]))).all()
            for table in (sessions, session_models, turn_models, turns)
        ]
    sums = [
        [sum(row[place] or 0 for row in rows) for place in range(len(FIGURES) - 1)]
        for rows in everything
    ]
    assert sums[0] == sums[1] == sums[2] == sums[3]
