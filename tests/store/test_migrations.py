"""Migrations: two ways to one schema, and what happens to old and to newer databases."""

import itertools
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, inspect, select, text

from tars.errors import StoreError
from tars.store import engine, migrations
from tars.store.machines import Machine
from tars.store.schema import (
    machines,
    metadata,
    session_models,
    sessions,
    turn_models,
    turns,
)
from tars.store.store import Store
from tests.store.samples import prompt, record
from tests.support.postgres import database

HERE = Machine("here", "host")


#: Gives a connection to a database in which nothing is.
Empty = Callable[[], Connection]


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Empty]:
    numbers = itertools.count()
    with ExitStack() as at_end:

        def opening() -> Connection:
            if request.param == "sqlite":
                path = tmp_path / f"{next(numbers)}.db"
                connection = engine.connect(path, busy_seconds=0)
            else:
                server = request.getfixturevalue("postgres_server")
                url = at_end.enter_context(database(server))
                connection = engine.connect_to(url, busy_seconds=1)
            at_end.callback(engine.close, connection)
            return connection

        yield opening


def migrated(connection: Connection) -> Connection:
    """A database that only migrations have made."""
    with connection.begin():
        migrations.upgrade(connection, HERE)
    return connection


CATALOG = """
SELECT name, array_agg(what) FROM (
    SELECT table_name::text, concat_ws(
        ' ', ordinal_position, column_name, data_type, character_maximum_length, is_nullable,
        column_default
    )
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT conrelid::regclass::text, concat_ws(' ', conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
)"""


def reflected(connection: Connection) -> dict[str, Any]:
    """All that the database itself says of its tables."""
    if connection.dialect.name == "postgresql":
        # In one go: SQLAlchemy's questions take seconds.
        return {
            row[0]: sorted(row[1])
            for row in connection.execute(text(f"{CATALOG} AS said (name, what) GROUP BY name"))
        }
    found = inspect(connection)
    columns = found.get_multi_columns()
    said = (
        found.get_multi_pk_constraint(),
        found.get_multi_unique_constraints(),
        found.get_multi_indexes(),
        found.get_multi_foreign_keys(),
        found.get_multi_table_options(),
    )
    return {
        str(key[1]): [
            [{**column, "type": str(column["type"])} for column in columns[key]],
            *(each.get(key) for each in said),
        ]
        for key in columns
    }


def of_sqlalchemy(name: str | None, kind: str, _parents: object) -> bool:
    """Whether the schema should know it: the full-text index is made in its own way."""
    return not (name or "").startswith(("message_words", "ix_messages_words", "words"))


def statements(connection: Connection) -> list[str]:
    """What the database keeps of its views, triggers and indexes."""
    if connection.dialect.name == "postgresql":
        kept = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"
    else:
        kept = "SELECT sql FROM sqlite_master WHERE type IN ('view', 'trigger') ORDER BY name"
    return list(connection.scalars(text(kept)))


def test_a_new_database_has_the_schema_that_migrations_make(empty: Empty) -> None:
    """create_all and `upgrade head` give the same tables, to the last index."""
    new, old = empty(), migrated(empty())
    with new.begin():
        migrations.make_current(new, HERE)
    schema = reflected(new)
    # Alembic names the key of its own table in its own way.
    assert schema.pop("alembic_version")
    assert schema["turns"]
    expected = reflected(old)
    assert expected.pop("alembic_version")
    assert schema == expected
    assert len(schema) > 15
    assert any("message" in statement for statement in statements(new))
    assert sorted(ours(new)) == sorted(ours(old))


def ours(connection: Connection) -> list[str]:
    return [each for each in statements(connection) if "alembic" not in each]


def test_the_migrations_lead_to_what_the_code_knows(empty: Empty) -> None:
    """Nothing is missing in the last migration, and HEAD is its name."""
    connection = migrated(empty())
    with connection.begin():
        options = {"include_name": of_sqlalchemy}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == migrations.HEAD
    folder = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert folder.get_current_head() == migrations.HEAD


