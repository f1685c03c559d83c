"""What is to be remembered is written once, in order, and kept while it cannot be."""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import anyio
import pytest
import structlog
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tars.errors import StoreError
from tars.runtime import recorder as module
from tars.runtime.recorder import CATCH_UP_SECONDS, RETRY_SECONDS, Recorder
from tars.store.engine import Unreachable
from tars.store.operations import Unfit
from tars.store.store import Store

FULL = "The disk is full."


class Shelf:
    """A store that keeps words in order. `full` makes it refuse, as a full disk does."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.full = False
        self.tries = 0
        self.closed = 0
        self.problem: str | None = None
        self.away = False
        self.waits: list[str] = []
        self.looks = 0

    @property
    def behind(self) -> bool:
        return self.away or bool(self.waits)

    def catch_up(self) -> bool:
        self.looks += 1
        if self.waits and not self.away:
            self.words.append(self.waits.pop(0))
        return bool(self.waits) and not self.away

    def write(self, word: str) -> str:
        self.tries += 1
        if self.full:
            raise StoreError(FULL, advice="Free some space.")
        (self.waits if self.behind else self.words).append(word)
        return word.upper()

    def close(self) -> None:
        self.closed += 1


class Desk:
    """A recorder over a shelf. `locked` keeps the store from being opened."""

    def __init__(self, clock: MockClock) -> None:
        self.shelf = Shelf()
        self.locked = False
        self.opened = 0
        self.clock = clock
        self.recorder = Recorder(Path("unused"), self._open)

    def _open(self, path: Path) -> Store:
        self.opened += 1
        if self.locked:
            raise StoreError("The store is locked.", advice="Unlock it.")
        # A real fake: it has what the recorder uses of a store, and the words of the tests.
        return cast(Store, self.shelf)

    def put(self, word: str, answers: list[object] | None = None) -> None:
        self.recorder.put(
            lambda store: cast(Shelf, store).write(word),
            None if answers is None else answers.append,
        )

    def put_file(self, word: str) -> None:
        self.recorder.put_file(lambda: self.shelf.write(f"file:{word}"))

    async def ask(self, word: str) -> str:
        return await self.recorder.ask(lambda store: cast(Shelf, store).write(word))

    async def until(self, claim: Callable[[], bool]) -> None:
        """Wait for what the worker thread does; it has a clock of its own."""
        while not claim():
            await trio.lowlevel.checkpoint()
        await wait_all_tasks_blocked()

    async def jump(self, seconds: float) -> None:
        self.clock.jump(seconds)
        await wait_all_tasks_blocked()


Scene = Callable[[Desk], Awaitable[None]]


def play(scene: Scene) -> Shelf:
    """Run a scene beside a recorder on a clock that stands still; then close it."""
    clock = MockClock()

    async def main() -> Shelf:
        return await _play(scene, Desk(clock))

    return trio.run(main, clock=clock)


async def _play(scene: Scene, desk: Desk) -> Shelf:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.recorder.run)
        await scene(desk)
        desk.recorder.close()
        await desk.recorder.written()
    return desk.shelf


# --- a disk that works ------------------------------------------------------


def test_everything_is_written_in_the_order_in_which_it_was_put() -> None:
    """Into the store and into files, asked for or just put; and it is written at the close."""

    async def scene(desk: Desk) -> None:
        desk.put("a")
        desk.put_file("b")
        assert await desk.ask("c") == "C"
        for number in range(50):
            desk.put(str(number))

    shelf = play(scene)
    assert shelf.words == ["a", "file:b", "c", *map(str, range(50))]
    assert shelf.closed == 1


def test_whoever_put_it_hears_when_it_is_written() -> None:
    """The result of the write, in the loop's own thread."""
    answers: list[object] = []

    async def scene(desk: Desk) -> None:
        desk.put("a", answers)
        assert answers == []
        await desk.ask("b")
        assert answers == ["A"]

    play(scene)


def test_what_is_put_before_it_runs_is_written_too() -> None:
    """The store is opened in the background; nobody has to know when."""

    async def main() -> None:
        desk = Desk(MockClock())
        desk.put("early")
        desk.recorder.close()
        await desk.recorder.run()
        await desk.recorder.written()
        assert desk.shelf.words == ["early"]

    trio.run(main)


