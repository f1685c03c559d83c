"""What the configuration keeps no longer goes once a day, and every act of it is in the log."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import structlog
import trio
from sqlalchemy import insert, select, update
from trio.testing import MockClock

from tars.config import SessionsConfig
from tars.daemon import retention
from tars.home import Home
from tars.runtime.recorder import Recorder
from tars.store.schema import agents, prompts, sessions
from tars.store.store import Store
from tests.store.samples import prompt, record

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def fill(home: Home) -> None:
    """Sessions of one to five days of age; the oldest is its agent's current one."""
    store = Store.open(home.store)
    for age in (5, 4, 3, 2, 1):
        store.finish_turn(record(f"t{age}", session=f"s{age}"))
    with store.writing("prepare") as connection:
        for age in (5, 4, 3, 2, 1):
            row = update(sessions).where(sessions.c.id == f"s{age}")
            status = "active" if age == 5 else "completed"
            at = NOW - age * DAY
            connection.execute(row.values(last_activity_at=at, status=status, writer=None))
        connection.execute(update(agents).values(session=None))
        named = update(sessions).where(sessions.c.id == "s4")
        connection.execute(named.values(name="fourth", title="a secret"))
    store.close()


def statuses(home: Home) -> dict[str, str]:
    store = Store.open(home.store)
    with store.reading("look") as connection:
        found = {row.id: row.status for row in connection.execute(select(sessions))}
    store.close()
    return found


Scene = Callable[[Recorder, Home], Awaitable[None]]


def play(folder: Path, scene: Scene, *, clock: MockClock | None = None) -> Home:
    """Run a scene with a recorder over a store of its own."""
    home = Home(folder / "tars")
    home.prepare()
    fill(home)

    async def main() -> None:
        recorder = Recorder(home.store, Store.open)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(recorder.run)
            await scene(recorder, home)
            recorder.close()
            await recorder.written()
            tasks.cancel_scope.cancel()

    trio.run(main, clock=clock)
    return home


def tidied(folder: Path, config: SessionsConfig) -> tuple[Home, list[dict[str, Any]]]:
    """A home after one day's round, and what was logged of it."""

    async def scene(recorder: Recorder, home: Home) -> None:
        await retention.tidy(recorder, home, config, NOW)

    with structlog.testing.capture_logs() as logs:
        home = play(folder, scene)
    return home, [dict(line) for line in logs if line["event"].startswith("session")]


def test_by_default_everything_is_kept(tmp_path: Path) -> None:
    """Nobody has to ask for that."""
    home, logs = tidied(tmp_path, SessionsConfig())
    assert len(statuses(home)) == 5
    assert logs == []


def test_what_is_too_old_is_deleted(tmp_path: Path) -> None:
    """Each with one line in the log, without a title; the active one stays, however old."""
    home, logs = tidied(tmp_path, SessionsConfig(retention_days=2))
    assert sorted(statuses(home)) == ["s1", "s2", "s5"], "two days are not more than two"
    assert [(line["event"], line["session"], line["age_days"]) for line in logs] == [
        ("session_deleted", "s4", 4),
        ("session_deleted", "s3", 3),
    ]
    assert logs[0]["name"] == "fourth"
    assert "a secret" not in str(logs)
    assert not (home.root / "archive").exists()


def test_what_is_too_many_is_put_away(tmp_path: Path) -> None:
    """With `auto_archive` it is archived instead, and written down first where a folder is said."""
    folder = tmp_path / "old"
    config = SessionsConfig(max_sessions=2, auto_archive=True, archive_directory=folder)
    home, logs = tidied(tmp_path, config)
    assert statuses(home) == {
        "s1": "completed",
        "s2": "completed",
        "s3": "archived",
        "s4": "archived",
        "s5": "active",
    }
    assert [(line["event"], line["session"]) for line in logs] == [
        ("session_archived", "s4"),
        ("session_archived", "s3"),
    ]
    assert sorted(path.name for path in folder.iterdir()) == [
        "fourth-gemini-s4.json",
        "gemini-s3.json",
    ]


def test_what_cannot_be_written_down_is_kept(tmp_path: Path) -> None:
    """Where the folder cannot be written, the round ends, and says so; nothing is lost."""
    folder = tmp_path / "old"
    folder.write_text("a file")
    config = SessionsConfig(retention_days=1, archive_directory=folder)

    async def scene(recorder: Recorder, home: Home) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(retention.keep_in_order, recorder, home, lambda: config)
            while not any(line["event"] == "retention_failed" for line in logs):
                await anyio.sleep(1)
            tasks.cancel_scope.cancel()

    with structlog.testing.capture_logs() as logs:
        home = play(tmp_path, scene, clock=MockClock(autojump_threshold=0.01))
    assert len(statuses(home)) == 5


def test_it_is_done_every_day_with_the_configuration_of_then(tmp_path: Path) -> None:
    """A reload between two days counts for the second."""
    asked: list[float] = []

    def config() -> SessionsConfig:
        asked.append(anyio.current_time())
        return SessionsConfig(max_sessions=4 if len(asked) == 1 else 3)

    async def scene(recorder: Recorder, home: Home) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(retention.keep_in_order, recorder, home, config)
            while len(asked) < 3:
                await anyio.sleep(3600)
            tasks.cancel_scope.cancel()

    home = play(tmp_path, scene, clock=MockClock(autojump_threshold=0.01))
    assert asked[1] - asked[0] >= retention.EVERY_SECONDS
    assert sorted(statuses(home)) == ["s1", "s2", "s3", "s5"]


def test_prompts_that_were_done_long_ago_are_forgotten(tmp_path: Path) -> None:
    """Whatever is kept of sessions; those that wait are not."""

    async def scene(recorder: Recorder, home: Home) -> None:
        def old(store: Store) -> None:
            store.save_prompt(prompt("waits"))
            with store.writing("prepare") as connection:
                done = {"machine": store.machine, "agent": "gemini", "state": "done"}
                for id, age in (("old", 91 * DAY), ("new", 89 * DAY)):
                    at = {"id": id, "asked_at": NOW - age, "ended_at": NOW - age}
                    connection.execute(insert(prompts), {**done, **at})

        await recorder.ask(old)
        await retention.tidy(recorder, home, SessionsConfig(), NOW)

    home = play(tmp_path, scene)
    store = Store.open(home.store)
    with store.reading("look") as connection:
        left = set(connection.scalars(select(prompts.c.id)))
    store.close()
    assert left == {"waits", "new"}
