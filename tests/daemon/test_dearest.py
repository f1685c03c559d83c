"""Sessions by what they cost: the engine's figures, which cost something themselves."""

from array import array
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tars.accounting.usage import Source, TurnUsage
from tars.core.agent import Outcome
from tars.daemon.costs import Spending
from tars.daemon.dearest import TIMES, Dearest, Worth
from tars.daemon.remembering import Remembering
from tars.errors import StoreError
from tars.home import Home
from tars.runtime.recorder import Recorder
from tars.store.rows import TurnRecord
from tars.store.store import Store
from tests.support.remembered import NOON

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The engine's thread is asyncio's."""
    return "asyncio"


async def test_what_agents_do_not_tell_is_worked_out(tmp_path: Path) -> None:
    """A session whose agent tells no cost stands where its price puts it, as in `tars costs`: the
    ledger alone would have it at the end."""
    home = Home(tmp_path)
    home.prepare()
    home.config.write_text('[prices.models."m"]\ninput = 1000\noutput = 1000\n')
    store = Store.open(home.store)
    for number, cost in enumerate((5, None, 70_000)):
        usage = TurnUsage(input=50, net=50, requests=1, source=Source.OFFICIAL, cost_microusd=cost)
        id = f"session-{number}"
        store.finish_turn(
            TurnRecord(f"t{number}", "a", Outcome.OK, NOON, NOON, 1, id, "m", usage=usage)
        )

    class Asked:
        async def ask(self, work: Callable[[Store], Any]) -> Any:
            return work(store)

    spending = Spending(home, {"HOME": str(tmp_path)})
    remembering = Remembering(home, cast(Recorder, Asked()), spending=spending)
    for query, ids in (
        ({"sort": "cost"}, ["session-2", "session-1", "session-0"]),
        ({"sort": "cost", "reverse": "1", "limit": "2"}, ["session-0", "session-1"]),
        ({"sort": "cost", "after": "1", "limit": "1"}, ["session-1"]),
    ):
        found = await remembering.sessions(query)
        assert ([session.id for session in found.sessions], found.total) == (ids, 3)
    spending.close()
    store.close()


async def test_an_order_is_kept_while_it_is_cheap_to_do_so(tmp_path: Path) -> None:
    """Until figures change, and for a while after that: as long as it took, times twenty. An
    order that could not be made is asked for again."""
    now, asked = [0.0], []
    answers: list[Worth | StoreError] = [{"a": (1, 1)}, StoreError("no"), {"b": (1, 1)}]

    async def ask(_work: object) -> Worth:
        asked.append(now[0])
        now[0] += 2.0
        answer = answers.pop(0)
        if isinstance(answer, StoreError):
            raise answer
        return answer

    async def ranked(worth: Worth) -> "array[int]":
        return array("q", map(ord, worth))

    spending = SimpleNamespace(version=1, ask=ask)
    dearest = Dearest(cast(Spending, spending), ranked, clock=lambda: now[0])
    first = await dearest.order()
    assert await dearest.order() is first
    spending.version += 1
    now[0] = 2.0 + 2.0 * TIMES - 0.1
    assert await dearest.order() is first
    now[0] += 0.1
    with pytest.raises(StoreError):
        await dearest.order()
    assert list(await dearest.order()) == [ord("b")]
    assert asked == [0.0, 42.0, 44.0]
