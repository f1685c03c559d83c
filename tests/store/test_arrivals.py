"""What is said in a turn is in the store as it came, however often it is written."""

from dataclasses import replace
from datetime import datetime

from tars.core.agent import Outcome
from tars.store import messages, searching
from tars.store.rows import Arrival, MessagePart, MessageRow, Role, ToolCallRow
from tars.store.store import Store
from tests.store.conftest import OpenStore
from tests.store.samples import LATER, NOON, begun, prompt, record

ASKED = MessagePart(0, Role.USER, 0, "Write a haiku", 13, NOON)


def part(
    text: str,
    number: int = 1,
    *,
    offset: int = 0,
    role: Role = Role.ASSISTANT,
    ended: datetime | None = None,
) -> MessagePart:
    return MessagePart(number, role, offset, text, offset + len(text), NOON, ended)


def call(status: str, number: int = 2, **fields: object) -> ToolCallRow:
    row = ToolCallRow("c1", "", "", status, NOON, number=number)
    return replace(row, **fields)  # type: ignore[arg-type]


def under_way(store: Store, session: str | None = "s1") -> None:
    if session is not None:
        store.save_session("gemini", session, NOON)
    store.begin_prompt(prompt(), replace(begun(session=session), asked=ASKED))


def rows(store: Store, turn: str = "p1") -> list[MessageRow | ToolCallRow]:
    with store.reading("read") as connection:
        return messages.of_turn(connection, turn)


def texts(store: Store) -> list[tuple[int, str]]:
    return [(row.number, row.text) for row in rows(store) if isinstance(row, MessageRow)]


def keep(store: Store, *said: Arrival) -> None:
    store.keep_said("p1", said)


def found(store: Store, word: str) -> int:
    with store.reading("read") as connection:
        query = searching.matching(connection, word)
        return len(connection.execute(query).all())


def test_a_prompt_is_the_first_message_of_its_turn(store: Store) -> None:
    """It is there as soon as the prompt is accepted, and belongs to the session."""
    under_way(store)
    [asked] = rows(store)
    assert isinstance(asked, MessageRow)
    assert (asked.role, asked.text, asked.number, asked.turn) == (Role.USER, ASKED.text, 0, "p1")
    with store.reading("read") as connection:
        assert messages.of_session(connection, 1) == [asked]


def test_a_text_grows_by_what_comes_however_often_it_is_written(store: Store) -> None:
    """Each part says where it begins, so that a second time changes nothing."""
    under_way(store)
    parts = part("An old"), part(" silent pond", offset=6), part("…", offset=18, ended=LATER)
    for one in parts:
        keep(store, one)
        keep(store, one)
    keep(store, *parts)
    message = rows(store)[1]
    assert isinstance(message, MessageRow)
    assert (message.text, message.size, message.ended_at) == ("An old silent pond…", 19, LATER)
    assert found(store, "silent") == 1


def test_a_call_keeps_what_a_change_does_not_repeat(store: Store) -> None:
    """Kind, title, output and paths stay until others are told."""
    under_way(store)
    keep(store, call("pending", kind="edit", title="poem.txt", paths=("/poem.txt",)))
    keep(store, call("in_progress", output="half", size=4))
    done = call("completed", ended_at=LATER, paths=("/poem.txt", "/more.txt"))
    keep(store, done)
    keep(store, done)
    tool = rows(store)[1]
    assert isinstance(tool, ToolCallRow)
    assert (tool.kind, tool.title, tool.status) == ("edit", "poem.txt", "completed")
    assert (tool.output, tool.size, tool.ended_at) == ("half", 4, LATER)
    assert tool.paths == ("/more.txt", "/poem.txt")


