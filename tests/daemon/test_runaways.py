"""Turns that go round in circles are told while they run, and cancelled where that is wanted."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tars.accounting.runaway import Reaction, RunawayConfig
from tars.control.contract import Notice, TurnResult, Wire
from tars.control.feed import Feed, Subscription
from tars.conversation.model import RequestUsage, TextSaid, ToolCallChanged, ToolStatus
from tars.core import events as e
from tars.core.agent import Outcome, State
from tars.daemon import status
from tars.daemon.runaways import Runaways
from tars.home import Home
from tars.runtime.turn import LiveTurn, Prompt, report
from tests.daemon.running import running

pytestmark = pytest.mark.anyio

ASKED = Prompt("t1", "echo", "do it")


def runaways(feed: Feed, sent: list[tuple[str, e.Event]], **fields: Any) -> Runaways:
    config = RunawayConfig(**{"repeats": 3, "turn_tokens": 100, **fields})
    return Runaways(feed, lambda: config, lambda agent, event: sent.append((agent, event)))


def ended(number: int) -> ToolCallChanged:
    return ToolCallChanged(f"c{number}", ToolStatus.COMPLETED, "secret", "execute", output="x")


async def test_a_finding_is_told_to_all_who_look() -> None:
    """In the turn's stream, in its status and in the log, and never with the agent's words."""
    feed, sent = Feed(), list[tuple[str, e.Event]]()
    turn = ASKED.begin(0.0, "s1")
    with capture_logs() as lines, feed.follow_turn("t1") as stream:
        watching = runaways(feed, sent)
        for number in range(5):
            watching.heard("echo", turn, ended(number))
        name, notice = await anext(stream)
    message = "The agent made the same tool call 3 times in a row, with the same result."
    assert (name, notice) == ("notice", Notice("runaway", "repeats", "low", message))
    shown = status.turn_status(turn, 1.0)
    assert shown is not None
    assert shown.notices == [message]
    assert [line["event"] for line in lines] == ["runaway_found"]
    assert "secret" not in repr((lines, shown))
    assert sent == []


async def test_a_turn_is_watched_for_itself() -> None:
    """What one did counts for no other, and nothing is kept of one that is over."""
    sent = list[tuple[str, e.Event]]()
    watching = runaways(Feed(), sent, action=Reaction.CANCEL)
    for id in ("t1", "t2"):
        turn = Prompt(id, "echo", "do it").begin(0.0, "s1")
        watching.heard("echo", turn, ended(1))
        watching.heard("echo", turn, ended(2))
        over = report(turn, Outcome.OK, None, now=1.0, model="")
        watching.over(over)
    assert watching._turns == {}
    assert sent == []


async def test_requests_of_a_log_count_once() -> None:
    """They are there with the tool calls, and are left to the protocol where that counts them."""
    sent = list[tuple[str, e.Event]]()
    watching = runaways(Feed(), sent, repeats=0, action=Reaction.CANCEL)
    for told in ((), (RequestUsage("r0", "m", 1, 1),)):
        turn = LiveTurn(ASKED, ASKED.begin(0.0, "s1").began_at, 0.0, told=told)
        for number in range(3):
            turn.requests = (*(turn.requests or ()), RequestUsage(f"r{number}", "m", 30, 5))
            watching.heard("echo", turn, ended(number))
            watching.heard("echo", turn, TextSaid("and"))
        watching.over(report(turn, Outcome.OK, None, now=1.0, model=""))
    found = "The turn has used 105 tokens, cached ones left out."
    assert [type(event).__name__ for _, event in sent] == ["RanAway"]
    assert isinstance(sent[0][1], e.RanAway)
    assert (sent[0][1].prompt, sent[0][1].reason) == ("t1", found)


async def test_it_can_be_turned_off() -> None:
    """Then nothing is kept either."""
    watching = runaways(Feed(), [], enabled=False)
    turn = ASKED.begin(0.0, "s1")
    for number in range(100):
        watching.heard("echo", turn, ended(number))
    assert (turn.notices, watching._turns) == ([], {})


async def test_an_agent_in_a_circle_is_cancelled(tmp_path: Path) -> None:
    """A real one: its turn ends as cancelled, with the reason, and the agent goes on."""
    home = Home(tmp_path / "h")
    home.prepare()
    home.config.write_text('[agents.echo]\n[runaway]\naction = "cancel"\nrepeats = 4\n')
    async with running(home) as (_, loop, chronicle, assembly):
        watching = Runaways(chronicle.feed, lambda: assembly.config.runaway, loop.send)
        chronicle.watching.append(watching)
        loop.send("echo", e.StartAsked(at_need=True))
        stream = chronicle.feed.follow_turn("t1")
        loop.submit(Prompt("t1", "echo", "ECHO:loop:50"))
        heard = await read(stream)
        result, notice = heard["turn"], heard["notice"]
        assert isinstance(result, TurnResult)
        assert isinstance(notice, Notice)
        assert result.error is not None
        assert (result.outcome, result.error.kind) == ("cancelled", "runaway")
        assert result.error.message == notice.message
        await loop.reached(lambda: loop.agent("echo").state is State.READY)


async def read(subscription: Subscription) -> dict[str, Wire]:
    return {name: message async for name, message in subscription}
