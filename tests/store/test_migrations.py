"""Migrations: two ways to one schema, and what happens to old and to newer databases."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from tars.errors import StoreError
from tars.store import engine, migrations
from tars.store.schema import metadata
from tars.store.store import Store
from tests.store.samples import prompt


def migrated(path: Path) -> Connection:
    """A database that only migrations have made."""
    connection = engine.connect(path, busy_seconds=0)
    with connection.begin():
        migrations.upgrade(connection)
    return connection


def reflected(connection: Connection) -> dict[str, Any]:
    """All that the database itself says of its tables."""
    found = inspect(connection)
    return {
        table: {
            "columns": [{**c, "type": str(c["type"])} for c in found.get_columns(table)],
            "primary key": found.get_pk_constraint(table),
            "unique": found.get_unique_constraints(table),
            "indexes": found.get_indexes(table),
            "foreign keys": found.get_foreign_keys(table),
        }
        for table in sorted(found.get_table_names())
    }


def test_a_new_database_has_the_schema_that_migrations_make(tmp_path: Path) -> None:
    """create_all and `upgrade head` give the same tables, to the last index."""
    Store.open(tmp_path / "new.db").close()
    new = engine.connect(tmp_path / "new.db", busy_seconds=0)
    old = migrated(tmp_path / "old.db")
    schema = reflected(new)
    # Alembic names the key of its own table in its own way.
    assert schema.pop("alembic_version")["columns"]
    expected = reflected(old)
    assert expected.pop("alembic_version")["columns"]
    assert schema == expected
    assert len(schema) == 6
    for connection in (new, old):
        connection.rollback()
        engine.close(connection)


def test_the_migrations_lead_to_what_the_code_knows(tmp_path: Path) -> None:
    """Nothing is missing in the last migration, and HEAD is its name."""
    connection = migrated(tmp_path / "old.db")
    with connection.begin():
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == migrations.HEAD
    engine.close(connection)
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
    assert [p.name for p in tmp_path.iterdir()] == ["tars.db"]


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
