"""An INSERT that leaves a row alone which is there already, whoever else adds it just now.

Both databases know it by the same words; SQLAlchemy has it in each one's own package only,
which takes a command longer to load than its work.
"""

from typing import Any

from sqlalchemy import Insert, Table
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler


class InsertNew(Insert):
    """INSERT … ON CONFLICT DO NOTHING."""

    inherit_cache = True


def insert_new(table: Table) -> Insert:
    """Give the statement that adds a row unless one of its keys is taken."""
    # Inline: without a RETURNING, which would have to come after the words that are added.
    return InsertNew(table).inline()


@compiles(InsertNew)
def _compile(statement: InsertNew, compiler: SQLCompiler, **how: Any) -> str:
    inserted: str = compiler.visit_insert(statement, **how)  # type: ignore[no-untyped-call]
    return f"{inserted} ON CONFLICT DO NOTHING"
