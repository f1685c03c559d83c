"""More sessions than anybody would ask for at once, and a note of what was asked."""

from collections.abc import Mapping

import anyio
import msgspec
from msgspec.structs import replace

from tars.control.costs.layout import Face
from tars.control.costs_contract import CostRow
from tars.control.session_contract import Session, SessionList, SessionSummary
from tests.control.costs_samples import REPORT, ROW
from tests.control.scripted_remembering import ScriptedRemembering
from tests.control.scripted_spending import ScriptedSpending
from tests.control.session_samples import SESSION, SUMMARY


class ManySessions(ScriptedRemembering):
    """`count` sessions that ran outside tars, the newest first. `pages` are those that were asked
    for; none is given while `free` is not set."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.pages: list[tuple[int, int]] = []
        self.free = anyio.Event()
        self.free.set()

    async def sessions(self, query: Mapping[str, str]) -> SessionList:
        after, limit = int(query.get("after", "0")), int(query["limit"])
        self.pages.append((after, limit))
        await self.free.wait()
        places = range(after, min(after + limit, self.count))
        return SessionList(sessions=[one(self.count - at) for at in places], total=self.count)

    async def summary(
        self, reference: str, *, agent: str | None, after: int, limit: int
    ) -> SessionSummary:
        session = one(int(reference[:7]))
        return replace(SUMMARY, session=replace(session, source="log"))


class OnePrice(ScriptedSpending):
    """Every session costs the same; `priced` are those that were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.priced: list[str] = []

    async def answer(self, given: Mapping[str, str], face: Face) -> str:
        ids = given.get("session", "").split(",")
        self.priced += ids
        rows = [_row(id) for id in ids]
        return msgspec.json.encode(replace(REPORT, rows=rows)).decode()


def one(number: int) -> Session:
    """The session that was begun as the so-many-th."""
    return replace(SESSION, id=f"{number:07}-0000", name=f"number {number}")


def _row(session: str) -> CostRow:
    return replace(ROW, session=session)
