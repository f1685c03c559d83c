"""How everything is, as data: what `GET /v1/status` gives, by its wire names."""

from typing import TYPE_CHECKING

import msgspec

from tars.control.wire import Wire, time_or_null

if TYPE_CHECKING:
    from tars.accounting.standing import Stand

#: Picodollars in a dollar; importing `accounting.rates` for it would cost more than it is worth.
_DOLLAR = 10**12


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
    are those of the requests that its log shows so far. `notices` are sentences on what looks
    wrong with it, such as that it goes round in circles."""

    id: str
    started_at: str
    elapsed_seconds: float
    waiting_for: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    notices: list[str] = msgspec.field(default_factory=list)


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
    short. `context_is_sum`: it is the sum of a turn's requests, and the context that at most, of
    which `cached` came from a cache."""

    context: int
    net_input: int
    output: int
    counted: bool = True
    at_least: bool = False
    context_is_sum: bool = False
    cached: int = 0


class AgentStatus(Wire):
    """`state` is one of stopped, starting, ready, busy, limited, stopping, waiting, failed.

    `model` and `mode` are what was set, or what the agent last said; empty where neither is known.
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
    model: str = ""
    mode: str = ""


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


class BudgetStatus(Wire):
    """How a budget stands: `standing` is fine, warned or over, and `share` how much of it is used.
    `reason` is a sentence, and `advice` says what to do, or is empty. Dollars are US dollars;
    `unpriced_tokens` are those of the `tokens` whose price nobody knows. `session` is the one
    that a budget per session is told of, and `resets_at` when it begins anew by itself."""

    name: str
    per: str
    action: str
    standing: str
    share: float
    reason: str
    advice: str = ""
    spent_usd: float = 0.0
    tokens: int = 0
    unpriced_tokens: int = 0
    limit_usd: float | None = None
    max_tokens: int | None = None
    left_usd: float | None = None
    left_tokens: int | None = None
    agent: str = ""
    project: str = ""
    model: str = ""
    session: str | None = None
    resets_at: str | None = None

    @classmethod
    def of(cls, stand: "Stand") -> "BudgetStatus":
        """Put onto the wire how a budget stands."""
        budget, spent = stand.budget, stand.spent
        limit, most = budget.limit, budget.max_tokens
        return cls(
            name=budget.name,
            per=budget.per.value,
            action=budget.action.value,
            standing=stand.verdict.standing.value,
            share=round(stand.verdict.share, 4),
            reason=stand.verdict.reason,
            advice=stand.advice,
            spent_usd=_dollars(spent.cost),
            tokens=spent.tokens,
            unpriced_tokens=spent.unpriced,
            limit_usd=None if limit is None else _dollars(limit),
            max_tokens=most,
            left_usd=None if limit is None else _dollars(max(0, limit - spent.cost)),
            left_tokens=None if most is None else max(0, most - spent.tokens),
            agent=budget.agent,
            project=budget.project,
            model=budget.model,
            session=stand.session or None,
            resets_at=time_or_null(stand.until),
        )


class BudgetList(Wire):
    """Every budget, in the order of config.toml. `problems` are sentences about what could not be
    counted."""

    budgets: list[BudgetStatus]
    problems: list[str] = msgspec.field(default_factory=list)


class TodayStatus(Wire):
    """What everything cost today, in the time zone of `[costs]`, as it was known a moment ago.
    The cost is null where nothing has a price; `at_least` so much where of something nobody
    knows it. `text` is the cost in the currency of `[costs]`, or empty."""

    cost_usd: float | None
    tokens: int
    at_least: bool = False
    text: str = ""


class Status(Wire):
    """`session` is the one of `default_agent`; `warnings` are sentences for a person. `budgets`
    are those that are not fine. `today` is null until it was found out: the first who asks sets
    that off, and it takes a second or two. Where the store is a server's, only `tars status line`
    sets it off."""

    daemon: DaemonStatus
    agents: list[AgentStatus] = msgspec.field(default_factory=list)
    session: SessionFields | None = None
    default_agent: str = ""
    warnings: list[str] = msgspec.field(default_factory=list)
    budgets: list[BudgetStatus] = msgspec.field(default_factory=list)
    today: TodayStatus | None = None


def _dollars(picodollars: int) -> float:
    """Give an amount to the millionth of a dollar."""
    return round(picodollars / _DOLLAR, 6)