def test_an_old_database_is_migrated_when_it_is_opened(tmp_path: Path) -> None:
    """A database that stands at an earlier revision works after opening."""
    path = tmp_path / "50%old" / "tars.db"
    path.parent.mkdir()
    old = sqlite3.connect(path)
    old.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    old.close()
    store = Store.open(path)
    store.save_prompt(prompt())
    store.close()
    again = Store.open(path)
    assert again.waiting_prompts() == [prompt()]
    again.close()


OLD_AGENTS = [("gemini", "gemini", "acp", "flash", "current"), ("echo", "echo", "acp", "", None)]
OLD_TURNS = [
    # id, agent, session, outcome, model, net, read, written, output, cost, at least, models
    ("t1", "gemini", "current", "ok", "flash", 100, 50, 5, 20, 1000, False, ["flash", "pro"]),
    ("t2", "gemini", "current", "error", "flash", 10, 0, 0, 2, None, False, []),
    ("t3", "gemini", "old", "ok", "flash", 7, 0, 0, 1, 10, False, ["flash"]),
    ("t4", "gemini", "old", "timeout", "flash", 7, 0, 0, 1, 20, True, ["flash"]),
    ("t5", "echo", "cut", "interrupted", "", 1, 0, 0, 1, None, False, []),
    ("t6", "echo", "fine", "cancelled", "", 1, 0, 0, 1, None, False, []),
    ("t7", "echo", None, "refused", "", 0, 0, 0, 0, None, False, []),
    ("t8", "gemini", "current", None, "flash", 0, 0, 0, 0, None, False, []),
]
AT = "2026-03-01T12:00:00.000000Z"


def fill_as_it_was(connection: Connection) -> None:
    """Write what revision 0002 would have."""

    def insert(table: str, **row: object) -> None:
        values = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"), row)

    for name, kind, protocol, model, session in OLD_AGENTS:
        insert("agents", name=name, kind=kind, protocol=protocol, model=model, session=session)
    for agent, session in dict.fromkeys((turn[1], turn[2]) for turn in OLD_TURNS if turn[2]):
        figures = dict.fromkeys(
            (
                "total_input_tokens",
                "total_output_tokens",
                "total_cached_tokens",
                "total_net_tokens",
                "last_input_tokens",
            ),
            77,
        )
        insert(
            "sessions",
            agent=agent,
            id=session,
            created_at=AT,
            last_activity_at=AT,
            interaction_count=3,
            requests=9,
            tool_calls=8,
            **figures,
        )
    for number, turn in enumerate(OLD_TURNS):
        id, agent, session, outcome, model, net, read, written, output, cost, least, models = turn
        split = [
            {"model": each, "input": 60, "output": 9, "cached": 20, "requests": 1}
            for each in models
        ]
        insert(
            "turns",
            seq=number + 10,
            id=id,
            agent=agent,
            session=session,
            outcome=outcome,
            began_at=AT,
            ended_at=AT if outcome else None,
            duration_ms=1000,
            model=model,
            input=net + read + written,
            net_input=net,
            cache_read=read,
            cache_write=written,
            output=output,
            reasoning=1 if output else 0,
            context=0,
            context_cached=0,
            context_is_sum=False,
            requests=2,
            tool_calls=4,
            source="official",
            models=json.dumps(split),
            log_mark="",
            cost_microusd=cost,
            at_least=least,
            subagent_tokens=3,
        )
    insert("prompts", seq=5, id="t8", agent="gemini", text="wait", asked_at=AT, state="queued")
    insert(
        "model_requests",
        turn="t1",
        agent="gemini",
        session="current",
        id="r1",
        model="flash",
        **dict.fromkeys(("input", "output", "cached", "cache_write", "thoughts"), 1),
        **dict.fromkeys(("at", "raw", "subagent"), ""),
        source="log",
        scope="request",
    )
    insert(
        "decisions",
        run="one",
        number=0,
        agent="gemini",
        now=1.5,
        at=AT,
        event="StartAsked",
        payload="{}",
        commands="[]",
    )


