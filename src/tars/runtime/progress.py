"""What an agent's words mean for the turn under way: does it get on, or what does it wait for?"""

import time
from typing import TYPE_CHECKING

import anyio

from tars.agents.kind import Kind
from tars.conversation.model import (
    ContextTold,
    Opened,
    PermissionAsked,
    RequestCounted,
    Retrying,
    Said,
    TextSaid,
    ThoughtSaid,
    ToolCallChanged,
    TurnEnded,
)
from tars.core.condition import waits_for
from tars.core.health import Delay, Signs
from tars.errors import Fault
from tars.runtime.hub import Hub
from tars.runtime.turn import LiveTurn

if TYPE_CHECKING:
    from tars.runtime.channel import Channel

#: What an agent says that no longer waits for something.
_WORKING = (TextSaid, ThoughtSaid, ToolCallChanged, PermissionAsked, TurnEnded)
#: What moves a conversation on. Whoever says what it waits for is not stuck.
_PROGRESS = (*_WORKING, Retrying, RequestCounted, Opened)


def note(turn: LiveTurn, said: Said, now: float) -> bool:
    """Note what was said in a turn, at monotonic time `now`. True when it waited, and goes on."""
    turn.transcript.add(said)
    if isinstance(said, ContextTold):
        turn.context = said
    if isinstance(said, _PROGRESS):
        turn.progressed_at = now
    if isinstance(said, Retrying):
        turn.delay = _delay(said, now)
        return False
    goes_on = turn.delay is not None and isinstance(said, _WORKING)
    if goes_on:
        turn.delay = None
    return goes_on


def tell_waiting(hub: Hub, agent: str, turn: LiveTurn, waiting: Retrying) -> None:
    """Tell what a turn waits for, or with an empty reason that it goes on."""
    note(turn, waiting, anyio.current_time())
    hub.said(agent, waiting)


def tell_held(hub: Hub, agent: str, turn: LiveTurn, fault: Fault) -> None:
    """Tell that a turn waits until a limit ends."""
    tell_waiting(hub, agent, turn, Retrying(waits_for(fault.message), fault.until))


def heed_hints(hub: Hub, kind: Kind, agent: str, turn: LiveTurn, lines: list[str]) -> None:
    """Heed what lines of its stderr or diagnostics tell of why the turn takes so long."""
    for line in lines:
        reason = kind.retrying(line)
        if reason and reason != turn.waiting_for:
            tell_waiting(hub, agent, turn, Retrying(reason))


def signs(turn: LiveTurn | None, channel: "Channel | None", rss_bytes: int) -> Signs:
    """Give what was observed of a process and of its turn, if it has one."""
    if channel is None:  # there is no silence to judge
        rss_bytes = 0
    heard_at = anyio.current_time() if channel is None else channel.heard_at
    look = None if channel is None else channel.pulse.latest
    if turn is None:
        return Signs(heard_at, rss_bytes=rss_bytes, look=look)
    running = bool(turn.transcript.running_tools)
    return Signs(heard_at, running, rss_bytes, turn.progressed_at, look, turn.delay)


def _delay(said: Retrying, now: float) -> Delay | None:
    """What it waits for; `until` becomes monotonic, as `now` is."""
    if not said.reason:
        return None
    until = None if said.until is None else now + max(0.0, said.until - time.time())
    return Delay(said.reason, now, until)
