"""Sessions go from one store to another and nothing is lost, doubled, or half there."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from tars.errors import FileUnreadable, NameInvalid, UserError
from tars.home import Home
from tars.sessions.importing import Done
from tars.sessions.library import Library
from tars.store import schema, searching
from tests.store.samples import NOON, begun, record
from tests.support.exports import (
    AT,
    LATER,
    NOW,
    document,
    library,
    lines,
    seqs,
    sessions,
    take,
    told,
    written,
)

_IDS = count()


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Library, Library]]:
    """Two libraries that all examples of a property use."""
    root = tmp_path_factory.mktemp("stores")
    with library(root / "a") as one, library(root / "b") as other:
        yield one, other


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Library]:
    with library(tmp_path / "home") as opened:
        yield opened


def session(id: str = "s1", **more: Any) -> dict[str, Any]:
    """The least that a session is, and more."""
    least = {"type": "session", "id": id, "agent": "gemini"}
    return {**least, "createdAt": AT, "lastActivityAt": LATER, **more}


def turn(id: str = "t1", **more: Any) -> dict[str, Any]:
    least = {"type": "turn", "id": id, "outcome": "ok", "beganAt": AT, "endedAt": LATER}
    return {**least, "netInput": 10, "output": 5, "costMicrousd": 7, "model": "flash", **more}


def totals(library: Library) -> tuple[int, ...]:
    """The sums over turns, over sessions and over models, which have to be the same."""
    with library.reading() as connection:
        found = [
            connection.execute(
                select(*(func.coalesce(func.sum(table.c[n]), 0) for n in ("output", "net_input")))
            ).one()
            for table in (schema.turns, schema.sessions, schema.session_models)
        ]
        money = [
            connection.scalar(select(func.coalesce(func.sum(table.c.cost_microusd), 0)))
            for table in (schema.turns, schema.sessions, schema.session_models, schema.turn_models)
        ]
    assert found[0] == found[1] == found[2]
    assert len(set(money)) == 1
    return (*found[0], money[0] or 0)


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_round_trip_is_exact(stores: tuple[Library, Library], data: st.DataObject) -> None:
    """Export, import into another store, export: the same bytes, whatever stands in them, as
    JSON and as JSON lines; and the sums still agree."""
    one, other = stores
    given_session = data.draw(sessions(f"s{next(_IDS)}"))
    take(one, written(given_session))
    mine = seqs(one)[-1:]
    first = lines(one, mine)
    take(other, first if data.draw(st.booleans()) else document(one, mine))
    assert lines(other, seqs(other)[-1:]) == first
    assert document(other, seqs(other)[-1:]) == document(one, mine)
    assert len(first) > len(given_session["title"])
    totals(other)


def test_what_a_daemon_recorded_goes_over_whole(here: Library, tmp_path: Path) -> None:
    """A session of the ledger's own making: only its source, its status and the machine's marks
    of the log are other ones where it is imported."""
    here.store.save_session("gemini", "s1", NOON)
    here.store.begin_turn(begun())
    here.store.finish_turn(record())
    (was,) = told(here)
    with library(tmp_path / "other") as there:
        take(there, document(here))
        (now,) = told(there)
        assert totals(there) == totals(here)
    assert was["turns"][0]["modelRequests"]
    assert was["turns"][0]["reported"]["input"] == 3300
    changed = {key for key in was if was[key] != now[key]}
    assert changed <= {"source", "status", "endedAt"}, changed


def test_the_same_twice_changes_nothing(here: Library) -> None:
    """A session that is here is skipped, and said so."""
    data = written(session(turns=[turn()]))
    take(here, data)
    before = lines(here)
    (again,) = take(here, data)
    assert (again.done, again.why) == (Done.SKIPPED, "it is here already")
    assert lines(here) == before
    assert totals(here) == (5, 10, 7)


def test_a_replaced_session_is_counted_once(here: Library) -> None:
    """The turns of what is replaced are not counted again, and its words are found anew."""
    said = {"type": "message", "number": 0, "role": "user", "text": "kiwi", "beganAt": AT}
    take(here, written(session(turns=[turn(entries=[said])])))
    newer = session(
        title="new", lastActivityAt="2027-01-01T00:00:00Z", turns=[turn(entries=[said]), turn("t2")]
    )
    (done,) = take(here, written(newer), replace=True)
    assert done.done is Done.REPLACED
    assert told(here)[0]["title"] == "new"
    assert totals(here) == (10, 20, 14)
    with here.reading() as connection:
        assert len(connection.execute(searching.matching(connection, "kiwi")).all()) == 1


def test_what_is_newer_here_or_in_use_is_not_replaced(here: Library) -> None:
    """`replace` takes nothing away that the file does not have."""
    take(here, written(session(lastActivityAt="2026-05-01T00:00:00Z")))
    (newer,) = take(here, written(session()), replace=True)
    assert (newer.done, newer.why) == (Done.SKIPPED, "what is here is newer")
    with here.writing() as connection:
        connection.execute(
            update(schema.sessions).values(writer="w", writer_until=NOW + timedelta(hours=1))
        )
    later = session(lastActivityAt="2026-06-01T00:00:00Z")
    (held,) = take(here, written(later), replace=True)
    assert (held.done, held.why) == (Done.SKIPPED, "somebody writes to it")


def test_a_turn_that_the_ledger_has_is_never_doubled(here: Library) -> None:
    """Another session that brings the same turn gets its own figures without it."""
    take(here, written(session(turns=[turn()])))
    take(here, written(session("s2", turns=[turn(), turn("t2")])))
    assert [s["figures"]["turns"] for s in told(here)] == [1, 1]
    assert totals(here) == (10, 20, 14)


def test_the_turns_of_a_deleted_session_come_back_to_it(here: Library) -> None:
    """Deleting keeps what was spent; importing the session again does not count it twice."""
    from tars.store import managing

    data = written(session(turns=[turn()]))
    take(here, data)
    before = lines(here)
    with here.writing() as connection:
        managing.remove(connection, 1)
    take(here, data)
    assert lines(here) == before
    assert totals(here) == (5, 10, 7)


def test_a_turn_under_way_is_over_where_it_is_imported(here: Library) -> None:
    """It must not be taken for one that this machine's daemon left unfinished."""
    take(here, written(session(turns=[turn(outcome=None, endedAt=None)])))
    (found,) = told(here)[0]["turns"]
    assert (found["outcome"], found["endedAt"], found["atLeast"]) == ("interrupted", LATER, True)
    assert here.store.unfinished_turns() == []


