"""What a killed daemon left behind, told to its successor by the store alone."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from tars.accounting.usage import Source, TurnUsage, reconcile
from tars.conversation.model import RequestUsage
from tars.core.agent import Outcome
from tars.core.events import StartAsked
from tars.daemon.chronicle import Chronicle
from tars.daemon.healing import heal
from tars.daemon.session_files import SessionFiles
from tars.errors import Fault, FaultKind
from tars.home import Home
from tars.runtime.loop import Loop
from tars.runtime.recorder import Recorder
from tars.sessions.session_file import SessionManager
from tars.store.rows import PromptRow, SessionMarks, TurnBegun, TurnRecord
from tars.store.spooled import SpooledStore
from tars.store.store import Store
from tests.daemon.running import running
from tests.support.lossy import Network

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
USED = reconcile(None, (RequestUsage("r1", "echo-1", input=100, output=7, cached=0),))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with one agent, never started: what it is asked waits."""
    home = Home(tmp_path)
    home.prepare()
    home.config.write_text('[agents.echo]\nkind = "echo"\nautostart = false\n')
    return home


@contextmanager
def store_of(home: Home) -> Iterator[Store]:
    store = Store.open(home.store)
    yield store
    store.close()


@asynccontextmanager
async def successor(home: Home) -> AsyncIterator[tuple[Loop, Chronicle]]:
    """A daemon without a socket, healed."""
    async with running(home) as (recorder, loop, chronicle, _):
        await heal(recorder, loop, chronicle)
        yield loop, chronicle


def leave_a_turn(home: Home, *, in_the_file: bool) -> None:
    """One turn is done, and one under way; session.json has the second already, or not."""
    manager = SessionManager(home.data / "session.json")
    manager.begin("s1", NOON)
    manager.update_usage(USED, at=NOON)
    if in_the_file:
        manager.update_usage(USED, at=NOON)
    manager.save()
    done = TurnRecord("t1", "echo", Outcome.OK, NOON, NOON, 1, session="s1", usage=USED)
    with store_of(home) as store:
        store.finish_turn(done)
        store.begin_turn(TurnBegun("t2", "echo", NOON, session="s1", log_mark="0"))


@pytest.mark.parametrize("in_the_file", [False, True])
def test_an_interrupted_turn_is_counted_once(home: Home, in_the_file: bool) -> None:
    """The daemon may have been killed between its two writes: session.json, then the ledger."""

    async def live() -> None:
        async with successor(home):
            pass

    leave_a_turn(home, in_the_file=in_the_file)
    anyio.run(live)
    anyio.run(live)
    session = SessionManager(home.data / "session.json").load()
    assert session is not None
    assert session.interaction_count == 2
    with store_of(home) as store:
        newest, oldest = store.turns()
        assert (newest.outcome, oldest.outcome) == (Outcome.INTERRUPTED, Outcome.OK)
        assert store.unfinished_turns() == []
        kept = store.session("echo", "s1")
    assert kept is not None
    assert kept.interaction_count == 2


def test_who_counts_what_was_spent_hears_of_an_interrupted_turn(home: Home) -> None:
    """What it used is in the ledger from then on."""

    async def live() -> None:
        async with running(home) as (recorder, loop, chronicle, _):
            told = anyio.Event()
            chronicle.counted = told.set
            await heal(recorder, loop, chronicle)
            with anyio.fail_after(30):
                await told.wait()

    leave_a_turn(home, in_the_file=False)
    anyio.run(live)


def test_prompts_that_nobody_can_run_are_reported(home: Home) -> None:
    """Their agent is gone, or stays down: they are refused, and leave the queue."""
    with store_of(home) as store:
        for number, agent in enumerate(["echo", "gone"]):
            store.save_prompt(PromptRow(f"p{number}", agent, "text", NOON))

    async def live() -> None:
        async with successor(home) as (loop, _):
            assert loop.prompts == ()

    anyio.run(live)
    with store_of(home) as store:
        assert store.waiting_prompts() == []
        assert store.turns() == []


def test_a_session_that_is_gone_back_to_has_its_figures(home: Home) -> None:
    """What the ledger has of it is at hand when a prompt that waits gets its turn."""
    leave_a_turn(home, in_the_file=False)
    SessionManager(home.data / "session.json").clear()

    async def live() -> None:
        async with successor(home) as (_, chronicle):
            assert await chronicle.session_files.recall("echo", "s1")
            assert chronicle.session_files.known["s1"].interaction_count == 2
            assert not await chronicle.session_files.recall("echo", "s2")

    anyio.run(live)


def leave_a_held_turn(home: Home) -> None:
    """Its first attempt used something, and waits for the end of a limit."""
    fault = Fault(FaultKind.QUOTA, "The limit is reached.")
    used = RequestUsage("r1", "echo-1", input=100, output=7, cached=0)
    held = TurnRecord(
        "t1", "echo", Outcome.ERROR, NOON, NOON, 1, "s1", usage=USED, requests=(used,), fault=fault
    )
    with store_of(home) as store:
        row = PromptRow("t1", "echo", "Hello", NOON)
        store.begin_prompt(row, TurnBegun("t1", "echo", NOON, session="s1"))
        store.hold_turn(held)


