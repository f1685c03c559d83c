"""One supervised agent, as a frozen value: everything that decisions depend on."""

from dataclasses import dataclass, field
from enum import StrEnum

from tars.core.permission import Pending, PermissionPolicy
from tars.core.queue import Queue
from tars.core.restart import RestartHistory, RestartPolicy
from tars.errors import Fault


class State(StrEnum):
    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    LIMITED = "limited"
    STOPPING = "stopping"
    WAITING = "waiting"
    FAILED = "failed"


class Outcome(StrEnum):
    """How a turn ended. The values are the public contract."""

    OK = "ok"
    CANCELLED = "cancelled"
    ERROR = "error"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"
    REFUSED = "refused"


class Because(StrEnum):
    """Why a process is being ended, which decides what follows its exit."""

    ASKED = "asked"  # stays down
    RESTART = "restart"  # comes back at once
    OUTGROWN = "outgrown"  # comes back at once
    UNWELL = "unwell"  # hung or deaf: the restart policy decides
    FAULT = "fault"  # said no: the fault decides
    TURN_DONE = "turn_done"  # one process per prompt: the next prompt has its own


class Rung(StrEnum):
    """How far up the ladder the ending of a process has come."""

    CANCEL = "cancel"
    LEAVE = "leave"  # it is expected to go by itself
    INTERRUPT = "interrupt"
    TERMINATE = "terminate"
    KILL = "kill"


@dataclass(frozen=True, slots=True)
class Spec:
    """One agent's policy. All times in seconds, sizes in bytes.

    `one_shot`: a process per prompt; the agent is ready without one.
    `trusts_exit_status`: an exit with status 0 is a goodbye. Gemini CLI exits 0 when it
    is terminated in mid-turn, so its status proves nothing. `waits_for_limits`: a turn that
    met a limit of the account waits for its end, but not longer than `limit_wait_seconds`;
    0 never waits.
    """

    name: str
    one_shot: bool = False
    trusts_exit_status: bool = False
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    permissions: PermissionPolicy = field(default_factory=PermissionPolicy)
    queue_limit: int = 100
    handshake_seconds: float = 60.0
    turn_seconds: float = 3600.0
    silence_seconds: float = 600.0
    cancel_seconds: float = 10.0
    grace_seconds: float = 5.0
    permission_seconds: float = 300.0
    max_rss_bytes: int | None = None
    waits_for_limits: bool = True
    limit_wait_seconds: float = 21600.0


@dataclass(frozen=True, slots=True)
class Turn:
    """The prompt under way. `ending` is set once the turn was told to end, and is then
    its outcome unless the agent finishes it first; `fault` says why. `answered` is when
    a permission was last answered that the agent had to wait for in silence. `again`: it is
    the second attempt, after a limit. `wedged`: it is given up because it shows no life."""

    prompt: str
    began: float
    deadline: float
    ending: Outcome | None = None
    fault: Fault | None = None
    answered: float | None = None
    again: bool = False
    wedged: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A turn that met a limit of the account, as `fault` says: it is the agent's next, and is
    tried once more at `resumes`. It has waited since `since`. `asked`: a person wants it to be
    tried now, which does not use up that attempt."""

    prompt: str
    fault: Fault
    since: float
    resumes: float
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """The process is being ended."""

    because: Because
    rung: Rung
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """`deadline` is the one deadline of the state; permissions have their own.

    `pid` is None while there is no process, or none yet. `began` is when the process was made and
    `ready_since` when it answered its handshake; `since` when the state was entered. `last` is how
    the last turn ended.
    """

    spec: Spec
    queue: Queue
    state: State = State.STOPPED
    wanted: bool = False
    since: float = 0.0
    pid: int | None = None
    began: float | None = None
    ready_since: float | None = None
    deadline: float | None = None
    turn: Turn | None = None
    held: Held | None = None
    ending: Ending | None = None
    outgrown: bool = False
    permissions: tuple[Pending, ...] = ()
    restarts: RestartHistory = field(default_factory=RestartHistory)
    fault: Fault | None = None
    last: Outcome | None = None

    @classmethod
    def new(cls, spec: Spec, now: float = 0.0) -> "Agent":
        return cls(spec, Queue(spec.queue_limit), since=now)

    @property
    def under_way(self) -> str | None:
        """The prompt that began and is not over: at work, or held."""
        if self.turn is not None:
            return self.turn.prompt
        return None if self.held is None else self.held.prompt

    @property
    def next_deadline(self) -> float | None:
        """When `TimeUp` is due: the earliest of all deadlines, or None."""
        deadlines = [p.deadline for p in self.permissions]
        if self.deadline is not None:
            deadlines.append(self.deadline)
        return min(deadlines, default=None)
