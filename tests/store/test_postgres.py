"""PostgreSQL: what is refused and why, what passes by itself, and that no password is said."""

import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, select, text

from tars.errors import StoreError
from tars.store.engine import Unreachable
from tars.store.machines import Machine
from tars.store.schema import machines
from tars.store.store import Store
from tests.store.samples import begun, prompt, record
from tests.support.postgres import GUARDED, Server

SECRET = "s3cr3t/p@ss:w0rd"
IN_A_URL = "s3cr3t%2Fp%40ss%3Aw0rd"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the home's file would be; its folder has the machine's id."""
    return tmp_path / "data" / "tars.db"


@pytest.fixture
def store(path: Path, postgres_store_url: str) -> Iterator[Store]:
    opened = Store.open(path, url=postgres_store_url, busy_seconds=0.2)
    yield opened
    opened.close()


def refused(path: Path, url: str) -> StoreError:
    """How the store refuses to be opened. Nothing is made beside the id of the machine."""
    with pytest.raises(StoreError) as caught:
        Store.open(path, url=url, busy_seconds=0.2)
    assert [file.name for file in path.parent.iterdir()] == ["machine-id"]
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    for part in (SECRET, IN_A_URL, "s3cr3t", "w0rd"):
        assert part not in told + caught.value.advice
    return caught.value


# --- what a person has to mend ------------------------------------------------


def test_a_wrong_password_is_told_and_never_said(
    path: Path, postgres_server: Server, postgres_url: str
) -> None:
    """Nor is a right one, whatever is wrong besides; with the right one the store opens."""
    name = str(make_url(postgres_url).database)
    postgres_server.run(f"CREATE ROLE {GUARDED} LOGIN PASSWORD '{SECRET}'")
    postgres_server.run(f"ALTER DATABASE {name} OWNER TO {GUARDED}")
    try:
        wrong = refused(path, postgres_server.url(name, user=f"{GUARDED}:no{IN_A_URL}"))
        assert "refuses this user or password" in str(wrong)
        assert "config.toml" in wrong.advice
        assert not isinstance(wrong, Unreachable)
        missing = refused(path, postgres_server.url("nothing", user=f"{GUARDED}:{IN_A_URL}"))
        assert "no database of this name" in str(missing)
        right = postgres_server.url(name, user=f"{GUARDED}:{IN_A_URL}")
        Store.open(path, url=right.replace("postgresql:", "postgres:")).close()
    finally:
        postgres_server.run(f"ALTER DATABASE {name} OWNER TO tars")
        postgres_server.run(f"REASSIGN OWNED BY {GUARDED} TO tars", name)
        postgres_server.run(f"DROP OWNED BY {GUARDED}", name)
        postgres_server.run(f"DROP ROLE {GUARDED}")


def test_a_user_who_is_unknown_or_lacks_rights_is_told(
    path: Path, postgres_server: Server, postgres_url: str
) -> None:
    """The advice says what to grant."""
    name = str(make_url(postgres_url).database)
    unknown = refused(path, postgres_server.url(name, user="nobody"))
    assert "refuses this user" in str(unknown)
    postgres_server.run("CREATE ROLE guest LOGIN")
    try:
        guest = refused(path, postgres_server.url(name, user="guest"))
        assert "lacks rights" in str(guest)
        assert "SCHEMA public" in guest.advice
    finally:
        postgres_server.run("DROP ROLE guest")


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@host:port/db",
        f"postgresql://{SECRET}@ho st/db",
        f"mysql://me:{IN_A_URL}@host/db",
        f"postgresql:{SECRET}",
        SECRET,
    ],
)
def test_what_is_no_url_is_not_quoted(path: Path, url: str) -> None:
    """It may be a password in the wrong place. The advice says how to write one."""
    assert "its URL is none like postgresql://USER" in str(refused(path, url))


def test_a_database_of_something_else_is_left_alone(
    path: Path, postgres_server: Server, postgres_url: str
) -> None:
    """Also where the other uses Alembic as well; a newer one of tars' own is told apart."""
    name = str(make_url(postgres_url).database)
    postgres_server.run("CREATE TABLE photos (id int)", name)
    error = refused(path, postgres_url)
    assert "database of something else" in str(error)
    assert "empty database" in error.advice
    postgres_server.run("CREATE TABLE alembic_version (version_num varchar(32))", name)
    postgres_server.run("INSERT INTO alembic_version VALUES ('abcdef')", name)
    assert "database of something else" in str(refused(path, postgres_url))
    postgres_server.run("CREATE TABLE turns (id int)", name)
    assert "newer tars (its schema is abcdef)" in str(refused(path, postgres_url))
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert postgres_server.run(tables, name) == [(3,)]


