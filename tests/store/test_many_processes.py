"""Many processes on one store: every turn counts once, and nobody hears of a lock."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tars.store import engine, migrations
from tars.store.machines import Machine
from tars.store.schema import machines, session_models, turn_models
from tars.store.store import Store
from tests.store.samples import USAGE
from tests.support.postgres import database

#: The children import the samples from here.
ROOT = Path(__file__).parents[2]
PROCESSES, TURNS = 20, 10

# They are forked from one, which has loaded everything: twenty would take as long to load it.
WORK = """
import os, sys, traceback
from dataclasses import replace
from pathlib import Path

import psycopg
import sqlalchemy.dialects.postgresql.psycopg
from tars.store.store import Store
from tests.store.samples import REQUESTS, USAGE, begun, prompt, record

path, url, processes, turns = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])
waiting, go = os.pipe()

def work(number):
    os.close(go)
    os.read(waiting, 1)
    store = Store.open(path, url=url)
    usage = replace(USAGE, cost_microusd=7)
    for turn in range(turns):
        id = f"{number}-{turn}"
        requests = tuple(replace(r, id=f"{id}-{r.id}") for r in REQUESTS)
        store.begin_prompt(prompt(id), begun(id))
        store.finish_turn(record(id, usage=usage, requests=requests))
    store.waiting_prompts()
    store.close()

children = []
for number in range(processes):
    child = os.fork()
    if not child:
        try:
            work(number)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    children.append(child)
os.close(waiting)
os.close(go)  # They all read its end now.
failed = [child for child in children if os.waitpid(child, 0)[1]]
print(len(children), len(failed))
"""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """What names a database in which nothing is yet."""
    with ExitStack() as at_end:
        if request.param == "sqlite":
            yield ""
        else:
            server = request.getfixturevalue("postgres_server")
            yield at_end.enter_context(database(server))


def test_twenty_processes_on_one_session(tmp_path: Path, url: str) -> None:
    """They open a new home at the same moment, as one machine, and record turns of the same
    session: each is there once, and all sums are exact to the token and micro-dollar."""
    path = tmp_path / "data" / "tars.db"
    work(path, url, PROCESSES, TURNS)
    store = Store.open(path, url=url)
    check(store, PROCESSES * TURNS)
    store.close()


def test_many_processes_on_an_old_store(tmp_path: Path) -> None:
    """One of them migrates it, whoever comes first; the others wait for it."""
    path = tmp_path / "data" / "tars.db"
    old = engine.connect(path, busy_seconds=0)
    with old.begin():
        migrations.upgrade(old, Machine("nobody", "nowhere"), to="0002")
    engine.close(old)
    work(path, "", 6, 2)
    store = Store.open(path)
    check(store, 12)
    store.close()


def work(path: Path, url: str, processes: int, turns: int) -> None:
    """Let processes record so many turns each, and expect that none complains."""
    done = subprocess.run(
        [sys.executable, "-c", WORK, path, url, str(processes), str(turns)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "", done.stderr
    assert done.stdout == f"{processes} 0\n"


def check(store: Store, turns: int) -> None:
    assert len({turn.id for turn in store.turns(10_000)}) == turns
    assert not store.waiting_prompts()
    assert not store.unfinished_turns()
    totals = store.totals("s1")
    assert (totals.turns, totals.requests) == (turns, turns * USAGE.requests)
    session = store.session("gemini", "s1")
    assert session is not None
    assert session.interaction_count == turns
    assert session.total_output_tokens == turns * USAGE.output
    assert session.requests == turns * USAGE.requests
    with store.reading("look") as connection:
        assert len(connection.execute(select(machines)).all()) == 1
        for table in (session_models, turn_models):
            sums = connection.execute(
                select(
                    func.sum(table.c.net_input + table.c.cache_read + table.c.cache_write),
                    func.sum(table.c.output),
                    func.sum(table.c.cost_microusd),
                    func.sum(table.c.costed_turns),
                )
            ).one()
            assert tuple(map(int, sums)) == (
                totals.tokens.total - totals.tokens.output,
                totals.tokens.output,
                7 * turns,
                turns,
            )