def test_nobody_waits_in_vain_once_it_is_closed() -> None:
    """A request that comes while the daemon leaves is refused, not forgotten."""
    answers: list[object] = []

    async def main() -> None:
        desk = Desk(MockClock())
        desk.recorder.close()
        await desk.recorder.run()
        with pytest.raises(StoreError, match="closed"):
            await desk.ask("late")
        desk.put("late", answers)
        assert desk.shelf.words == []

    trio.run(main)
    assert [type(answer) for answer in answers] == [StoreError]


def test_a_real_store_is_opened_and_closed_on_the_production_loop() -> None:
    """As the daemon has it: asyncio, SQLite, a worker thread."""

    async def main(path: Path) -> None:
        recorder = Recorder(path)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(recorder.run)
            assert await recorder.ask(lambda store: store.waiting_prompts()) == []
            recorder.close()
        assert recorder.problem is None
        assert path.exists()

    with tempfile.TemporaryDirectory() as folder:
        anyio.run(main, Path(folder) / "tars.db")


# --- a disk that does not ---------------------------------------------------


def test_a_failed_question_is_an_error_and_nothing_is_kept() -> None:
    """A prompt that was not saved is refused, so it must not turn up later."""

    async def scene(desk: Desk) -> None:
        desk.shelf.full = True
        with pytest.raises(StoreError, match=FULL):
            await desk.ask("a")
        assert desk.recorder.problem == f"{FULL} Free some space."
        desk.shelf.full = False
        await desk.ask("b")
        assert desk.recorder.problem is None

    assert play(scene).words == ["b"]


def test_a_failed_write_is_kept_and_written_when_there_is_room() -> None:
    """By itself, after a while; whoever put it hears of the failure at once."""
    answers: list[object] = []

    async def scene(desk: Desk) -> None:
        desk.shelf.full = True
        desk.put("a", answers)
        await desk.until(lambda: len(answers) == 1)
        assert isinstance(answers[0], StoreError)
        tries = desk.shelf.tries
        await desk.jump(RETRY_SECONDS - 1)
        assert desk.shelf.tries == tries, "it is not tried all the time"
        await desk.jump(1)
        await desk.until(lambda: desk.shelf.tries == tries + 1)
        assert desk.recorder.problem is not None
        desk.shelf.full = False
        await desk.jump(RETRY_SECONDS)
        await desk.until(lambda: desk.recorder.problem is None)
        assert desk.shelf.words == ["a"]

    assert play(scene).words == ["a"]


def test_an_idle_recorder_does_not_wake() -> None:
    """With nothing unwritten there is nothing to look after."""

    async def scene(desk: Desk) -> None:
        await desk.ask("a")
        await desk.jump(24 * 3600)
        assert desk.shelf.tries == 1

    play(scene)


def test_what_comes_after_a_failed_write_waits_behind_it() -> None:
    """The order is kept, and the next write that is put brings them all."""
    answers: list[object] = []

    async def scene(desk: Desk) -> None:
        desk.shelf.full = True
        for word in ("a", "b", "c"):
            desk.put(word, answers)
        await desk.until(lambda: len(answers) == 3)
        desk.shelf.full = False
        assert await desk.ask("d") == "D"

    assert play(scene).words == ["a", "b", "c", "d"]


def test_a_close_writes_what_was_kept() -> None:
    """The last chance; there is room again."""
    answers: list[object] = []

    async def scene(desk: Desk) -> None:
        desk.shelf.full = True
        desk.put("a", answers)
        desk.put_file("b")
        await desk.until(lambda: len(answers) == 1 and desk.shelf.tries >= 2)
        desk.shelf.full = False

    assert play(scene).words == ["a", "file:b"]


def test_what_could_never_be_written_is_told_loudly_at_the_end() -> None:
    """Nothing is lost in silence."""

    async def scene(desk: Desk) -> None:
        desk.shelf.full = True
        desk.put("a")
        desk.put("b")

    with structlog.testing.capture_logs() as logs:
        assert play(scene).words == []
    assert [line["count"] for line in logs if line["event"] == "writes_lost"] == [2]