def test_a_database_that_does_not_know_all_characters_is_refused(
    path: Path, postgres_server: Server
) -> None:
    """It would refuse a prompt for its words."""
    making = "CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"
    postgres_server.run(making)
    error = refused(path, postgres_server.url("ascii"))
    postgres_server.run("DROP DATABASE ascii")
    assert "SQL_ASCII" in str(error)
    assert "UTF8" in error.advice


def test_without_the_extra_the_command_that_installs_it_is_told(path: Path) -> None:
    """psycopg is no part of what everybody needs."""
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from tars.errors import StoreError\n"
        "from tars.store.store import Store\n"
        "try: Store.open(sys.argv[1], url='postgresql://me@host/db')\n"
        "except StoreError as error: print(error.advice)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    assert done.stdout == "Run `pip install 'tars-supervisor[postgres]'`.\n"


def test_a_full_disk_is_told_and_nothing_is_kept(
    store: Store, postgres_server: Server, postgres_store_url: str
) -> None:
    """It passes: the same call works once there is room."""
    name = str(make_url(postgres_store_url).database)
    for statement in (
        "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$",
        "CREATE TRIGGER fills BEFORE UPDATE ON sessions EXECUTE FUNCTION fill()",
    ):
        postgres_server.run(statement, name)
    store.save_prompt(prompt())
    with pytest.raises(StoreError, match="cannot record the turn: the disk of the database"):
        store.finish_turn(record())
    assert [waiting.id for waiting in store.waiting_prompts()] == ["p1"]
    assert store.turns() == []
    postgres_server.run("DROP TRIGGER fills ON sessions", name)
    store.finish_turn(record())
    assert [turn.id for turn in store.turns()] == ["p1"]


def test_an_error_does_not_quote_a_row(store: Store) -> None:
    """PostgreSQL says the whole row that it refuses; a prompt is in it."""
    nobody: Any = None
    secret = prompt(text=SECRET, agent=nobody)
    with pytest.raises(StoreError) as caught:
        store.save_prompt(secret)
    told = "".join(traceback.format_exception(caught.value))
    assert "agent" in str(caught.value)
    assert SECRET not in told


# --- what passes by itself ----------------------------------------------------


def test_a_server_that_is_not_there_is_unreachable(path: Path, tmp_path: Path) -> None:
    """Over a socket and over the network; the password is not said here either."""
    assert isinstance(refused(path, f"postgresql://me:{IN_A_URL}@/db?host={tmp_path}"), Unreachable)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        error = refused(path, f"postgresql://me:{IN_A_URL}@127.0.0.1:{port}/db")
    assert isinstance(error, Unreachable)
    assert "refused" in str(error)


