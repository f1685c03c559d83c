"""What can happen to an agent, in the past tense, as a closed union.

Every event is a frozen value that can be stored and replayed: it holds ids, numbers and
faults, and never a prompt, an answer or a secret.
"""

from dataclasses import dataclass

from tars.core.agent import Outcome, Spec
from tars.core.permission import Answerer, Option
from tars.errors import Fault


@dataclass(frozen=True, slots=True)
class StartAsked:
    """Somebody wants the agent to run; `at_need`: not before a prompt needs it."""

    at_need: bool = False


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Somebody wants the agent down. `keep_queue`: the daemon itself leaves, and the
    prompts that wait, the held one first, are run by its successor."""

    keep_queue: bool = False


@dataclass(frozen=True, slots=True)
class RestartAsked:
    """Somebody wants a new process, with the same session."""


@dataclass(frozen=True, slots=True)
class Configured:
    """The agent's policy is this one from now on. The first event of every agent."""

    spec: Spec


@dataclass(frozen=True, slots=True)
class Spawned:
    """The operating system made the process; it also leads a process group."""

    pid: int


@dataclass(frozen=True, slots=True)
class SpawnFailed:
    """There is no process: the command could not be run."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class HandshakeAnswered:
    """The protocol's handshake was answered: the agent can take prompts."""


@dataclass(frozen=True, slots=True)
class HandshakeFailed:
    """The agent said no, or gave no session. The process may still be there."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class PromptAsked:
    """A prompt was accepted and saved under this id."""

    prompt: str


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Somebody does not want this prompt's answer any more; it waits or is under way."""

    prompt: str


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The agent is done with a prompt; `outcome` is what its protocol said. `retry_after`:
    a limit of the account stopped it, which ends in so many seconds."""

    prompt: str
    outcome: Outcome
    fault: Fault | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Exited:
    """The process is gone, and all that it wrote was read; a negative status is a signal number.

    `fault` is what its last words say went wrong, where they say it, and `retry_after` as
    in `TurnEnded`.
    """

    pid: int
    status: int
    fault: Fault | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class TimeUp:
    """The agent's deadline has passed."""


@dataclass(frozen=True, slots=True)
class Hung:
    """Verdict: the turn shows no sign of life (`wedged`), or no end. `reason` and `advice`
    are for a person."""

    reason: str
    advice: str = ""
    wedged: bool = True


@dataclass(frozen=True, slots=True)
class Outgrown:
    """Verdict: the process should make room for a new one between two turns."""

    reason: str


@dataclass(frozen=True, slots=True)
class OverBudget:
    """Verdict: this prompt, which began, may use nothing more. `reason` names the budget; it and
    `advice` are sentences for a person. `until` is when the budget is free again, in seconds
    since the epoch."""

    prompt: str
    reason: str
    advice: str = ""
    until: float | None = None


@dataclass(frozen=True, slots=True)
class RanAway:
    """Verdict: the turn of this prompt goes round in circles. `reason` and `advice` are
    sentences for a person."""

    prompt: str
    reason: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class PermissionAsked:
    """The agent waits for leave to run a tool of this kind."""

    request_id: str
    tool_kind: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class PermissionAnswered:
    """Somebody answered; None refuses. `by` is a person, or a choice that was remembered just
    now; `who` tells which person."""

    request_id: str
    option_id: str | None
    by: Answerer = Answerer.PERSON
    who: str = ""


Event = (
    StartAsked
    | StopAsked
    | RestartAsked
    | Configured
    | Spawned
    | SpawnFailed
    | HandshakeAnswered
    | HandshakeFailed
    | PromptAsked
    | CancelAsked
    | TurnEnded
    | Exited
    | TimeUp
    | Hung
    | Outgrown
    | OverBudget
    | RanAway
    | PermissionAsked
    | PermissionAnswered
)
