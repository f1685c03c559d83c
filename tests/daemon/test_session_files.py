"""Which session an agent is in, and what the store is told of it."""

from pathlib import Path

import anyio

from tars.conversation.model import Opened
from tars.home import Home
from tars.store.store import Store
from tests.daemon.running import running

TWO = '[agents.one]\nkind = "echo"\n[agents.two]\nkind = "echo"\n'


def statuses(store: Store) -> list[tuple[str, str]]:
    with store.reading("read") as connection:
        rows = connection.exec_driver_sql("SELECT id, status FROM sessions ORDER BY seq")
        return [(row.id, row.status) for row in rows]


def configure(home: Home, toml: str) -> None:
    home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.config.write_text(toml)
    home.config.chmod(0o600)


def test_a_session_is_active_while_its_agent_is_in_it(tmp_path: Path) -> None:
    """It ends when the agent is in another one, loses it, or is configured no longer; one that
    is nobody's business is not on record."""

    async def scene() -> None:
        async with running(home) as (recorder, loop, chronicle, assembly):
            for agent in ("one", "two"):
                chronicle.said(agent, None, Opened(f"{agent}-1"))
            chronicle.said("one", None, Opened("one-2"))
            chronicle.session_files.opened("two", Opened("secret"), listed=False)
            expected = [("one-1", "completed"), ("two-1", "active"), ("one-2", "active")]
            assert await recorder.ask(statuses) == expected
            chronicle.session_files.lost("one", "one-2", "gone")
            loop.drivers["two"]._counting.go_to("two-1", None)
            configure(home, TWO.partition("[agents.two]")[0])
            assert await assembly.reload() == ["two"]
            assert {status for _, status in await recorder.ask(statuses)} == {"completed"}

    home = Home(tmp_path / "tars")
    configure(home, TWO)
    anyio.run(scene)
