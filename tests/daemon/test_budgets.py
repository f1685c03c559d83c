"""Budgets in force: what is asked when nothing is left, what waits, and what is under way."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from structlog.testing import capture_logs

from tars.control.contract import Notice, TurnResult, Wire
from tars.control.feed import Subscription
from tars.core import events as e
from tars.core.agent import State
from tars.costs.engine import Costs
from tars.daemon.assembly import Assembly
from tars.daemon.budgets import Budgets
from tars.daemon.chronicle import Chronicle
from tars.daemon.costs import Spending
from tars.daemon.fallbacks import Fallbacks
from tars.errors import BudgetAsks, FaultKind, OverBudget, StoreError
from tars.home import Home
from tars.runtime.loop import Loop
from tars.runtime.turn import Prompt
from tars.store.rows import Wishes
from tests.daemon.running import running

pytestmark = pytest.mark.anyio

T = TypeVar("T")
#: A thousand tokens and ten, in one request.
THOUSAND = "ECHO:usage:1000:10:0:0"
FREE = "It is free again "
#: The agent's model has a price, so that it need not be looked up; a dollar for a thousand tokens.
PRICES = '[prices.models."echo-1"]\ninput = 1000\noutput = 1000\n'


@pytest.fixture
def anyio_backend() -> str:
    """The engine's thread is asyncio's."""
    return "asyncio"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "h")
    home.prepare()
    return home


@dataclass(slots=True)
class Daemon:
    """Its inside: two agents, of which `b` stands in for `a`."""

    loop: Loop
    chronicle: Chronicle
    budgets: Budgets
    prompts: int = 0
    streams: dict[str, Subscription] = field(default_factory=dict)

    def prompt(self, text: str, agent: str = "a", **wishes: Any) -> Prompt:
        """Make a prompt that is not asked yet: t1, t2, …"""
        self.prompts += 1
        return Prompt(f"t{self.prompts}", agent, text, wishes=Wishes(**wishes))

    def ask(self, text: str, agent: str = "a", **wishes: Any) -> str:
        prompt = self.prompt(text, agent, **wishes)
        self.streams[prompt.id] = self.chronicle.feed.follow_turn(prompt.id)
        self.loop.submit(prompt)
        return prompt.id

    async def heard(self, turn: str) -> list[tuple[str, Wire]]:
        """Everything of a turn, to its end."""
        return [told async for told in self.streams[turn]]

    async def result(self, turn: str) -> TurnResult:
        name, last = (await self.heard(turn))[-1]
        assert name == "turn"
        assert isinstance(last, TurnResult)
        return last


@asynccontextmanager
async def daemon(home: Home, budget: str, prices: str = PRICES) -> AsyncIterator[Daemon]:
    """Run it with one budget called `it`, whose other keys these are."""
    home.config.write_text(
        f'[history]\nenabled = false\n{prices}[[budgets]]\nname = "it"\n{budget}\n'
        '[agents.a]\nkind = "echo"\nfallback = ["b"]\n[agents.b]\nkind = "echo"\n'
    )
    async with running(home) as (_, loop, chronicle, assembly):
        spending = Spending(home, {"HOME": str(home.root)})
        budgets = Budgets(home, loop, chronicle.feed, spending, lambda: assembly.config)
        wire(loop, chronicle, assembly, budgets)
        for name in "ab":
            loop.send(name, e.StartAsked(at_need=True))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(budgets.run)
            yield Daemon(loop, chronicle, budgets)
            await loop.stop_all()
            tasks.cancel_scope.cancel()
        spending.close()


def wire(loop: Loop, chronicle: Chronicle, assembly: Assembly, budgets: Budgets) -> None:
    chronicle.watching.append(budgets)
    chronicle.gate = budgets.begins
    chronicle.fallbacks = Fallbacks(loop, chronicle.feed, assembly.fallbacks)
    chronicle.fallbacks.bars = budgets.bars
    chronicle.refuse = loop.refuse


def kind(result: TurnResult) -> str:
    assert result.error is not None
    return result.error.kind


async def test_a_budget_that_is_used_up_refuses_the_next_prompt(home: Home) -> None:
    """It says which budget, how much, when it is free again, and how to raise it."""
    async with daemon(home, 'per = "day"\nmax_tokens = 1000\naction = "stop"') as it:
        assert await it.budgets.weigh(it.prompt("first")) is None
        assert (await it.result(it.ask(THOUSAND))).outcome == "ok"
        prompt = it.prompt("second")
        fault = await it.budgets.weigh(prompt)
        assert fault is not None
        assert fault.kind is FaultKind.OVER_BUDGET
        assert fault.message == "Budget it: 1,010 of 1,000 tokens used today."
        assert fault.advice.startswith(FREE)
        assert fault.advice.endswith("; `max_tokens` in config.toml says how much it has.")
        assert fault.until is not None
        error = it.budgets.refused(prompt, fault)
        assert type(error) is OverBudget
        assert (str(error), error.advice) == (fault.message, fault.advice)
        assert it.budgets.bars("b", prompt), "what is used up is so for everybody"


async def test_a_prompt_that_waits_is_weighed_when_its_turn_comes(home: Home) -> None:
    """What was free when it was asked may be used up then; nobody is given it."""
    async with daemon(home, 'per = "month"\nmax_tokens = 1000\naction = "stop"') as it:
        first, second = it.ask(THOUSAND), it.ask("hello")
        assert (await it.result(first)).outcome == "ok"
        result = await it.result(second)
        assert (result.outcome, kind(result), result.text) == ("error", "over_budget", "")
        await it.loop.reached(lambda: it.loop.agent("a").state is State.READY)


async def test_a_budget_that_asks_takes_a_yes(home: Home) -> None:
    """Without one it is refused, in a way that can be told from a plain no."""
    async with daemon(home, 'per = "week"\nmax_tokens = 1000\naction = "ask"') as it:
        await it.result(it.ask(THOUSAND))
        prompt = it.prompt("second")
        fault = await it.budgets.weigh(prompt)
        assert fault is not None
        assert type(it.budgets.refused(prompt, fault)) is BudgetAsks
        assert "`--over-budget` says yes to it." in fault.advice
        assert await it.budgets.weigh(it.prompt("third", over_budget=True)) is None
        heard = await it.heard(it.ask("hello", over_budget=True))
        notice = next(message for name, message in heard if name == "notice")
        assert isinstance(notice, Notice)
        assert (notice.kind, notice.subject, notice.severity) == ("budget", "it", "over")
        assert heard[-1][0] == "turn"


async def test_a_budget_that_warns_stops_nobody(home: Home) -> None:
    """The status tells it, and the log once; nothing is told before its share is used."""
    with capture_logs() as lines:
        async with daemon(home, 'per = "day"\nmax_tokens = 1200') as it:
            assert await it.budgets.weigh(it.prompt("first")) is None
            assert it.budgets.status() == []
            await it.result(it.ask(THOUSAND))
            for text in ("second", "third"):
                assert await it.budgets.weigh(it.prompt(text)) is None
            (shown,) = it.budgets.status()
    assert (shown.name, shown.standing, shown.left_tokens) == ("it", "warned", 190)
    told = [line["event"] for line in lines if line["event"].startswith("budget_")]
    assert told == ["budget_warned"]


async def test_a_turn_is_cancelled_while_it_runs(home: Home) -> None:
    """As soon as its usage is known: what it used so far counts, and is in the ledger after."""
    async with daemon(home, 'per = "day"\nlimit_usd = 1\naction = "kill"') as it:
        result = await it.result(it.ask("ECHO:tools:hang"))
        assert (result.outcome, kind(result)) == ("cancelled", "over_budget")
        assert result.error is not None
        assert result.error.message == "Budget it: $1.01 of $1.00 used today."
        again = await it.budgets.weigh(it.prompt("second"))
        assert again is not None
        assert again.message == result.error.message, "it was counted once"


async def test_a_budget_of_a_session_is_for_that_one_alone(home: Home) -> None:
    """A new conversation begins anew."""
    async with daemon(home, 'per = "session"\nmax_tokens = 1000\naction = "stop"') as it:
        await it.result(it.ask(THOUSAND))
        fault = await it.budgets.weigh(it.prompt("second"))
        assert fault is not None
        assert fault.advice.startswith("A new conversation (`--new`) begins anew;")
        assert (fault.message, fault.until) == (
            "Budget it: 1,010 of 1,000 tokens used in this session.",
            None,
        )
        assert await it.budgets.weigh(it.prompt("third", new=True)) is None
        assert await it.budgets.weigh(it.prompt("fourth", "b")) is None
        (listed,) = (await it.budgets.listing()).budgets
        assert (listed.standing, listed.left_tokens) == ("over", 0)
        assert listed.session == it.loop.drivers["a"].session_id


async def test_a_restart_changes_nothing(home: Home) -> None:
    """What was spent is in the ledger."""
    budget = 'per = "day"\nmax_tokens = 1000\naction = "stop"'
    async with daemon(home, budget) as it:
        await it.result(it.ask(THOUSAND))
    async with daemon(home, budget) as it:
        assert await it.budgets.weigh(it.prompt("second")) is not None


async def test_dollars_without_a_price_are_told(home: Home) -> None:
    """What nobody knows the price of is not free: the status says so, and what to do."""
    async with daemon(home, 'per = "day"\nlimit_usd = 1\naction = "stop"', prices="") as it:
        await it.result(it.ask(THOUSAND))
        assert await it.budgets.weigh(it.prompt("second")) is None
        (shown,) = it.budgets.status()
        assert (shown.standing, shown.unpriced_tokens) == ("warned", 1010)
        assert shown.advice.startswith("`[prices]` can give the model a price")


class Broken(Spending):
    """An engine whose figures cannot be had."""

    async def ask(self, work: Callable[[Costs], T]) -> T:
        raise StoreError("The store is damaged.")


async def test_without_figures_prompts_go_through_and_it_is_told(home: Home) -> None:
    """A file that cannot be read must not stop every agent."""
    budget = 'per = "day"\nmax_tokens = 1\naction = "kill"'
    async with daemon(home, budget) as it:
        it.budgets._spending = Broken(home, {})
        assert await it.budgets.weigh(it.prompt("first")) is None
        assert (await it.result(it.ask("hello"))).outcome == "ok"
        assert it.budgets.problems == [
            "Budgets are not in force, as nobody knows what was spent: The store is damaged."
        ]
