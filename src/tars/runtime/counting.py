"""What the session under way has used, as the agent's protocol tells it and its log shows it.

An agent whose protocol counts every request is believed: its log is compared with that,
and a line that comes after its turn is added to that turn. Of any other agent the log is
the truth, and a line that belongs to no turn is used by itself.
"""

from collections.abc import Callable, Iterable

import anyio

from tars.accounting.usage import usage_missing
from tars.agents.kind import History, Kind
from tars.conversation.model import RequestCounted, RequestUsage, Said, TurnEnded
from tars.runtime.hub import Hub
from tars.runtime.log import log
from tars.runtime.turn import LiveTurn

#: How long, and how often, to look for a turn's requests in the agent's log.
LOG_PATIENCE_SECONDS = 0.3
LOG_LOOK_SECONDS = 0.01
#: When a log is looked at again that is only compared with.
LATE_LOG_SECONDS = 1.0


class Counting:
    """One agent's. `session_id` is the session that the next prompt goes to, and `history` its
    log; each is None where there is none."""

    def __init__(self, agent: str, kind: Kind, hub: Hub) -> None:
        self.session_id: str | None = None
        self.history: History | None = None
        self._agent = agent
        self._hub = hub
        self._believed = kind.counts_on_the_wire
        self._last: tuple[str, str | None] | None = None

    def go_to(self, session_id: str | None, history: History | None) -> None:
        """From now on this session is counted."""
        self.session_id, self.history = session_id, history

    def mark(self) -> str:
        """Give the position up to which the log has been read, or "" where there is none."""
        return "" if self.history is None else self.history.mark()

    def guard(self) -> None:
        """Before a process loads the session: make sure that loading cannot lose its log."""
        if self.history is not None:
            self.history.guard()

    def tidy(self) -> None:
        """After a process has loaded the session: remove what the loading left."""
        if self.history is not None:
            self.history.tidy()

    def look(self, history: History | None) -> tuple[RequestUsage, ...] | None:
        """Read on in a log. Where that is beyond us, the detail is lost, not the turn."""
        if history is None:
            return None
        try:
            return history.read()
        except Exception:
            log.exception("history_not_read", agent=self._agent)
            return None

    def read_log(self, turn: LiveTurn) -> None:
        """Add what the log shows now to the turn's requests."""
        more = self.look(self.history)
        if more is not None:
            turn.requests = (turn.requests or ()) + more

    def told(self, turn: LiveTurn | None, request: RequestUsage) -> None:
        """The protocol counted a request, in a turn or by itself."""
        if turn is not None:
            turn.told = (*turn.told, request)
        elif self.session_id is not None:
            self._hub.spent(self._agent, self.session_id, (request,))

    def told_last(self, turn: LiveTurn | None, last: Iterable[Said]) -> None:
        """The process is gone: what its codec still knew of a turn under way is told too."""
        for said in last:
            if isinstance(said, RequestCounted):
                self.told(turn, said.request)
            elif isinstance(said, TurnEnded) and turn is not None and turn.reported is None:
                turn.reported = said.usage

    def finished(self, turn: LiveTurn) -> None:
        """A turn is over: read the log for it, and once more when it has had time to grow."""
        self.read_log(turn)
        self._last = turn.prompt.id, turn.session_id
        if self._believed and self.history is not None:
            self._hub.background(self._agent, self._look_later)

    def claim_rest(self) -> None:
        """What the log shows between two turns came too late for the one before."""
        requests, session_id = self.look(self.history), self.session_id
        if not requests or session_id is None:
            return
        if not self._believed:
            self._hub.spent(self._agent, session_id, requests)
        elif self._last is not None and self._last[1] == session_id:
            self._hub.logged(self._agent, self._last[0], session_id, requests)

    def missing(self, turn: LiveTurn) -> bool:
        """Whether the log does not show yet what the agent reported, and is waited for."""
        if self._believed or turn.told or turn.requests is None:
            return False
        return usage_missing(turn.reported, turn.requests)

    async def await_log(self, turn: LiveTurn, awaited: Callable[[], bool]) -> None:
        """The agent answers before its log is written: wait for the rest, but not long."""
        with anyio.move_on_after(LOG_PATIENCE_SECONDS):
            while awaited() and self.missing(turn):
                await anyio.sleep(LOG_LOOK_SECONDS)
                if awaited():
                    self.read_log(turn)

    async def _look_later(self) -> None:
        last, history = self._last, self.history
        await anyio.sleep(LATE_LOG_SECONDS)
        if last is not None and last == self._last and history is self.history:
            self.claim_rest()
