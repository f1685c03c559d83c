"""What was said under a real daemon is in the store as it came, whatever happens to the daemon."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tars.control.contract import PromptRequest, Text
from tars.errors import Busy
from tars.store import locks, managing, messages
from tars.store.rows import MessageRow, ToolCallRow
from tars.store.store import Store
from tests.support.tars_home import TarsHome

#: What was told longer ago than this is never lost, in seconds.
LOST_SECONDS = 1.0


def read(tars: TarsHome, turn: str) -> list[MessageRow | ToolCallRow]:
    with tars.store() as store, store.reading("read") as connection:
        return messages.of_turn(connection, turn)


def texts(tars: TarsHome, turn: str) -> list[str]:
    return [row.text for row in read(tars, turn) if isinstance(row, MessageRow)]


def waits(tars: TarsHome) -> bool:
    with tars.store() as store:
        return bool(store.waiting_prompts())


def last_turn(tars: TarsHome) -> str:
    return tars.ledger()[-1].id


def until(tars: TarsHome, claim: Callable[[], bool]) -> None:
    """Wait until this holds of the store; the daemon answers in between."""
    end = time.monotonic() + 60
    while not claim():
        assert time.monotonic() < end, "it never came to that"
        tars.status()


def lock(store: Store, session: str, who: str = "elsewhere:1:1") -> None:
    with store.writing("lock") as connection:
        [seq] = connection.exec_driver_sql(
            "SELECT seq FROM sessions WHERE id = ?", (session,)
        ).scalars()
        assert locks.take(connection, seq, who, datetime.now(UTC))


def test_a_kill_loses_nothing_older_than_a_second(tars: TarsHome) -> None:
    """The answer of the killed daemon is there as far as it had come a second before, whole
    and once; the turn of its successor follows it."""
    tars.start()
    told: list[tuple[float, str]] = []
    for _, message in tars.client.prompt(PromptRequest(text="ECHO:slow:500:0.02")):
        if isinstance(message, Text):
            told.append((time.monotonic(), message.text))
        if told and time.monotonic() - told[0][0] > LOST_SECONDS + 0.3:
            break
    killed_at = time.monotonic()
    turn = last_turn(tars)
    tars.kill(tars.daemon_pid())
    tars.start()
    until(tars, lambda: tars.ledger()[-1].outcome is not None)
    asked, answer = texts(tars, turn)
    old = "".join(text for at, text in told if at < killed_at - LOST_SECONDS)
    assert asked == "ECHO:slow:500:0.02"
    assert old
    assert answer.startswith(old)
    assert all(row.ended_at is not None for row in read(tars, turn))
    assert tars.prompt("again").outcome == "ok", "the lock of the killed daemon is free"
    with tars.store() as store, store.reading("read") as connection:
        of_turns = [row.turn for row in messages.of_session(connection, 1)]
    assert of_turns == [turn, turn, last_turn(tars), last_turn(tars)]


def test_a_tool_that_never_ended_was_interrupted(tars: TarsHome) -> None:
    """Its call is in the store while it runs, and says so after a crash."""
    tars.start()
    tars.under_way("ECHO:tools:hang", sign="tool")
    turn = last_turn(tars)
    until(tars, lambda: len(read(tars, turn)) > 1)
    assert [row.status for row in read(tars, turn) if isinstance(row, ToolCallRow)] != []
    tars.kill(tars.daemon_pid())
    tars.start()
    until(tars, lambda: tars.ledger()[-1].outcome is not None)
    calls = [row for row in read(tars, turn) if isinstance(row, ToolCallRow)]
    assert [(call.status, call.ended_at is None) for call in calls] == [("interrupted", False)]


def test_a_held_turn_has_its_prompt_once(tars: TarsHome) -> None:
    """Also when a daemon dies between its attempts; what each attempt said is kept."""
    tars.start()
    tars.under_way("ECHO:limit:60", sign="waiting")
    turn = last_turn(tars)
    until(tars, lambda: waits(tars))
    tars.kill(tars.daemon_pid())
    tars.start()
    tars.until(lambda status: status.agents[0].state == "limited")
    assert texts(tars, turn) == ["ECHO:limit:60"]
    tars.client.cancel()
    until(tars, lambda: tars.ledger()[-1].outcome is not None)
    assert texts(tars, turn) == ["ECHO:limit:60"]


def test_a_session_that_another_process_writes_to_takes_no_prompt(tars: TarsHome) -> None:
    """It is refused before it is accepted, or ends with a fault that says so; the next prompt
    goes where the one before went."""
    tars.start()
    first = tars.prompt("one").session
    assert first is not None
    with tars.store() as store:
        lock(store, first)
        with pytest.raises(Busy, match="writing into this conversation"):
            tars.prompt("two")
        tars.client.reset()
        second = tars.prompt("three").session
        result = tars.prompt("four", session=first)
        assert result.error is not None
        assert (result.outcome, result.error.kind) == ("error", "session_locked")
        assert tars.prompt("five").session == second
        with store.reading("read") as connection:
            statuses = connection.exec_driver_sql("SELECT status FROM sessions ORDER BY seq")
            assert list(statuses.scalars()) == ["completed", "active"]
    outcomes = [(turn.outcome, turn.session) for turn in tars.ledger()]
    assert outcomes == [("ok", first), ("ok", second), ("error", None), ("ok", second)]


def test_what_is_kept_of_the_text_is_configured(tars: TarsHome) -> None:
    """A reload puts it in force; a prompt that is not to be recorded leaves no trace of its
    text; and a name that somebody gave is told in the status."""
    tars.configure_echo(more='[store]\nmessages = "preview"')
    tars.start()
    result = tars.prompt("x" * 300)
    assert [len(text) for text in texts(tars, result.turn)] == [200, 200]
    tars.configure_echo(more='[store]\nmessages = "none"')
    assert tars.client.reload().faults == []
    result = tars.prompt("ECHO:tools")
    rows = read(tars, result.turn)
    assert {
        (row.text if isinstance(row, MessageRow) else row.title + row.output) for row in rows
    } == {""}
    assert [row.size for row in rows if isinstance(row, MessageRow)] == [10, 26]
    with tars.store() as store, store.writing("rename") as connection:
        managing.rename(connection, 1, "poems")
    assert tars.prompt("more").outcome == "ok"
    session = tars.agent().session
    assert session is not None
    assert session.name == "poems"
    result = tars.prompt("a secret thing", record=False)
    assert read(tars, result.turn) == []
    with tars.store() as store, store.reading("read") as connection:
        listed = connection.exec_driver_sql("SELECT name, title FROM sessions").all()
    assert [tuple(row) for row in listed] == [("poems", "x" * 79 + "…")]