def test_a_full_disk_fills_a_bounded_backlog() -> None:
    """The oldest are given up, and it is said."""
    count = module.BACKLOG + 5
    answers: list[object] = []

    async def scene(desk: Desk) -> None:
        desk.shelf.full = True
        for number in range(count):
            desk.put(str(number), answers)
        await desk.until(lambda: len(answers) == count)
        desk.shelf.full = False

    with structlog.testing.capture_logs() as logs:
        words = play(scene).words
    assert words == [str(number) for number in range(5, count)]
    assert sum(line["event"] == "write_given_up" for line in logs) == 5


def test_a_file_is_written_although_the_store_cannot_be() -> None:
    """session.json does not depend on the database, nor the other way round."""
    answers: list[object] = []

    async def scene(desk: Desk) -> None:
        desk.locked = True
        desk.put("a", answers)
        desk.put_file("b")
        desk.put("c", answers)
        desk.put_file("d")
        await desk.until(lambda: len(answers) == 2 and len(desk.shelf.words) == 2)
        assert desk.shelf.words == ["file:b", "file:d"]
        with pytest.raises(StoreError, match="locked"):
            await desk.ask("e")
        assert desk.recorder.problem == "The store is locked. Unlock it."

    play(scene)


def test_a_failed_file_is_written_when_there_is_room() -> None:
    """By itself within the time of a retry, or at once when the store is written again."""

    async def scene(desk: Desk) -> None:
        for mended_by_itself in (True, False):
            desk.shelf.full = True
            tries = desk.shelf.tries
            desk.put_file("a")
            await desk.until(lambda tries=tries: desk.shelf.tries > tries)  # type: ignore[misc]
            assert desk.recorder.problem is not None
            desk.shelf.full = False
            if mended_by_itself:
                await desk.jump(RETRY_SECONDS)
            else:
                await desk.ask("b")
            await desk.until(lambda: desk.recorder.problem is None)

    assert play(scene).words == ["file:a", "b", "file:a"]


def test_a_file_job_that_is_awaited_has_its_turn() -> None:
    """It waits behind the saves that were put before, and is not kept when it fails."""

    async def scene(desk: Desk) -> None:
        desk.put_file("a")
        assert await desk.recorder.ask_file(lambda: desk.shelf.write("b")) == "B"
        assert desk.shelf.words == ["file:a", "b"]
        desk.shelf.full = True
        with pytest.raises(StoreError, match="full"):
            await desk.recorder.ask_file(lambda: desk.shelf.write("c"))
        desk.shelf.full = False

    assert play(scene).words == ["file:a", "b"]


def test_a_store_that_could_not_be_opened_is_opened_later() -> None:
    """And what was put meanwhile is written."""
    answers: list[object] = []

    async def scene(desk: Desk) -> None:
        desk.locked = True
        desk.put("a", answers)
        await desk.until(lambda: len(answers) == 1)
        desk.locked = False
        await desk.jump(RETRY_SECONDS)
        await desk.until(lambda: desk.recorder.problem is None)
        assert desk.shelf.words == ["a"]

    assert play(scene).closed == 1


def test_a_store_that_was_set_aside_says_so_as_long_as_it_lives() -> None:
    """Its problem is one of the past, which no write mends."""

    async def scene(desk: Desk) -> None:
        await desk.ask("a")
        assert desk.recorder.problem == "The old file was set aside."

    async def main() -> None:
        desk = Desk(MockClock())
        desk.shelf.problem = "The old file was set aside."
        await _play(scene, desk)

    trio.run(main)


# --- a database that is away -------------------------------------------------


def test_a_store_that_is_behind_is_given_the_time_to_catch_up() -> None:
    """Now and then while its database is away, at once when it is back, and never after."""

    async def scene(desk: Desk) -> None:
        desk.shelf.away = True
        for word in ("a", "b", "c"):
            assert await desk.ask(word) == word.upper()
        looks = desk.shelf.looks
        await desk.jump(CATCH_UP_SECONDS)
        await desk.until(lambda: desk.shelf.looks == looks + 1)
        assert desk.shelf.words == []
        desk.shelf.away = False
        await desk.jump(CATCH_UP_SECONDS)
        await desk.until(lambda: desk.shelf.words == ["a", "b", "c"])
        looks = desk.shelf.looks
        await desk.jump(24 * 3600)
        assert desk.shelf.looks == looks

    play(scene)