def test_many_at_once_are_as_if_they_had_come_one_by_one(store: Store) -> None:
    """Also where some were there before, go on, come twice, or have a strange name."""
    under_way(store)
    keep(store, part("known", 1), call("pending", 2, title="edit", paths=("/a",)))
    many: list[Arrival] = [
        part("known", 1),
        part(" word", 1, offset=5, ended=LATER),
        call("completed", 2, ended_at=LATER, paths=("/b",)),
        call("pending", 3, id="\ud800", title="strange"),
        call("pending", 4, id="twice", title="first"),
        call("completed", 4, id="twice"),
    ]
    for number in range(5, 1300):
        many.append(part(f"word{number}", number, ended=LATER))
        many.append(call("pending", 2000 + number, id=f"c{number}", paths=(f"/{number}",)))
    many.append(part("still", 4000))
    keep(store, *many)
    once = rows(store)
    keep(store, *many)
    assert rows(store) == once
    assert texts(store)[:2] == [(0, ASKED.text), (1, "known word")]
    assert texts(store)[2:] == [(n, f"word{n}") for n in range(5, 1300)] + [(4000, "still")]
    calls = {row.number: row for row in once if isinstance(row, ToolCallRow)}
    assert sorted(calls) == [2, 3, 4, *range(2005, 3300)]
    assert (calls[2].status, calls[2].paths) == ("completed", ("/a", "/b"))
    assert (calls[4].status, calls[4].title) == ("completed", "first")
    assert all(calls[2000 + n].paths == (f"/{n}",) for n in range(5, 1300))
    assert (found(store, "known"), found(store, "word1299"), found(store, "still")) == (1, 1, 0)


def test_the_rest_comes_with_the_end_of_the_turn(store: Store) -> None:
    """What had not ended has: the text is whole and can be found, the call was interrupted."""
    under_way(store)
    keep(store, part("frog"), call("in_progress"))
    rest = part(" jumps", offset=4), part("splash", 3, role=Role.THOUGHT)
    store.finish_turn(replace(record(), said=rest))
    store.finish_turn(replace(record(), said=rest))
    assert texts(store) == [(0, ASKED.text), (1, "frog jumps"), (3, "splash")]
    assert all(row.ended_at is not None for row in rows(store))
    assert [row.status for row in rows(store) if isinstance(row, ToolCallRow)] == ["interrupted"]
    assert (found(store, "jumps"), found(store, "haiku")) == (1, 1)
    with store.reading("read") as connection:
        counted = connection.exec_driver_sql("SELECT messages FROM sessions").scalar_one()
    assert counted == 2, "thoughts are no messages"


def test_what_comes_after_the_end_changes_nothing(store: Store) -> None:
    """A write that is replayed late finds the turn over."""
    under_way(store)
    keep(store, part("frog"))
    store.finish_turn(replace(record(), said=(part(" jumps", offset=4),)))
    before = rows(store)
    keep(store, part("frog"), part("more", 5), call("in_progress"))
    assert rows(store) == before


def test_a_session_that_is_known_late_gets_what_was_said(store: Store) -> None:
    """The messages from before belong to it too."""
    under_way(store, session=None)
    keep(store, part("frog"), call("completed", ended_at=LATER))
    with store.reading("read") as connection:
        assert messages.of_session(connection, 1) == []
    store.begin_turn(replace(begun(), asked=ASKED))
    of_turn = rows(store)
    with store.reading("read") as connection:
        assert messages.of_session(connection, 1) == of_turn
    assert texts(store) == [(0, ASKED.text), (1, "frog")]


def test_a_turn_that_was_held_goes_on_behind_its_first_attempt(open_store: OpenStore) -> None:
    """What the attempt said is closed and kept; the next one is told how far the numbers go."""
    store = open_store()
    under_way(store)
    held = record(outcome=Outcome.ERROR)
    store.hold_turn(replace(held, said=(part("An old"), call("in_progress"))))
    store.close()
    store = open_store()
    [turn] = store.unfinished_turns()
    attempt = store.attempt(turn)
    assert attempt.said == 3
    store.begin_turn(replace(begun(), asked=ASKED))
    store.finish_turn(replace(record(), said=(part("A new", attempt.said),)))
    assert texts(store) == [(0, ASKED.text), (1, "An old"), (3, "A new")]


def test_what_was_said_before_a_crash_is_closed_by_the_next_daemon(open_store: OpenStore) -> None:
    """The turn ends as interrupted, with all that had been written of it."""
    store = open_store()
    under_way(store)
    keep(store, part("An old sil"), call("in_progress"))
    store.close()
    store = open_store()
    store.finish_turn(replace(record(outcome=Outcome.INTERRUPTED), said=()))
    assert texts(store)[1] == (1, "An old sil")
    assert {row.ended_at for row in rows(store)} == {LATER}
    assert found(store, "sil") == 1
