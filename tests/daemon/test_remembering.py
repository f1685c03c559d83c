"""What the daemon answers about sessions: the store's, by the contract, and what is refused."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from tars.accounting.usage import Source, TurnUsage
from tars.core.agent import Outcome
from tars.daemon.remembering import Remembering
from tars.errors import NameInvalid, Refused, RequestInvalid, SessionNotFound, StoreError
from tars.home import Home
from tars.runtime.recorder import Recorder
from tars.store.rows import AgentRow, TurnBegun, TurnRecord, Wishes
from tars.store.store import Store

pytestmark = pytest.mark.anyio

AT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
USAGE = TurnUsage(
    input=1000, output=50, cached=800, net=200, requests=1, source=Source.OFFICIAL, cost_microusd=7
)


class Asked:
    """A recorder without a thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(self, work: Callable[[Store], Any]) -> Any:
        return work(self._store)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """Nothing here waits."""
    return "asyncio"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One for all: a test leaves it as it was."""
    store = Store.open(tmp_path_factory.mktemp("store") / "tars.db")
    store.save_agent(AgentRow("echo", "echo", "acp"))
    for number, project in enumerate(("/home/me/site", "/home/me/app")):
        at = AT + timedelta(hours=number)
        session = f"session-{number}"
        store.save_session("echo", session, at)
        wishes = Wishes(project=project, tags=("web",), name=f"name-{number}")
        store.begin_turn(TurnBegun(f"t{number}", "echo", at, session, wishes=wishes))
        store.finish_turn(
            TurnRecord(f"t{number}", "echo", Outcome.OK, at, at, 10, session, "echo-1", usage=USAGE)
        )
    yield store
    store.close()


@pytest.fixture
def remembering(store: Store, tmp_path: Path) -> Remembering:
    return Remembering(Home(tmp_path), cast(Recorder, Asked(store)))


async def test_sessions_are_listed_and_found(remembering: Remembering) -> None:
    """The one that was in use last first; figures add up, and money is exact."""
    listed = (await remembering.sessions({})).sessions
    assert [session.id for session in listed] == ["session-1", "session-0"]
    assert [session.status for session in listed] == ["active", "completed"]
    found = await remembering.session("name-0", {})
    assert found == listed[1]
    spent = found.spent
    assert (spent.net_input_tokens, spent.cache_read_tokens, spent.output_tokens) == (200, 800, 50)
    assert spent.total_tokens == 1050
    assert (spent.cost_microusd, spent.cost_usd, spent.costed_turns) == (7, "0.000007", 1)
    assert found.models["echo-1"].total_tokens == spent.total_tokens
    newest = await remembering.session("last", {"project": "/home/me/site"})
    assert newest.id == "session-0"


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"project": "/home/me/app"}, ["session-1"]),
        ({"status": "completed"}, ["session-0"]),
        ({"status": "completed, active", "sort": "name"}, ["session-0", "session-1"]),
        ({"tag": "web", "limit": "1"}, ["session-1"]),
        ({"until": "2026-03-01T10:30:00Z"}, ["session-0"]),
        ({"since": "2026-03-01T10:30:00+00:00", "reverse": "1"}, ["session-1"]),
        ({"minTokens": "1051"}, []),
        ({"agent": "nobody"}, []),
        ({"agentType": "echo,claude", "after": "1"}, ["session-0"]),
        ({"agentType": "claude"}, []),
    ],
)
async def test_queries_narrow_down(
    remembering: Remembering, query: dict[str, str], ids: list[str]
) -> None:
    """Each says less than all, and together they say less still."""
    assert [session.id for session in (await remembering.sessions(query)).sessions] == ids


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "1001"},
        {"limit": "-1"},
        {"sort": "beauty"},
        {"reverse": "yes"},
        {"after": "-1"},
        {"status": "active,lost"},
        {"since": "the day before"},
        {"minTokens": "many"},
    ],
)
async def test_queries_without_sense_are_refused(
    remembering: Remembering, query: dict[str, str]
) -> None:
    """Nothing is guessed."""
    with pytest.raises(RequestInvalid):
        await remembering.sessions(query)


async def test_what_a_person_got_wrong_is_no_fault_of_the_store(remembering: Remembering) -> None:
    """A name that is taken, a session that is none, a search for nothing."""
    with pytest.raises(NameInvalid):
        await remembering.rename("session-0", "name-1")
    with pytest.raises(SessionNotFound):
        await remembering.session("nobody", {})
    with pytest.raises(RequestInvalid):
        await remembering.search({})
    assert (await remembering.rename("session-0", "first")).name == "first"
    assert (await remembering.rename("first", None)).name is None
    assert (await remembering.rename("session-0", "name-0")).name == "name-0"


async def test_sessions_are_put_away_and_taken_back(remembering: Remembering) -> None:
    """One that is in use is refused, one that is away twice too."""
    away = await remembering.archive("name-0")
    assert (away.status, away.archived_at is not None) == ("archived", True)
    listed = await remembering.sessions({})
    assert ([session.id for session in listed.sessions], listed.total) == (["session-1"], 1)
    with pytest.raises(Refused, match="archived already"):
        await remembering.archive("name-0")
    back = await remembering.unarchive("name-0")
    assert (back.status, back.archived_at) == ("completed", None)
    with pytest.raises(Refused, match="is not archived"):
        await remembering.unarchive("name-0")
    with pytest.raises(Refused, match="next prompt goes to it"):
        await remembering.archive("name-1")


async def test_a_session_is_written_down_before_it_is_put_away(
    store: Store, tmp_path: Path
) -> None:
    """Where the configuration names a folder for that."""
    folder = tmp_path / "archive"
    remembering = Remembering(Home(tmp_path), cast(Recorder, Asked(store)), lambda: folder)
    await remembering.archive("name-0")
    assert [file.suffix for file in folder.iterdir()] == [".json"]
    await remembering.unarchive("name-0")


async def test_a_session_is_summed_up(remembering: Remembering) -> None:
    """Its turns have the numbers that they have in it."""
    summary = await remembering.summary("name-0", agent=None, after=0, limit=1)
    (turn,) = summary.turns
    assert (turn.id, turn.number, turn.outcome, turn.duration_ms) == ("t0", 1, "ok", 10)
    assert (turn.total_tokens, turn.cost_usd) == (1050, "0.000007")
    assert (summary.total_turns, summary.after, summary.session.id) == (1, None, "session-0")
    with pytest.raises(SessionNotFound):
        await remembering.summary("name-0", agent="nobody", after=0, limit=1)


async def test_a_fault_of_the_store_is_one(tmp_path: Path) -> None:
    """It is no answer."""

    class Failing:
        async def ask(self, work: Callable[[Store], Any]) -> Any:
            raise StoreError("The disk is full.")

    with pytest.raises(StoreError):
        await Remembering(Home(tmp_path), cast(Recorder, Failing())).session("last", {})


async def test_figures_over_all(remembering: Remembering) -> None:
    """They are those of the sessions together."""
    stats = await remembering.stats({})
    assert (stats.sessions, stats.active, stats.completed) == (2, 1, 1)
    assert (stats.spent.total_tokens, stats.average_tokens) == (2100, 1050)
    assert (stats.spent.cost_microusd, stats.average_cost_usd) == (14, "0.000007")


async def test_messages_are_read_in_parts(remembering: Remembering, store: Store) -> None:
    """Each part says where the next begins; the last one says that it is."""
    from tars.sessions.library import Library
    from tars.sessions.references import resolve
    from tars.store import messages
    from tars.store.rows import MessageRow, Role

    library = Library(store, Home(Path("/nowhere")))
    session = resolve(library, "name-0")
    said = [MessageRow(Role.USER, f"words-{n}", AT, ended_at=AT) for n in range(3)]
    with library.writing() as connection:
        seqs = messages.add(connection, session.seq, said)
        from tars.store import searching

        for seq in seqs:
            searching.index(connection, seq)
    first = await remembering.messages("name-0", after=0, limit=2, characters=100)
    assert ([m.text for m in first.messages], first.after) == (["words-0", "words-1"], 2)
    rest = await remembering.messages("name-0", after=2, limit=2, characters=100)
    assert ([m.text for m in rest.messages], rest.after) == (["words-2"], None)
    hits = (await remembering.search({"text": "words*", "limit": "2"})).hits
    assert [hit.session for hit in hits] == ["session-0", "session-0"]
    assert "words" in hits[0].excerpt