def test_a_server_that_says_nothing_is_given_up(path: Path) -> None:
    """A connection is waited for as long as the URL says, else five seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        error = refused(path, f"postgresql://me@127.0.0.1:{port}/db?connect_timeout=2")
    assert isinstance(error, Unreachable)


def test_a_lost_connection_is_made_again(store: Store, postgres_server: Server) -> None:
    """The call that meets the loss raises Unreachable; the next one works, on what was kept."""
    store.save_prompt(prompt("p1"))
    cut_all(postgres_server, store)
    with pytest.raises(Unreachable, match="cannot save the prompt"):
        store.save_prompt(prompt("p2"))
    store.save_prompt(prompt("p2"))
    cut_all(postgres_server, store)
    with pytest.raises(Unreachable, match="cannot read the queue"):
        store.waiting_prompts()
    assert [waiting.id for waiting in store.waiting_prompts()] == ["p1", "p2"]


def test_a_connection_lost_within_a_transaction_is_unreachable(
    store: Store, postgres_server: Server
) -> None:
    """Nobody knows of a commit that nobody answered. The same call again does nothing twice."""
    with pytest.raises(Unreachable), store.writing("change") as connection:
        connection.execute(text("DELETE FROM prompts"))
        cut_all(postgres_server, store)
    store.begin_prompt(prompt(), begun())
    for _ in range(2):
        store.finish_turn(record())
    assert store.totals("s1").turns == 1


def cut_all(server: Server, store: Store) -> None:
    """End every connection to the store's database, and wait until it is over."""
    name = store._connection.engine.url.database
    server.run(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        f"WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    )


def test_a_lock_of_somebody_else_is_not_waited_for_without_end(
    store: Store, path: Path, postgres_store_url: str
) -> None:
    """It is told as what it is; the connection lives on."""
    other = Store.open(path, url=postgres_store_url)
    with other.writing("hold") as connection:
        connection.execute(text("LOCK TABLE prompts"))
        with pytest.raises(StoreError, match="locked") as caught:
            store.save_prompt(prompt())
        assert not isinstance(caught.value, Unreachable)
    store.save_prompt(prompt())
    other.close()


# --- many machines ------------------------------------------------------------


def test_many_open_a_new_database_at_once(tmp_path: Path, postgres_url: str) -> None:
    """One of them makes the tables, the others wait for it."""
    opened: list[Store] = []

    def opening(number: int) -> None:
        folder = tmp_path / str(number)
        opened.append(Store.open(folder / "tars.db", url=postgres_url))

    threads = [threading.Thread(target=opening, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({store.machine for store in opened}) == 6
    for store in opened:
        store.close()


def test_a_machine_sees_its_own(tmp_path: Path, postgres_store_url: str) -> None:
    """Its queue, turns, agents, sessions and decisions; not those of another, though both
    call their agents and sessions alike."""
    here, there = (
        Store.open(tmp_path / name / "tars.db", url=postgres_store_url) for name in ("a", "b")
    )
    here.begin_prompt(prompt("p1"), begun("p1"))
    there.save_prompt(prompt("p2"))
    here.finish_turn(record("p1"))
    there.finish_turn(record("p3"))
    assert [turn.id for turn in here.turns()] == ["p1"]
    assert [waiting.id for waiting in there.waiting_prompts()] == ["p2"]
    assert here.waiting_prompts() == []
    assert there.totals("s1").turns == 1
    assert there.model_requests("p3") == here.model_requests("p1")
    for store in (here, there):
        session = store.session("gemini", "s1")
        assert session is not None
        assert session.interaction_count == 1
        store.close()


def test_a_machine_that_is_back_is_noted_again(path: Path, postgres_store_url: str) -> None:
    """Under its new name, if it has one; not at every opening."""
    Store.open(path, url=postgres_store_url, machine=Machine("m", "old")).close()
    store = Store.open(path, url=postgres_store_url, machine=Machine("m", "new"))
    with store.reading("look") as connection:
        seen = connection.execute(select(machines).where(machines.c.id == "m")).one()
    assert seen.name == "new"
    with store.writing("age") as connection:
        past = seen.last_seen_at - timedelta(days=1)
        connection.execute(machines.update().values(last_seen_at=past))
    store.close()
    again = Store.open(path, url=postgres_store_url, machine=Machine("m", "new"))
    with again.reading("look") as connection:
        later = connection.execute(select(machines).where(machines.c.id == "m")).one()
    assert later.last_seen_at >= seen.last_seen_at
    assert later.first_seen_at == seen.first_seen_at
    assert later.seq == seen.seq == again.machine
    again.close()
