"""What an export of sessions holds, record by record: version 1 of `tars.sessions`.

The names on the wire are camelCase. A session's record is followed by what was said before its
first turn, then by its turns; a turn's record by its model requests, by what was said in it, and
by what was said after it without a turn. Times are ISO 8601 in UTC to the microsecond, money is
in millionths of a US dollar, tokens are counts.
"""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

FORMAT = "tars.sessions"
VERSION = 1

#: More than any count can be; the store takes no larger one.
LARGEST = 2**53 - 1
Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]
Time = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
Status = Literal["active", "completed", "failed", "interrupted", "archived"]
OutcomeWord = Literal["ok", "cancelled", "error", "timeout", "interrupted", "refused"]
SourceWord = Literal["official", "log", "estimate"]
RoleWord = Literal["user", "assistant", "thought", "system", "tool"]


class Part(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A piece of an export. A field that this version does not know is refused: to leave it out
    would lose it."""


class Tokens(Part, kw_only=True):
    """What was used; the four kinds are disjoint, and `output` includes `reasoning`."""

    requests: Count = 0
    net_input: Count = 0
    cache_read: Count = 0
    cache_write: Count = 0
    output: Count = 0
    reasoning: Count = 0
    cost_microusd: Count = 0
    costed_turns: Count = 0


class TurnModel(Tokens, kw_only=True):
    """A turn's share of one model."""

    model: str


class SessionModel(Tokens, kw_only=True):
    """The sums of one model over a session's turns."""

    model: str
    turns: Count = 0


class Figures(Tokens, kw_only=True):
    """A session's sums over its finished turns. Those of session.json mean what they mean there."""

    turns: Count = 0
    messages: Count = 0
    tool_calls: Count = 0
    duration_ms: Count = 0
    tokens: Count = 0
    subagent_tokens: Count = 0
    at_least: bool = False
    total_input_tokens: Count = 0
    total_output_tokens: Count = 0
    total_cached_tokens: Count = 0
    total_net_tokens: Count = 0
    interaction_count: Count = 0
    last_interaction_at: Time | None = None
    last_input_tokens: Count = 0


class NotePart(Part, kw_only=True):
    """What somebody noted of a session."""

    at: Time
    text: str


class TaskPart(Part, kw_only=True):
    """A piece of work whose session this is."""

    name: str
    estimated_tokens: Count | None = None
    estimated_microusd: Count | None = None
    started_at: Time
    ended_at: Time | None = None


class SessionPart(Part, tag="session", tag_field="type", kw_only=True):
    """A conversation."""

    id: Id
    agent: Id
    agent_type: str = ""
    machine: str = ""
    name: str | None = None
    status: Status = "completed"
    source: str = "import"
    created_at: Time
    ended_at: Time | None = None
    last_activity_at: Time
    archived_at: Time | None = None
    project: str = ""
    branch: str = ""
    title: str = ""
    titled: bool = False
    task: str | None = None
    tags: list[str] = []
    metadata: dict[str, Any] = {}
    notes: list[NotePart] = []
    tasks: list[TaskPart] = []
    figures: Figures = msgspec.field(default_factory=Figures)
    models: list[SessionModel] = []


class FaultPart(Part, kw_only=True):
    """Why a turn failed."""

    kind: str
    message: str
    advice: str = ""


class TurnPart(Part, tag="turn", tag_field="type", kw_only=True):
    """A line of the ledger. Without `ended_at` it was under way. `usage_models` is the split as
    the agent has it, `models` the disjoint one, which adds up to the turn's own figures."""

    id: Id
    task: str | None = None
    outcome: OutcomeWord | None = None
    fault: FaultPart | None = None
    began_at: Time
    ended_at: Time | None = None
    duration_ms: Count = 0
    model: str = ""
    input: Count = 0
    net_input: Count = 0
    cache_read: Count = 0
    cache_write: Count = 0
    output: Count = 0
    reasoning: Count = 0
    context: Count = 0
    context_cached: Count = 0
    context_is_sum: bool = False
    requests: Count = 0
    tool_calls: Count = 0
    source: SourceWord = "estimate"
    cost_microusd: Count | None = None
    at_least: bool = False
    subagent_tokens: Count = 0
    reported: dict[str, Any] | None = None
    usage_models: list[dict[str, Any]] = []
    models: list[TurnModel] = []


class RequestPart(Part, tag="request", tag_field="type", kw_only=True):
    """One request to the model; `raw` is the agent's own JSON of its counters."""

    id: str
    model: str = ""
    input: Count = 0
    output: Count = 0
    cached: Count = 0
    cache_write: Count = 0
    thoughts: Count = 0
    at: str = ""
    source: SourceWord
    scope: Literal["request", "turn", "process", "thread"] = "request"
    raw: str = ""
    subagent: str = ""
    cost_microusd: Count | None = None


class MessagePart(Part, tag="message", tag_field="type", kw_only=True):
    """What somebody said. `number` is its place in its turn, and null where no turn brought it.
    `size` is how many characters it had, where not all of its text was kept."""

    number: Count | None = None
    role: RoleWord
    text: str
    size: Count | None = None
    began_at: Time
    ended_at: Time | None = None
    extra: Any = None


class ToolCallPart(Part, tag="toolCall", tag_field="type", kw_only=True):
    """A tool call, with the files that it names."""

    number: Count | None = None
    id: str
    kind: str
    title: str = ""
    status: str = "completed"
    output: str = ""
    size: Count | None = None
    began_at: Time
    ended_at: Time | None = None
    files: list[str] = []
    extra: Any = None


class ExportPart(Part, tag="export", tag_field="type", kw_only=True):
    """The first line of JSON lines."""

    format: str
    version: int


class EndPart(Part, tag="end", tag_field="type", kw_only=True):
    """The last line: without it, the file was cut off. `records` counts those in between."""

    sessions: Count
    records: Count


Entry: TypeAlias = MessagePart | ToolCallPart
#: What a file of sessions is made of, in its order.
Record: TypeAlias = SessionPart | TurnPart | RequestPart | MessagePart | ToolCallPart
Line: TypeAlias = Record | ExportPart | EndPart


def wire_time(at: datetime) -> str:
    """Write a time as an export has it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def wire_json(text: str | None) -> Any:
    """Give the JSON that the store holds as a text; what is none stays a text."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
