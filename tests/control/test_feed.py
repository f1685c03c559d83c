"""The feed: order, ends, bounds, and no cost without listeners; on asyncio and trio."""

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given
from hypothesis import strategies as st

from tars.control.contract import FeedEvent, Lagged, Text, TurnResult, Wire
from tars.control.feed import MAX_BYTES, MAX_MESSAGES, Feed, Subscription

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run each test of this module on both."""
    return str(request.param)


def result(text: str = "") -> TurnResult:
    return TurnResult(turn="t", agent="a", outcome="ok", text=text)


def event(agent: str = "a", **data: object) -> FeedEvent:
    return FeedEvent(event="happened", agent=agent, at="now", data=data)


async def everything(subscription: Subscription) -> list[tuple[str, Wire]]:
    return [item async for item in subscription]


async def test_a_turn_is_told_in_order_and_ends_with_its_result() -> None:
    """Iteration gives what was published, in order, and ends after `turn`."""
    feed = Feed()
    with feed.follow_turn("t") as subscription:
        feed.publish_turn("t", "text", Text(text="a"))
        feed.publish_turn("other", "text", Text(text="not this"))
        feed.publish_turn("t", "turn", result())
        feed.publish_turn("t", "text", Text(text="too late"))
        assert await everything(subscription) == [("text", Text(text="a")), ("turn", result())]
    assert feed.listeners == 0


async def test_a_reader_waits_for_what_is_published_later() -> None:
    """A reader that has nothing to read is woken by the next message."""
    feed = Feed()
    read: list[tuple[str, Wire]] = []

    async def reader(subscription: Subscription) -> None:
        read.extend(await everything(subscription))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(reader, feed.follow_turn("t"))
            await checkpoint()
            feed.publish_turn("t", "text", Text(text="a"))
            await checkpoint()
            feed.publish_turn("t", "turn", result())
    assert [name for name, _ in read] == ["text", "turn"]


async def test_every_reader_of_a_turn_gets_all_of_it() -> None:
    """Two readers do not take each other's messages."""
    feed = Feed()
    first, second = feed.follow_turn("t"), feed.follow_turn("t")
    feed.publish_turn("t", "turn", result())
    assert await everything(first) == await everything(second) == [("turn", result())]


async def test_events_are_of_one_agent_or_of_all() -> None:
    """`follow_events` tells about the agent that was named, or about everything."""
    feed = Feed()
    one, all_of_them = feed.follow_events("a"), feed.follow_events()
    feed.publish_event(event("a"))
    feed.publish_event(event("b"))
    one.close()
    all_of_them.close()
    assert await everything(one) == [("event", event("a"))]
    assert await everything(all_of_them) == [("event", event("a")), ("event", event("b"))]
    assert feed.listeners == 0


async def test_closing_wakes_a_reader_that_waits() -> None:
    """Iteration of a closed subscription ends, also when it waits already."""
    feed = Feed()
    subscription = feed.follow_events()
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(everything, subscription)
            await checkpoint()
            subscription.close()
    assert await subscription.batch() == []


async def test_a_cancelled_wait_loses_nothing() -> None:
    """What is published after a wait was given up is there for the next one."""
    feed = Feed()
    subscription = feed.follow_turn("t")
    with anyio.CancelScope() as scope:
        scope.cancel()
        await subscription.batch()
    feed.publish_turn("t", "turn", result())
    assert await everything(subscription) == [("turn", result())]


async def test_the_oldest_make_room_for_the_newest() -> None:
    """A full subscription says how many are missing, where they are missing."""
    feed = Feed()
    subscription = feed.follow_turn("t")
    for number in range(MAX_MESSAGES + 3):
        feed.publish_turn("t", "text", Text(text=str(number)))
    feed.publish_turn("t", "turn", result("all of it"))
    first, second, *_, last = await everything(subscription)
    assert first == ("lagged", Lagged(dropped=3))
    assert second == ("text", Text(text="3"))
    assert last == ("turn", result("all of it"))


