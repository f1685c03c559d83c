"""What an agent says, as frozen values in one closed union, `Said`.

Codecs in `protocols` make these from bytes; nothing downstream knows which protocol
they came over. Strings are as the agent sent them, never interpreted.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from tars.errors import Fault

#: ToolKind of the Agent Client Protocol; whatever else an agent calls its tools is `other`.
TOOL_KINDS = (
    "read",
    "edit",
    "delete",
    "move",
    "search",
    "execute",
    "think",
    "fetch",
    "switch_mode",
    "other",
)


class Stop(StrEnum):
    """How a turn ended, in the protocol's own words."""

    DONE = "done"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    LIMIT = "limit"
    ERROR = "error"


class ToolStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ModelTokens:
    """Tokens of one model, as the agent reports them: input includes cached and cache
    writes, output leaves thoughts out. None means that the agent did not say."""

    model: str
    input: int
    output: int
    cached: int | None = None
    thoughts: int | None = None
    cache_write: int | None = None


@dataclass(frozen=True, slots=True)
class ReportedUsage:
    """What the agent itself says a turn used: sums over the turn's model requests, those of
    its subagents too. The fields mean the same as in `ModelTokens`.

    `cost_microusd` is what the agent says the turn cost, in millionths of a US dollar.
    `requests` is 0 where the agent does not say how many there were. `at_least`: the turn
    was cut short, and the agent counted only what it had seen by then. `estimated`: the
    figures are rounded, or reckoned by the agent itself.
    """

    input: int
    output: int
    cached: int | None = None
    thoughts: int | None = None
    models: tuple[ModelTokens, ...] = ()
    cache_write: int | None = None
    cost_microusd: int | None = None
    requests: int = 0
    at_least: bool = False
    estimated: bool = False


class Scope(StrEnum):
    """What an agent's raw counters cover. Only those of a request are added up as they are."""

    REQUEST = "request"
    TURN = "turn"
    PROCESS = "process"
    THREAD = "thread"


@dataclass(frozen=True, slots=True)
class RequestUsage:
    """One request to the model, as the agent told or logged it.

    `id` is the agent's own id of the message or response, `at` its ISO 8601 time (UTC).
    `input` includes `cached` and `cache_write`; `output` leaves `thoughts` out. All counts
    are tokens. `raw` is the JSON object of the agent's own counters, of which `scope` says
    what they cover. `subagent` names the subagent that made the request, or is empty.
    """

    id: str
    model: str
    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    thoughts: int = 0
    at: str = ""
    cost_microusd: int | None = None
    scope: Scope = Scope.REQUEST
    raw: str = ""
    subagent: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """One of the account's limits, as the agent tells it: `name` is its own word (`five_hour`,
    `weekly` …), `used_percent` from 0, `resets_at` in seconds since the epoch, `status` the
    agent's own word. None is what it did not say."""

    name: str
    used_percent: float | None = None
    resets_at: float | None = None
    status: str = ""


@dataclass(frozen=True, slots=True)
class PermissionOption:
    """One answer that the agent offers. `kind` is the protocol's: allow_once,
    allow_always, reject_once or reject_always."""

    id: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The handshake was answered and a session is open: the agent can take prompts.

    `resumed` says that an earlier conversation came back; `model` and `agent_version`
    are empty where the protocol does not say.
    """

    session_id: str
    resumed: bool = False
    model: str = ""
    mode: str = ""
    agent_version: str = ""


@dataclass(frozen=True, slots=True)
class OpenFailed:
    """The handshake or the session could not be opened."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class SessionLost:
    """The agent no longer has this conversation; a fresh one follows."""

    session_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class TextSaid:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ThoughtSaid:
    """A piece of the model's reasoning, where the agent shows it."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallChanged:
    """A tool call began or moved on. The same `call_id` comes again with each change."""

    call_id: str
    status: ToolStatus
    title: str = ""
    kind: str = ""
    paths: tuple[str, ...] = ()
    output: str = ""


@dataclass(frozen=True, slots=True)
class PermissionAsked:
    """The agent waits until somebody allows or refuses a tool call.

    `details` is all that is known of what would be done, for who has to answer: bounded, and
    with everything visible (`shown`). It is never stored nor logged.
    """

    request_id: str
    title: str
    tool_kind: str
    options: tuple[PermissionOption, ...]
    call_id: str = ""
    details: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """The agent's approval mode is another one now."""

    mode: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """The agent waits for something other than us; `reason` is for a person. `until` is
    when it means to go on, in seconds since the epoch, where it says so."""

    reason: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class RequestCounted:
    """The agent told what one request to the model used. The same `request.id` never comes
    twice from one codec."""

    request: RequestUsage


@dataclass(frozen=True, slots=True)
class ContextTold:
    """How full the context window is, in tokens; `size` is 0 where the agent did not say."""

    used: int
    size: int = 0


@dataclass(frozen=True, slots=True)
class LimitsTold:
    """How the account stands. A limit that is not named is as it was."""

    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """A well-formed message that this version of tars does not know: it is counted, by its
    name, and the conversation goes on."""

    what: str


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The agent is done with the prompt. `fault` is set when `stop` is ERROR."""

    stop: Stop
    usage: ReportedUsage | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Garbled:
    """Bytes that make no sense in the protocol; the conversation goes on.

    `reason` never quotes the bytes: they may hold an answer. `size` is in bytes.
    """

    reason: str
    size: int = 0


Said = (
    Opened
    | OpenFailed
    | SessionLost
    | TextSaid
    | ThoughtSaid
    | ToolCallChanged
    | PermissionAsked
    | ModeChanged
    | Retrying
    | RequestCounted
    | ContextTold
    | LimitsTold
    | Unrecognised
    | TurnEnded
    | Garbled
)
