"""The end of patience with a database that says nothing: its connection is cut.

A server that hangs, or a network that swallows packets, would else hold up whoever waits for
an answer for as long as it likes.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection


@contextmanager
def within(seconds: float, connection: Connection) -> Iterator[None]:
    """Cut the connection when the block takes longer: what it waits for fails as lost then.

    A database in a file has no connection that could be cut.
    """
    found = _descriptor(connection)
    if found is None:
        yield
        return
    # A descriptor of our own: the other's number may be somebody else's by then.
    with socket.socket(fileno=os.dup(found)) as line:
        timer = threading.Timer(seconds, _cut, [line])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _descriptor(connection: Connection) -> int | None:
    if connection.dialect.name == "sqlite":
        return None
    driver: Any = connection.connection.dbapi_connection
    with suppress(connection.dialect.loaded_dbapi.Error):
        return int(driver.fileno())
    return None
