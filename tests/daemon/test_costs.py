"""Figures kept warm: asked in one thread, answered at once until something changes."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from tars.control.costs.layout import Face
from tars.costs.engine import Costs
from tars.daemon.costs import Spending
from tars.errors import StoreError
from tars.home import Home


def home_in(folder: Path) -> Home:
    home = Home(folder / "tars")
    home.prepare()
    return home


def test_the_engine_is_one_and_used_in_one_thread(tmp_path: Path) -> None:
    """Whoever asks gets the same engine in the same thread, which is not the loop's."""

    async def main() -> None:
        spending = Spending(home_in(tmp_path), {"HOME": str(tmp_path)})
        asked: list[tuple[Costs, int]] = []
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(
                    spending.ask, lambda costs: asked.append((costs, threading.get_ident()))
                )
        assert len(asked) == 3
        assert len(set(map(id, asked))) == 3
        assert len({(id(costs), thread) for costs, thread in asked}) == 1
        assert asked[0][1] != threading.get_ident()
        spending.close()

    anyio.run(main)


def test_an_answer_holds_until_figures_change(tmp_path: Path) -> None:
    """The same question is answered without the engine, and with it once figures changed."""

    async def main() -> None:
        at = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
        spending = Spending(home_in(tmp_path), {"HOME": str(tmp_path)}, now=lambda: at)
        given = {"report": "daily", "format": "json"}
        first = await spending.answer(given, Face())
        blocked = threading.Event()
        spending.worker.submit(blocked.wait)
        # The thread is busy: only what is kept can be given now.
        assert await spending.answer(given, Face()) is first
        blocked.set()
        spending.changed()
        again = await spending.answer(given, Face())
        assert again is not first
        spending.close()

    anyio.run(main)


def test_today_is_left_once_somebody_asked_for_it(tmp_path: Path) -> None:
    """Until then no price is looked up for it."""

    async def main() -> None:
        home = home_in(tmp_path)
        spending, file = Spending(home, {"HOME": str(tmp_path)}), home.data / "line.txt"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(spending.leave_today)
            spending.changed()
            await anyio.wait_all_tasks_blocked()
            assert not file.exists()
            while not await spending.today(within=1):
                await anyio.sleep(0)
            with anyio.fail_after(30):
                while not file.exists():
                    await anyio.sleep(0)
            tasks.cancel_scope.cancel()
        spending.close()

    anyio.run(main)


def test_today_is_found_out_for_who_does_not_wait(tmp_path: Path) -> None:
    """Soon after it was wanted, and again once a day is over; until then nothing is looked up."""

    async def main() -> None:
        clock = [datetime(2026, 11, 21, 23, 59, tzinfo=UTC)]
        home, env = home_in(tmp_path), {"HOME": str(tmp_path)}
        spending = Spending(home, env, now=lambda: clock[0], first_seconds=0.0)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(spending.leave_today)
            await anyio.wait_all_tasks_blocked()
            assert (spending.known_today, spending.version) == (None, 0)
            spending.is_elsewhere = lambda: True
            assert (spending.want_today(), spending.version) == (False, 0)
            spending.is_elsewhere = lambda: False
            assert (spending.want_today(), spending.version) == (True, 1)
            assert (spending.want_today(), spending.version) == (True, 1)
            with anyio.fail_after(30):
                while spending.known_today is None:
                    await anyio.sleep(0)
            spending.want_today()
            assert spending.version == 1
            clock[0] += timedelta(2)
            assert spending.known_today is None
            spending.want_today()
            assert spending.version == 2
            tasks.cancel_scope.cancel()
        spending.close()

    anyio.run(main)


def test_nothing_that_goes_wrong_ends_who_asks(tmp_path: Path) -> None:
    """A bug, or a clock beyond all days: who asks for figures gets an error that is expected, the
    line has no figures, the task that leaves it goes on, and the engine is opened anew."""

    async def main() -> None:
        home = home_in(tmp_path)
        clock = [datetime(2026, 11, 21, 12, 30, tzinfo=UTC)]
        spending = Spending(home, {"HOME": str(tmp_path)}, now=lambda: clock[0])
        first = await spending.ask(lambda costs: costs)
        with pytest.raises(StoreError, match="cannot be told"):
            await spending.ask(lambda costs: costs.no_such_thing)  # type: ignore[attr-defined]
        assert await spending.ask(lambda costs: costs) is not first
        clock[0] = datetime.max.replace(tzinfo=UTC)
        assert await spending.today(within=1) is None
        (home.data / "line.txt").touch()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(spending.leave_today)
            await anyio.wait_all_tasks_blocked()
            spending.changed()
            await anyio.wait_all_tasks_blocked()
            # What that task asked for is done once this is.
            await spending.ask(id)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        spending.close()

    anyio.run(main)


def test_who_waits_for_news_hears_of_every_change(tmp_path: Path) -> None:
    """A change that came before one waited is told at once, a later one when it comes."""

    async def main() -> None:
        spending = Spending(home_in(tmp_path), {})
        spending.changed()
        assert await spending.news(after=0) == 1
        heard: list[int] = []

        async def wait() -> None:
            heard.append(await spending.news(after=1))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            assert not heard
            spending.changed()
        assert heard == [2]
        spending.close()

    anyio.run(main)
