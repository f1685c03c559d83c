"""What is said is handed over each half second while something is said, and not otherwise."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import anyio
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tars.conversation.model import Stop, TextSaid, TurnEnded
from tars.daemon.scribe import Scribe
from tars.runtime.recorder import Recorder
from tars.runtime.turn import Before, LiveTurn, Prompt
from tars.store.rows import Arrival, Keep, MessagePart, Wishes
from tars.store.store import Store


@dataclass(slots=True)
class Shelf:
    """A recorder and its store: what is put into it is there at once."""

    kept: list[tuple[str, tuple[Arrival, ...]]] = field(default_factory=list)
    prolonged: list[tuple[str, ...]] = field(default_factory=list)

    def put(self, work: Callable[[Store], object], then: object = None) -> None:
        work(cast(Store, self))

    look = put

    def keep_said(self, turn: str, said: tuple[Arrival, ...]) -> None:
        self.kept.append((turn, said))

    def hold_sessions(self, turns: tuple[str, ...]) -> None:
        self.prolonged.append(turns)


Scene = Callable[[Scribe, Shelf, MockClock], Awaitable[None]]


def play(scene: Scene) -> None:
    """Run a scene with a scribe at work, in virtual time."""

    async def main() -> None:
        shelf = Shelf()
        scribe = Scribe(cast(Recorder, shelf))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(scribe.run)
            await scene(scribe, shelf, clock)
            tasks.cancel_scope.cancel()

    clock = MockClock()
    trio.run(main, clock=clock)


async def pass_time(clock: MockClock, seconds: float) -> None:
    await wait_all_tasks_blocked()
    clock.jump(seconds)
    await wait_all_tasks_blocked()


def begin(scribe: Scribe, text: str = "hello", **more: object) -> LiveTurn:
    prompt = Prompt("p1", "echo", text, **more)  # type: ignore[arg-type]
    turn = LiveTurn(prompt, datetime.now(UTC), 0.0)
    scribe.begins(turn, scribe.begun("echo", turn).asked)
    return turn


def texts(said: tuple[Arrival, ...]) -> list[tuple[int, int, str]]:
    return [(p.number, p.offset, p.text) for p in said if isinstance(p, MessagePart)]


def test_what_is_said_is_handed_over_each_half_second() -> None:
    """In one batch, with the prompt as whole before it; in silence nothing happens."""

    async def scene(scribe: Scribe, shelf: Shelf, clock: MockClock) -> None:
        turn = begin(scribe)
        await pass_time(clock, 60)
        assert shelf.kept == []
        for piece in ("one ", "two "):
            scribe.heard(turn, TextSaid(piece))
            await pass_time(clock, 0.2)
        assert shelf.kept == []
        await pass_time(clock, 0.2)
        [(id, said)] = shelf.kept
        assert (id, texts(said)) == ("p1", [(0, 5, ""), (1, 0, "one two ")])
        scribe.heard(turn, TextSaid("three"))
        await pass_time(clock, 0.5)
        assert texts(shelf.kept[1][1]) == [(1, 8, "three")]
        await pass_time(clock, 60)
        assert len(shelf.kept) == 2

    play(scene)


def test_a_quick_turn_is_handed_over_with_its_end() -> None:
    """Nothing is written besides: the transaction that ends it has all of it."""

    async def scene(scribe: Scribe, shelf: Shelf, clock: MockClock) -> None:
        turn = begin(scribe)
        scribe.heard(turn, TextSaid("one"))
        scribe.heard(turn, TurnEnded(Stop.DONE))
        await pass_time(clock, 0.3)
        assert texts(scribe.over("p1")) == [(1, 0, "one")]
        await pass_time(clock, 60)
        assert (shelf.kept, scribe.over("p1")) == ([], ())

    play(scene)


def test_a_turn_that_was_held_goes_on_in_another_message() -> None:
    """Under this daemon, and under the next one, which knows how far the numbers went."""

    async def scene(scribe: Scribe, shelf: Shelf, clock: MockClock) -> None:
        turn = begin(scribe)
        scribe.heard(turn, TextSaid("one"))
        assert texts(scribe.pause("p1")) == [(1, 0, "one")]
        scribe.begins(turn, scribe.begun("echo", turn).asked)
        scribe.heard(turn, TextSaid("two"))
        assert texts(scribe.over("p1")) == [(2, 0, "two")]
        again = begin(scribe, before=Before(datetime.now(UTC), said=7))
        scribe.heard(again, TextSaid("three"))
        await pass_time(clock, 0.5)
        assert texts(shelf.kept[0][1]) == [(7, 0, "three")]

    play(scene)


def test_nothing_is_kept_of_what_is_not_to_be_recorded() -> None:
    """Not of a prompt that wishes so, nor where sessions are switched off; its lock is held."""

    async def scene(scribe: Scribe, shelf: Shelf, clock: MockClock) -> None:
        for enabled, wishes in ((True, Wishes(unrecorded=True)), (False, Wishes())):
            scribe.enabled = enabled
            turn = begin(scribe, wishes=wishes)
            begun = scribe.begun("echo", turn)
            assert (begun.asked, begun.title, begun.wishes.unrecorded) == (None, "", True)
            scribe.heard(turn, TextSaid("one"))
            await pass_time(clock, 60)
            scribe.prolong()
            assert scribe.over("p1") == ()
        scribe.prolong()
        assert (shelf.kept, shelf.prolonged) == ([], [("p1",), ("p1",)])

    play(scene)


def test_a_prompt_is_kept_as_far_as_text_is_kept() -> None:
    """Whole, its first 200 characters, or its length alone; a title is text too."""

    async def scene(scribe: Scribe, shelf: Shelf, clock: MockClock) -> None:
        for keep, kept in ((Keep.FULL, 300), (Keep.PREVIEW, 200), (Keep.NONE, 0)):
            scribe.keep = keep
            begun = scribe.begun("echo", begin(scribe, "x" * 300))
            assert begun.asked is not None
            assert (len(begun.asked.text), begun.asked.size) == (kept, 300)
            assert len(begun.title) == (80 if kept else 0)

    play(scene)
