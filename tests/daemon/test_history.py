"""The agents' logs, followed by the daemon: read as they grow, told to the store, off the loop."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from sqlalchemy import func, select

from tars import config as configuration
from tars.config_costs import HistoryConfig
from tars.costs.facts import Figures
from tars.daemon.costs import Spending
from tars.daemon.history import MUCH, History
from tars.history.index import Index
from tars.history.scan import refresh
from tars.home import Home
from tars.runtime.recorder import Recorder
from tars.sessions.ranges import Span
from tars.store import finding
from tars.store.finding import Wanted
from tars.store.rows import SessionRecord
from tars.store.schema import logged_slots
from tars.store.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """What the daemon runs on."""
    return "asyncio"


LONG_AGO = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Person:
    """Somebody with a home folder in which Claude Code writes its logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / "t")
        self.home.prepare()
        self.env = {**os.environ, "HOME": str(folder), "TARS_HOME": str(self.home.root)}
        self.env.pop("CLAUDE_CONFIG_DIR", None)

    def ask(self, session: str, request: str, output: int = 7, at: datetime = LONG_AGO) -> None:
        """Let Claude Code make a request, and log it."""
        log = self.folder / ".claude/projects/-work" / f"{session}.jsonl"
        log.parent.mkdir(parents=True, exist_ok=True)
        usage = {"input_tokens": 10, "output_tokens": output}
        line = {
            "type": "assistant",
            "sessionId": session,
            "timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.000Z",
            "cwd": "/work",
            "message": {"id": request, "model": "claude-opus-4-5", "usage": usage},
        }
        with log.open("a") as file:
            file.write(json.dumps(line) + "\n")


