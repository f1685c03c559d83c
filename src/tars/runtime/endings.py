"""The end of a turn: told to the core once the agent's log shows what the turn used."""

from functools import partial

import anyio

from tars.conversation.model import TurnEnded
from tars.core import events as e
from tars.runtime import limits
from tars.runtime.counting import Counting
from tars.runtime.hub import Hub
from tars.runtime.turn import OUTCOMES, LiveTurn, added


class Endings:
    """One agent's. An agent may answer before its log is written; that is waited for, but
    not long, and not beyond the process's exit."""

    def __init__(self, agent: str, hub: Hub, counting: Counting) -> None:
        self._agent = agent
        self._hub = hub
        self._counting = counting
        self._awaited: tuple[LiveTurn, TurnEnded] | None = None

    def begin(self, turn: LiveTurn, ended: TurnEnded) -> None:
        """The agent says that a turn is over."""
        turn.reported = added(turn.reported_before, ended.usage)
        self._counting.read_log(turn)
        self._awaited = turn, ended
        if self._counting.missing(turn):
            self._hub.background(self._agent, partial(self._await_log, turn, ended))
        else:
            self.tell(turn, ended)

    def exited(self) -> bool:
        """The process is gone, and its log grows no more: tell the end that is waited for,
        if there is one."""
        if self._awaited is None:
            return False
        self.tell(*self._awaited)
        return True

    def forget(self) -> None:
        """Nobody wants to know any more."""
        self._awaited = None

    def tell(self, turn: LiveTurn, ended: TurnEnded) -> None:
        """Let the core judge the end of a turn."""
        self._awaited = None
        after = limits.retry_after(ended.fault, turn, anyio.current_time())
        outcome = OUTCOMES[ended.stop]
        self._hub.send(self._agent, e.TurnEnded(turn.prompt.id, outcome, ended.fault, after))

    async def _await_log(self, turn: LiveTurn, ended: TurnEnded) -> None:
        awaited = self._awaited
        await self._counting.await_log(turn, lambda: self._awaited is awaited)
        if self._awaited is awaited:
            self.tell(turn, ended)
