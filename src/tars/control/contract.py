"""The control channel as data: its requests and answers, by their wire names.

Those of the status are in status_contract.py and can be had from here too; those of people who
are attached are in attach_contract.py, those of permissions and their rules in
permission_contract.py, those of prompts that wait in queue_contract.py, and those of remembered
sessions in session_contract.py.

HTTP/1.1 with JSON bodies and Server-Sent Events on a Unix socket. JSON names are camelCase,
times are ISO 8601 in UTC, and durations say their unit in their name. An answer may grow new
fields: clients ignore what they do not know. The reference page and the tests are made from
here and from routes.py.
"""

import msgspec

from tars.control.status_contract import AgentStatus as AgentStatus
from tars.control.status_contract import BudgetList as BudgetList
from tars.control.status_contract import BudgetStatus as BudgetStatus
from tars.control.status_contract import ConditionStatus as ConditionStatus
from tars.control.status_contract import ContextStatus as ContextStatus
from tars.control.status_contract import DaemonStatus as DaemonStatus
from tars.control.status_contract import FaultStatus as FaultStatus
from tars.control.status_contract import LimitStatus as LimitStatus
from tars.control.status_contract import OptionStatus as OptionStatus
from tars.control.status_contract import PermissionStatus as PermissionStatus
from tars.control.status_contract import SessionFields as SessionFields
from tars.control.status_contract import SessionRef as SessionRef
from tars.control.status_contract import Status as Status
from tars.control.status_contract import TodayStatus as TodayStatus
from tars.control.status_contract import TokensStatus as TokensStatus
from tars.control.status_contract import TurnStatus as TurnStatus
from tars.control.wire import Wire as Wire

# --- prompts ----------------------------------------------------------------


class PromptRequest(Wire, forbid_unknown_fields=True):
    """A prompt. `timeout_seconds` bounds the turn once it runs. `wait` false answers 202 as soon
    as the prompt is saved. `refuse_if_busy` refuses instead of queueing.

    `session` is a session's id, the beginning of one, its name, or `last`; `agent` None is that
    one's agent then. `new` begins a conversation; so does `record` false, and that one is neither
    kept nor gone back to. With none of them the prompt goes to the newest session of `project`,
    the folder that its sender works in, or without one to the current session. `project`,
    `branch`, `name`, `task`, `tags` and `metadata` are noted of the session that it goes to.
    `despite_budget` says yes to budgets that ask."""

    text: str
    agent: str | None = None
    session: str | None = None
    wait: bool = True
    timeout_seconds: float | None = None
    refuse_if_busy: bool = False
    new: bool = False
    record: bool = True
    project: str = ""
    branch: str = ""
    name: str | None = None
    task: str | None = None
    tags: list[str] = msgspec.field(default_factory=list)
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    despite_budget: bool = False


class Accepted(Wire):
    """First event of a prompt's stream, and the body of a 202. `position` counts the
    prompts before this one: 0 is next or running."""

    turn: str
    agent: str
    position: int = 0


class Started(Wire):
    """The agent has the prompt."""

    turn: str
    session: str | None = None


class Text(Wire):
    """A piece of the answer, or of a `thought`."""

    text: str


class Tool(Wire):
    """A tool call began or moved on; `status` is pending, in_progress, completed or failed."""

    id: str
    title: str
    kind: str
    status: str


class Waiting(Wire):
    """What holds the turn up, and until when, where that is known; an empty reason says that
    it goes on."""

    reason: str
    until: str | None = None


