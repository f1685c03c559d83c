"""What the runtime is told to do, in the imperative, as a closed union."""

from dataclasses import dataclass
from enum import StrEnum

from tars.core.agent import Outcome
from tars.core.permission import Answerer
from tars.errors import Fault


class SignalName(StrEnum):
    """The rungs of the ladder, by their POSIX names: numbers differ between systems."""

    INTERRUPT = "SIGINT"
    TERMINATE = "SIGTERM"
    KILL = "SIGKILL"


@dataclass(frozen=True, slots=True)
class Spawn:
    """Make the process, and begin the handshake. One `Spawned` or one `SpawnFailed`
    follows, before anything else is heard of it."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Send a signal to the whole process group that `pid` leads."""

    pid: int
    signal: SignalName


@dataclass(frozen=True, slots=True)
class BeginTurn:
    """Send the prompt to the agent. Where every prompt has a process of its own, make
    that process: one `Spawned` or one `SpawnFailed` follows first."""

    prompt: str


@dataclass(frozen=True, slots=True)
class HoldTurn:
    """The turn waits for the end of the limit that `fault` tells of: say so to whoever waits
    for it. One `ResumeTurn` or one `FinishTurn` follows, unless the daemon leaves before: then
    its prompt is kept as those are that wait."""

    prompt: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class ResumeTurn:
    """Send the prompt of the held turn again; apart from that as `BeginTurn`."""

    prompt: str


@dataclass(frozen=True, slots=True)
class CancelTurn:
    """Ask the agent, in its protocol, to give up the prompt."""

    prompt: str


@dataclass(frozen=True, slots=True)
class FinishTurn:
    """Record the turn and tell whoever waits for it."""

    prompt: str
    outcome: Outcome
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class DropPrompt:
    """Tell whoever waits that this prompt will not be run; the agent never saw it."""

    prompt: str
    outcome: Outcome
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class AnswerPermission:
    """Answer the agent's request; None answers that the turn was cancelled. `by` is who
    decided, and `who` tells which person, where that is known."""

    request_id: str
    option_id: str | None
    by: Answerer = Answerer.NOBODY
    who: str = ""


Command = (
    Spawn
    | Signal
    | BeginTurn
    | HoldTurn
    | ResumeTurn
    | CancelTurn
    | FinishTurn
    | DropPrompt
    | AnswerPermission
)
