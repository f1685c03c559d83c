"""Sessions in the order of what they cost, as every report of costs says it.

The store knows what some agents told of their costs; what the others cost is worked out of prices,
which takes seconds for a hundred thousand sessions. So an order is kept for a while.
"""

import time
from array import array
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import anyio

from tars.daemon.costs import Spending

if TYPE_CHECKING:
    from tars.costs.engine import Costs

#: An order may be so many times as old as it took to make: to keep it takes a twentieth of a core.
TIMES = 20.0

Worth = Mapping[str, tuple[int, int]]


class Dearest:
    """`ranked` gives the keys of sessions by what their ids are worth. `clock` is in seconds."""

    def __init__(
        self,
        spending: Spending,
        ranked: "Callable[[Worth], Awaitable[array[int]]]",
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spending = spending
        self._ranked = ranked
        self._clock = clock
        self._one = anyio.Lock()
        self._order = array("q")
        self._version = -1
        self._good_until = float("-inf")

    async def order(self) -> "array[int]":
        """Give the keys of the sessions that cost anything, the dearest first. Raises TarsError."""
        async with self._one:
            if self._version != self._spending.version and self._clock() >= self._good_until:
                await self._look()
            return self._order

    async def _look(self) -> None:
        began, version = self._clock(), self._spending.version
        worth = await self._spending.ask(_worth)
        self._order = await self._ranked(worth)
        now = self._clock()
        self._version, self._good_until = version, now + TIMES * (now - began)


def _worth(costs: "Costs") -> Worth:
    """Say what every conversation has cost, and else what it has used."""
    from tars.costs.facts import Dimension
    from tars.sessions.ranges import Span

    found = costs.report((Dimension.SESSION,), span=Span())
    return {
        line.key[0]: (line.figures.cost, line.figures.tokens.total)
        for line in found.lines
        if line.key[0]
    }
