"""One rollout, line by line: which model answers, what each response used, who was asked to
help. Lines that tell none of these are not decoded."""

import msgspec
from msgspec import Raw

from tars.agents.codex import messages as wire
from tars.agents.codex.usage import MAX_REMEMBERED, request_usage
from tars.conversation.model import RequestUsage
from tars.protocols.counts import Count
from tars.protocols.jsonrpc import decoded

#: What a line has to hold to be worth decoding.
_SIGNS = (b'"token_usage_record"', b'"token_count"', b'"turn_context"', b'"receiver_thread_ids"')


class _Tokens(msgspec.Struct, frozen=True):
    input_tokens: Count
    output_tokens: Count
    total_tokens: Count = 0
    cached_input_tokens: Count = 0
    cache_write_input_tokens: Count = 0
    reasoning_output_tokens: Count = 0

    def on_the_wire(self) -> wire.Tokens:
        """The same, as the app-server tells them."""
        return wire.Tokens(
            self.input_tokens,
            self.output_tokens,
            self.total_tokens,
            self.cached_input_tokens,
            self.cache_write_input_tokens,
            self.reasoning_output_tokens,
        )


class _Line(msgspec.Struct):
    type: str
    payload: Raw
    timestamp: str = ""


class _Record(msgspec.Struct):
    response_id: str
    usage: Raw


class _TurnContext(msgspec.Struct):
    model: str = ""
    turn_id: str = ""


class _Info(msgspec.Struct):
    total_token_usage: _Tokens
    last_token_usage: Raw


class _Item(msgspec.Struct):
    receiver_thread_ids: tuple[str, ...] = ()


class _Event(msgspec.Struct):
    type: str
    info: _Info | None = None
    item: _Item | None = None


_LINE = msgspec.json.Decoder(_Line)
_RECORD = msgspec.json.Decoder(_Record)
_TURN_CONTEXT = msgspec.json.Decoder(_TurnContext)
_EVENT = msgspec.json.Decoder(_Event)
_TOKENS = msgspec.json.Decoder(_Tokens)


class Rollout:
    """The state after the lines so far. `subagent` names whose thread it is, or is empty;
    `subagents` are the threads that this one spawned or wrote to."""

    def __init__(self, subagent: str = "") -> None:
        self.subagents: dict[str, None] = {}
        self._subagent = subagent
        self._model = ""
        self._turn = ""
        self._has_records = False
        self._total: _Tokens | None = None
        self._counted: dict[str, None] = {}

    def read(self, line: bytes) -> RequestUsage | None:
        """Take the next line; give the request that it tells, the first time."""
        if not any(sign in line for sign in _SIGNS):
            return None
        told = decoded(line, _LINE)
        if told is None:
            return None
        match told.type:
            case "turn_context":
                self._note_turn(told)
                return None
            case "token_usage_record":
                return self._record(told)
            case "event_msg":
                return self._event(told)
            case _:
                return None

    def _note_turn(self, line: _Line) -> None:
        if (context := decoded(line.payload, _TURN_CONTEXT)) is not None:
            self._model = context.model or self._model
            self._turn = context.turn_id or self._turn

    def _record(self, line: _Line) -> RequestUsage | None:
        self._has_records = True
        record = decoded(line.payload, _RECORD)
        return None if record is None else self._count(record.response_id, record.usage, line)

    def _event(self, line: _Line) -> RequestUsage | None:
        event = decoded(line.payload, _EVENT)
        if event is None:
            return None
        if event.item is not None:
            self.subagents |= dict.fromkeys(event.item.receiver_thread_ids)
        if event.type != "token_count" or event.info is None:
            return None
        same = event.info.total_token_usage == self._total
        self._total = event.info.total_token_usage
        # Versions without records copied the parent's counts into a subagent's rollout.
        if same or self._has_records or self._subagent:
            return None
        id = f"{self._turn}/{self._total.total_tokens}"
        return self._count(id, event.info.last_token_usage, line)

    def _count(self, id: str, usage: Raw, line: _Line) -> RequestUsage | None:
        tokens = decoded(usage, _TOKENS)
        if tokens is None or tokens.on_the_wire().nothing or not id or id in self._counted:
            return None
        self._counted[id] = None
        if len(self._counted) > MAX_REMEMBERED:
            del self._counted[next(iter(self._counted))]
        return request_usage(
            id,
            self._model,
            tokens.on_the_wire(),
            raw=bytes(usage).decode(),
            at=line.timestamp,
            subagent=self._subagent,
        )
