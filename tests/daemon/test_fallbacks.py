"""A prompt between two agents: whatever comes in between, it is run or reported once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tars.control.contract import FellBack, TurnResult, Wire
from tars.control.feed import Subscription
from tars.core import events as e
from tars.core.agent import Agent, Outcome, Spec, State
from tars.core.fallback import Attempt
from tars.core.restart import RestartPolicy, When
from tars.daemon.chronicle import Chronicle
from tars.daemon.fallbacks import Fallbacks, unavailable
from tars.errors import Fault, FaultKind
from tars.home import Home
from tars.runtime.loop import Loop
from tars.runtime.turn import Prompt
from tars.store.rows import Wishes
from tars.store.store import Store
from tests.daemon.running import running

pytestmark = pytest.mark.anyio

TWO = '[agents.a]\nkind = "echo"\nfallback = ["b"]\n[agents.b]\nkind = "echo"\nqueue_limit = 1\n'
QUOTA = Fault(FaultKind.QUOTA, "No quota.")
REFUSED = Attempt(Outcome.REFUSED, QUOTA, began=False)
PROMPT = Prompt("ab", "a", "hello", timeout_seconds=9.0)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    home.config.write_text(TWO)
    return home


@asynccontextmanager
async def daemon(home: Home) -> AsyncIterator[tuple[Loop, Chronicle, Fallbacks]]:
    """Without a socket; its agents wait for a prompt, and are down at the end."""
    async with running(home) as (_, loop, chronicle, assembly):
        for name in "ab":
            loop.send(name, e.StartAsked(at_need=True))
        chronicle.fallbacks = Fallbacks(loop, chronicle.feed, assembly.fallbacks)
        chronicle.healed = True
        yield loop, chronicle, chronicle.fallbacks


async def pass_over(chronicle: Chronicle, fallbacks: Fallbacks) -> tuple[Prompt, Subscription]:
    """Save a prompt for whoever stands in for its agent; it has not begun there."""
    following = fallbacks.after_drop(PROMPT, REFUSED)
    assert following is not None
    assert (following.id, following.agent, following.fell_back_from) == ("ab-2", "b", ("a",))
    await chronicle.accept_elsewhere(PROMPT, QUOTA, following)
    return following, chronicle.feed.follow_turn(PROMPT.id)


async def read(subscription: Subscription) -> dict[str, Wire]:
    return {name: message async for name, message in subscription}


async def test_whoever_follows_the_prompt_follows_it_to_the_next_agent(home: Home) -> None:
    """One stream to its end, which says who answered; then nothing is remembered of it."""
    async with daemon(home) as (_, chronicle, fallbacks):
        following, stream = await pass_over(chronicle, fallbacks)
        assert fallbacks.current("ab") == "ab-2"
        chronicle.go_on_elsewhere(PROMPT, QUOTA, following)
        heard = await read(stream)
        told, result = heard["fallback"], heard["turn"]
        assert isinstance(told, FellBack)
        assert isinstance(result, TurnResult)
        assert (told.turn, told.reason, told.kind) == ("ab-2", "No quota.", "quota")
        assert (result.agent, result.text, result.fell_back_from) == ("b", "echo: hello", ["a"])
        assert fallbacks.current("ab") == "ab"


async def test_a_cancel_finds_a_prompt_that_is_with_nobody(home: Home) -> None:
    """It is cancelled as soon as it is anywhere."""
    async with daemon(home) as (_, chronicle, fallbacks):
        following, stream = await pass_over(chronicle, fallbacks)
        assert fallbacks.cancel(fallbacks.current("ab"))
        chronicle.go_on_elsewhere(PROMPT, QUOTA, following)
        result = (await read(stream))["turn"]
        assert isinstance(result, TurnResult)
        assert (result.outcome, result.agent) == ("cancelled", "b")
        assert not fallbacks.cancel("ab-2")


async def test_a_daemon_that_stops_in_between_keeps_the_prompt(home: Home) -> None:
    """Whoever waits is told, and the next daemon runs it; nothing else falls back meanwhile."""
    async with daemon(home) as (_, chronicle, fallbacks):
        following, stream = await pass_over(chronicle, fallbacks)
        fallbacks.close()
        assert fallbacks.after_drop(Prompt("x", "a", "hi"), REFUSED) is None
        chronicle.go_on_elsewhere(PROMPT, QUOTA, following)
        result = (await read(stream))["turn"]
        assert isinstance(result, TurnResult)
        assert (result.outcome, result.error and result.error.kind) == ("interrupted", "stopped")
    store = Store.open(home.store)
    [waiting] = store.waiting_prompts()
    store.close()
    assert (waiting.id, waiting.text, waiting.fell_back_from) == ("ab-2", "hello", ("a",))


async def test_nobody_is_asked_who_can_take_no_prompt(home: Home) -> None:
    """Stopped by somebody, or with a full queue: then the first failure stands."""
    async with daemon(home) as (loop, _, fallbacks):
        loop.send("b", e.StopAsked())
        assert fallbacks.after_drop(PROMPT, REFUSED) is None
        loop.send("b", e.StartAsked())
        loop.submit(Prompt("x", "b", "hi"))
        assert fallbacks.after_drop(PROMPT, REFUSED) is None
        await loop.reached(lambda: loop.agent("b").state is State.READY)
        assert fallbacks.after_drop(PROMPT, REFUSED) is not None
        bound = Prompt("y", "a", "hi", session="s1")
        assert fallbacks.after_drop(bound, REFUSED) is None


async def test_a_session_that_nobody_named_binds_no_prompt(home: Home) -> None:
    """Its project's was found for it: another agent has its own, and takes no name of it."""
    async with daemon(home) as (_, _, fallbacks):
        wishes = Wishes(project="/site", joins="project:/site", name="login", task="T1")
        prompt = Prompt("y", "a", "hi", session="s1", wishes=wishes)
        following = fallbacks.after_drop(prompt, REFUSED)
        assert following is not None
        assert (following.agent, following.session) == ("b", None)
        assert following.wishes == Wishes(project="/site", task="T1")
        fallbacks.over(following)
        anew = Prompt("z", "a", "hi", wishes=Wishes(new=True, joins="project:/site"))
        following = fallbacks.after_drop(anew, REFUSED)
        assert following is not None
        assert not following.wishes.new
        fallbacks.over(following)
        asked_for = fallbacks.after_drop(Prompt("w", "a", "hi", wishes=Wishes(new=True)), REFUSED)
        assert asked_for is not None
        assert asked_for.wishes.new
        fallbacks.over(asked_for)


