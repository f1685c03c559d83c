"""Where figures come from: the store and the index of the agents' logs, opened when they are asked,
and read as both were at one moment."""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tars.config_costs import HistoryConfig
from tars.costs.settling import has_new, settle, state_of
from tars.errors import StoreError
from tars.history.index import Index
from tars.history.schema import SENSELESS, damaged, is_sound
from tars.home import Home
from tars.store import quick
from tars.store.quick import Quick

if TYPE_CHECKING:
    from tars.history.early import Early
    from tars.history.scan import Refreshed

#: How often it is tried to see a moment in which nobody writes.
_TRIES = 5


@dataclass(slots=True)
class Moment:
    """What there is to be read, as it is at one moment: each is None where there is none, or where
    it cannot be read, and `problems` says why."""

    problems: list[str]
    store: Quick | None = None
    logs: sqlite3.Connection | None = None


class Sources:
    """The two sources of one home. `url` names the store where it is a server's."""

    def __init__(
        self, home: Home, url: str, history: HistoryConfig, env: Mapping[str, str]
    ) -> None:
        self._home = home
        self.url = url
        self._history = history
        self._env = env
        self._index: Index | None = None
        self._apart = ExitStack()
        self._store: Quick | None = None

    def close(self) -> None:
        """Close what was opened. Twice is once."""
        if self._index is not None:
            self._index.close()
            self._index = None
        self._apart.close()
        self.forget_store()

    def refresh(
        self, processes: int, *, instead: bool, early: "Early | None" = None
    ) -> tuple[str, ...]:
        """Read what is new in the agents' logs; give a sentence for each thing that could not
        be read. `instead`: where the index cannot be written, a copy of it is. `early`: a process
        that looks for them already."""
        if not self._history.enabled:
            return ()
        try:
            done = self._refreshed(self._opened_index(), processes, early)
            if not (instead and done.unwritable):
                return done.problems
            problems = done.problems
        except StoreError as error:
            problems = (str(error),)
        except OSError as error:
            problems = (f"The agents' logs cannot be read: {error.strerror or error}.",)
        if instead:
            with suppress(StoreError, OSError):
                return (*problems, *self._read_apart(processes))
        return problems

    def _refreshed(self, index: Index, processes: int, early: "Early | None" = None) -> "Refreshed":
        from tars.history.scan import refresh

        return refresh(
            index,
            env=self._env,
            home=Path(self._env.get("HOME") or Path.home()),
            config=self._history,
            processes=processes,
            early=early,
        )

    def _read_apart(self, processes: int) -> tuple[str, ...]:
        """Go on with a copy of the index, which what is new can be read into."""
        from tars.history.stand_in import stand_in

        with ExitStack() as attempt:
            index = attempt.enter_context(stand_in(self._home.history))
            done = self._refreshed(index, processes)
            if not done.missed:
                self.close()
                self._index = index
                self._apart = attempt.pop_all()
                said = "This report counts all of the logs the same: a copy of the index has them."
                return (said, *done.problems)
        return ()

    @contextmanager
    def moment(self) -> Iterator[Moment]:
        """Give both as they are at one moment: what the one counts, the other leaves out."""
        found = Moment([])
        with ExitStack() as at_end:
            state: str | None = None
            try:
                found.store, state = self._store_at_rest(at_end)
            except StoreError as error:
                self.forget_store()
                found.problems.append(f"What tars' own agents used is missing: {error}")
            try:
                found.logs = self._settled(found, state, at_end)
            except sqlite3.Error as error:
                found.problems.append(f"What the agents' logs tell is missing: {error}.")
                if damaged(error):
                    self._start_anew(found.problems)
            except StoreError as error:
                found.problems.append(f"What the agents' logs tell is missing: {error}")
            except SENSELESS:
                if not self.mends(found.problems):
                    raise
            yield found

    def _store_at_rest(self, at_end: ExitStack) -> tuple[Quick | None, str]:
        """Give the store in a transaction, and in which state it is there."""
        store = self._opened_store()
        if store is None:
            return None, state_of(self._home, self.url, time.time())
        for _ in range(_TRIES):
            state = state_of(self._home, self.url, time.time())
            attempt = ExitStack()
            attempt.enter_context(store.moment())
            if state == state_of(self._home, self.url, time.time()):
                at_end.push(attempt.pop_all())
                return store, state
            attempt.close()
        at_end.enter_context(store.moment())
        return store, ""

    def _settled(
        self, found: Moment, state: str | None, at_end: ExitStack
    ) -> sqlite3.Connection | None:
        """Give the index in a transaction, once what the store has counted is marked in it. If the
        store cannot be read, it stays as it was."""
        if not self._history.enabled or (self._index is None and not self._home.history.exists()):
            return None
        index = self._opened_index()
        at_end.callback(_roll_back, index.connection)
        for _ in range(_TRIES):
            settled = state is not None and _is_settled(index, found, state)
            index.connection.execute("BEGIN")
            # The moment is that of the first look: others may have read more of the logs since.
            if not settled or not has_new(index):
                break
            index.connection.execute("ROLLBACK")
        else:
            index.connection.execute("BEGIN")
        return index.connection

    def mends(self, problems: list[str], error: sqlite3.Error | None = None) -> bool:
        """Set the index aside if it is damaged, which this error, or what is in it, says: nothing
        of a moment may be asked of it any more. Say whether it is."""
        if self._index is None:
            return False
        with suppress(sqlite3.Error):
            if not damaged(error) if error else is_sound(self._index.connection):
                return False
        self._start_anew(problems)
        return True

    def _start_anew(self, problems: list[str]) -> None:
        """A damaged index is set aside; the next refresh reads all logs again."""
        assert self._index is not None
        try:
            aside = self._index.start_anew()
        except (OSError, StoreError) as error:
            problems.append(f"The index of the agents' logs is damaged: {error}")
        else:
            problems.append(f"The damaged index is {aside} now; the next report has all of it.")

    def _opened_index(self) -> Index:
        if self._index is None:
            self._index = Index.open(self._home.history)
        self._index.renew()
        return self._index

    def _opened_store(self) -> Quick | None:
        if self._store is None:
            try:
                self._store = quick.opened(self._home, self.url)
            except quick.Outdated as outdated:
                _migrate(self._home, self.url, outdated.version)
                self._store = quick.opened(self._home, self.url)
        return self._store

    def forget_store(self) -> None:
        """Open the store anew when it is asked again."""
        if self._store is not None:
            with suppress(StoreError):
                self._store.close()
            self._store = None


def _migrate(home: Home, url: str, version: str) -> None:
    """Let the ordinary library bring a store of before up to date. Raises StoreError."""
    if not version:
        raise StoreError(
            "The store cannot be read: it does not say of which version it is.",
            advice="`tars sessions repair` saves what can be saved.",
        )
    if version > quick.VERSION:
        raise StoreError(
            f"The store was written by a newer tars (its schema is {version}).",
            advice="Install that version, or use another store.",
        )
    from tars.sessions.library import Library

    Library.open(home, url=url).close()


def _is_settled(index: Index, found: Moment, state: str) -> bool:
    """Mark in the index what the store has counted, or say why that cannot be done."""
    try:
        settle(index, found.store, state)
    except sqlite3.OperationalError as error:
        found.problems.append(
            "What tars' own agents used lately may be counted twice, since the index of their logs "
            f"cannot be written: {error}."
        )
        return False
    return True


def _roll_back(connection: sqlite3.Connection) -> None:
    # One that turned out to be damaged is closed.
    with suppress(sqlite3.ProgrammingError):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
