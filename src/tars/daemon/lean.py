"""What the daemon's libraries import and the daemon never uses is kept out: 11 MiB of 63.

- OpenSSL, through ssl and hashlib: the control channel is a Unix socket, without TLS, and
  Python has the digests itself. asyncio does without ssl by itself; uvicorn only needs its
  names.
- uvicorn's own command line, with click and multiprocessing.
- How uvicorn would configure logging, and the names of HTML's characters, which Starlette has for
  a page on what went wrong in development.
- rich, which structlog imports for a console renderer; archives, which shutil could write.
- How packages are looked up: SQLAlchemy would find dialects there that nobody wants.

A module that is loaded already stays, and whoever imports one of these later gets it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

#: An import of these fails, which who imports them is prepared for.
_ABSENT = ("_hashlib", "bz2", "lzma", "rich")
#: Of these only names are asked for, and nothing is done with them.
_EMPTY = ("configparser", "html", "logging.config", "ssl", "uvicorn.main")
_EMPTY_FOR_STORE = "importlib.metadata"


class _Placeholder(ModuleType):
    """Has every name that is asked for: a number where it looks like a constant, else a class."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return 0 if name.isupper() else type(name, (), {})


@contextmanager
def lean_imports() -> Iterator[None]:
    """Import the daemon within this block."""
    hidden = [name for name in (*_ABSENT, *_EMPTY) if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    import asyncio  # noqa: F401  it takes a missing ssl for what it is

    import anyio

    for name in set(_EMPTY).intersection(hidden):
        sys.modules[name] = _Placeholder(name)
    # anyio imports on first use, and its sockets come with TLS.
    anyio.wait_readable  # noqa: B018
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def lean_store() -> Iterator[None]:
    """Import the store within this block, which may be in another thread than the daemon's."""
    if _EMPTY_FOR_STORE in sys.modules:
        yield
        return
    sys.modules[_EMPTY_FOR_STORE] = _Placeholder(_EMPTY_FOR_STORE)
    try:
        yield
    finally:
        del sys.modules[_EMPTY_FOR_STORE]
