"""One report, whatever is asked for."""

from collections.abc import Mapping

import msgspec

from tars.control.costs.layout import Face
from tars.control.costs_contract import LogSources
from tars.control.status_contract import TodayStatus
from tests.control.costs_samples import REPORT, SOURCES

TODAY = TodayStatus(cost_usd=1.23, tokens=45_678, text="$1.23")


class ScriptedSpending:
    """`asked` are the words and the looks that came, in their order."""

    def __init__(self) -> None:
        self.asked: list[tuple[Mapping[str, str], Face]] = []

    async def answer(self, given: Mapping[str, str], face: Face) -> str:
        self.asked.append((given, face))
        return msgspec.json.encode(REPORT).decode()

    async def sources(self) -> LogSources:
        return SOURCES

    def want_today(self) -> bool:
        return True

    async def today(self, within: float) -> TodayStatus | None:
        return TODAY
