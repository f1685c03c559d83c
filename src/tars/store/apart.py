"""What waits for a database that is away, as a store of its own in memory.

A daemon that starts meanwhile finds the prompts and turns there that only wait: those that
the database has, and their sums, are not to be seen.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import StaticPool, create_engine

from tars.errors import StoreError
from tars.store import machines, migrations
from tars.store.operations import decode
from tars.store.spool import Entry
from tars.store.store import Store

_HERE = machines.Machine("apart", "apart")
#: Only these say which prompts and turns there are.
_TELLING = frozenset(
    {"save_prompt", "begin_prompt", "drop_prompt", "begin_turn", "hold_turn", "finish_turn"}
)


def replayed(entries: Iterable[Entry], methods: Mapping[str, Callable[..., Any]]) -> Store:
    """Do what waits in a store in memory. Close it."""
    # Foreign keys are not enforced: what the database has is missing here.
    engine = create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    connection = engine.connect()
    with connection.begin():
        migrations.make_current(connection, _HERE)
        seq = machines.seen(connection, _HERE, datetime.now(UTC))
    store = Store(connection, seq)
    for entry in entries:
        method = methods.get(entry.operation.name)
        if method is None or entry.operation.name not in _TELLING:
            continue
        try:
            method(store, **decode(method, entry.operation))
        except StoreError:
            # One that cannot be done at all is told when it is its turn in the database.
            continue
    return store
