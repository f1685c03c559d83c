"""A database that an agent writes into is read again whenever anything was written."""

import sqlite3
from pathlib import Path

from tars.config_costs import HistoryConfig
from tars.history.index import Index
from tars.history.scan import refresh
from tests.support.agent_logs import database


def test_what_is_only_in_the_file_beside_a_database_is_news(tmp_path: Path) -> None:
    """Whether all logs are looked at or only that file, in any order."""
    data = tmp_path / ".local" / "share" / "opencode" / "opencode.db"
    database(data, "opencode/database.jsonl")
    writer = sqlite3.connect(data, isolation_level=None)
    writer.execute("pragma journal_mode = wal")
    fork = "insert into message select id || ?1, session_id, ?2, ?2, "
    fork += "json_set(data, '$.time.created', ?2) from message where data like '%0.0075612%'"
    with Index.open(tmp_path / "history.db") as index:
        counts = []
        for number, only in enumerate((None, [data], [data], None, None, [data])):
            writer.execute(fork, (f"-{number}", 1795273480000 + number))
            done = refresh(index, env={}, home=tmp_path, config=HistoryConfig(), only=only)
            (count,) = index.connection.execute("select count(*) from requests").fetchone()
            counts.append((count, done.files, done.problems))
            writer.execute("delete from message where id like '%-%'")
    writer.close()
    assert counts == [(number + 4, 1, ()) for number in range(6)]
