"""What `opencode serve` sends, as far as tars reads it; seen of version 1.18.33.

Its own description is at `GET /doc`. Members that tars does not read are skipped undecoded.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Raw, Struct, field

from tars.conversation.model import RequestUsage
from tars.protocols.counts import COUNTABLE, Count

_Count = Count | Annotated[float, COUNTABLE]
#: A million dollars for one request is an error of the price list.
_Dollars = Annotated[float, msgspec.Meta(ge=0, le=1e6)]
#: Milliseconds since the epoch.
_Millis = Annotated[float, COUNTABLE]

T = TypeVar("T")


class Head(Struct):
    """Any event."""

    type: str
    properties: Raw = Raw(b"{}")


class Cache(Struct):
    read: _Count = 0
    write: _Count = 0


class Tokens(Struct):
    """Disjoint: their sum is what was billed. Without the first two it is another format."""

    input: _Count
    output: _Count
    reasoning: _Count = 0
    cache: Cache = field(default_factory=Cache)

    @property
    def all(self) -> int:
        return int(self.input + self.output + self.reasoning + self.cache.read + self.cache.write)


class Times(Struct):
    created: _Millis | None = None
    start: _Millis | None = None
    end: _Millis | None = None
    completed: _Millis | None = None


class ModelRef(Struct):
    """A model of a session: `id` there, `modelID` in a message."""

    provider: str = field(default="", name="providerID")
    id: str = ""

    @property
    def name(self) -> str:
        return joined(self.provider, self.id)


class Session(Struct):
    id: str
    parent: str = field(default="", name="parentID")
    agent: str = ""
    title: str = ""
    model: ModelRef | None = None


class SessionTold(Struct):
    info: Session


class ErrorData(Struct):
    message: str = ""
    status: int | None = field(default=None, name="statusCode")
    headers: dict[str, str] = field(default_factory=dict, name="responseHeaders")
    body: str = field(default="", name="responseBody")


class Error(Struct):
    """Why a message, a session or a request failed."""

    name: str = ""
    data: ErrorData = field(default_factory=ErrorData)


class Message(Struct):
    """A message's head; what it says comes in parts."""

    id: str
    role: str
    session: str = field(name="sessionID")
    time: Times = field(default_factory=Times)
    provider: str = field(default="", name="providerID")
    model_id: Any = field(default="", name="modelID")
    summary: Any = None
    error: Error | None = None
    finish: str = ""

    @property
    def model(self) -> str:
        return joined(self.provider, self.model_id if isinstance(self.model_id, str) else "")

    @property
    def is_summary(self) -> bool:
        """It is the agent's own, made to make room. A user's message has an object there."""
        return self.summary is True


class MessageTold(Struct):
    info: Message


class ToolState(Struct):
    status: str = ""
    input: dict[str, Any] = field(default_factory=dict)
    title: str = ""
    output: str = ""
    error: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


class Part(Struct):
    id: str
    type: str
    message: str = field(name="messageID")
    session: str = field(name="sessionID")
    text: str = ""
    synthetic: bool = False
    ignored: bool = False
    tool: str = ""
    call: str = field(default="", name="callID")
    state: ToolState | None = None
    tokens: Tokens | None = None
    cost: _Dollars | None = None


class PartTold(Struct):
    part: Part
    time: _Millis | None = None


class Delta(Struct):
    session: str = field(name="sessionID")
    message: str = field(name="messageID")
    part: str = field(name="partID")
    text: str = field(name="field")
    delta: str


class Status(Struct):
    """`idle`, `busy`, or `retry`: then `next` is when, in milliseconds since the epoch."""

    type: str
    message: str = ""
    next: _Millis | None = None


class StatusTold(Struct):
    session: str = field(name="sessionID")
    status: Status = field(default_factory=lambda: Status("idle"))


class Failure(Struct):
    session: str = field(default="", name="sessionID")
    error: Error = field(default_factory=Error)


class Call(Struct):
    call: str = field(default="", name="callID")


class Permission(Struct):
    id: str
    session: str = field(name="sessionID")
    permission: str
    patterns: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    tool: Call = field(default_factory=Call)


class Choice(Struct):
    label: str


class Question(Struct):
    question: str
    header: str = ""
    options: list[Choice] = field(default_factory=list)


class Questions(Struct):
    id: str
    session: str = field(name="sessionID")
    questions: list[Question]
    tool: Call = field(default_factory=Call)


class Replied(Struct):
    request: str = field(name="requestID")


class Whole(Struct):
    """A message with its parts, as they are listed."""

    info: Message
    parts: list[Part]


class Limits(Struct):
    context: _Count = 0


class Model(Struct):
    limit: Limits = field(default_factory=Limits)


class Provider(Struct):
    """Its `options` may hold a key: they are not read."""

    id: str
    models: dict[str, Model] = field(default_factory=dict)


class Providers(Struct):
    providers: list[Provider]


class Agent(Struct):
    name: str
    mode: str = ""


class Health(Struct):
    version: str = ""


def decoded(raw: Raw, form: type[T]) -> T | None:
    """Read JSON as this, or give None where it is something else."""
    try:
        return msgspec.json.decode(raw, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def joined(provider: str, model: str) -> str:
    """A model's name, as opencode's command line and tars' configuration write it."""
    return f"{provider}/{model}" if provider and model else model


def counted(
    id: str, tokens: Tokens, *, model: str, cost: float | None, at: float | None, subagent: str
) -> RequestUsage:
    """Translate one `step-finish` part: it is one request to the model.

    opencode's kinds are disjoint; ours has what was cached, read or written, in `input`.
    """
    raw = {"tokens": tokens} if cost is None else {"tokens": tokens, "cost": cost}
    return RequestUsage(
        id,
        model,
        input=int(tokens.input + tokens.cache.read + tokens.cache.write),
        output=int(tokens.output),
        cached=int(tokens.cache.read),
        cache_write=int(tokens.cache.write),
        thoughts=int(tokens.reasoning),
        at=moment(at),
        cost_microusd=None if cost is None else round(cost * 1_000_000),
        raw=msgspec.json.encode(raw).decode(),
        subagent=subagent,
    )


def moment(millis: float | None) -> str:
    """Write a time of opencode's in ISO 8601, or nothing where it is none."""
    if millis is None:
        return ""
    try:
        told = datetime.fromtimestamp(millis / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return told.isoformat(timespec="milliseconds").replace("+00:00", "Z")
