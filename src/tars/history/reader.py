"""The logs of a home's person, read into its index, and their sessions told: for who does both.

Everything is synchronous; use one from one thread at a time.
"""

import sqlite3
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tars.config_costs import HistoryConfig
from tars.history.index import Index
from tars.history.looking import Logs, look
from tars.history.publishing import batches, news
from tars.history.scan import Refreshed, refresh
from tars.history.sources.registry import SOURCES
from tars.history.watch import Watch, open_watch
from tars.home import Home

if TYPE_CHECKING:
    from tars.store.logged import LoggedSession
    from tars.store.store import Store

#: More bytes than this a command does not read that is asked for something else.
QUICK = 16 * 1024 * 1024
#: KiB of the index that are kept in memory: it is asked for little, and seldom.
_CACHE = 1024
#: Seconds that another process's reading is waited for: a command's is over soon.
_PATIENCE = 2.0


class LogsReader:
    """The index of a home, and the logs that are read into it."""

    def __init__(self, home: Home, env: Mapping[str, str], config: HistoryConfig) -> None:
        self._home = home
        self._env = env
        self._config = config
        self._person = Path(env.get("HOME") or Path.home())
        self._opened: Index | None = None
        self._written = 0

    def close(self) -> None:
        """Close the index. Twice is once."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def watch(self) -> tuple[Watch, str]:
        """Watch the folders of every agent's logs; say why not in a better way, or nothing."""
        logs = self._logs()
        return open_watch(str(root) for source in SOURCES for root in logs.roots(source))

    def waiting(self) -> int:
        """Give how many bytes are to be read."""
        try:
            found = look(self._index().connection, SOURCES, self._logs(), now=time.time())
        except sqlite3.Error:
            # Whoever reads next sees what is wrong with the index, and mends it.
            return 0
        return sum(job.to_read for _, each in found.jobs for job in each)

    def read(self, paths: frozenset[str] | None) -> Refreshed:
        """Read what is new in these files, or in all."""
        return refresh(
            self._index(),
            env=self._env,
            home=self._person,
            config=self._config,
            processes=1,
            only=None if paths is None else map(Path, paths),
            patience=_PATIENCE,
        )

    def others_wrote(self) -> bool:
        """Whether somebody else has written into the index since this was asked last."""
        before = self._written
        self._written = self._index().connection.execute("PRAGMA data_version").fetchone()[0]
        return self._written != before

    def news(
        self, known: Mapping[tuple[str, str], datetime], since: datetime | None = None
    ) -> list[int]:
        """Give the numbers of the sessions, all or those in use since then, of which the store
        does not know all."""
        return list(news(self._index().connection, known, since=since))

    def batches(self, numbers: list[int], *, titled: bool) -> "list[tuple[LoggedSession, ...]]":
        """Give these sessions as the store wants them."""
        return list(batches(self._index().connection, numbers, titled=titled))

    def _logs(self) -> Logs:
        return Logs(self._env, self._config.home or self._person, self._config)

    def _index(self) -> Index:
        if self._opened is None:
            self._opened = Index.open(self._home.history)
            self._opened.connection.execute(f"PRAGMA cache_size = -{_CACHE}")
        return self._opened


def catch_up(
    store: "Store", home: Home, env: Mapping[str, str], config: HistoryConfig, *, titled: bool
) -> str:
    """Tell a store of what its machine's agents logged by now, where that is quickly done; else
    give a sentence that says what is missing. Raises StoreError and OSError."""
    from tars.store import logged

    reader = LogsReader(home, env, config)
    try:
        waiting = reader.waiting()
        if waiting > QUICK:
            return (
                f"{waiting / 1e6:,.0f} MB of agents' logs are not read yet, and the sessions in "
                "them not listed: `tars costs` reads them, and a daemon does."
            )
        reader.read(None)
        with store.reading("read the sessions") as connection:
            known = logged.known(connection, store.machine)
        for batch in reader.batches(reader.news(known), titled=titled):
            store.keep_logged(batch)
        return ""
    finally:
        reader.close()