@asynccontextmanager
async def following(
    person: Person, *, much: int = MUCH, config: HistoryConfig | None = None, url: str = ""
) -> AsyncIterator[tuple[History, Recorder]]:
    """The part of a daemon that follows logs."""
    recorder = Recorder(person.home.store, lambda path: Store.open(path, url=url))
    spending = Spending(person.home, person.env)
    usual = configuration.embedded(person.home)
    store = configuration.StoreConfig(url=url)
    usual = replace(usual, history=config or HistoryConfig(), store=store)
    history = History(
        person.home,
        recorder,
        spending,
        lambda: usual,
        person.env,
        first_seconds=0.0,
        much=much,
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(recorder.run)
        tasks.start_soon(history.run)
        yield history, recorder
        tasks.cancel_scope.cancel()
    spending.close()


def listed(store: Store) -> Sequence[SessionRecord]:
    with store.reading("look") as connection:
        return finding.listed(connection, Wanted())


async def spent(history: History, recorder: Recorder, output: int) -> Figures:
    """Wait until so many output tokens are counted, and their sessions told to the store."""
    version = 0
    while True:
        version = await history.spending.news(version)
        report = await history.spending.ask(lambda costs: costs.report((), span=Span()))
        told = sum(s.spent.tokens.output for s in await recorder.ask(listed))
        if report.total.tokens.output == output == told:
            return report.total
        history.spending.changed()
        await anyio.sleep(0)


async def test_what_is_logged_is_counted_and_listed(tmp_path: Path) -> None:
    """What is there when the daemon starts, what is appended, and what appears in new folders."""
    person = Person(tmp_path)
    person.ask("s1", "r1")
    async with following(person) as (history, recorder):
        with anyio.fail_after(30):
            await spent(history, recorder, 7)
            person.ask("s1", "r2", output=5)
            await spent(history, recorder, 12)
            person.ask("s2", "r3", output=1)
            await spent(history, recorder, 13)
        sessions = await recorder.ask(listed)
    assert {(s.id, s.source, s.project) for s in sessions} == {
        ("s1", "log", "/work"),
        ("s2", "log", "/work"),
    }


async def test_what_a_command_read_first_is_listed_too(tmp_path: Path) -> None:
    """The daemon finds nothing new in the log then, and tells the store of it all the same."""
    person = Person(tmp_path)
    person.ask("s1", "r1")
    async with following(person) as (history, recorder):
        with anyio.fail_after(30):
            await spent(history, recorder, 7)
            person.ask("s2", "r2", output=5, at=datetime.now(UTC))
            with Index.open(person.home.history) as index:
                refresh(index, env=person.env, home=person.folder, config=HistoryConfig())
            await spent(history, recorder, 12)


async def test_what_somebody_else_was_reading_is_read_later(tmp_path: Path) -> None:
    """While another process reads, the daemon waits, and then looks at everything again."""
    person = Person(tmp_path)
    person.ask("s1", "r1")
    with open(f"{person.home.history}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        async with following(person) as (history, recorder):
            with anyio.fail_after(30):
                while not history.warnings:
                    await anyio.sleep(0)
                fcntl.flock(lock, fcntl.LOCK_UN)
                await spent(history, recorder, 7)
    assert not history.warnings


async def test_every_source_is_told(tmp_path: Path) -> None:
    """With what was read of it, and when something happened in it last."""
    person = Person(tmp_path)
    person.ask("s1", "r1")
    async with following(person) as (history, recorder):
        with anyio.fail_after(30):
            await spent(history, recorder, 7)
            told = (await history.spending.sources()).sources
    claude = next(source for source in told if source.agent == "claude")
    assert (claude.files, claude.requests, claude.sessions) == (1, 1, 1)
    assert claude.last_activity == "2026-11-20T12:00:00.000Z"
    assert {"codex", "gemini"} <= {source.agent for source in told}


async def test_what_is_much_is_read_by_another_process(tmp_path: Path) -> None:
    """The daemon finds it in the index then, as if it had read it itself."""
    person = Person(tmp_path)
    person.ask("s1", "r1")
    async with following(person, much=0) as (history, recorder):
        with anyio.fail_after(60):
            await spent(history, recorder, 7)
    assert not history.warnings


async def test_a_source_that_cannot_be_read_is_one_warning(tmp_path: Path) -> None:
    """It says what and how to see more; the rest is counted."""
    person = Person(tmp_path)
    person.ask("s1", "r1")
    broken = tmp_path / ".codex/sessions/2026/11/20/rollout-x.jsonl"
    broken.parent.mkdir(parents=True)
    broken.symlink_to("/proc/self/mem")
    async with following(person) as (history, recorder):
        with anyio.fail_after(30):
            await spent(history, recorder, 7)
    (warning,) = history.warnings
    assert "rollout-x.jsonl" in warning
    assert "`tars history sources`" in warning


async def test_other_machines_are_told(tmp_path: Path, postgres_store_url: str) -> None:
    """Where machines share a store, each finds there what the logs of the others have."""
    person = Person(tmp_path)
    person.home.config.write_text(f'[store]\nurl = "{postgres_store_url}"\n')
    person.ask("s1", "r1")

    def told(store: Store) -> int:
        with store.reading("look") as connection:
            return connection.scalar(select(func.count()).select_from(logged_slots)) or 0

    async with following(person, url=postgres_store_url) as (_, recorder):
        with anyio.fail_after(60):
            while not await recorder.ask(told):
                await anyio.sleep(0)


async def test_nothing_is_read_where_the_configuration_says_so(tmp_path: Path) -> None:
    """`[history] enabled = false`: no index is made."""
    person = Person(tmp_path)
    person.ask("s1", "r1")
    async with following(person, config=HistoryConfig(enabled=False)):
        await anyio.wait_all_tasks_blocked()
    assert not person.home.history.exists()


def test_the_process_that_builds_ends_with_who_began_it(tmp_path: Path) -> None:
    """It fills the index of the home that it is given; and ends when its stdin does."""
    person = Person(tmp_path)
    person.ask("s1", "r1")
    words = [sys.executable, "-m", "tars.history.building", str(person.home.root)]
    with subprocess.Popen(words, env=person.env, stdin=subprocess.PIPE) as child:
        assert child.wait(timeout=60) == 0
    with Index.open(person.home.history) as index:
        (count,) = index.connection.execute("SELECT count(*) FROM requests").fetchone()
    assert count == 1
