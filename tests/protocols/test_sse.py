"""Server-Sent Events, read: the same events whatever the pieces they come in."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.protocols.sse import EventReader, EventTooLarge

STREAM = (
    b":\n\nevent: text\ndata: one\n\n"
    b"event:text\r\ndata:two\r\n\r\n"
    b"data: first\ndata: second\nid: 7\nretry: 3\n\n"
    b"event: lost\n\n"
    b"event: turn\ndata: {}\n\n"
    b"data: never ended"
)
EVENTS = [("text", b"one"), ("text", b"two"), ("message", b"first\nsecond"), ("turn", b"{}")]


@given(st.lists(st.integers(0, len(STREAM))))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    """However the bytes are cut, the same events come; half an event never does."""
    reader = EventReader()
    marks = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(marks)]
    assert [event for piece in pieces for event in reader.feed(piece)] == EVENTS


@pytest.mark.parametrize("stream", [b"data: " + b"x" * 200, b"data: xxxxxxxxxx\n" * 20])
def test_memory_is_bounded(stream: bytes) -> None:
    """Neither one endless line nor endless lines of one event are kept."""
    reader = EventReader(largest=100)
    with pytest.raises(EventTooLarge):
        for at in range(0, len(stream), 10):
            list(reader.feed(stream[at : at + 10]))


def test_many_events_are_not_one_large_one() -> None:
    """The bound is for one event, not for the stream."""
    reader = EventReader(largest=30)
    assert len([event for _ in range(50) for event in reader.feed(b"data: 0123456789\n\n")]) == 50
