"""Goose's sessions are counted by the sums that it keeps of each."""

import sqlite3
from pathlib import Path

import pytest

from tars.accounting.rates import Tokens
from tars.history.sources.goose import SOURCE
from tests.support.agent_logs import counted, read, read_all, tokens, write

#: The columns that its source code names, in the order of version 5 of its form and after.
COLUMNS = (
    "id text primary key, name text, description text, session_type text, working_dir text, "
    "created_at timestamp, updated_at timestamp, total_tokens integer, input_tokens integer, "
    "output_tokens integer, accumulated_total_tokens integer, accumulated_input_tokens integer, "
    "accumulated_output_tokens integer, provider_name text, model_config_json text"
)
ROW = (
    *("20261121_1", "Mend the login", "", "user", "/home/dev/shop"),
    *("2026-11-21 02:35:16", "2026-11-21 03:35:16", 70, 50, 20, 700, 500, 200),
    *("anthropic", '{"model_name": "claude-sonnet-5", "toolshim": false}'),
)


def sessions(tmp_path: Path, *rows: tuple[object, ...], columns: str = COLUMNS) -> Path:
    path = tmp_path / "sessions.db"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute(f"create table sessions ({columns})")
        for row in rows:
            connection.execute(f"insert into sessions values ({', '.join('?' * len(row))})", row)
    return path


def test_a_session_is_one_sum_of_an_unknown_number_of_requests(tmp_path: Path) -> None:
    """The figures of its last request are not counted beside it."""
    sessions(tmp_path, ROW)
    (row,) = read_all(SOURCE, tmp_path)
    assert tokens([row]) == Tokens(net_input=500, output=200, requests=0)
    assert (row.session, row.provider, row.model) == ("20261121_1", "anthropic", "claude-sonnet-5")
    assert (row.project, row.at, row.cost) == ("/home/dev/shop", 1795232116000, None)


def test_the_largest_sum_of_a_session_counts(tmp_path: Path) -> None:
    """It grows; a copy that is older changes nothing, whichever is read last."""
    newer = read(SOURCE, sessions(tmp_path, (*ROW[:11], 5000, 2000, *ROW[13:])))
    older = read(SOURCE, sessions(tmp_path, ROW))
    for order in ((older, newer), (newer, older)):
        assert tokens(counted(SOURCE, order)).total == 7000


@pytest.mark.parametrize(
    ("row", "requests", "garbled"),
    [
        ((*ROW[:11], None, None, *ROW[13:]), 0, 0),
        ((*ROW[:11], -5, 200, *ROW[13:]), 0, 1),
        ((*ROW[:11], "many", 200, *ROW[13:]), 0, 1),
        ((*ROW[:5], "once", "later", *ROW[7:]), 0, 1),
        ((*ROW[:14], "{"), 1, 0),
        ((*ROW[:14], None), 1, 0),
    ],
)
def test_a_session_without_figures_or_with_odd_ones(
    row: tuple[object, ...], requests: int, garbled: int, tmp_path: Path
) -> None:
    """What cannot be read is told; a model that is not told is unknown."""
    reading = read(SOURCE, sessions(tmp_path, row))
    assert (len(reading.requests), reading.garbled) == (requests, garbled)
    assert {r.model for r in reading.requests} <= {"unknown"}


def test_its_own_cost_is_official_where_it_has_one(tmp_path: Path) -> None:
    """Versions that know prices add one up."""
    path = sessions(tmp_path, (*ROW, 1.25), columns=f"{COLUMNS}, accumulated_cost real")
    assert [r.cost for r in read(SOURCE, path).requests] == [1_250_000_000_000]


def test_a_database_without_those_columns_is_a_problem(tmp_path: Path) -> None:
    """And what is none at all."""
    assert read(SOURCE, sessions(tmp_path, columns="id text")).problem == (
        "It has another form: sessions: no column accumulated_input_tokens."
    )
    assert read(SOURCE, write(tmp_path / "x.db", "nothing " * 99)).problem
    assert list(SOURCE.find(tmp_path / "nowhere" / "sessions.db")) == []
    assert SOURCE.roots({}, tmp_path) == (
        tmp_path / ".local" / "share" / "goose" / "sessions" / "sessions.db",
    )
    there = SOURCE.roots({"GOOSE_PATH_ROOT": "/g"}, tmp_path)
    assert there == (Path("/g/data/sessions/sessions.db"),)
