"""Agents that start after others, and stop before them.

An agent starts when those it starts after are ready, or have failed to get there: one that
cannot start holds up nobody for ever. Only the order is kept: nothing is started for
another's sake.
"""

from collections.abc import Callable, Iterable
from functools import partial

from tars.core import events as e
from tars.core.agent import State
from tars.core.order import After, held_up, in_order, waves
from tars.runtime.loop import Loop

#: In these an agent has not come to rest yet.
UNSETTLED = (State.STARTING, State.STOPPING)


class Order:
    """`after` tells who starts after whom, as it is configured now."""

    def __init__(self, loop: Loop, after: Callable[[], After]) -> None:
        self._loop = loop
        self._after = after
        self._pending: dict[str, None] = {}

    def start(self, names: Iterable[str]) -> tuple[str, ...]:
        """Start these agents, each when its turn comes; give them in their order."""
        order = in_order(names, self._after())
        self._pending |= dict.fromkeys(order)
        self._go_on()
        return order

    def waits_for(self, name: str) -> list[str]:
        """Name those that hold up an agent which is to be started."""
        agent = self._loop.fleet.agents.get(name)
        if name not in self._pending or agent is None or agent.state is not State.STOPPED:
            return []
        return [n for n in self._after().get(name, ()) if self._is_unsettled(n)]

    def forget(self, name: str) -> None:
        """Nobody wants it to start any more, or it is started by other means."""
        self._pending.pop(name, None)

    async def run(self) -> None:
        """Start what has waited, whenever its turn comes, until cancelled."""
        while True:
            await self._loop.reached(lambda: bool(self._due()))
            self._go_on()

    async def started(self, name: str) -> None:
        """Wait until a start that was asked for has come to its end, good or bad."""
        await self._loop.reached(lambda: name not in self._pending and not self._moves(name))

    async def stop(self, names: Iterable[str], *, keep_queue: bool = False) -> tuple[str, ...]:
        """Stop these agents, each when those are down that start after it."""
        stopped: list[str] = []
        for wave in reversed(waves(names, self._after())):
            backwards = wave[::-1]
            for name in backwards:
                self.forget(name)
                self._loop.send(name, e.StopAsked(keep_queue))
            await self._loop.reached(partial(self._are_down, wave))
            stopped += backwards
        return tuple(stopped)

    async def stop_all(self) -> None:
        """Stop everybody, and keep the prompts that wait for the next daemon."""
        self._pending.clear()
        if any(self._after().values()):
            await self.stop(self._loop.fleet, keep_queue=True)
        await self._loop.stop_all()

    def _go_on(self) -> None:
        while due := self._due():
            for name in due:
                # Who is started meanwhile holds up nobody less.
                if name not in self._pending:
                    continue
                del self._pending[name]
                if name in self._loop.fleet.agents:
                    self._loop.send(name, e.StartAsked())

    def _due(self) -> list[str]:
        if not self._pending:
            return []
        unsettled = {*self._pending, *filter(self._moves, self._named())}
        after = self._after()
        return [name for name in self._pending if not held_up(name, unsettled, after)]

    def _named(self) -> set[str]:
        after = self._after()
        return {other for name in self._pending for other in after.get(name, ())}

    def _is_unsettled(self, name: str) -> bool:
        return name in self._pending or self._moves(name)

    def _moves(self, name: str) -> bool:
        agent = self._loop.fleet.agents.get(name)
        return agent is not None and agent.state in UNSETTLED

    def _are_down(self, names: Iterable[str]) -> bool:
        agents = (self._loop.fleet.agents.get(name) for name in names)
        return all(a is None or a.state in (State.STOPPED, State.FAILED) for a in agents)
