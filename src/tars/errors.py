"""Every exception of tars, as one tree, and the faults that agents report.

    TarsError
    ├── UserError               the caller asked for something that cannot be
    │   ├── AgentNotFound       no agent has this name
    │   ├── SessionNotFound     the agent does not know this session
    │   ├── SessionAmbiguous    several sessions are meant by one word
    │   ├── NameInvalid         no name for a session, or one that another has
    │   ├── FileUnreadable      a file that was to be read is not what it should be
    │   ├── PermissionNotFound  nothing is waiting under this id
    │   ├── ViewerNotFound      nobody is attached under this id
    │   ├── RequestInvalid      a request to the control channel that makes no sense
    │   └── ConfigInvalid       config.toml has faults; all of them are listed
    ├── Refused                 possible in itself, but not now; nothing was changed
    │   ├── Busy                a turn is under way
    │   ├── QueueFull           too many prompts are waiting
    │   ├── OverBudget          a budget has nothing left for this
    │   │   └── BudgetAsks      the same, but a yes is enough
    │   └── AlreadyRunning      another daemon holds the lock
    ├── NotRunning              no daemon answers on the socket
    ├── AgentUnavailable        the agent cannot work until somebody mends something
    ├── TurnFailed              a turn of the Python interface that did not end well
    └── StoreError              the disk or the database did not do its part

An exception knows nothing of exit codes or HTTP status: each face owns one
table that maps them.

A `Fault` is the same thought as a value: what went wrong with an agent or a
turn, in words for a person. It travels through the pure core, is stored in the
ledger, and reaches the person in `tars status`.
"""

from dataclasses import dataclass
from enum import StrEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    # `tars status` pays for every import.
    from typing import Any


class FaultKind(StrEnum):
    """Whose fault it is that an agent or a turn failed."""

    NOT_INSTALLED = "not_installed"
    NOT_SIGNED_IN = "not_signed_in"
    BAD_KEY = "bad_key"
    UNTRUSTED_FOLDER = "untrusted_folder"
    UNKNOWN_MODEL = "unknown_model"
    BAD_CONFIG = "bad_config"
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    CONTEXT_FULL = "context_full"
    MODEL_ERROR = "model_error"
    SESSION_LOST = "session_lost"
    SESSION_UNKNOWN = "session_unknown"
    SESSION_LOCKED = "session_locked"
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    STOPPED = "stopped"
    QUEUE_FULL = "queue_full"
    OVER_BUDGET = "over_budget"
    RUNAWAY = "runaway"
    GAVE_UP = "gave_up"
    DISK = "disk"
    INTERNAL = "internal"


#: What no amount of waiting or restarting mends: somebody has to act first.
UNAVAILABLE = frozenset(
    {
        FaultKind.NOT_INSTALLED,
        FaultKind.NOT_SIGNED_IN,
        FaultKind.BAD_KEY,
        FaultKind.UNTRUSTED_FOLDER,
        FaultKind.UNKNOWN_MODEL,
        FaultKind.BAD_CONFIG,
        FaultKind.QUOTA,
    }
)


_STOPS = (".", "!", "?", "…", ":", ";", ",", "。")


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, and what to do about it.

    `message` is one sentence that says what happened and whose fault it is;
    `advice` is one sentence that says what to do, or empty. Neither holds a
    prompt, an answer or a secret. `until` is when the cause ends by itself, in
    seconds since the epoch, where the agent said so.
    """

    kind: FaultKind
    message: str
    advice: str = ""
    until: float | None = None

    @property
    def sentence(self) -> str:
        """The message, with a stop where the advice follows: an agent's own words often end
        without one."""
        ended = self.message.rstrip("\"'`)").endswith(_STOPS)
        return self.message if ended or not self.message or not self.advice else f"{self.message}."

    @property
    def needs_a_person(self) -> bool:
        """Trying again changes nothing until somebody mends the cause."""
        return self.kind in UNAVAILABLE

    def __str__(self) -> str:
        return f"{self.sentence} {self.advice}".rstrip()


class TarsError(Exception):
    """Anything that tars itself raises. `advice` says what to do, or is empty."""

    advice = ""

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        if advice:
            self.advice = advice


class UserError(TarsError):
    """The caller asked for something that cannot be."""


class AgentNotFound(UserError):
    """No agent has this name. ``tars agents`` shows the names."""

    advice = "`tars agents` shows the names."


class SessionNotFound(UserError):
    """The agent does not know this session. Leave ``--session`` out to use the current one."""


class SessionAmbiguous(UserError):
    """Several sessions are meant by one word; the message names them. Say more of the id."""


class NameInvalid(UserError):
    """This cannot be the name of a session, or another session has it. The message says why."""


class FileUnreadable(UserError):
    """A file that somebody gave (an export, a backup) is damaged, foreign or newer. Nothing was
    changed."""


class PermissionNotFound(UserError):
    """Nothing is waiting for permission under this id. ``tars status`` shows what is."""

    advice = "`tars status` shows what is waiting."


class ViewerNotFound(UserError):
    """Nobody is attached under this id, or no longer. ``tars attach`` attaches again."""


class RequestInvalid(UserError):
    """The control channel got a request that makes no sense. The message says why."""


class ConfigInvalid(UserError):
    """config.toml has faults. `faults` lists every one; mend them and try again."""

    def __init__(self, path: str, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults), advice="`config.example.toml` documents every key.")
        self.path = path
        self.faults = faults


class Refused(TarsError):
    """Possible in itself, but not now. Nothing was changed."""


class Busy(Refused):
    """A turn is under way. Wait for it, or ``tars cancel`` it."""


class QueueFull(Refused):
    """Too many prompts are waiting. Wait, or raise ``queue_limit``."""


class OverBudget(Refused):
    """A budget has nothing left for this prompt. The message says which, and the advice when it
    is free again. ``tars budgets`` shows all of them."""

    advice = "`tars budgets` shows all budgets."


class BudgetAsks(OverBudget):
    """A budget is used up whose action is `ask`. ``--over-budget`` says yes."""


class AlreadyRunning(Refused):
    """Another daemon serves this home. ``tars status`` shows it."""


class NotRunning(TarsError):
    """No daemon answers on the socket. ``tars start`` starts one."""

    advice = "`tars start` starts it."


class AgentUnavailable(TarsError):
    """The agent cannot work until somebody mends something; `fault` says what."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.sentence, advice=fault.advice)
        self.fault = fault


class TurnFailed(TarsError):
    """A turn that did not end well, for programs. `result` is all that is known of it, as
    `tars.control.contract.TurnResult`; its `outcome` says how it ended."""

    result: "Any"  # errors import nothing

    def __init__(self, message: str, *, advice: str = "", result: object = None) -> None:
        super().__init__(message, advice=advice)
        self.result = result


class StoreError(TarsError):
    """The disk or the database did not do its part. Free some space, or check the file's rights."""
