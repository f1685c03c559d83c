"""A queue is first in, first out, bounded, and never changed in place."""

from hypothesis import given
from hypothesis import strategies as st

from tars.core.queue import Queue

prompts = st.lists(st.text(max_size=3), unique=True, max_size=8)


@given(prompts)
def test_first_in_first_out(ids: list[str]) -> None:
    """What was put comes out in the same order, and then nothing."""
    queue = Queue(100)
    for prompt in ids:
        queue = queue.put(prompt)
    assert len(queue) == len(ids)
    taken = []
    for _ in ids:
        prompt_taken, queue = queue.take()
        taken.append(prompt_taken)
    assert taken == ids
    assert queue.take() == (None, queue)


@given(prompts, st.integers(0, 8))
def test_full_at_the_limit(ids: list[str], limit: int) -> None:
    """Full from `limit` on; a limit that was lowered below what waits loses nothing."""
    queue = Queue(limit, tuple(ids))
    assert queue.full == (len(ids) >= limit)
    assert queue.waiting == tuple(ids)


@given(prompts, st.data())
def test_without_takes_out_one_and_keeps_the_order(ids: list[str], data: st.DataObject) -> None:
    """The others move up; an unknown id changes nothing."""
    gone = data.draw(st.sampled_from([*ids, "unknown"]))
    queue = Queue(100, tuple(ids)).without(gone)
    assert queue.waiting == tuple(p for p in ids if p != gone)
    assert gone not in queue
    assert all(p in queue for p in ids if p != gone)


@given(prompts)
def test_emptied_keeps_the_limit(ids: list[str]) -> None:
    """Only what waits is gone, and the old value is as it was."""
    queue = Queue(7, tuple(ids))
    assert queue.emptied() == Queue(7)
    assert queue.waiting == tuple(ids)