def test_what_the_store_does_not_keep_holds_up_nothing() -> None:
    """It is tried again when the database is back; everything else waits on disk meanwhile."""
    answers: list[object] = []

    async def scene(desk: Desk) -> None:
        def rename(store: object) -> None:
            if cast(Shelf, store).behind:
                raise Unreachable("The database is away.")
            cast(Shelf, store).words.append("renamed")

        desk.shelf.away = True
        await desk.ask("a")
        desk.recorder.put(rename, answers.append)
        await desk.ask("b")
        assert desk.shelf.waits == ["a", "b"]
        assert [type(answer) for answer in answers] == [Unreachable]
        desk.shelf.away = False
        await desk.jump(CATCH_UP_SECONDS)
        await desk.until(lambda: "renamed" in desk.shelf.words)

    assert play(scene).words == ["a", "b", "renamed"]


def test_a_store_that_is_behind_says_itself_what_is_wrong() -> None:
    """A read that fails meanwhile is told to whoever asked, and does not stay as a problem."""

    async def scene(desk: Desk) -> None:
        desk.shelf.away = True
        desk.shelf.problem = "The database is away."
        desk.shelf.full = True
        with pytest.raises(StoreError):
            await desk.ask("a")
        assert desk.recorder.problem == "The database is away."
        desk.shelf.away = desk.shelf.full = False
        desk.shelf.problem = None
        assert desk.recorder.problem is None

    play(scene)


def test_somebody_can_wait_until_it_has_caught_up() -> None:
    """But no longer than asked for; a store that is not behind makes nobody hasty."""

    async def scene(desk: Desk) -> None:
        desk.shelf.away = True
        await desk.ask("a")
        await desk.jump(CATCH_UP_SECONDS)
        caught_up = False

        async def wait() -> None:
            nonlocal caught_up
            await desk.recorder.caught_up(3600)
            caught_up = True

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await desk.jump(CATCH_UP_SECONDS)
            assert not caught_up
            desk.shelf.away = False
            await desk.jump(CATCH_UP_SECONDS)
            await desk.until(lambda: caught_up)

    play(scene)


# --- bugs -------------------------------------------------------------------


def test_a_bug_in_a_write_is_that_writes_alone() -> None:
    """It is told loudly, it is not tried again, and what comes after is written."""
    answers: list[object] = []

    async def scene(desk: Desk) -> None:
        def fail(_store: object) -> None:
            desk.shelf.tries += 1
            raise OverflowError("Python int too large to convert to SQLite INTEGER")

        desk.recorder.put(fail, answers.append)
        with pytest.raises(StoreError):
            await desk.recorder.ask(fail)
        desk.put("a")
        await desk.ask("b")
        assert desk.shelf.tries == 4

    with structlog.testing.capture_logs() as logs:
        assert play(scene).words == ["a", "b"]
    assert isinstance(answers[0], StoreError)
    assert sum(line["event"] == "write_failed" for line in logs) == 2


def test_what_a_database_refuses_by_its_rules_is_not_tried_again() -> None:
    """It would be refused again, and everything behind it would wait."""

    async def scene(desk: Desk) -> None:
        def fail(_store: object) -> None:
            raise Unfit("There is no such turn.")

        desk.recorder.put(fail)
        assert await desk.ask("a") == "A"
        assert desk.recorder.problem is None

    assert play(scene).words == ["a"]


def test_a_bug_in_an_answer_is_its_owners_alone() -> None:
    """The recorder goes on writing for the others."""

    async def scene(desk: Desk) -> None:
        def fail(_answer: object) -> None:
            raise RuntimeError("a bug in whoever waits")

        desk.recorder.put(lambda store: cast(Shelf, store).write("a"), fail)
        await desk.ask("b")

    with structlog.testing.capture_logs() as logs:
        assert play(scene).words == ["a", "b"]
    assert [line["event"] for line in logs] == ["answer_failed"]
