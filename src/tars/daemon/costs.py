"""What everything cost, kept warm in the daemon: one engine in a thread of its own, and answers
that hold until the figures change.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio

from tars.control.costs_contract import LogSource, LogSources
from tars.control.log_sources import log_source
from tars.control.status_contract import TodayStatus
from tars.control.wire import time_text
from tars.daemon.worker import Worker
from tars.errors import StoreError, TarsError
from tars.home import Home
from tars.runtime.log import log

if TYPE_CHECKING:
    from tars.control.costs.layout import Face
    from tars.control.costs.today import Today
    from tars.costs.engine import Costs
    from tars.history.health import Health

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: How long the first look at today waits where nobody waits for it.
FIRST_SECONDS = 1.0
#: How often the words on today are left for when there is no daemon.
LEAVE_SECONDS = 10.0
#: How long the daemon's end may wait for a look at the costs that is under way.
END_SECONDS = 1.0
#: How many answers are kept, and how long one may be: a few hundred KB in all.
ANSWERS, LARGEST_ANSWER = 32, 64 * 1024


class Spending:
    """Asks the engine of one home; the thread is its own. `is_elsewhere` says whether the store is
    a server's. `version` grows whenever figures may have changed: a turn was recorded, logs were
    read, prices or the configuration are others."""

    def __init__(
        self,
        home: Home,
        env: Mapping[str, str],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        first_seconds: float = FIRST_SECONDS,
    ) -> None:
        self.version = 0
        self.worker = Worker("costs")
        self._home = home
        self._env = env
        self._now = now
        self._costs: Costs | None = None
        self._failure = ""
        self._today: tuple[int, Today] | None = None
        self.is_elsewhere: Callable[[], bool] = _never
        self._wanted = self._ended = False
        self._first_seconds = first_seconds
        self._news = anyio.Event()
        self._answers: OrderedDict[object, tuple[int, str]] = OrderedDict()

    def changed(self, *, anew: bool = False) -> None:
        """Say that figures may be others now. `anew`: so may the configuration."""
        self.version += 1
        if anew:
            self._answers.clear()
        news, self._news = self._news, anyio.Event()
        news.set()

    async def news(self, after: int) -> int:
        """Wait until figures have changed since that version, and give the newest one."""
        while self.version <= after:
            await self._news.wait()
        return self.version

    async def ask(self, work: "Callable[[Costs], T]") -> T:
        """Ask the engine, in its thread. Raises TarsError and nothing else: whatever is wrong with
        the figures, with the disk or with us, nobody who asks ends for it."""
        return await self._in_thread(lambda: work(self._engine()))

    async def anew(self) -> None:
        """Let the engine read its configuration again."""
        await self._in_thread(self._close)
        self.changed(anew=True)

    async def answer(self, given: Mapping[str, str], face: "Face") -> str:
        """Answer a report that is asked for in words, at once where nothing has changed since it
        was asked for before, in the same minute. Raises RequestInvalid.

        A span that ends now moves with the clock; it says itself which one it was.
        """
        now = self._now()
        minute = now.replace(second=0, microsecond=0)
        key = (tuple(sorted(given.items())), face, minute)
        known = self._answers.get(key)
        if known is not None and known[0] == self.version:
            self._answers.move_to_end(key)
            return known[1]
        version = self.version
        words = dict(given)
        text = await self.ask(lambda costs: _answer(costs, words, face, now))
        if len(text) <= LARGEST_ANSWER:
            self._answers[key] = version, text
            while len(self._answers) > ANSWERS:
                self._answers.popitem(last=False)
        return text

    async def sources(self) -> LogSources:
        """Tell of every agent's logs, as they were read last."""
        return await self.ask(lambda costs: _sources(costs, self._home, self._env))

    @property
    def known_today(self) -> TodayStatus | None:
        """What was spent today, as far as somebody has looked; it may be a little more by now."""
        known = self._today
        return _told(known[1]) if known is not None and self._now() < known[1].until else None

    async def today(self, within: float) -> TodayStatus | None:
        """Tell what was spent today: what is known by then, however busy it is."""
        known = self._today
        if known is not None and known[0] == self.version and self._now() < known[1].until:
            return _told(known[1])
        with anyio.move_on_after(within), suppress(TarsError):
            await self._look_at_today()
            if known is None:
                # From now on it is left for when there is no daemon, too.
                self.changed()
        return self.known_today

    def want_today(self) -> bool:
        """Have it found out soon, and from now on. Whoever only asks how everything is does not
        wait for that, and where the store is a server's, which may be silent for minutes, that
        is no reason to ask it: False then."""
        if self.is_elsewhere():
            return False
        if not self._wanted and self.known_today is None:
            self._wanted = True
            self.changed()
        return True

    async def leave_today(self) -> None:
        """Leave in a file what was spent today, whenever that has changed, until cancelled: once
        somebody has asked for it. To look prices up nobody wants takes a process of its own."""
        seen = 0
        while True:
            seen = await self.news(seen)
            known = self._wanted or self._today is not None
            if not known and not (self._home.data / "line.txt").exists():
                continue
            if self._today is None:
                # A daemon that has just begun has more to do, and may soon be gone.
                await anyio.sleep(self._first_seconds)
            self._wanted = False
            with suppress(TarsError):
                await self._look_at_today()
                if self._today is not None:
                    await self._in_thread(partial(_leave, self._home, self._today[1]))
            await anyio.sleep(LEAVE_SECONDS)

    async def _look_at_today(self) -> None:
        # It is noted where it is found: who asked may not wait for it any more.
        version = self.version
        await self.ask(lambda costs: self._note_today(version, _look(costs, self._now())))

    def _note_today(self, version: int, found: "Today") -> None:
        self._today = version, found

    async def end(self) -> None:
        """Let go of the store before its writer does: the last one who closes the file clears its
        journal away, which a reader cannot. What takes longer is not waited for."""
        self._ended = True
        with anyio.move_on_after(END_SECONDS), suppress(TarsError):
            await self._in_thread(self._close)

    def close(self) -> None:
        """Ask nothing any more. It does not wait for what is asked just now."""
        self.worker.close(self._close)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            found = await self.worker.run(partial(self._done, work))
        except TarsError:
            raise
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            if told != self._failure:
                # It is met again each time that somebody asks.
                log.exception("costs_failed")
            self._failure = told
            raise StoreError(
                f"What was spent cannot be told ({told}).",
                advice="The daemon's log has the details.",
            ) from error
        self._failure = ""
        return found

    def _done(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except TarsError:
            raise
        except Exception:
            # Nobody knows what it left half done: the next one opens everything anew.
            with suppress(Exception):
                self._close()
            raise

    def _engine(self) -> "Costs":
        if self._ended:
            raise StoreError("What was spent is not looked at any more: the daemon is stopping.")
        if self._costs is None:
            # 10 ms and more: not before somebody asks.
            from tars.costs.engine import Costs
            from tars.prices.apart import resolve

            self._costs = Costs.open(self._home, env=self._env, resolve=resolve)
        return self._costs

    def _close(self) -> None:
        costs, self._costs = self._costs, None
        if costs is not None:
            costs.close()


def _never() -> bool:
    return False


def _sources(costs: "Costs", home: Home, env: Mapping[str, str]) -> LogSources:
    from tars import config_costs
    from tars.history.health import healths
    from tars.history.looking import Logs
    from tars.history.sources.registry import SOURCES

    config = config_costs.read(home).history
    person = Path(env.get("HOME") or Path.home())
    with costs.sources.moment() as moment:
        found = healths(moment.logs, SOURCES, Logs(env, config.home or person, config))
    return LogSources(sources=[_source(health) for health in found])


def _source(health: "Health") -> LogSource:
    at = health.last_at
    told = None if at is None else time_text(_EPOCH + timedelta(milliseconds=at))
    return log_source(health, told)


def _look(costs: "Costs", now: datetime) -> "Today":
    from tars.control.costs.today import look

    return look(costs, now)


def _told(today: "Today") -> TodayStatus:
    return TodayStatus(**today.told._asdict())


def _leave(home: Home, today: "Today") -> None:
    from tars.control.costs.today import leave

    leave(home, today)


def _answer(costs: "Costs", given: dict[str, str], face: "Face", now: datetime) -> str:
    from tars.control.costs.asking import answer

    return answer(costs, {**given}, now=now, face=face, home=str(Path.home()))