def test_what_an_old_store_has_is_taken_over(empty: Empty) -> None:
    """Sessions know their status, and their sums are those of their turns, by model too;
    what waits still waits, and everything belongs to the machine that wrote it."""
    connection = empty()
    with connection.begin():
        migrations.upgrade(connection, HERE, to="0002")
        fill_as_it_was(connection)
    with connection.begin():
        migrations.make_current(connection, HERE)
        machine = connection.scalars(select(machines.c.seq)).one()
    check_taken_over(Store(connection, machine))


def check_taken_over(store: Store) -> None:
    assert [agent.session for agent in store.agents()] == [None, "current"]
    assert [turn.id for turn in store.turns()] == [f"t{n}" for n in range(8, 0, -1)]
    assert [turn.id for turn in store.unfinished_turns()] == ["t8"]
    assert [prompt.text for prompt in store.waiting_prompts()] == ["wait"]
    assert [request.id for request in store.model_requests("t1")] == ["r1"]
    assert [decision.number for decision in store.decisions("one")] == [0]
    with store.reading("look") as connection:
        rows = {row.id: row for row in connection.execute(select(sessions))}
        found = connection.execute(select(session_models)).all()
        sums = connection.execute(BY_TURN).all()
    assert {(id, row.status, row.agent_type) for id, row in rows.items()} == {
        ("current", "active", "gemini"),
        ("old", "failed", "gemini"),
        ("cut", "interrupted", "echo"),
        ("fine", "completed", "echo"),
    }
    assert all((row.ended_at is None) == (row.status == "active") for row in rows.values())
    current = rows["current"]
    assert (current.turns, current.tokens, current.cost_microusd) == (2, 187, 1000)
    assert (current.costed_turns, current.at_least, current.interaction_count) == (1, False, 3)
    assert (current.requests, current.tool_calls, current.total_net_tokens) == (4, 8, 77)
    assert (rows["old"].cost_microusd, rows["old"].at_least) == (30, True)
    of_current = {row.model: row for row in found if row.session == current.seq}
    assert of_current["pro"][3:] == (1, 40, 20, 0, 9, 0, 0, 0)
    assert of_current["flash"][3:] == (3, 70, 30, 5, 13, 2, 1000, 1)
    assert of_current["flash"].turns == 2
    assert sums
    assert all(row.whole == row.split for row in sums)
    # What is added comes after what was there.
    store.finish_turn(record("new", requests=()))
    assert store.turns(1)[0].id == "new"


BY_TURN = (
    select(
        (turns.c.net_input + turns.c.cache_read + turns.c.cache_write + turns.c.output).label(
            "whole"
        ),
        func.sum(
            turn_models.c.net_input
            + turn_models.c.cache_read
            + turn_models.c.cache_write
            + turn_models.c.output
        ).label("split"),
    )
    .where(turn_models.c.turn == turns.c.seq)
    .group_by(turns.c.seq)
)


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    """What a newer tars wrote is neither migrated nor set aside."""
    path = tmp_path / "tars.db"
    Store.open(path).close()
    newer = sqlite3.connect(path)
    newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.commit()
    newer.close()
    with pytest.raises(StoreError, match=r"newer tars \(its schema is 9999\)"):
        Store.open(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["machine-id", "tars.db"]


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    """All of it or nothing: tables that were made before the failure are gone again."""
    path = tmp_path / "tars.db"
    old = sqlite3.connect(path)
    old.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    old.execute("CREATE TABLE turns (stands_in_the_way)")
    old.close()
    with pytest.raises(StoreError, match="turns"):
        Store.open(path)
    left = sqlite3.connect(path)
    names = left.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    left.close()
    assert set(names) == {("alembic_version",), ("turns",)}


def test_alembic_is_loaded_only_when_it_is_needed(tmp_path: Path) -> None:
    """A new database and a current one are opened without importing Alembic."""
    code = (
        "import sys; from tars.store.store import Store;"
        "Store.open(sys.argv[1]).close(); Store.open(sys.argv[1]).close();"
        "print('alembic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "tars.db"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
