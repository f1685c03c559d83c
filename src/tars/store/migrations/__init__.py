"""Bringing a database to the schema that this version of tars knows.

Alembic is imported only when a migration is due: a new database is made in one go and
stamped, and one that stands at `HEAD` is left alone.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, select

from tars.errors import StoreError
from tars.store.engine import Unreadable, alone
from tars.store.machines import Machine
from tars.store.schema import metadata, turns, version

#: The newest revision in `versions`.
HEAD = "0005"


def is_current(connection: Connection) -> bool:
    """Whether nothing has to be made or migrated."""
    return _stamped(connection) and connection.scalar(select(version.c.version_num)) == HEAD


def make_current(connection: Connection, machine: Machine) -> None:
    """Make the tables, or migrate the ones that are there, in the transaction under way. Nobody
    else does it meanwhile.

    Raises StoreError when a newer tars wrote the database, and Unreadable when its tables
    are not ours.
    """
    alone(connection)
    tables = set(inspect(connection).get_table_names())
    if not tables:
        metadata.create_all(connection)
        connection.execute(version.insert().values(version_num=HEAD))
        return
    if version.name not in tables:
        raise _foreign()
    if connection.scalar(select(version.c.version_num)) != HEAD:
        upgrade(connection, machine)


def upgrade(connection: Connection, machine: Machine, *, to: str = "head") -> None:
    """Run the migrations that are due, in the transaction under way. Raises StoreError."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    # Config interpolates: a percent sign in the path has to be doubled.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    # What is in an old store was written here.
    config.attributes["machine"] = machine
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    stands_at = connection.scalar(select(version.c.version_num)) if _stamped(connection) else None
    if stands_at is not None and stands_at not in known:
        if not inspect(connection).has_table(turns.name):
            raise _foreign()
        raise StoreError(
            f"The store was written by a newer tars (its schema is {stands_at}).",
            advice="Install that version, or use another store.",
        )
    try:
        command.upgrade(config, to)
    except CommandError as error:
        raise StoreError(f"The store cannot be migrated: {error}.") from error


def _foreign() -> Unreadable:
    return Unreadable("The store cannot be opened: this is a database of something else.")


def _stamped(connection: Connection) -> bool:
    return inspect(connection).has_table(version.name)
