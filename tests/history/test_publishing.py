"""Sessions of the index, told to the store: each with its own sums, and only where it is news."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tars.history.index import Index
from tars.history.publishing import AT_ONCE, batches, news

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
_MS = int(AT.timestamp() * 1000)


def add_session(index: Index, number: int, *, requests: int = 1, cost: int | None = None) -> None:
    run = index.connection.execute
    run("INSERT OR IGNORE INTO models VALUES (1, 'anthropic', 'opus')")
    run("INSERT OR IGNORE INTO places VALUES (1, '/work', 'main')")
    run(
        "INSERT INTO sessions VALUES (?, 'claude', ?, 'A title', '/work', 'main', ?, ?)",
        (number, f"s{number}", _MS, _MS + 1000),
    )
    for request in range(requests):
        run(
            "INSERT INTO requests VALUES (?, ?, ?, 1, 1, 10, 20, 30, 5, 4, 1, 1, 0, 0, 0, 0, ?)",
            (number * 1000 + request, number, _MS, cost),
        )


def test_a_session_is_told_with_its_sums(tmp_path: Path) -> None:
    """Its times are aware, its money whole microdollars, and its title may be left out."""
    with Index.open(tmp_path / "history.db") as index:
        add_session(index, 1, requests=2, cost=1_500_000)
        ((session,),) = batches(index.connection, [1])
        assert (session.agent, session.id, session.title) == ("claude", "s1", "A title")
        assert (session.created_at, session.last_activity_at) == (AT, AT + timedelta(seconds=1))
        (opus,) = session.models
        assert (opus.model, opus.requests, opus.net_input, opus.output) == ("opus", 2, 20, 8)
        assert opus.cost_microusd == 3
        ((untitled,),) = batches(index.connection, [1], titled=False)
        assert untitled.title == ""


def test_only_news_are_told_some_at_a_time(tmp_path: Path) -> None:
    """What the store has as far is left out; a session without requests is none."""
    with Index.open(tmp_path / "history.db") as index:
        for number in range(1, AT_ONCE + 3):
            add_session(index, number)
        add_session(index, 999, requests=0)
        known = {("claude", "s1"): AT + timedelta(seconds=1), ("claude", "s2"): AT}
        numbers = news(index.connection, known)
        assert 1 not in numbers
        assert 2 in numbers
        assert [len(batch) for batch in batches(index.connection, numbers)] == [AT_ONCE, 1]
