"""The prompts that wait, as they are told: where each stands, and what holds it up."""

from pathlib import Path

import pytest

from tars.core import events as e
from tars.daemon.queue import Waiting
from tars.errors import AgentNotFound, Fault, FaultKind
from tars.home import Home
from tars.runtime.turn import Prompt
from tars.store.rows import Wishes
from tests.daemon.running import running

pytestmark = pytest.mark.anyio

OVER = Fault(FaultKind.OVER_BUDGET, "Budget daily is used up.", "Wait.", 1_800_000_000.0)


@pytest.fixture
def anyio_backend() -> str:
    """The recorder's thread is asyncio's."""
    return "asyncio"


async def test_prompts_that_wait_are_told(tmp_path: Path) -> None:
    """Each agent's in their order, with the beginning of their texts, which can draw nothing; not
    of what is not kept. A handshake, a budget and another agent's start hold them up."""
    home = Home(tmp_path)
    home.prepare()
    home.config.write_text('[agents.a]\nkind = "echo"\n[agents.b]\nkind = "echo"\n')
    async with running(home) as (_, loop, chronicle, _assembly):
        first: dict[str, list[str]] = {}
        refused: dict[str, Fault] = {}
        waiting = Waiting(
            loop,
            starts_after=lambda name: first.get(name, []),
            refusal=lambda prompt: refused.get(prompt.id),
            keeps=chronicle.scribe.keeps,
        )
        text = "Write\n\x1b[2Jthe form" + "!" * 400
        for name in "ab":
            loop.send(name, e.StartAsked())
        loop.submit(Prompt("t1", "a", text))
        loop.submit(Prompt("t2", "a", "secret", "s-1", wishes=Wishes(unrecorded=True)))
        loop.submit(Prompt("t3", "b", "more"))
        # Nothing of this goes on before somebody waits.
        one, two, three = waiting.queue(None).prompts
        assert [(p.turn, p.agent, p.position) for p in (one, two, three)] == [
            ("t1", "a", 0),
            ("t2", "a", 1),
            ("t3", "b", 0),
        ]
        assert one.preview.startswith("Write ⏎ \\x1b[2Jthe form!!!")
        assert (len(one.preview) < 230, one.size) == (True, len(text))
        assert (two.preview, two.size, two.session) == ("", 6, "s-1")
        assert (one.waits_for, one.until) == ("its handshake is not answered yet", None)
        first["b"] = ["a"]
        assert waiting.queue("b").prompts[0].waits_for == "a has to start first."
        with pytest.raises(AgentNotFound):
            waiting.queue("nobody")
        del first["b"]
        await loop.reached(lambda: not loop.prompts)
        assert waiting.queue(None).prompts == []


async def test_a_budget_holds_up_what_waits_behind_a_turn(tmp_path: Path) -> None:
    """It says which, and when it is free again, of the prompts that it is about."""
    home = Home(tmp_path)
    home.prepare()
    home.config.write_text('[agents.a]\nkind = "echo"\n')
    async with running(home) as (_, loop, chronicle, _assembly):
        waiting = Waiting(
            loop,
            starts_after=lambda _: [],
            refusal=lambda prompt: OVER if prompt.id == "t3" else None,
            keeps=chronicle.scribe.keeps,
        )
        loop.send("a", e.StartAsked())
        loop.submit(Prompt("t1", "a", "ECHO:hang"))
        await loop.reached(lambda: loop.agent("a").turn is not None)
        for turn in ("t2", "t3"):
            loop.submit(Prompt(turn, "a", turn))
        two, three = waiting.queue("a").prompts
        assert (two.position, two.waits_for) == (1, "")
        assert (three.position, three.waits_for) == (2, "Budget daily is used up. Wait.")
        assert three.until == "2027-01-15T08:00:00.000Z"
        loop.send("a", e.StopAsked())
        await loop.reached(lambda: not loop.prompts)
