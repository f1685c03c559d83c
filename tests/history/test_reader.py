"""Catching up without a daemon: what is quick is done, what is not is said."""

from pathlib import Path

from tars.config_costs import HistoryConfig
from tars.history import reader
from tars.history.reader import LogsReader, catch_up
from tars.home import Home
from tars.store import finding
from tars.store.finding import Wanted
from tars.store.store import Store
from tests.support.claude_logs import claude_request, write_claude

AT = "2026-11-20T12:00:00.000Z"


def test_sessions_are_brought_up_to_date_where_that_is_quick(tmp_path: Path) -> None:
    """They are found by their source; and not brought where too much would have to be read."""
    home = Home(tmp_path / "t")
    home.prepare()
    env = {"HOME": str(tmp_path)}
    write_claude(tmp_path, claude_request(1, AT, "opus"))
    store = Store.open(home.store)

    def listed(source: str) -> list[str]:
        with store.reading("look") as connection:
            return [s.id for s in finding.listed(connection, Wanted(source=source))]

    try:
        assert catch_up(store, home, env, HistoryConfig(), titled=True) == ""
        assert listed("log") == ["5c0a1b2d-claude"]
        assert listed("tars") == []
        log = next((tmp_path / ".claude").rglob("*.jsonl"))
        with log.open("a") as file:
            file.truncate(reader.QUICK * 2)
        missing = catch_up(store, home, env, HistoryConfig(), titled=True)
        assert "34 MB" in missing
        assert "`tars costs`" in missing
    finally:
        store.close()


def test_only_what_a_person_has_is_read(tmp_path: Path) -> None:
    """An agent that the configuration leaves out is not."""
    home = Home(tmp_path / "t")
    home.prepare()
    write_claude(tmp_path, claude_request(1, AT, "opus"))
    config = HistoryConfig(paths={"claude": ()})
    found = LogsReader(home, {"HOME": str(tmp_path)}, config)
    try:
        assert found.waiting() == 0
        assert found.read(None).requests == 0
    finally:
        found.close()