class Usage(Wire):
    """The turn's tokens as the agent reports them (accounting/usage.py). `subagent_tokens` of the
    sums are its subagents'. `at_least`, `context_is_sum`: as in TokensStatus."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    thought_tokens: int = 0
    net_tokens: int = 0
    context_tokens: int = 0
    requests: int = 0
    tool_calls: int = 0
    source: str = "estimate"
    subagent_tokens: int = 0
    at_least: bool = False
    context_is_sum: bool = False


class FellBack(Wire):
    """This agent failed the prompt, for this `reason`, whose `kind` is that of a fault; the
    next one has it now, as `turn`, because those `passed_over` could not take it. What `text`
    came so far belongs to the failed attempt."""

    from_agent: str = msgspec.field(name="from")
    to_agent: str = msgspec.field(name="to")
    turn: str
    reason: str
    kind: str | None = None
    passed_over: list[str] = msgspec.field(default_factory=list)


class Notice(Wire):
    """Something that a person may want to know of the turn, which goes on: `kind` is `runaway`
    (it goes round in circles; `subject` is repeats, errors, oscillation or tokens, and `severity`
    low, medium or high) or `budget` (`subject` is its name, and `severity` warned or over)."""

    kind: str
    subject: str
    severity: str
    message: str
    advice: str = ""


class TurnResult(Wire):
    """The last event of every prompt's stream. `outcome` is ok, cancelled, error, timeout,
    interrupted or refused. `fell_back_from` names the agents that failed the prompt before."""

    turn: str
    agent: str
    outcome: str
    session: str | None = None
    text: str = ""
    model: str | None = None
    duration_ms: int = 0
    usage: Usage = msgspec.field(default_factory=Usage)
    cost_usd: float | None = None
    error: FaultStatus | None = None
    fell_back_from: list[str] = msgspec.field(default_factory=list)


# --- the rest -------------------------------------------------------------


class CancelRequest(Wire, forbid_unknown_fields=True):
    """`turn` None is the turn that the agent has under way, or one that it failed and that is
    with another agent now. A prompt is cancelled by its first id wherever it is."""

    agent: str | None = None
    turn: str | None = None


class Cancelled(Wire):
    """`turn` is None when there was nothing to cancel."""

    turn: str | None = None


class ResetRequest(Wire, forbid_unknown_fields=True):
    """`agent` None is the default agent."""

    agent: str | None = None


class ResetDone(Wire):
    """What was cleared: `session` is None when there was no session."""

    agent: str
    session: SessionFields | None = None
    tokens: TokensStatus | None = None


class AgentChanged(Wire):
    """What `start`, `stop` and `restart` answer: the agent's state when the call ended."""

    agent: str
    state: str
    error: FaultStatus | None = None


class ChangeRequest(Wire, forbid_unknown_fields=True):
    """`action` is start, stop or restart; `names` are those of agents and of groups."""

    action: str
    names: list[str]


class AgentsChanged(Wire):
    """Every agent that was meant, in the order in which it was done."""

    agents: list[AgentChanged]


class SettingsRequest(Wire, forbid_unknown_fields=True):
    """Another `model` or `mode` for an agent, from its next turn on; null leaves it as it is, and
    an empty one is the configured one again. It holds until the agent's configuration changes."""

    model: str | None = None
    mode: str | None = None


class SettingsChanged(Wire):
    """What holds from the agent's next turn on; empty is the agent's own choice. `models` and
    `modes` can be chosen, as far as the agent says: none means that it does not say."""

    agent: str
    model: str
    mode: str
    models: list[str] = []
    modes: list[str] = []


class AgentList(Wire):
    """`default` is the agent that is meant where none is named."""

    agents: list[AgentStatus]
    default: str


class Reloaded(Wire):
    """`changed` names the agents whose configuration is another one now; `faults` is empty
    when the new file holds, else the old configuration stays in force."""

    changed: list[str] = msgspec.field(default_factory=list)
    faults: list[str] = msgspec.field(default_factory=list)


class ShuttingDown(Wire):
    """The daemon `pid` stops its agents now, then itself."""

    pid: int


class ErrorBody(Wire):
    """`code` is a stable word that clients map to their exit codes."""

    code: str
    message: str
    advice: str = ""


class Error(Wire):
    """The body of every answer that is not a success."""

    error: ErrorBody


class LogLine(Wire):
    """One line, as it was written."""

    line: str


class FeedEvent(Wire):
    """One line of `GET /v1/events`: something that happened to an agent. `data` holds the
    fields of the event or message named by `event`. `condition_changed` has those of
    ConditionStatus and the word that `was`; `permission_answered` says who answered, as `by`:
    policy, remembered, person, timeout, or nobody; `permission_asked` has the request's `title`."""

    event: str
    agent: str
    at: str
    data: dict[str, object] = msgspec.field(default_factory=dict)


class Lagged(Wire):
    """This client read too slowly: `dropped` events are missing here. The final `turn`
    event of a prompt is never dropped and holds the whole answer."""

    dropped: int


#: The most bytes that a request's body may hold. A larger one is refused unread.
MAX_BODY = 16 * 1024 * 1024
