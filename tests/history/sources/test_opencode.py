"""opencode's requests are counted once each, in forks too, and those of subagents as well."""

import json
import sqlite3
from pathlib import Path

import pytest

from tars.accounting.rates import Tokens
from tars.history.sources.opencode import SOURCE
from tests.support.agent_logs import database, read, read_all, tokens, write

FIRST, FORK = "ses_e015ce0f3ffe2rum4zv2OvLiMI", "ses_e015ccf02ffehsOKTw1RgFCRfB"


def made(tmp_path: Path, name: str = "opencode.db") -> Path:
    return database(tmp_path / name, "opencode/database.jsonl")


def change(path: Path, sql: str, *values: object) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(sql, values)


def assistant(**more: object) -> str:
    told = {"role": "assistant", "providerID": "fake", "modelID": "m", "time": {"created": 5}}
    used = {"input": 1, "output": 2, "reasoning": 3, "cache": {"read": 4, "write": 5}}
    return json.dumps({**told, "tokens": used, **more})


def test_what_the_real_program_wrote_is_counted_to_the_token(tmp_path: Path) -> None:
    """Requests 2 and 3 of a session, and 4 of its fork, that has copies of the two: prompt
    5000 + n, cached 3000 + n, answer 40 + n with 8 of thoughts; requests 1 made a title."""
    path = made(tmp_path)
    reading = read(SOURCE, path)
    assert tokens(reading.requests) == Tokens(6000, 9009, 0, 0, 129, 24, 3)
    assert [(r.session, r.cost) for r in reading.requests] == [
        (FIRST, 7_530_600_000),
        (FIRST, 7_545_900_000),
        (FORK, 7_561_200_000),
    ]
    (where,) = {(r.provider, r.model, r.project, r.sidechain) for r in reading.requests}
    assert where == ("fake", "fake-model", "/home/dev/shop", False)
    assert set(reading.titles) == {FIRST, FORK}
    assert (reading.garbled, reading.problem) == (0, "")


def test_a_copy_whose_original_is_gone_counts_once(tmp_path: Path) -> None:
    """It is all that is left of what was paid for."""
    path = made(tmp_path)
    change(path, "delete from message where session_id = ?", FIRST)
    assert tokens(read(SOURCE, path).requests) == Tokens(6000, 9009, 0, 0, 129, 24, 3)


def test_a_subagents_requests_are_of_the_session_that_a_person_began(tmp_path: Path) -> None:
    """Of whatever depth; and a loop of parents, which nothing makes, ends."""
    path = made(tmp_path)
    change(path, "update session set parent_id = ? where id = ?", FIRST, FORK)
    rows = read(SOURCE, path).requests
    assert {(r.session, r.sidechain) for r in rows} == {(FIRST, False), (FIRST, True)}
    change(path, "update session set parent_id = ? where id = ?", FORK, FIRST)
    assert len(read(SOURCE, path).requests) == 3


def test_messages_of_an_old_version_are_the_same_as_in_the_database(tmp_path: Path) -> None:
    """The database took them over: the row in it counts. Both are found, wherever they are."""
    path = made(tmp_path, "opencode-dev.db")
    change(path, "update message set data = ? where id like ?", assistant(cost=0), "%KPxIxs%")
    id = read(SOURCE, path).requests[0].key
    folder = tmp_path / "storage" / "message" / FIRST
    write(folder / f"{id}.json", assistant(id=id, sessionID=FIRST))
    write(folder / "msg_other.json", assistant())
    rows = {r.key: r for r in read_all(SOURCE, tmp_path)}
    assert len(rows) == 4
    assert rows[id].net_input == 2000
    assert tokens([rows["msg_other"]]) == Tokens(1, 4, 5, 0, 5, 3, 1)
    assert (rows["msg_other"].session, rows["msg_other"].cost) == (FIRST, None)


def test_a_cost_of_nothing_is_not_told(tmp_path: Path) -> None:
    """opencode writes 0 where it has no price, and where a subscription pays."""
    for name, cost in (("a", 0), ("b", 0.5), ("c", -1)):
        write(tmp_path / "storage" / "message" / "s" / f"{name}.json", assistant(cost=cost))
    costs = {r.key: r.cost for r in read_all(SOURCE, tmp_path)}
    assert costs == {"a": None, "b": 500_000_000_000, "c": None}


@pytest.mark.parametrize(
    "data",
    [
        '{"role": "assistant", "tok',
        assistant(tokens={"input": -1, "output": 1}),
        assistant(tokens=[]),
        b"\xff\xfe",
        None,
        7,
    ],
)
def test_a_message_that_cannot_be_read_is_told_and_the_others_count(
    data: object, tmp_path: Path
) -> None:
    """Whatever its column holds."""
    path = made(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("create table t as select * from message")
        connection.execute("drop table message")
        connection.execute("alter table t rename to message")
        connection.execute("insert into message values ('x', ?, 1, 1, ?)", (FIRST, data))
    reading = read(SOURCE, path)
    assert (len(reading.requests), reading.garbled) == (3, 1)


def test_a_message_without_figures_yet_is_no_request(tmp_path: Path) -> None:
    """It is under way, or was cut off before the model answered."""
    nothing = {"input": 0, "output": 0, "reasoning": 0, "cache": {"read": 0, "write": 0}}
    path = write(tmp_path / "storage" / "message" / "s" / "a.json", assistant(tokens=nothing))
    assert read(SOURCE, path).requests == []


def test_a_database_of_somebody_else_is_a_problem(tmp_path: Path) -> None:
    """It is named, and nothing is read from it."""
    path = tmp_path / "opencode.db"
    sqlite3.connect(path).close()
    reading = read(SOURCE, path)
    assert reading.requests == []
    assert reading.problem == "It has another form: session: no such table."


def test_its_places_are_where_the_environment_says(tmp_path: Path) -> None:
    """As opencode itself looks for them; a database elsewhere is found beside the others."""
    usual = tmp_path / ".local" / "share" / "opencode"
    assert SOURCE.roots({}, tmp_path) == (usual,)
    env = {"XDG_DATA_HOME": "/data", "OPENCODE_DB": "/else/where.db"}
    assert SOURCE.roots(env, tmp_path) == (Path("/data/opencode"), Path("/else/where.db"))
    assert list(SOURCE.find(usual)) == []
    elsewhere = made(tmp_path, "where.db")
    assert [found.path for found in SOURCE.find(elsewhere)] == [str(elsewhere)]
