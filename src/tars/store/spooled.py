"""A store whose database is elsewhere and may be away: writes wait here then, on disk.

Every write of this machine has a number, that the database notes in the same transaction.
One whose commit nobody answered is kept here with its number, and is done again only where
the database has not come as far: nothing is lost, and nothing is done twice. As long as
anything waits, all that follows waits behind it.

Use it as a store, from one thread at a time. It never waits long for the database.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from tars.errors import StoreError
from tars.store import drained, engine, journal
from tars.store.apart import replayed
from tars.store.deadline import within
from tars.store.operations import Operation, Unfit, decode, encode, never_fits
from tars.store.plight import Plight
from tars.store.reach import Reach
from tars.store.rows import Decision
from tars.store.spool import PAGE, Entry, Spool
from tars.store.store import Store

_LATER = "It is tried again by itself; `tars status` says how things stand."

P = ParamSpec("P")
T = TypeVar("T")

#: The longest that a write, and anything else, may take before the database counts as away.
WRITE_SECONDS = 3.0
LONGEST_SECONDS = 15.0
#: How long a start waits for the database before it goes on without it.
START_SECONDS = 3.0
#: How long a read waits for the writes before it to be taken over, and how long one go takes.
READ_SECONDS = 1.0
GO_SECONDS = 0.2
#: The pause after the database refused what it may take later.
PAUSE_SECONDS = 5.0
#: The log of decisions may take this part of what may wait: prompts and turns need the rest.
DECISIONS_SHARE = 1 / 4


def _spooled(
    method: Callable[Concatenate[Store, P], T],
) -> "Callable[Concatenate[SpooledStore, P], T | None]":
    """Make of a store's write one that waits here while the database is away, and gives None."""

    def write(self: "SpooledStore", /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        return self._write(method, *args, **kwargs)

    write.__name__, write.__doc__ = method.__name__, method.__doc__
    return write


class SpooledStore(Store):
    """`problem` says what is wrong, how much waits, and since when; None while all is well."""

    def __init__(
        self, spool: Spool, opened: Callable[[], Store], *, write_seconds: float = WRITE_SECONDS
    ) -> None:
        # Not the one of `Store`: there may be no connection yet.
        self.machine = 0
        self.problem = spool.problem
        self._spool = spool
        self._write_seconds = write_seconds
        self._number = 0
        self._remote: Store | None = None
        self._inside = False
        self._plight = Plight()
        self._not_before = 0.0
        self._who: str | None = None
        self._run = ""
        self._next_number = 0
        self._reach = Reach(opened)
        self._reach.begin()

    @classmethod
    def beside(
        cls,
        path: Path,
        opened: Callable[[], Store],
        *,
        target: str = "",
        patience: float = START_SECONDS,
        write_seconds: float = WRITE_SECONDS,
    ) -> "SpooledStore":
        """Open what waits at `path`, and the database as `opened` does, if it is there soon.

        `target` tells databases apart; `write_seconds` is the longest that a write may take.
        Raises StoreError when what waits cannot be opened.
        """
        spool = Spool.open(path)
        spool.aim(target)
        store = cls(spool, opened, write_seconds=write_seconds)
        store._adopt(patience)
        store._tell()
        return store

    def close(self) -> None:
        """Close both. What waits is kept for the next time."""
        self._reach.close()
        self._hang_up()
        self._spool.close()

    # --- the writes that can wait -------------------------------------------

    save_prompt = _spooled(Store.save_prompt)
    begin_prompt = _spooled(Store.begin_prompt)
    drop_prompt = _spooled(Store.drop_prompt)
    begin_turn = _spooled(Store.begin_turn)
    keep_said = _spooled(Store.keep_said)
    hold_turn = _spooled(Store.hold_turn)
    finish_turn = _spooled(Store.finish_turn)
    add_logged = _spooled(Store.add_logged)
    keep_logged = _spooled(Store.keep_logged)
    save_agent = _spooled(Store.save_agent)
    save_session = _spooled(Store.save_session)
    end_session = _spooled(Store.end_session)
    append_decisions = _spooled(Store.append_decisions)

    def log_decisions(self, made: Sequence[Decision]) -> None:
        """Append decisions of one run. This store counts them: it lives as long as the run."""
        if not made:
            return
        first = self._next_number if made[0].run == self._run else 0
        self._run, self._next_number = made[0].run, first + len(made)
        if self._spool.size > DECISIONS_SHARE * self._spool.capacity:
            self._plight.left_out += len(made)
            self._tell()
            return
        numbered = [replace(d, run=self._run, number=first + i) for i, d in enumerate(made)]
        self.append_decisions(tuple(map(journal.line, numbered)))

    def hold_sessions(self, turns: tuple[str, ...]) -> None:
        """Prolong the locks of the sessions; while the database is away, nobody else's either."""
        if not self.behind:
            super().hold_sessions(turns)

    def prune_decisions(self, keep_rows: int) -> int:
        """Delete all but the newest decisions; none, while the database is away."""
        return 0 if self.behind else super().prune_decisions(keep_rows)

    def forget(self) -> None:
        """Nothing: the database is a server's, and what waited here is overwritten anyway."""

    # --- what waits ---------------------------------------------------------

    @property
    def behind(self) -> bool:
        return self._remote is None or self._spool.count > 0

    def catch_up(self) -> bool:
        """Take over some of what waits, if the database is there. Gives whether more can be at
        once."""
        self._adopt()
        end = time.monotonic() + GO_SECONDS
        moved = self._drain_until(end)
        self._tell()
        return moved and self._spool.count > 0

    def apart(self) -> Store | None:
        """Give a store of what alone waits here, as far as it concerns prompts and turns."""
        return replayed(self._spool.all(), METHODS)

    def _write(
        self, method: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        if self._inside:
            return method(self, *args, **kwargs)
        self._adopt()
        number: int | None = None
        if not self.behind:
            # Whether it is kept or not, this number is never another write's.
            self._number = number = self._number + 1
            try:
                with self._open("write") as connection:
                    drained.advance(connection, self.machine, number)
                    return method(self, *args, **kwargs)
            except StoreError as error:
                if never_fits(error):
                    raise
                self._lose(error)
        self._keep(encode(method, *args, **kwargs), number)
        return None

    def _keep(self, operation: Operation, number: int | None) -> None:
        try:
            self._spool.append(operation, number)
        except StoreError as error:
            self._plight.full = error
            raise
        else:
            self._plight.full = None
        finally:
            self._tell()

    # --- reading ------------------------------------------------------------

    @contextmanager
    def _transaction(self, action: str) -> Iterator[Connection]:
        if self._inside:
            with engine.store_errors(action):
                yield self._connection
            return
        self._settle(action)
        with self._open(action, LONGEST_SECONDS) as connection:
            yield connection

    @contextmanager
    def _reading(self, action: str) -> Iterator[Connection]:
        self._settle(action)
        try:
            with within(LONGEST_SECONDS, self._connection), super()._reading(action) as connection:
                yield connection
        except engine.Unreachable as error:
            self._lose(error)
            raise

    def _settle(self, action: str) -> None:
        """What is read, or changed in another way, follows on everything that was written."""
        self._adopt()
        self._drain_until(time.monotonic() + READ_SECONDS)
        self._tell()
        if self.behind:
            why = "the database is away"
            if self._remote is not None:
                why = "what waits for the database comes first"
            raise engine.Unreachable(f"The store cannot {action}: {why}.", advice=_LATER)

    @contextmanager
    def _open(self, action: str, seconds: float | None = None) -> Iterator[Connection]:
        """One transaction in the database, in which everything of this store takes part."""
        self._inside = True
        try:
            with (
                within(seconds or self._write_seconds, self._connection),
                engine.store_errors(action),
                self._connection.begin(),
            ):
                yield self._connection
        except engine.Unreachable as error:
            self._lose(error)
            raise
        finally:
            self._inside = False

    # --- taking over --------------------------------------------------------

    def _drain_until(self, end: float) -> bool:
        """Take over what waits until then. False where it cannot be, for now."""
        while self._remote is not None and self._spool.count:
            if time.monotonic() < self._not_before:
                return False
            try:
                self._drain(end)
            except StoreError as error:
                # It is there, and may take this later.
                self._not_before = time.monotonic() + PAUSE_SECONDS
                self._lose(error)
                return False
            self._recover()
            if time.monotonic() >= end:
                break
        return self._remote is not None

    def _drain(self, end: float) -> None:
        entries = self._spool.give_numbers(self._spool.first(PAGE), self._number)
        self._number = max(self._number, *(e.number or 0 for e in entries))
        try:
            last = self._replay(entries, end)
        except engine.Unreachable:
            raise
        except Exception:
            # One of them is at fault, and the others need not suffer for it.
            self._replay_each(entries)
            return
        self._spool.drop(last.seq)

    def _replay_each(self, entries: list[Entry]) -> None:
        for entry in entries:
            try:
                self._replay([entry], 0.0)
            except Exception as error:
                if not never_fits(error):
                    raise
                self._plight.refused += 1
                self._spool.refuse(entry, str(error) or type(error).__name__)
            else:
                self._spool.drop(entry.seq)

    def _replay(self, entries: list[Entry], end: float) -> Entry:
        """Take over as many as can be until then, but one at least. Gives the last of them."""
        # So many that it takes longer would be cut off, and begun again from the first for ever.
        end = min(end, time.monotonic() + self._write_seconds / 2)
        # What failed before may need longer than a write may take.
        patience = LONGEST_SECONDS if self._not_before else None
        with self._open("take over what waits", patience) as connection:
            done = drained.read(connection, self.machine)
            for entry in entries:
                if entry.number is not None and entry.number > done:
                    self._call(entry.operation)
                if time.monotonic() >= end:
                    break
            drained.advance(connection, self.machine, entry.number or 0)
        return entry

    def _call(self, operation: Operation) -> None:
        method = METHODS.get(operation.name)
        if method is None:
            raise Unfit(f"This version of tars has no write {operation.name!r}.")
        method(self, **decode(method, operation))

    # --- the connection -----------------------------------------------------

    def _adopt(self, patience: float = 0.0) -> None:
        """Take the connection that was made meanwhile, if one was."""
        while self._remote is None:
            answer = self._reach.answer(patience)
            if answer is None:
                return
            patience = 0.0
            if isinstance(answer, StoreError):
                self._trip(answer)
                continue
            self._remote, self._connection = answer, answer._connection
            self.machine = answer.machine
            try:
                self._compare()
            except StoreError as error:
                self._lose(error)
            else:
                if not self._spool.count:
                    self._recover()
            return

    def _compare(self) -> None:
        """See what of that which was tried before is there."""
        with self._open("open") as connection:
            done = drained.read(connection, self.machine)
        self._spool.drop_done(done)
        self._number = max(done, self._spool.last_number())

    def _lose(self, error: StoreError) -> None:
        """Let go of the connection, and try to make another one."""
        self._trip(error)
        if self._remote is not None:
            self._hang_up()
            self._reach.begin()

    def _hang_up(self) -> None:
        if self._remote is not None:
            with suppress(StoreError):
                self._remote.close()
            self._remote = None

    def _trip(self, error: StoreError) -> None:
        self._plight.fall(error)
        self._tell()

    def _recover(self) -> None:
        self._plight.recover()
        self._not_before = 0.0

    def _tell(self) -> None:
        """Say in `problem` how things are."""
        self.problem = self._plight.told(self._spool)


#: The writes that can wait, by their names.
METHODS: dict[str, Callable[..., Any]] = {
    method.__name__: method
    for method in (
        Store.save_prompt,
        Store.begin_prompt,
        Store.drop_prompt,
        Store.begin_turn,
        Store.keep_said,
        Store.hold_turn,
        Store.finish_turn,
        Store.add_logged,
        Store.keep_logged,
        Store.save_agent,
        Store.save_session,
        Store.end_session,
        Store.append_decisions,
    )
}
