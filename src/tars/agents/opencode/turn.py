"""One prompt until its end, as opencode's events tell it.

- The turn begins, for the server, with a new message of the user's. What comes before that
  belongs to the turn before.
- It is over when the session is idle and no message of the model's is open. opencode says
  idle twice where a turn fails or is aborted: the second time it has written everything.
- A part's text comes in deltas and then once more as a whole: only what is new is told.
- The last message decides how it ended: an error before it was mended on the way.
"""

from dataclasses import dataclass, field
from typing import Any

from tars.agents.opencode import faults, tools
from tars.agents.opencode.messages import Delta, Error, Message, Part
from tars.conversation.model import (
    ReportedUsage,
    RequestUsage,
    Said,
    Stop,
    TextSaid,
    ThoughtSaid,
    ToolCallChanged,
    ToolStatus,
    TurnEnded,
)
from tars.errors import Fault

#: How many parts and calls of one turn are remembered, so that nothing is told twice.
MAX_PARTS = 10_000
#: How often a cancel is sent to a turn that goes on.
MAX_ABORTS = 5

_ENDED = (ToolStatus.COMPLETED, ToolStatus.FAILED)
_ABORTED = "MessageAbortedError"
_STOPS = {"length": Stop.LIMIT, "content-filter": Stop.REFUSED}


@dataclass(slots=True)
class _Text:
    """A part of the answer or of the reasoning, and how much of it was told."""

    thought: bool
    told: int = 0


@dataclass(slots=True)
class Turn:
    """`sent`: the server has the prompt or will; `accepted`: it said so; `user` is the id of
    the prompt's message, `began` its time in milliseconds. `idle`: it was said, and nothing
    since then that speaks against it; `gone`: asked, the server says that nothing runs.
    `failure` is the session's first error, `latest` the id of its last message."""

    text: str = field(repr=False)
    session_id: str | None
    sent: bool = False
    accepted: bool = False
    cancelled: bool = False
    aborts: int = 0
    user: str = ""
    began: float = 0.0
    idle: bool = False
    gone: bool = False
    failure: Error | None = None
    checking: bool = False
    last: Message | None = None
    _open: set[str] = field(default_factory=set)
    _messages: set[str] = field(default_factory=set)
    _texts: dict[str, _Text] = field(default_factory=dict)
    _calls: dict[str, ToolCallChanged] = field(default_factory=dict)
    _call_ids: dict[str, str] = field(default_factory=dict)
    #: What the calls that are not over do, in words, by the agent's ids.
    _inputs: dict[str, str] = field(default_factory=dict, repr=False)
    _counted: list[RequestUsage] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether the server is certainly done with it."""
        return self.gone or (self.idle and self.user != "" and not self._open)

    @property
    def latest(self) -> str:
        return self.user if self.last is None else self.last.id

    @property
    def doubtful(self) -> bool:
        """Whether it may be over although not everything that belongs to an end was said."""
        if not self.accepted or self.checking or self.over:
            return False
        return self.idle or (self.user == "" and (self.failure is not None or self.aborts > 0))

    def note_message(self, message: Message) -> None:
        """A message of the model's began or changed."""
        done = message.time.completed is not None or message.error is not None
        if done:
            self._open.discard(message.id)
        else:
            self._open.add(message.id)
        if message.is_summary:
            # What it writes to make room is no answer.
            return
        self.last = message
        self._messages.add(message.id)
        if len(self._messages) > MAX_PARTS:
            self._messages = {message.id}

    def note_part(self, part: Part) -> list[Said]:
        """A part of a message began or changed; what is new in it is told."""
        if part.message not in self._messages or part.synthetic or part.ignored:
            return []
        if part.type in ("text", "reasoning"):
            known = self._texts.setdefault(part.id, _Text(part.type == "reasoning"))
            _bound(self._texts)
            return _told(known, part.text[known.told :])
        if part.type == "tool":
            return self._note_call(part)
        return []

    def note_delta(self, delta: Delta) -> list[Said]:
        """A part's text grew."""
        known = self._texts.get(delta.part)
        return _told(known, delta.delta) if known is not None and delta.text == "text" else []

    def note_counted(self, request: RequestUsage) -> None:
        """A request of the turn's, or of a subagent's, was counted."""
        self._counted.append(request)

    def call_id(self, agents_id: str) -> str:
        """The id under which a call was told."""
        return self._call_ids.get(agents_id, agents_id)

    def input(self, agents_id: str) -> str:
        """The details of a call that was told, or nothing."""
        return self._inputs.get(agents_id, "")

    def end(self) -> TurnEnded:
        """Say how it ended."""
        error = self.last.error if self.last is not None else self.failure
        if self.cancelled or (error is not None and error.name == _ABORTED):
            return self.cut_short()
        if error is not None and error.name == "MessageOutputLengthError":
            return TurnEnded(Stop.LIMIT)
        if error is not None:
            return TurnEnded(Stop.ERROR, fault=faults.of_error(error))
        if self.last is None:
            return TurnEnded(Stop.ERROR, fault=faults.empty())
        return TurnEnded(_STOPS.get(self.last.finish, Stop.DONE))

    def cut_short(self, fault: Fault | None = None) -> TurnEnded:
        """End it before its end, by a cancel or a fault: what the request that was under way
        used is in nobody's count."""
        stop = Stop.CANCELLED if fault is None else Stop.ERROR
        return TurnEnded(stop, self._at_least() if self.sent else None, fault)

    def _note_call(self, part: Part) -> list[Said]:
        change = tools.changed(part)
        before = self._calls.get(part.id)
        if change is None or before == change or (before and before.status in _ENDED):
            return []
        # The output is told once, at the end: while a call runs, all of it comes again and again.
        self._calls[part.id] = change
        self._call_ids[part.call] = part.id
        _bound(self._calls)
        _bound(self._call_ids)
        self._note_input(part)
        return [change]

    def _note_input(self, part: Part) -> None:
        if part.state is None or part.state.status in ("completed", "error"):
            self._inputs.pop(part.call, None)
        elif part.state.input:
            self._inputs[part.call] = tools.details(part.state.input)
            _bound(self._inputs)

    def _at_least(self) -> ReportedUsage:
        counted = self._counted
        costs = [r.cost_microusd for r in counted if r.cost_microusd is not None]
        return ReportedUsage(
            input=sum(r.input for r in counted),
            output=sum(r.output for r in counted),
            cached=sum(r.cached for r in counted),
            thoughts=sum(r.thoughts for r in counted),
            cache_write=sum(r.cache_write for r in counted),
            cost_microusd=sum(costs) if costs else None,
            requests=len(counted),
            at_least=True,
        )


def _told(text: _Text, more: str) -> list[Said]:
    if not more:
        return []
    text.told += len(more)
    return [ThoughtSaid(more) if text.thought else TextSaid(more)]


def _bound(known: dict[str, Any]) -> None:
    if len(known) > MAX_PARTS:
        del known[next(iter(known))]
