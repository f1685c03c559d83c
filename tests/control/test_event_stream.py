"""Heartbeats, in virtual time."""

import anyio
import trio
import trio.testing

from tars.control.contract import Text, TurnResult
from tars.control.event_stream import HEARTBEAT, HEARTBEAT_SECONDS, encode, relay
from tars.control.feed import Feed, Frame


def test_events_have_their_form() -> None:
    """One event is two lines and an empty one; JSON keeps line ends out of the way."""
    assert (
        encode([Frame.of("text", Text(text="a\nb"))]) == b'event: text\ndata: {"text":"a\\nb"}\n\n'
    )


def test_silence_is_filled_with_comments() -> None:
    """Each 15 seconds of silence give one comment, and an event begins them anew."""
    written: list[tuple[float, bytes]] = []

    async def play() -> None:
        feed, began = Feed(), trio.current_time()

        async def write(data: bytes) -> None:
            written.append((trio.current_time() - began, data))

        async def publish() -> None:
            await anyio.sleep(20)
            feed.publish_turn("t", "text", Text(text="a"))
            await anyio.sleep(20)
            feed.publish_turn("t", "turn", TurnResult(turn="t", agent="a", outcome="ok"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(publish)
            await relay(feed.follow_turn("t"), write)

    trio.run(play, clock=trio.testing.MockClock(autojump_threshold=0))
    assert HEARTBEAT_SECONDS == 15
    assert [round(at) for at, _ in written] == [15, 20, 35, 40]
    assert [data == HEARTBEAT for _, data in written] == [True, False, True, False]
