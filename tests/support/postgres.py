"""A real PostgreSQL for tests: one server for each worker, a fresh database for each test.

The server is Debian's, listens on a Unix socket in a folder of its own, and lasts as long as
this process: a shell that holds the other end of a pipe ends it, and removes the folder,
however pytest ended. What it writes is not synced: a test does not cut the power.
"""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psycopg
import pytest

from tars.store.store import Store
from tests.support.quick_disk import quick_folder

_INSTALL = "PostgreSQL's server is missing: install Debian's package `postgresql`"
#: It refuses to run as root.
_USERS = ("postgres", "nobody")
_SETTINGS = (
    "-c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off "
    "-c shared_buffers=32MB -c max_connections=60 -c autovacuum=off -c log_min_messages=fatal"
)
INITDB = (
    *("--no-sync", "--no-instructions", "--locale=C.UTF-8", "--encoding=UTF8"),
    *("--auth=trust", "--username=tars"),
)
#: The one user who has to say a password; the others need none.
GUARDED = "guarded"
#: How much its files may come to, in bytes.
ROOM = 512 * 1024**2
#: Ends the server when nobody holds its standard input any more.
_WATCHER = """
"$1/pg_ctl" start -s -w -D "$2/data" -l "$2/log" -o "-k $2 $3" > /dev/null && echo ready
read _
"$1/pg_ctl" stop -s -m immediate -D "$2/data"
rm -rf "$2"
"""


@dataclass
class Server:
    """A server under way. `folder` is where its socket is."""

    folder: Path

    @cached_property
    def admin(self) -> "psycopg.Connection[tuple[object, ...]]":
        """A connection of who may do anything, for all that is done outside of a test's own."""
        return psycopg.connect(self.url("postgres"), autocommit=True)

    def url(self, database: str, *, user: str = "tars") -> str:
        """Give the URL of a database. `user` may have a password behind a colon."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def run(self, statement: str, database: str | None = None) -> list[tuple[object, ...]]:
        """Run one statement outside any transaction, as who may do anything."""
        if database is None:
            return _run(self.admin, statement)
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            return _run(connection, statement)


def _run(
    connection: "psycopg.Connection[tuple[object, ...]]", statement: str
) -> list[tuple[object, ...]]:
    cursor = connection.execute(statement.encode())
    return cursor.fetchall() if cursor.description else []


def binaries() -> Path | None:
    """Give the folder of the newest server that is installed, or None."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    if found:
        return found[-1].parent
    installed = shutil.which("initdb")
    return Path(installed).resolve().parent if installed else None


def place() -> str:
    """Give where a server may live. Not pytest's own folder: the server's user may not enter it,
    and its path may be too long."""
    return quick_folder(programs=False, room=ROOM) or "/tmp"


def start(folder: Path) -> tuple[Server, Callable[[], None]]:
    """Start a server in an empty folder; give it, and what ends it and removes the folder."""
    programs = binaries()
    assert programs is not None, _INSTALL
    user = other_user()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    with _as(user, folder, [programs / "initdb", "-D", folder / "data", *INITDB]) as made:
        assert made.wait() == 0, "initdb failed"
    rules = folder / "data" / "pg_hba.conf"
    rules.write_text(f"local all {GUARDED} scram-sha-256\n{rules.read_text()}")
    watcher = _as(user, folder, ["/bin/sh", "-c", _WATCHER, "sh", programs, folder, _SETTINGS])
    assert watcher.stdin is not None
    assert watcher.stdout is not None
    if watcher.stdout.readline() != b"ready\n":
        raise AssertionError((folder / "log").read_text())
    pipes = watcher.stdin, watcher.stdout

    def end() -> None:
        for pipe in pipes:
            pipe.close()
        watcher.wait()

    return Server(folder), end


def _as(
    user: pwd.struct_passwd | None, folder: Path, command: list[Path | str]
) -> subprocess.Popen[bytes]:
    """Start a program as somebody, without what this process has in its environment."""
    return subprocess.Popen(
        command,
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else (),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        cwd=folder,
    )


def other_user() -> pwd.struct_passwd | None:
    """Give somebody else for the server where this is root."""
    if os.geteuid() != 0:
        return None
    for name in _USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise AssertionError("PostgreSQL does not run as root, and there is nobody else")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A server under way, for all tests of this worker."""
    if binaries() is None:
        if os.environ.get("CI"):
            pytest.fail(_INSTALL)
        pytest.skip(_INSTALL)
    server, end = start(Path(tempfile.mkdtemp(prefix="tars-pg-", dir=place())))
    yield server
    server.admin.close()
    end()


_numbers = itertools.count(1)


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """The URL of a database that has nothing in it yet."""
    with database(postgres_server) as url:
        yield url


@pytest.fixture
def postgres_store_url(postgres_server: Server, postgres_template: str) -> Iterator[str]:
    """The URL of a store that was just made: quicker than to make it."""
    with database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database in which a store was made."""
    postgres_server.run("CREATE DATABASE made TEMPLATE template0")
    folder = tmp_path_factory.mktemp("made")
    Store.open(folder / "tars.db", url=postgres_server.url("made")).close()
    return "made"


@contextmanager
def database(server: Server, template: str = "template0") -> Iterator[str]:
    """The URL of a database of its own, as long as it is in use."""
    name = f"test{next(_numbers)}"
    server.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield server.url(name)
    server.run(f"DROP DATABASE {name} WITH (FORCE)")
