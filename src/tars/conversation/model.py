"""What an agent says, as frozen values in one closed union, `Said`.

Codecs in `protocols` make these from bytes; nothing downstream knows which protocol
they came over. Strings are as the agent sent them, never interpreted.
"""

from dataclasses import dataclass
from enum import StrEnum

from tars.errors import Fault


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
    """Tokens of one model, as the agent reports them: input includes cached, output
    leaves thoughts out. None means that the agent did not say."""

    model: str
    input: int
    output: int
    cached: int | None = None
    thoughts: int | None = None


@dataclass(frozen=True, slots=True)
class ReportedUsage:
    """What the agent itself says a turn used: sums over the turn's model requests."""

    input: int
    output: int
    cached: int | None = None
    thoughts: int | None = None
    models: tuple[ModelTokens, ...] = ()


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
    """The agent waits until somebody allows or refuses a tool call."""

    request_id: str
    title: str
    tool_kind: str
    options: tuple[PermissionOption, ...]
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """The agent's approval mode is another one now."""

    mode: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """The agent waits for something other than us; `reason` is for a person."""

    reason: str


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
    | TurnEnded
    | Garbled
)
