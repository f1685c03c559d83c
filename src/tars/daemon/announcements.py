"""What is told at once to whoever listens: what happens to agents, how a turn comes along.

Nothing of it is kept. What has to be on record first is told by the chronicle itself.
"""

from datetime import UTC, datetime
from typing import Any

import anyio
import msgspec

from tars.accounting.usage import reconcile
from tars.control import contract as w
from tars.control.attach_contract import Prompted
from tars.control.feed import Feed
from tars.control.wire import time_text
from tars.conversation.model import Retrying, Said, TextSaid, ThoughtSaid, ToolCallChanged
from tars.core import events as e
from tars.core.agent import Agent
from tars.core.condition import Condition, Word
from tars.daemon import status
from tars.runtime.driver import Driver
from tars.runtime.turn import LiveTurn

#: What keeps an agent from the prompts that wait for it.
_IN_THE_WAY = (Word.DEAD, Word.LIMITED, Word.WEDGED)


class Announcements:
    """The feed's events, in the words of the control channel."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def decided(self, agent: str, event: e.Event, title: str = "") -> None:
        """Tell an event that the core has judged; a request for leave has a `title`."""
        # Who answered a request, and how, is told once, when the agent has its answer.
        if self._feed.listeners and not isinstance(event, e.PermissionAnswered):
            data = _camel(msgspec.to_builtins(event))
            if isinstance(event, e.PermissionAsked):
                data["title"] = title
            self.happened(_snake(type(event).__name__), agent, data)

    def condition_changed(self, agent: str, was: Word, now: Condition) -> None:
        """Tell how the agent fares now."""
        shown = status.condition_status(now, anyio.current_time())
        data = {**msgspec.to_builtins(shown), "was": was.value}
        self.happened("condition_changed", agent, data)

    def holds_up(self, prompt: str, condition: Condition) -> None:
        """Tell who waits for a prompt why its agent does not get to it, if that is news."""
        if condition.word in _IN_THE_WAY:
            shown = status.condition_status(condition, anyio.current_time())
            waiting = w.Waiting(reason=condition.evidence, until=shown.until)
            self._feed.publish_turn(prompt, "waiting", waiting)

    def happened(self, event: str, agent: str, data: dict[str, object]) -> None:
        """Tell an event by its name on the wire."""
        if self._feed.listeners:
            at = time_text(datetime.now(UTC))
            self._feed.publish_event(w.FeedEvent(event=event, agent=agent, at=at, data=data))

    def asked(self, agent: Agent, driver: Driver, request_id: str, now: float) -> None:
        """A person has to answer: tell whoever watches the turn."""
        if driver.turn is None:
            return
        for waiting in status.permissions(agent, driver, now):
            if waiting.id == request_id:
                self._feed.publish_turn(driver.turn.prompt.id, "permission", waiting)

    def begins(self, agent: str, turn: LiveTurn) -> None:
        """Tell what the agent is asked."""
        prompted = Prompted(turn=turn.prompt.id, text=turn.prompt.text)
        self._feed.turn_begins(agent, turn.prompt.id, "prompt", prompted)

    def started(self, turn: LiveTurn) -> None:
        """Tell that the agent has the prompt, and in which session."""
        started = w.Started(turn=turn.prompt.id, session=turn.session_id)
        self._feed.publish_turn(turn.prompt.id, "started", started)

    def said(self, live: LiveTurn, said: Said) -> None:
        """Tell what the agent said in a turn."""
        turn = live.prompt.id
        match said:
            case TextSaid(text):
                self._feed.publish_turn(turn, "text", w.Text(text=text))
            case ThoughtSaid(text):
                self._feed.publish_turn(turn, "thought", w.Text(text=text))
            case ToolCallChanged(call_id):
                call = live.transcript.tools[call_id]
                tool = w.Tool(
                    id=call_id, title=call.title, kind=call.kind, status=call.status.value
                )
                self._feed.publish_turn(turn, "tool", tool)
                if live.requests:
                    so_far = status.usage_status(reconcile(None, live.requests))
                    self._feed.publish_turn(turn, "usage", so_far)
            case Retrying(reason, until):
                waiting = w.Waiting(reason=reason, until=status.epoch(until))
                self._feed.publish_turn(turn, "waiting", waiting)
            case _:
                pass


def _camel(value: Any) -> Any:
    """Name every field, however deep, as the wire does."""
    if isinstance(value, dict):
        return {_wire_name(name): _camel(of) for name, of in value.items()}
    return [_camel(of) for of in value] if isinstance(value, list | tuple) else value


def _wire_name(name: str) -> str:
    first, *more = name.split("_")
    return first + "".join(word.capitalize() for word in more)


def _snake(name: str) -> str:
    return "".join(f"_{x.lower()}" if x.isupper() else x for x in name).lstrip("_")
