"""What was said is read in the order in which it came, whoever brought it."""

from tars.store import messages
from tars.store.rows import MessageRow, Role, ToolCallRow
from tars.store.store import Store
from tests.store.samples import NOON, begun


def said(text: str, turn: str | None = None, number: int = 0) -> MessageRow:
    return MessageRow(Role.USER, text, NOON, turn=turn, number=number, ended_at=NOON)


def call(id: str, turn: str | None = None, number: int = 0) -> ToolCallRow:
    return ToolCallRow(
        id,
        "read",
        "a file",
        "completed",
        NOON,
        turn=turn,
        number=number,
        output="its text",
        paths=("/b", "/a"),
        extra='{"more": 1}',
    )


def words(rows: list[MessageRow | ToolCallRow]) -> list[str]:
    return [row.text if isinstance(row, MessageRow) else row.id for row in rows]


def test_rows_stand_between_the_turns_after_which_they_came(store: Store) -> None:
    """Turns in their order, within each its numbers; what no turn brought behind all before."""
    store.save_session("gemini", "s1", NOON)
    store.begin_turn(begun("p1"))
    with store.writing("add") as connection:
        messages.add(connection, 1, [call("one", "p1", 1), said("first", "p1", 0)])
        messages.add(connection, 1, [said("between"), call("free"), said("still between")])
        messages.add(connection, 1, [said("and this")])
    store.begin_turn(begun("p2"))
    with store.writing("add") as connection:
        messages.add(connection, 1, [said("second", "p2"), said("after all")])
    order = ["first", "one", "between", "free", "still between", "and this", "second", "after all"]
    with store.reading("read") as connection:
        assert words(messages.of_session(connection, 1)) == order
        assert words(messages.of_session(connection, 1, after=2, limit=3)) == order[2:5]
        assert words(messages.of_session(connection, 1, after=7)) == order[7:]
        assert words(messages.of_turn(connection, "p1")) == ["first", "one"]


def test_what_was_added_is_read_as_it_was(store: Store) -> None:
    """Every field comes back; paths by their letters, sizes where none was told."""
    store.save_session("gemini", "s1", NOON)
    with store.writing("add") as connection:
        [seq] = messages.add(connection, 1, [said("words"), call("c")])
        message, tool = messages.of_session(connection, 1)
    assert isinstance(message, MessageRow)
    assert isinstance(tool, ToolCallRow)
    assert (message.seq, message.role, message.size) == (seq, Role.USER, 5)
    assert (message.began_at, message.ended_at, message.turn) == (NOON, NOON, None)
    assert (tool.kind, tool.title, tool.status) == ("read", "a file", "completed")
    assert (tool.output, tool.size, tool.paths) == ("its text", 8, ("/a", "/b"))
    assert tool.extra == '{"more": 1}'


def test_many_rows_are_read_in_pages(store: Store) -> None:
    """More than one page of the database comes out whole, and in order."""
    store.save_session("gemini", "s1", NOON)
    with store.writing("add") as connection:
        messages.add(connection, 1, (said(str(number)) for number in range(1203)))
        found = messages.of_session(connection, 1)
    assert words(found) == [str(number) for number in range(1203)]


def test_a_part_of_a_session_is_bounded(store: Store) -> None:
    """Each text is cut, and the part ends early where all of it would be too much: but there is
    one row at least. What fits is whole, a NUL in it or not."""
    store.save_session("gemini", "s1", NOON)
    texts = ["x" * 1_000, "a\0b", "é" * 30, "y" * 90]
    with store.writing("add") as connection:
        messages.add(connection, 1, [*map(said, texts), call("c")])

        nul = words(messages.of_session(connection, 1))[1]
    assert nul in ("a\0b", "a\ufffdb")

    def part(after: int, limit: int, each: int, together: int) -> tuple[list[str], bool]:
        with store.reading("read") as connection:
            rows, more = messages.part_of_session(
                connection, 1, after=after, limit=limit, bounds=messages.Bounds(each, together)
            )
        return words(rows), more

    assert part(0, 4, 10, 10_000) == (["x" * 10, nul, "é" * 10, "y" * 10], True)
    assert part(0, 5, 10, 24) == (["x" * 10, nul, "é" * 10], True)
    assert part(0, 5, 5_000, 500) == (["x" * 1_000], True)
    assert part(1, 5, 5_000, 500) == ([nul, "é" * 30, "y" * 90, "c"], False)