async def test_bytes_are_bounded_too() -> None:
    """Few large messages fill a subscription as many small ones do."""
    feed = Feed()
    subscription = feed.follow_turn("t")
    megabyte = Text(text="x" * 1024**2)
    for _ in range(20):
        feed.publish_turn("t", "text", megabyte)
    subscription.close()
    (name, lagged), *kept = await everything(subscription)
    assert name == "lagged"
    assert isinstance(lagged, Lagged)
    assert lagged.dropped + len(kept) == 20
    assert 0 < len(kept) * 1024**2 <= MAX_BYTES


async def test_a_message_larger_than_the_bound_comes_through_alone() -> None:
    """A reader that keeps up loses nothing, however large a message is."""
    feed = Feed()
    subscription = feed.follow_turn("t")
    feed.publish_turn("t", "text", Text(text="x" * (MAX_BYTES + 1)))
    name, _ = await anext(subscription)
    assert name == "text"


async def test_a_huge_result_costs_no_other_message() -> None:
    """The result does not count towards the bound."""
    feed = Feed()
    subscription = feed.follow_turn("t")
    feed.publish_turn("t", "text", Text(text="a"))
    feed.publish_turn("t", "turn", result("x" * (MAX_BYTES + 1)))
    assert [name for name, _ in await everything(subscription)] == ["text", "turn"]


async def test_batches_are_bounded() -> None:
    """A batch stops growing once it has the size that was asked for."""
    feed = Feed()
    subscription = feed.follow_turn("t")
    for _ in range(10):
        feed.publish_turn("t", "text", Text(text="x" * 100))
    assert len(await subscription.batch(most_bytes=150)) == 2
    assert len(await subscription.batch()) == 8


def test_nothing_is_encoded_for_nobody() -> None:
    """Without a listener a message costs nothing: it is not even looked at."""
    feed = Feed()
    unspeakable = event(data=object())
    feed.publish_event(unspeakable)
    feed.publish_turn("t", "event", unspeakable)
    feed.follow_events("another agent")
    feed.publish_event(unspeakable)
    feed.follow_events()
    with pytest.raises(TypeError):
        feed.publish_event(unspeakable)


@given(bursts=st.lists(st.integers(0, 3 * MAX_MESSAGES // 2), max_size=4))
def test_dropped_and_read_add_up(bursts: list[int]) -> None:
    """Whatever the bursts, each message is read once, in order, or counted as dropped."""

    async def play() -> None:
        feed = Feed()
        subscription = feed.follow_turn("t")
        seen = published = 0
        for burst in bursts:
            for _ in range(burst):
                feed.publish_turn("t", "text", Text(text=str(published)))
                published += 1
            for frame in await subscription.batch(1000) if burst else []:
                if isinstance(frame.message, Lagged):
                    seen += frame.message.dropped
                else:
                    assert frame.message == Text(text=str(seen))
                    seen += 1
        subscription.close()
        async for _, message in subscription:
            seen += message.dropped if isinstance(message, Lagged) else 1
        assert seen == published

    anyio.run(play)


async def test_a_turn_that_goes_on_elsewhere_takes_its_readers_along() -> None:
    """They read on in one stream, beside those who follow the other turn already."""
    feed = Feed()
    with feed.follow_turn("t1") as first, feed.follow_turn("t2") as other:
        feed.publish_turn("t1", "text", Text(text="half"))
        feed.hand_over("t1", "t2")
        feed.hand_over("t9", "t2")
        feed.publish_turn("t1", "text", Text(text="nobody"))
        feed.publish_turn("t2", "turn", TurnResult(turn="t2", agent="b", outcome="ok"))
        assert [name async for name, _ in first] == ["text", "turn"]
        assert [name async for name, _ in other] == ["turn"]
    assert feed.listeners == 0
