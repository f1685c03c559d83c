"""The daemon's own files, looked after: what somebody deleted is put back, or told."""

import hashlib
import os
import socket
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup

from tars.config import StoreConfig
from tars.control.unix_socket import bind
from tars.daemon.hold import refuse_if_answered
from tars.daemon.lean import lean_store
from tars.errors import TarsError
from tars.runtime.log import log

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from tars.store.store import Store


class Door:
    """The control socket at its path. `bind` makes it, `watch` puts it back.

    `given` is the one that the service manager made; its file is the manager's to remove.
    """

    def __init__(self, path: Path, stop: anyio.Event, given: socket.socket | None = None) -> None:
        self._path = path
        self._stop = stop
        self._given = given
        self._app: ASGIApp | None = None
        self._socket: socket.socket | None = None
        self._stat: os.stat_result | None = None

    def bind(self) -> None:
        """Make the socket, or take the one that was given. Raises UserError and OSError."""
        if self._socket is not None:
            self._given = None  # its file is gone: another one takes its place
        self._socket = self._given or bind(self._path)
        self._stat = _look(self._path)

    def remove(self) -> None:
        """Remove the socket's file, if it was made here."""
        if self._given is None:
            with suppress(OSError):
                self._path.unlink()

    def serve(self, app: "ASGIApp", tasks: TaskGroup) -> None:
        """Serve the socket that was bound last until `stop` is set."""
        # Not at the top: the daemon binds before it starts agents, and serves after that.
        from tars.control.server import serve

        assert self._socket is not None, "bound before"
        self._app = app
        tasks.start_soon(partial(serve, app, self._socket, stop=self._stop))

    def watch(self, tasks: TaskGroup) -> None:
        """Serve at the path again when its socket is gone. It was served before.

        Who is connected stays: the server on the deleted socket goes on for them.
        """
        assert self._app is not None, "served before"
        there = _look(self._path)
        if there is not None and self._stat is not None and os.path.samestat(there, self._stat):
            return
        try:
            refuse_if_answered(self._path)
            self.bind()
            self.serve(self._app, tasks)
        except (TarsError, OSError) as error:
            log.error("socket_not_put_back", reason=str(error))
        else:
            log.warning("socket_put_back")


class StoreFile:
    """The store as `config` has it, and which file it was opened as, if any. Give `open` to the
    recorder. `spool` is where writes wait for a database elsewhere."""

    def __init__(self, config: StoreConfig, spool: Path) -> None:
        self._config = config
        self._spool = spool
        self._path: Path | None = None
        self._stat: os.stat_result | None = None

    def open(self, path: Path) -> "Store":
        """Open the store; the recorder's thread does. Raises StoreError."""
        # A tenth of a second and 15 MB: not before the daemon answers.
        with lean_store():
            from tars.store.store import Store

        if self._config.url or self._left_over():
            return self._open_spooled(path)
        store = Store.open(path)
        self._path, self._stat = path, _look(path)
        return store

    def _open_spooled(self, path: Path) -> "Store":
        from tars.store.spooled import SpooledStore
        from tars.store.store import Store

        url = self._config.url
        target = hashlib.sha256(url.encode()).hexdigest() if url else ""
        store = SpooledStore.beside(self._spool, lambda: Store.open(path, url=url), target=target)
        if not url:
            # What waited for another database that is not used any more is kept here.
            self._path, self._stat = path, _look(path)
        return store

    def _left_over(self) -> bool:
        """Whether something waits here for a database that the configuration names no more."""
        if not self._spool.exists():
            return False
        from tars.store.spool import Spool

        spool = Spool.open(self._spool)
        try:
            return spool.count > 0
        finally:
            spool.close()

    def is_deleted(self) -> bool:
        """Say whether the file that is open is no longer the one at its path."""
        if self._path is None or self._stat is None:
            return False
        there = _look(self._path)
        return there is None or not os.path.samestat(there, self._stat)


def _look(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
