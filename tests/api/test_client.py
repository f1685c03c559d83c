"""The daemon from Python: blocking and async, on asyncio and on trio."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

import tars
from tars.control.contract import Text, TurnResult
from tars.errors import (
    AgentNotFound,
    NameInvalid,
    NotRunning,
    RequestInvalid,
    SessionNotFound,
    TurnFailed,
)
from tests.support.tars_home import TarsHome, tars_home
from tests.support.walkthrough import pattern

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TarsHome]:
    """A home with a running daemon and the built-in agent, for all tests of this file."""
    with tars_home(tmp_path_factory.mktemp("api")) as home:
        home.configure_echo()
        home.start()
        yield home


@pytest.fixture
def client(person: TarsHome) -> tars.Client:
    return tars.Client(person.home.root)


@pytest.fixture
def awaited(person: TarsHome) -> tars.AsyncClient:
    return tars.AsyncClient(person.home.root)


def test_a_prompt_is_answered(client: tars.Client) -> None:
    """The result is that of the control channel; sessions and messages can be looked at."""
    result = client.prompt("hello", new=True, name="greeting", tags=["t1"])
    assert (result.outcome, result.text) == ("ok", "echo: hello")
    session = client.session("greeting")
    assert (session.id, session.spent.turns, session.tags) == (result.session, 1, ["t1"])
    assert [m.text for m in client.messages("greeting").messages] == ["hello", "echo: hello"]
    assert session.id in [found.id for found in client.sessions(tag="t1")]
    assert [hit.session for hit in client.search("hello", limit=1).hits]
    assert client.rename_session("greeting", "hail").name == "hail"
    with pytest.raises(NameInvalid):
        client.rename_session("hail", "../x")
    with pytest.raises(SessionNotFound):
        client.session("greeting")


def test_a_stream_ends_with_the_turn(client: tars.Client) -> None:
    """Its pieces of text are the answer."""
    events = list(client.stream("ECHO:slow:3:0"))
    assert events[0].name == "accepted"
    result = events[-1].data
    assert isinstance(result, TurnResult)
    said = "".join(e.data.text for e in events if isinstance(e.data, Text) and e.name == "text")
    assert said == result.text


def test_what_is_refused_is_raised(client: tars.Client, tmp_path: Path) -> None:
    """As the exception that the daemon raised; nobody answers in another home."""
    with pytest.raises(AgentNotFound):
        client.prompt("x", agent="nobody")
    with pytest.raises(NotRunning):
        tars.Client(tmp_path).status()


def test_an_agent_goes_on_in_a_session(person: TarsHome) -> None:
    """Without a session it is the current one; a failed turn raises, and has its result."""
    agent = tars.Agent("echo", home=person.home.root, start=False)
    first = agent.chat("one", new=True)
    assert agent.chat("ECHO:history").text == "turns=2"
    agent.chat("another", new=True)
    assert agent.chat("ECHO:history", session_id=first.session).text == "turns=3"
    with pytest.raises(TurnFailed) as failed:
        agent.chat("ECHO:error:-32603")
    assert tars.errors.TurnFailed is TurnFailed
    assert isinstance(failed.value.result, TurnResult)
    assert failed.value.result.outcome == "error"


def test_half_a_character_is_refused(client: tars.Client) -> None:
    """As what tars itself refuses, and not as a fault of the encoder."""
    with pytest.raises(RequestInvalid, match="half a character"):
        client.prompt("\ud800")


def test_its_public_names_are_all_there() -> None:
    """`help(tars)` and `from tars import *` have each of them."""
    assert {name for name in tars.__all__ if not hasattr(tars, name)} == set()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_async_calls_run_side_by_side(awaited: tars.AsyncClient, backend: str) -> None:
    """Many prompts wait at once, on whichever event loop; each gets its own answer."""
    answers: dict[int, str] = {}

    async def ask(number: int) -> None:
        answers[number] = (await awaited.prompt(f"n{number}", new=True)).text

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(ask, number)
        assert (await awaited.status()).daemon.running
        assert await awaited.sessions(limit=1)
        with pytest.raises(SessionNotFound):
            await awaited.session("nowhere")

    anyio.run(main, backend=backend)
    assert answers == {number: f"echo: n{number}" for number in range(5)}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_call_leaves_the_turn_running(
    awaited: tars.AsyncClient, client: tars.Client, backend: str
) -> None:
    """The stream is left at once; the turn goes on until somebody cancels it."""

    async def main() -> None:
        async with awaited.stream("ECHO:hang") as events:
            async for event in events:
                if event.name == "started":
                    with anyio.move_on_after(0) as scope:
                        await events.__anext__()
                    assert scope.cancelled_caught
                    break

    anyio.run(main, backend=backend)
    assert client.agents().agents[0].turn is not None
    assert client.cancel().turn is not None


def test_an_agent_starts_the_daemon(tmp_path: Path) -> None:
    """Where none runs, and only then unless it is told not to; one that cannot start says why."""
    with tars_home(tmp_path) as home:
        home.configure_echo()
        with pytest.raises(NotRunning):
            tars.Agent(home=home.home.root, start=False).chat("x")
        assert tars.Agent(home=home.home.root).chat("x").text == "echo: x"
        assert tars.Agent(home=home.home.root).chat("ECHO:history").text == "turns=2"
        home.tars("stop")
        home.configure("nonsense = 1")
        with pytest.raises(tars.TarsError, match="could not be started"):
            tars.Agent(home=home.home.root).chat("x")


def test_the_page_can_be_run_from_top_to_bottom(tmp_path: Path) -> None:
    """Every program of docs/python.md prints what the page shows."""
    programs = re.findall(
        r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", PAGE.read_text(), re.M | re.S
    )
    assert len(programs) == PAGE.read_text().count("```python")
    with tars_home(tmp_path) as home:
        home.configure_echo()
        for program, shown in programs:
            done = subprocess.run(
                [sys.executable, "-c", program], env=home.env, capture_output=True, text=True
            )
            assert re.fullmatch(pattern(shown), done.stdout.rstrip()), done.stdout + done.stderr
