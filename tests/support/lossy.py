"""A database in a file that can be lost like one across a network: down, or in the midst of a
commit, whose answer then says nothing of whether it was kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection

from tars.store import engine
from tars.store.store import Store


class Network:
    """`down` keeps everybody from the database; `losses` are what becomes of the next commits:
    "before" and "after" lose the connection then, "" lets it be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.down = False
        self.losses: list[str] = []
        self.commits = 0

    def open(self) -> Store:
        """Open the database, as tars opens one elsewhere."""
        self.check("open")
        store = Store.open(self.path)
        store._connection = cast(Connection, _LossyConnection(store._connection, self))
        return store

    def check(self, action: str) -> None:
        if self.down:
            raise engine.Unreachable(f"The store cannot {action}: nobody answers.")


class _LossyConnection:
    """A connection whose transactions end as the network wants it."""

    def __init__(self, real: Connection, network: Network) -> None:
        self._real = real
        self._network = network

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    @contextmanager
    def begin(self) -> Iterator[None]:
        self._network.check("begin")
        transaction = self._real.begin()
        try:
            yield
            loss = self._network.losses.pop(0) if self._network.losses else ""
            if loss == "before":
                raise engine.Unreachable("The store cannot commit: the connection was lost.")
            transaction.commit()
            self._network.commits += 1
            if loss == "after":
                raise engine.Unreachable("The store cannot commit: the connection was lost.")
        finally:
            if transaction.is_active:
                transaction.rollback()
