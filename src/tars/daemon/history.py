"""The agents' logs, followed: what any agent of this person does is counted within a second.

Everything is read in the thread of the costs' engine, a little at a time; what would take long,
such as the first index, a process of its own does. A daemon whose agents' logs do not change does
nothing here.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import anyio

from tars.config import Config
from tars.daemon.costs import Spending
from tars.errors import StoreError, TarsError
from tars.history.seen import CannotWatch
from tars.home import Home
from tars.runtime.log import log
from tars.runtime.recorder import Recorder

if TYPE_CHECKING:
    from tars.costs.engine import Costs
    from tars.costs.sharing import Sharing
    from tars.history.reader import LogsReader
    from tars.history.watch import Watch
    from tars.store.logged import LoggedSession
    from tars.store.shared_slots import Day
    from tars.store.store import Store

#: Not while the daemon and its agents start.
FIRST_SECONDS = 0.5
#: More than so many bytes are read by another process: this one's memory would grow.
MUCH = 16 * 1024 * 1024
#: How long what was written is gathered before it is read, and from one reading to the next.
GATHER_SECONDS, BETWEEN_SECONDS = 0.1, 0.5
#: Everything is looked at so often, whatever was seen.
SAFETY_SECONDS = 3600.0
#: How often other machines that share a store are told at most.
SHARE_SECONDS = 30.0
#: After a failure.
AGAIN_SECONDS = 30.0
_BUILDING_SECONDS = 0.1
#: What was used since then may have been read by a command, just before the daemon came to it.
RECENT = timedelta(days=1)


class History:
    """Follows the logs. `config` gives the configuration in force."""

    def __init__(
        self,
        home: Home,
        recorder: Recorder,
        spending: Spending,
        config: Callable[[], Config],
        env: Mapping[str, str],
        *,
        first_seconds: float = FIRST_SECONDS,
        much: int = MUCH,
    ) -> None:
        self._home = home
        self._recorder = recorder
        self.spending = spending
        self._config = config
        self._env = env
        self._first_seconds = first_seconds
        self._much = much
        self._problems: tuple[str, ...] = ()
        self._sharing: Sharing | None = None
        self._share_at, self._shared = float("-inf"), -1
        self._scope: anyio.CancelScope | None = None

    @property
    def warnings(self) -> list[str]:
        """One sentence on what cannot be read, and what to do; or none."""
        if not self._problems:
            return []
        others = len(self._problems) - 1
        more = f" ({others} more.)" if others else ""
        return [f"{self._problems[0]}{more} `tars history sources` shows every source."]

    def reloaded(self) -> None:
        """The configuration may be another one: begin anew with it."""
        if self._scope is not None:
            self._scope.cancel()

    async def run(self) -> None:
        """Follow them until cancelled."""
        await anyio.sleep(self._first_seconds)
        while True:
            with anyio.CancelScope() as self._scope:
                pause = AGAIN_SECONDS
                try:
                    await self._follow()
                except CannotWatch as error:
                    # There may be another way, or other folders by now.
                    log.info("history_watched_anew", reason=str(error))
                    pause = BETWEEN_SECONDS
                except (TarsError, OSError) as error:
                    self._tell((f"The agents' logs cannot be read: {error}",))
                except Exception:
                    log.exception("history_failed")
                await anyio.sleep(pause)
            self.spending.changed()

    async def _follow(self) -> None:
        from tars.history.reader import LogsReader

        config = self._config()
        if not config.history.enabled:
            self._tell(())
            await anyio.sleep_forever()
        reader = LogsReader(self._home, self._env, config.history)
        run = self.spending.worker.run
        watch, reason = await run(reader.watch)
        try:
            log.info("history_followed", way=type(watch).__name__, reason=reason)
            if await run(reader.waiting) > self._much:
                await self._build()
            missed = await self._read(reader, None)
            self.spending.changed()
            await self._publish_news(reader)
            looked_at = _now()
            while True:
                if config.store.url:
                    with suppress(StoreError):
                        await self._share()
                most = SHARE_SECONDS if config.store.url else SAFETY_SECONDS
                await self._gather(watch, BETWEEN_SECONDS if missed else most)
                seen = await run(watch.read)
                if seen.more or missed or _now() - looked_at > SAFETY_SECONDS:
                    looked_at = _now()
                    missed = await self._read(reader, None)
                elif seen:
                    missed = await self._read(reader, seen.paths)
                if await run(reader.others_wrote):
                    # They may have read what was just written before we came to it.
                    self.spending.changed()
                    await self._publish_news(reader, datetime.now(UTC) - RECENT)
        finally:
            self.spending.worker.submit(partial(_close, watch, reader))

    async def _gather(self, watch: "Watch", most: float) -> None:
        """Wait until something was written, or for so long at most, and a moment longer."""
        soonest = _now() + BETWEEN_SECONDS
        if watch.fd is None:
            await anyio.sleep(min(watch.pause, most))
        else:
            with anyio.move_on_after(min(watch.pause, most)):
                await anyio.wait_readable(watch.fd)
        await anyio.sleep(max(GATHER_SECONDS, soonest - _now()))

    async def _read(self, reader: "LogsReader", paths: frozenset[str] | None) -> bool:
        """Read what is new in these files, or in all; say whether it could not be read now."""
        found = await self.spending.worker.run(lambda: reader.read(paths))
        self._tell(found.problems)
        if found.sessions:
            self.spending.changed()
            await self._publish(reader, sorted(found.sessions))
        return found.missed

    async def _publish_news(self, reader: "LogsReader", since: datetime | None = None) -> None:
        """Tell the store what it does not have yet of what is in the index, since then if said."""
        with suppress(StoreError):
            known = await self._recorder.ask(partial(_known, since=since))
            numbers = await self.spending.worker.run(lambda: reader.news(known, since))
            await self._publish(reader, numbers)

    async def _publish(self, reader: "LogsReader", numbers: list[int]) -> None:
        config = self._config()
        if not config.sessions.enabled:
            return
        titled = config.store.messages != "none"
        batches = await self.spending.worker.run(lambda: reader.batches(numbers, titled=titled))
        for batch in batches:
            self._recorder.put(partial(_keep, batch=batch))
            # Whoever else writes comes in between.
            await anyio.sleep(0)

    async def _share(self) -> None:
        """Tell the other machines that share the store what the logs have here."""
        if self.spending.version == self._shared or _now() < self._share_at:
            return
        self._share_at, version = _now() + SHARE_SECONDS, self.spending.version
        days = await self.spending.ask(self._sharing_news)
        if days:
            await self._recorder.ask(partial(_tell_others, days=days))
            assert self._sharing is not None, "it gave the news"
            await self.spending.worker.run(partial(self._sharing.told, days))
        self._shared = version

    def _sharing_news(self, costs: "Costs") -> "dict[int, Day]":
        if self._sharing is None:
            from tars.costs.sharing import Sharing

            self._sharing = Sharing()
        return self._sharing.news(costs)

    async def _build(self) -> None:
        """Let a process of its own read what is much."""
        log.info("history_building")
        with _child(self._home) as child:
            while child.poll() is None:
                await anyio.sleep(_BUILDING_SECONDS)
        log.info("history_built", status=child.returncode)
        self.spending.changed()

    def _tell(self, problems: tuple[str, ...]) -> None:
        """Log what is wrong once, however often it is found."""
        for problem in set(problems) - set(self._problems):
            log.warning("history_unreadable", reason=problem)
        self._problems = problems


@contextmanager
def _child(home: Home) -> Iterator["subprocess.Popen[bytes]"]:
    """The process that builds the index; its stdin ends with this one."""
    # -P: a file of the folder that we are in is no module of ours.
    words = [sys.executable, "-P", "-m", "tars.history.building", str(home.root)]
    child = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        if child.stdin is not None:
            child.stdin.close()


def _close(watch: "Watch", reader: "LogsReader") -> None:
    watch.close()
    reader.close()


def _known(store: "Store", *, since: datetime | None) -> dict[tuple[str, str], datetime]:
    from tars.store import logged

    with store.reading("read the sessions") as connection:
        return logged.known(connection, store.machine, since)


def _tell_others(store: "Store", *, days: "dict[int, Day]") -> None:
    from tars.store.shared_slots import tell

    with store.writing("tell other machines what was spent") as connection:
        tell(connection, store.machine, days)


def _keep(store: "Store", batch: "tuple[LoggedSession, ...]") -> None:
    store.keep_logged(batch)


_now = anyio.current_time
