"""Turns that go round in circles: found while they run, told to who watches, and cancelled where
that is configured. What is found never holds a title, an argument or a text."""

from collections.abc import Callable
from dataclasses import dataclass

import anyio

from tars.accounting.runaway import Found, Reaction, RunawayConfig, Watch
from tars.control import contract as w
from tars.control.feed import Feed
from tars.conversation.model import (
    ContextTold,
    RequestCounted,
    RequestUsage,
    Said,
    ToolCallChanged,
)
from tars.core import events as e
from tars.core.events import Event
from tars.runtime.log import log
from tars.runtime.turn import LiveTurn, TurnReport

_ADVICE = "`[runaway]` in config.toml says what counts as one; docs/budgets.md explains it."
#: How many findings of one turn the status keeps.
_MOST_SHOWN = 3


@dataclass(slots=True)
class _Watched:
    """A turn's watch; `logged` is how many requests of its agent's log were counted.
    `given_up`: it was told to end, and nothing more is said of it."""

    watch: Watch
    logged: int = 0
    given_up: bool = False


class Runaways:
    """`config` gives what is configured now, and `send` is the loop's way in. A turn is judged by
    the configuration that it began under."""

    def __init__(
        self,
        feed: Feed,
        config: Callable[[], RunawayConfig],
        send: Callable[[str, Event], None],
    ) -> None:
        self._feed = feed
        self._config = config
        self._send = send
        self._turns: dict[str, _Watched] = {}

    def heard(self, agent: str, turn: LiveTurn, said: Said) -> None:
        """Look at what an agent said in a turn."""
        if not isinstance(said, ToolCallChanged | RequestCounted | ContextTold):
            return
        config = self._config()
        if not config.enabled:
            return
        watched = self._turns.get(turn.prompt.id)
        if watched is None:
            watched = self._turns[turn.prompt.id] = _Watched(Watch(config))
        for found in _look(watched, turn, said, anyio.current_time()):
            if not watched.given_up:
                self._found(agent, turn, found)
                watched.given_up = config.action is Reaction.CANCEL
                if watched.given_up:
                    self._send(agent, e.RanAway(turn.prompt.id, found.reason, _ADVICE))

    def over(self, report: TurnReport) -> None:
        """Forget a turn."""
        self._turns.pop(report.prompt.id, None)

    def _found(self, agent: str, turn: LiveTurn, found: Found) -> None:
        log.warning(
            "runaway_found",
            agent=agent,
            turn=turn.prompt.id,
            finding=found.finding.value,
            severity=found.severity.value,
            reason=found.reason,
        )
        turn.notices = [*turn.notices, found.reason][-_MOST_SHOWN:]
        notice = w.Notice(
            kind="runaway",
            subject=found.finding.value,
            severity=found.severity.value,
            message=found.reason,
        )
        self._feed.publish_turn(turn.prompt.id, "notice", notice)


def _look(watched: _Watched, turn: LiveTurn, said: Said, now: float) -> list[Found]:
    found: list[Found] = []
    match said:
        case ToolCallChanged():
            found += watched.watch.called(said, now)
        case RequestCounted(request):
            found += watched.watch.counted([request], now)
        case ContextTold(used):
            found += watched.watch.full(used, now)
        case _:
            pass
    return found + watched.watch.counted(_new_in_log(watched, turn), now)


def _new_in_log(watched: _Watched, turn: LiveTurn) -> tuple[RequestUsage, ...]:
    """What the agent's log shows by now; nothing where the protocol tells every request."""
    if turn.told or not turn.requests:
        return ()
    new, watched.logged = turn.requests[watched.logged :], len(turn.requests)
    return new