def test_a_name_that_is_taken_gets_a_number(here: Library) -> None:
    """Names are unique on a machine; nothing is renamed in silence."""
    take(here, written(session(name="login")))
    (second,) = take(here, written(session("s2", name="login")))
    assert (second.name, second.why) == ("login-2", "another session has the name login")


def test_a_name_can_be_given(here: Library) -> None:
    """`name` is for one session, and has to be a name."""
    with pytest.raises(UserError, match="holds 2 sessions"):
        take(here, written(session(), session("s2")), name="x")
    with pytest.raises(NameInvalid):
        take(here, written(session()), name="../x")
    (done,) = take(here, written(session()), name="mine")
    assert done.name == "mine"


def test_all_of_a_file_or_nothing(here: Library) -> None:
    """A fault in the last line leaves the store as it was."""
    take(here, written(session("old")))
    before = lines(here)
    good = "".join(lines(here).splitlines(keepends=True)[:2])
    bad = good.replace('"old"', '"new"') + '{"type":"message"}\n'
    with pytest.raises(FileUnreadable, match="line 3"):
        take(here, bad)
    assert lines(here) == before


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inner:
        yield (*path, key)
        if isinstance(each, dict | list):
            yield from _paths(each, (*path, key))


_WHOLE = session(
    name="n",
    tags=["a"],
    metadata={"k": [1]},
    notes=[{"at": AT, "text": "n"}],
    tasks=[{"name": "T1", "startedAt": AT, "estimatedTokens": 5}],
    figures={"turns": 1, "lastInteractionAt": AT},
    turns=[
        turn(
            fault={"kind": "crashed", "message": "m"},
            reported={"input": 1, "output": 2},
            usageModels=[{"model": "flash", "input": 1, "output": 1}],
            models=[{"model": "flash", "netInput": 10, "output": 5, "costMicrousd": 7}],
            modelRequests=[{"type": "request", "id": "r", "source": "log"}],
            entries=[
                {"type": "message", "number": 0, "role": "user", "text": "q", "beganAt": AT},
                {"type": "toolCall", "number": 1, "id": "c", "kind": "read", "beganAt": AT},
            ],
        )
    ],
)


_WRONG: list[Any] = [
    *(None, True, -1, 0, 2**53, 2**80, 10**99, 1.5, "", "x" * 2000, "\0", [], [[]], {}),
    *({"a": 1}, ["a"], [None], [{}], "ok", "archived", "last", "999999-01-01", "2026-99-99"),
    *("0001-01-01", "9999-12-31T23:59:59-12:00"),
]