def test_why_an_agent_takes_no_prompt() -> None:
    """It failed; it went down and is not to be restarted; somebody stopped it; or it takes one."""
    never = Spec("a", restart=RestartPolicy(when=When.NEVER))
    table = [
        (Agent.new(Spec("a")), FaultKind.STOPPED),
        (_agent(Spec("a"), wanted=True), None),
        (_agent(Spec("a"), state=State.FAILED, fault=QUOTA), FaultKind.QUOTA),
        (_agent(Spec("a"), state=State.WAITING, wanted=True, fault=QUOTA), None),
        (_agent(Spec("a"), fault=QUOTA), FaultKind.STOPPED),
        (_agent(never, fault=QUOTA), FaultKind.QUOTA),
    ]
    for agent, kind in table:
        fault = unavailable(agent)
        assert (fault and fault.kind) == kind, agent


def _agent(spec: Spec, **fields: object) -> Agent:
    return replace(Agent.new(spec), **fields)  # type: ignore[arg-type]


async def test_nobody_is_asked_whom_a_budget_keeps_from_it(home: Home) -> None:
    """Then the first failure stands; a budget of one agent lets another one stand in."""
    async with daemon(home) as (_, _, fallbacks):
        over = Attempt(Outcome.REFUSED, Fault(FaultKind.OVER_BUDGET, "All used."), began=False)
        fallbacks.bars = lambda name, prompt: (name, prompt) == ("b", PROMPT)
        assert fallbacks.after_drop(PROMPT, over) is None
        fallbacks.bars = lambda name, _: name == "a"
        following = fallbacks.after_drop(PROMPT, over)
        assert following is not None
        assert following.agent == "b"
