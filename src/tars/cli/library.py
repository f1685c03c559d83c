"""The one way from a command to the sessions of this home, whether a daemon runs or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tars.cli.connection import say
from tars.errors import SessionNotFound, TarsError
from tars.home import Home, find_home

if TYPE_CHECKING:
    from tars.sessions.library import Library

NONE_YET = "No sessions yet."


@contextmanager
def opened(*, make: bool = False) -> "Iterator[Library]":
    """Open the sessions of this home. `make`: also where there are none yet, as an import does.

    Raises SessionNotFound where there are none, ConfigInvalid, and StoreError.
    """
    library = _open(find_home(), make=make)
    if library is None:
        raise SessionNotFound(NONE_YET, advice="`tars prompt` begins one.")
    with library:
        yield library


@contextmanager
def looked_at(*, outside: bool = False) -> "Iterator[Library | None]":
    """Open the sessions of this home for a command that shows many: where there are none yet it
    is said on stderr, nothing is made, and None is given. `outside`: those that ran outside tars
    are brought up to date before, unless a daemon does that, or it would take long."""
    library = _open(find_home(), make=False)
    if library is None:
        say(NONE_YET)
        yield None
        return
    with library:
        if outside:
            _catch_up(library)
        yield library


def opens() -> bool:
    """Open the sessions of this home and close them; False where there are none yet.

    Raises ConfigInvalid, and StoreError.
    """
    library = _open(find_home(), make=False)
    if library is not None:
        library.close()
    return library is not None


def _catch_up(library: "Library") -> None:
    import os
    import sqlite3

    from tars.config import kept
    from tars.config_costs import read

    home = library.home
    history = read(home).history
    store, sessions = kept(home)
    if not (history.enabled and sessions.enabled) or _daemon_runs(home):
        return
    from tars.history.reader import catch_up

    titled = store.messages != "none"
    try:
        missing = catch_up(library.store, home, os.environ, history, titled=titled)
    except (TarsError, OSError, sqlite3.Error) as error:
        # What is there can be listed all the same.
        missing = f"What ran outside tars is not up to date: {error}"
    if missing:
        say(missing)


def _daemon_runs(home: Home) -> bool:
    import socket

    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.settimeout(1.0)
            connection.connect(str(home.socket))
        except OSError:
            return False
    return True


def _open(home: Home, *, make: bool) -> "Library | None":
    from tars.config import kept

    store, _ = kept(home)
    if not store.url and not make and not home.store.exists():
        return None
    from tars.sessions.library import Library

    return Library.open(home, url=store.url)
