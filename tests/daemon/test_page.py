"""What is said is folded into messages and calls, and taken piece by piece."""

from collections.abc import Iterable

import pytest

from tars.conversation.model import ToolCallChanged, ToolStatus
from tars.daemon import page as module
from tars.daemon.page import Page
from tars.store.rows import Arrival, Keep, MessagePart, Role, ToolCallRow


def parts(taken: Iterable[Arrival]) -> list[tuple[int, str, int, str, int, bool]]:
    return [
        (p.number, p.role.value, p.offset, p.text, p.size, p.ended_at is not None)
        for p in taken
        if isinstance(p, MessagePart)
    ]


def calls(taken: Iterable[Arrival]) -> list[ToolCallRow]:
    return [call for call in taken if isinstance(call, ToolCallRow)]


def running(id: str = "c1", **more: object) -> ToolCallChanged:
    return ToolCallChanged(id, ToolStatus.RUNNING, **more)  # type: ignore[arg-type]


def test_consecutive_text_of_one_side_is_one_message() -> None:
    """A thought, or a call that begins, ends it; a call that goes on does not."""
    page = Page(Keep.FULL, 1)
    page.text(Role.ASSISTANT, "one ")
    page.text(Role.ASSISTANT, "two")
    page.text(Role.ASSISTANT, "")
    page.text(Role.THOUGHT, "hm")
    page.call(running())
    page.text(Role.ASSISTANT, "three")
    page.call(running(output="more"))
    page.text(Role.ASSISTANT, " four")
    taken = page.take()
    assert parts(taken) == [
        (1, "assistant", 0, "one two", 7, True),
        (2, "thought", 0, "hm", 2, True),
        (4, "assistant", 0, "three four", 10, False),
    ]
    [call] = calls(taken)
    assert (call.number, call.output) == (3, "more")


def test_a_message_is_taken_from_where_it_was_taken_before() -> None:
    """Each part says where it begins; where nothing came, nothing is taken."""
    page = Page(Keep.FULL, 1)
    page.text(Role.ASSISTANT, "one")
    assert parts(page.take()) == [(1, "assistant", 0, "one", 3, False)]
    assert page.take() == ()
    page.text(Role.ASSISTANT, " two")
    assert parts(page.take()) == [(1, "assistant", 3, " two", 7, False)]
    page.end_message()
    assert parts(page.take()) == [(1, "assistant", 7, "", 7, True)]


def test_a_call_is_taken_as_it_is_by_then() -> None:
    """Its changes between are one row; one that has ended has its end."""
    page = Page(Keep.FULL, 1)
    page.call(running(title="poem.txt", kind="edit", paths=("/a",)))
    page.call(running(output="half", paths=("/b",)))
    page.call(ToolCallChanged("c1", ToolStatus.COMPLETED))
    [call] = calls(page.take())
    assert (call.title, call.kind, call.status) == ("poem.txt", "edit", "completed")
    assert (call.output, call.size, call.paths) == ("half", 4, ("/a", "/b"))
    assert call.ended_at is not None
    page.call(running())
    [again] = calls(page.take())
    assert (again.number, again.status, again.ended_at) == (1, "in_progress", None)


@pytest.mark.parametrize(("keep", "kept"), [(Keep.PREVIEW, 200), (Keep.NONE, 0)])
def test_no_more_text_is_kept_than_is_wanted(keep: Keep, kept: int) -> None:
    """The sizes are told all the same; of a call that nothing is kept of, its kind is."""
    page = Page(keep, 1)
    page.text(Role.ASSISTANT, "x" * 150)
    page.text(Role.ASSISTANT, "y" * 150)
    [first] = page.take()
    page.text(Role.ASSISTANT, "z" * 100)
    [second] = page.take()
    assert isinstance(first, MessagePart)
    assert isinstance(second, MessagePart)
    assert (len(first.text), first.size) == (kept, 300)
    assert (second.offset, second.text, second.size) == (kept, "", 400)
    page.call(running(title="t" * 300, kind="edit", output="o" * 300, paths=("/a",)))
    [call] = calls(page.take())
    assert (len(call.title), len(call.output), call.size) == (kept, kept, 300)
    assert (call.kind, call.paths) == ("edit", ("/a",) if kept else ())


def test_what_is_kept_of_one_thing_is_bounded() -> None:
    """A message without end becomes several; of outputs, titles and paths the beginning stays."""
    page = Page(Keep.FULL, 1)
    for _ in range(3):
        page.text(Role.ASSISTANT, "x" * 600_000)
    assert [(p[0], p[4]) for p in parts(page.take())] == [(1, 1_200_000), (2, 600_000)]
    paths = tuple(f"/{number}" for number in range(1000))
    page.call(running(title="t" * 5000, output="o" * 100_000, paths=paths))
    [call] = calls(page.take())
    assert (len(call.title), len(call.output), call.size) == (2000, 65_536, 100_000)
    assert len(call.paths) == module.MOST_PATHS
    for number in range(module.MOST_CALLS + 10):
        page.call(running(f"c{number}"))
        page.take()
    assert len(page._calls) == module.MOST_CALLS


def test_what_no_database_takes_is_replaced() -> None:
    """Halves of surrogate pairs and NUL; so a length here is the length there."""
    page = Page(Keep.FULL, 1)
    page.text(Role.ASSISTANT, "a\0b\ud83d")
    page.text(Role.ASSISTANT, "\ude00 \ud83d\ude00")
    [part] = page.take()
    assert isinstance(part, MessagePart)
    assert part.text == "a\ufffdb\ufffd\ufffd \U0001f600"
    assert part.size == len(part.text)