def test_a_turn_that_was_held_goes_on(home: Home) -> None:
    """It is run again, and its one row has what both attempts used."""
    leave_a_held_turn(home)

    async def live() -> None:
        async with running(home) as (recorder, loop, chronicle, _):
            loop.send("echo", StartAsked(at_need=True))
            await heal(recorder, loop, chronicle)
            assert [prompt.id for prompt in loop.prompts] == ["t1"]
            await loop.reached(lambda: not loop.prompts)

    anyio.run(live)
    with store_of(home) as store:
        (row,) = store.turns()
        assert store.waiting_prompts() == []
        logged = store.model_requests("t1")
    assert (row.outcome, [r.id for r in logged][:1]) == (Outcome.OK, ["r1"])
    assert row.usage.input > 100
    assert row.usage.requests == 2


def test_a_held_turn_that_nobody_can_run_keeps_what_it_used(home: Home) -> None:
    """Its agent stays down: it is over, as a turn that was interrupted."""
    leave_a_held_turn(home)

    async def live() -> None:
        async with successor(home) as (loop, _):
            assert loop.prompts == ()

    anyio.run(live)
    with store_of(home) as store:
        (row,) = store.turns()
        assert store.unfinished_turns() == []
        assert store.waiting_prompts() == []
    assert (row.outcome, row.usage.input) == (Outcome.INTERRUPTED, 100)


def test_a_second_attempt_that_was_cut_short_is_not_run_again(home: Home) -> None:
    """It was under way: what the first one used is in its row, and is a lower bound."""
    leave_a_held_turn(home)
    with store_of(home) as store:
        store.begin_turn(TurnBegun("t1", "echo", NOON, session="s1"))

    async def live() -> None:
        async with successor(home) as (loop, _):
            assert loop.prompts == ()

    anyio.run(live)
    with store_of(home) as store:
        (row,) = store.turns()
    assert (row.outcome, row.usage.input, row.usage.at_least) == (Outcome.INTERRUPTED, 100, True)


def test_how_sums_are_to_be_read_outlives_a_daemon(home: Home) -> None:
    """The ledger has it: a context that is a sum, a lower bound, and whether anybody counts."""
    manager = SessionManager(home.data / "session.json")
    manager.begin("s1", NOON)
    manager.save()
    turns = [
        replace(USED, context_is_sum=True),
        TurnUsage(source=Source.ESTIMATE, at_least=True),
    ]
    expected = [
        SessionMarks("s1", context_is_sum=True),
        SessionMarks("s1", at_least=True, context_is_sum=True),
    ]

    async def live() -> None:
        async with successor(home) as (_, chronicle):
            found.append(chronicle.session_files.marks["echo"])

    found: list[SessionMarks] = []
    for number, usage in enumerate(turns):
        with store_of(home) as store:
            store.finish_turn(
                TurnRecord(f"t{number}", "echo", Outcome.OK, NOON, NOON, 1, "s1", usage=usage)
            )
        anyio.run(live)
    assert found == expected


def test_a_session_that_nobody_counts_says_so() -> None:
    """Until a turn is counted; the context of a turn without any stays as it was."""
    with_nothing = TurnUsage(source=Source.ESTIMATE)
    files = SessionFiles(Recorder(Path("unused")), lambda _: None)
    files.mark("echo", "s1", with_nothing)
    assert files.marks["echo"] == SessionMarks("s1", counted=False)
    files.mark("echo", "s1", replace(USED, context_is_sum=True))
    files.mark("echo", "s1", with_nothing)
    assert files.marks["echo"] == SessionMarks("s1", context_is_sum=True)
    files.mark("echo", "s2", USED)
    assert files.marks["echo"] == SessionMarks("s2")


@pytest.mark.parametrize("in_the_file", [False, True])
def test_what_waits_for_a_database_is_seen_to_at_once(home: Home, in_the_file: bool) -> None:
    """A turn is reported, and counted once, and a prompt has its turn, while the database is
    away; what only that knows of comes when it is back."""
    network = Network(home.root / "far" / "tars.db")
    far = Store.open(network.path)
    far.save_prompt(PromptRow("known there", "echo", "Hello", NOON))
    manager = SessionManager(home.data / "session.json")
    manager.begin("s1", NOON)
    manager.update_usage(USED, at=NOON - timedelta(seconds=1))
    if in_the_file:
        manager.update_usage(USED, at=NOON + timedelta(seconds=1))
    manager.save()
    network.down = True
    before = SpooledStore.beside(home.spool, network.open)
    before.begin_turn(TurnBegun("under way", "echo", NOON, session="s1"))
    before.save_prompt(PromptRow("known here", "gone", "Hello", NOON))
    before.save_prompt(PromptRow("another session", "echo", "Hello", NOON, session="s0"))
    before.close()
    counts = []

    async def live() -> None:
        def opened(_path: Path) -> Store:
            return SpooledStore.beside(home.spool, network.open)

        async with running(home, opened) as (recorder, loop, chronicle, _):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(heal, recorder, loop, chronicle)
                while not await waits(recorder, "finish_turn"):
                    await anyio.sleep(0)
                counts.append(chronicle.sessions["echo"].session)
                assert not chronicle.healed
                network.down = False
            assert chronicle.healed

    anyio.run(live)
    (session,) = counts
    assert session is not None
    assert session.interaction_count == 2
    assert [(row.id, row.outcome) for row in far.turns()] == [("under way", Outcome.INTERRUPTED)]
    # Nobody runs it: the one agent is not started, the other is no more.
    assert far.waiting_prompts() == []
    far.close()


async def waits(recorder: Recorder, name: str) -> bool:
    """Whether a write of this name waits for the database."""

    def look(store: Store) -> bool:
        assert isinstance(store, SpooledStore)
        return any(entry.operation.name == name for entry in store._spool.all())

    return await recorder.ask(look)