@given(data=st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_wrong_value_anywhere_is_a_clear_word(
    stores: tuple[Library, Library], data: st.DataObject
) -> None:
    """Any field of a good file replaced by anything: it is taken, or refused as FileUnreadable;
    never a traceback, and the store can be read as before."""
    one, _ = stores
    whole = json.loads(written({**_WHOLE, "id": f"m{next(_IDS)}"}))
    path = data.draw(st.sampled_from(list(_paths(whole))))
    wrong = data.draw(st.sampled_from(_WRONG))
    inner: Any = whole
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = wrong
    with suppress(FileUnreadable):
        take(one, json.dumps(whole))
    mine = seqs(one)
    if mine:
        assert lines(one, mine[-1:])
        one.store.turns(5)


@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_damaged_file_is_a_clear_word(
    stores: tuple[Library, Library], data: st.DataObject
) -> None:
    """Bytes lost, changed or added anywhere: taken or refused, never a traceback."""
    one, _ = stores
    whole = written({**_WHOLE, "id": "damaged"}).encode()
    if data.draw(st.booleans()):
        whole = b'{"type":"export","format":"tars.sessions","version":1}\n' + b"\n".join(
            json.dumps(part).encode()
            for part in (
                session("damaged"),
                turn("dt"),
                {"type": "end", "sessions": 1, "records": 2},
            )
        )
    at = data.draw(st.integers(0, len(whole)))
    to = data.draw(st.integers(at, min(len(whole), at + 20)))
    whole = whole[:at] + data.draw(st.binary(max_size=4)) + whole[to:]
    before = seqs(one)
    try:
        take(one, whole)
    except FileUnreadable:
        assert seqs(one) == before


def test_a_missing_split_is_made(here: Library) -> None:
    """A turn without a split by model belongs to its one model, so that the sums agree."""
    take(here, written(session(turns=[turn()])))
    assert told(here)[0]["models"][0] | {"requests": 0} == {
        "model": "flash",
        "turns": 1,
        "requests": 0,
        "netInput": 10,
        "cacheRead": 0,
        "cacheWrite": 0,
        "output": 5,
        "reasoning": 0,
        "costMicrousd": 7,
        "costedTurns": 1,
    }


def test_what_no_turn_brought_keeps_its_place(here: Library, tmp_path: Path) -> None:
    """It comes after the turn after which it came, wherever it is imported."""
    free = {"type": "message", "role": "system", "text": "between", "beganAt": AT}
    take(here, written(session(turns=[turn(after=[free]), turn("t2")], entries=[free])))
    with library(tmp_path / "other") as there:
        take(there, written(session("another", turns=[turn("t9")])))
        take(there, lines(here))
        found = told(there)[1]
    assert [m["text"] for m in found["entries"]] == ["between"]
    assert [len(t["after"]) for t in found["turns"]] == [1, 0]


def test_a_session_that_another_machine_has_is_left_to_it(here: Library) -> None:
    """In a store that is shared, nobody replaces what another machine wrote."""
    take(here, written(session()))
    with here.writing() as connection:
        new = {"id": "m2", "name": "other", "first_seen_at": NOW, "last_seen_at": NOW}
        added = schema.machines.insert().values(**new).returning(schema.machines.c.seq)
        other = connection.execute(added).scalar_one()
        connection.execute(update(schema.sessions).values(machine=other))
    (done,) = take(here, written(session(lastActivityAt="2027-01-01T00:00:00Z")), replace=True)
    assert (done.done, done.why) == (Done.SKIPPED, "it is another machine's")


def test_a_store_on_postgresql_takes_and_gives_the_same(
    here: Library, tmp_path: Path, postgres_store_url: str
) -> None:
    """The same file, the same export, the same refusals, and each turn once."""
    data = (Path(__file__).parents[1] / "golden" / "exports" / "sessions.jsonl").read_text()
    take(here, data.replace("\\u0000", ""))
    home = Home(tmp_path / "shared")
    home.prepare()
    with Library.open(home, url=postgres_store_url) as shared:
        take(shared, lines(here))
        assert lines(shared) == lines(here)
        assert document(shared) == document(here)
        assert {done.done for done in take(shared, lines(here))} == {Done.SKIPPED}
        assert {done.done for done in take(shared, lines(here), replace=True)} == {Done.REPLACED}
        assert lines(shared) == lines(here)
        assert totals(shared) == totals(here) == (5, 10, 7)
        (done,) = take(
            shared,
            written(
                session(
                    "s9",
                    name="n",
                    entries=[{"type": "message", "role": "user", "text": "a\0b", "beganAt": AT}],
                )
            ),
        )
        assert done.name == "n-2"
        assert told(shared)[-1]["entries"][0]["text"] == "a\ufffdb"
