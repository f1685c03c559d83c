"""The control channel as data: its requests and answers, by their wire names.

Those of people who are attached are in attach_contract.py, those of permissions and their rules
in permission_contract.py.

HTTP/1.1 with JSON bodies and Server-Sent Events on a Unix socket. JSON names are camelCase,
times are ISO 8601 in UTC, and durations say their unit in their name. An answer may grow new
fields: clients ignore what they do not know. The reference page and the tests are made from
here and from routes.py.
"""

import msgspec


class Wire(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=False):
    """What all messages share: camelCase names on the wire."""


# --- status -----------------------------------------------------------------


class DaemonStatus(Wire):
    """The daemon itself. `cpu_percent` is of one core; unknown sizes are 0."""

    running: bool
    pid: int | None = None
    version: str = ""
    started_at: str | None = None
    uptime_seconds: float = 0.0
    rss_bytes: int = 0
    cpu_percent: float = 0.0


class FaultStatus(Wire):
    """`kind` is a stable word, `message` says what happened, `advice` what to do. `until` is
    when the cause ends by itself, where that is known."""

    kind: str
    message: str
    advice: str = ""
    until: str | None = None


class OptionStatus(Wire):
    """An answer that the agent offers. `kind` is the protocol's word, such as allow_once."""

    id: str
    name: str
    kind: str


class PermissionStatus(Wire):
    """A tool call that waits for `tars permit ID`. `tool_call` is its id in the turn's stream,
    or empty where the agent does not tell. `details` are all that is known of what would be
    done, with control characters escaped and at most 10,000 characters; it may be empty."""

    id: str
    agent: str
    title: str
    tool_kind: str
    options: list[OptionStatus]
    asked_at: str
    expires_in_seconds: float
    tool_call: str = ""
    details: str = ""


class ConditionStatus(Wire):
    """How the agent fares: `word` is one of stopped, starting, idle, working,
    waiting_for_permission, rate_limited, wedged, stopping, dead. `evidence` says how that is
    known; it has been so for `since_seconds`, and ends by itself at `until`, in
    `remaining_seconds`, where that is known."""

    word: str
    evidence: str
    since_seconds: float = 0.0
    until: str | None = None
    remaining_seconds: float | None = None


class TurnStatus(Wire):
    """The turn under way. `waiting_for` is what holds it up, where the agent tells; the tokens
    are those of the requests that its log shows so far."""

    id: str
    started_at: str
    elapsed_seconds: float
    waiting_for: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0


class SessionRef(Wire):
    """Which session an agent has; nulls where it has none, or no name for it."""

    id: str | None = None
    name: str | None = None


class LimitStatus(Wire):
    """One limit of the agent's account, as the agent tells it; null is what it did not say."""

    name: str
    used_percent: float | None = None
    resets_at: str | None = None
    status: str = ""


class ContextStatus(Wire):
    """How full the context window is, in tokens; `size` is 0 where it is not known."""

    used: int
    size: int = 0


class TokensStatus(Wire):
    """The sums of a session. Not `counted`, nobody tells what it uses. `at_least`: a turn was cut
    short. `context_is_sum`: it is the sum of a turn's requests, and the context that at most."""

    context: int
    net_input: int
    output: int
    counted: bool = True
    at_least: bool = False
    context_is_sum: bool = False


class AgentStatus(Wire):
    """`state` is one of stopped, starting, ready, busy, limited, stopping, waiting, failed.

    `version` is the agent's own word. `waits_for` names the agents that hold up its start.
    `unrecognised` counts the messages that tars does not know, by name."""

    name: str
    kind: str
    protocol: str
    state: str
    condition: ConditionStatus | None = None
    pid: int | None = None
    uptime_seconds: float = 0.0
    restarts: int = 0
    rss_bytes: int = 0
    cpu_percent: float = 0.0
    queued: int = 0
    turn: TurnStatus | None = None
    session: SessionRef = msgspec.field(default_factory=SessionRef)
    last_error: FaultStatus | None = None
    next_attempt_in_seconds: float | None = None
    permissions: list[PermissionStatus] = msgspec.field(default_factory=list)
    version: str = ""
    groups: list[str] = msgspec.field(default_factory=list)
    waits_for: list[str] = msgspec.field(default_factory=list)
    limits: list[LimitStatus] = msgspec.field(default_factory=list)
    context: ContextStatus | None = None
    tokens: TokensStatus | None = None
    unrecognised: dict[str, int] = msgspec.field(default_factory=dict)


class SessionFields(Wire):
    """session.json: nine fields, exactly these names (see sessions/session_file.py)."""

    session_id: str
    created_at: str
    total_input_tokens: int
    total_output_tokens: int
    total_cached_tokens: int
    total_net_tokens: int
    interaction_count: int
    last_interaction_at: str | None
    last_input_tokens: int


class Status(Wire):
    """`session` is the one of `default_agent`; `warnings` are sentences for a person."""

    daemon: DaemonStatus
    agents: list[AgentStatus] = msgspec.field(default_factory=list)
    session: SessionFields | None = None
    default_agent: str = ""
    warnings: list[str] = msgspec.field(default_factory=list)


# --- prompts ----------------------------------------------------------------


class PromptRequest(Wire, forbid_unknown_fields=True):
    """`session` None is the agent's current one. `timeout_seconds` bounds the turn once it
    runs. `wait` false answers 202 as soon as the prompt is saved. `refuse_if_busy` refuses
    instead of queueing."""

    text: str
    agent: str | None = None
    session: str | None = None
    wait: bool = True
    timeout_seconds: float | None = None
    refuse_if_busy: bool = False


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
