"""Remembered sessions as data: what the daemon's routes and `--format json` give, by wire names.

The four kinds of tokens are disjoint and add up to `totalTokens`; `outputTokens` includes
`reasoningTokens`. Money is exact: integer millionths of a US dollar, and the same as a decimal
text. Times are ISO 8601 in UTC.
"""

from typing import TYPE_CHECKING

import msgspec

from tars.control.wire import Wire, time_or_null, time_text

if TYPE_CHECKING:
    from tars.sessions.statistics import Statistics
    from tars.store.details import TurnDetail
    from tars.store.hits import Hit
    from tars.store.rows import MessageRow, SessionRecord, Spent, ToolCallRow


class Spending(Wire):
    """What was used. Cost is what the agents themselves told, of `costed_turns` of the `turns`:
    the others are not free, they are unknown, and the cost is null where no turn has any."""

    turns: int = 0
    costed_turns: int = 0
    requests: int = 0
    net_input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    total_tokens: int = 0
    cost_microusd: int | None = None
    cost_usd: str | None = None

    @classmethod
    def of(cls, spent: "Spent") -> "Spending":
        """Put sums of the store onto the wire."""
        tokens = spent.tokens
        cost = spent.cost_microusd if spent.costed_turns else None
        return cls(
            turns=spent.turns,
            costed_turns=spent.costed_turns,
            requests=spent.requests,
            net_input_tokens=tokens.net_input,
            cache_read_tokens=tokens.cache_read,
            cache_write_tokens=tokens.cache_write,
            output_tokens=tokens.output,
            reasoning_tokens=tokens.reasoning,
            total_tokens=tokens.total,
            cost_microusd=cost,
            cost_usd=dollars(cost),
        )


class Session(Wire):
    """A conversation, wherever it is. `status` is active, completed, failed, interrupted or
    archived; `duration_ms` adds up its turns. `at_least`: a turn was cut short, and more may have
    been used. `models` has the same sums by model, which add up to `spent`."""

    id: str
    name: str | None
    machine: str
    agent: str
    agent_type: str
    status: str
    title: str
    started_at: str
    ended_at: str | None
    last_activity_at: str
    archived_at: str | None
    project: str
    branch: str
    task: str | None
    source: str
    messages: int
    tool_calls: int
    duration_ms: int
    spent: Spending
    models: dict[str, Spending]
    subagent_tokens: int = 0
    at_least: bool = False
    tags: list[str] = msgspec.field(default_factory=list)
    metadata: dict[str, object] = msgspec.field(default_factory=dict)

    @classmethod
    def of(cls, record: "SessionRecord") -> "Session":
        """Put a session of the store onto the wire."""
        return cls(
            id=record.id,
            name=record.name,
            machine=record.machine,
            agent=record.agent,
            agent_type=record.agent_type,
            status=record.status.value,
            title=record.title,
            started_at=time_text(record.created_at),
            ended_at=time_or_null(record.ended_at),
            last_activity_at=time_text(record.last_activity_at),
            archived_at=time_or_null(record.archived_at),
            project=record.project,
            branch=record.branch,
            task=record.task,
            source=record.source,
            messages=record.messages,
            tool_calls=record.tool_calls,
            duration_ms=record.duration_ms,
            spent=Spending.of(record.spent),
            models={model: Spending.of(spent) for model, spent in record.models.items()},
            subagent_tokens=record.subagent_tokens,
            at_least=record.at_least,
            tags=list(record.tags),
            metadata=record.metadata,
        )


class SessionList(Wire):
    """Sessions, in the order that was asked for. `total` is how many are meant in all, of which
    these are a part."""

    sessions: list[Session]
    total: int = 0


class Message(Wire):
    """What somebody said. `role` is user, assistant, thought, system or tool. `number` is its
    place in its `turn`, which tool calls share. `size` is how many characters it had, of which
    `text` is what is kept, as far as `characters` of the query reaches. `ended_at` is null while
    it still grows."""

    role: str
    text: str
    size: int
    turn: str | None
    number: int
    began_at: str
    ended_at: str | None

    @classmethod
    def of(cls, row: "MessageRow") -> "Message":
        """Put a message of the store onto the wire."""
        return cls(
            role=row.role.value,
            text=row.text,
            size=row.size,
            turn=row.turn,
            number=row.number,
            began_at=time_text(row.began_at),
            ended_at=time_or_null(row.ended_at),
        )


class ToolCall(Wire):
    """A tool call as it last was. `id` is the agent's own; `number`, `size` as in Message, of
    which `output` is what is kept."""

    id: str
    kind: str
    title: str
    status: str
    output: str
    size: int
    paths: list[str]
    turn: str | None
    number: int
    began_at: str
    ended_at: str | None

    @classmethod
    def of(cls, row: "ToolCallRow") -> "ToolCall":
        """Put a tool call of the store onto the wire."""
        return cls(
            id=row.id,
            kind=row.kind,
            title=row.title,
            status=row.status,
            output=row.output,
            size=row.size,
            paths=list(row.paths),
            turn=row.turn,
            number=row.number,
            began_at=time_text(row.began_at),
            ended_at=time_or_null(row.ended_at),
        )


class MessageList(Wire):
    """A part of a conversation, and the tool calls of the same turns. `after` is what to ask for
    the next part with; null where this was the last. A part ends early where it has
    8,000,000 characters."""

    session: str
    messages: list[Message]
    tool_calls: list[ToolCall]
    after: int | None = None


class SearchHit(Wire):
    """Where the words were found: `excerpt` is the text around them. `role` and `number` are
    those of the message, or of the tool call where `role` is tool; `role` is null where they
    are in the session's name or title."""

    session: str
    name: str | None
    machine: str
    agent: str
    title: str
    turn: str | None
    role: str | None
    number: int
    at: str
    excerpt: str

    @classmethod
    def of(cls, hit: "Hit", excerpt: str) -> "SearchHit":
        """Put a place where something was found onto the wire."""
        return cls(
            session=hit.session,
            name=hit.name,
            machine=hit.machine,
            agent=hit.agent,
            title=hit.title,
            turn=hit.turn,
            role=None if hit.role is None else hit.role.value,
            number=hit.number,
            at=time_text(hit.at),
            excerpt=excerpt,
        )


class SearchHits(Wire):
    """What was found, the newest first."""

    hits: list[SearchHit]


class Counted(Wire):
    """How often something occurs, by its name."""

    name: str
    count: int


class Stats(Wire):
    """Figures over many sessions. Averages are over the sessions, rounded half up; that of the
    cost is over the sessions whose cost is known, and null where none is."""

    sessions: int
    active: int
    completed: int
    failed: int
    interrupted: int
    archived: int
    this_week: int
    messages: int
    average_messages: float
    tool_calls: int
    duration_ms: int
    average_duration_ms: int
    spent: Spending
    average_tokens: int
    average_cost_microusd: int | None
    average_cost_usd: str | None
    top_tools: list[Counted]
    most_modified_files: list[Counted]

    @classmethod
    def of(cls, told: "Statistics") -> "Stats":
        """Put figures over sessions onto the wire."""
        used, cost = told.used, told.average_cost_microusd
        return cls(
            sessions=used.sessions,
            **{status.value: number for status, number in told.statuses.items()},
            this_week=told.week.sessions,
            messages=used.messages,
            average_messages=told.average_messages,
            tool_calls=used.tool_calls,
            duration_ms=used.duration_ms,
            average_duration_ms=told.average_duration_ms,
            spent=Spending.of(used.spent),
            average_tokens=told.average_tokens,
            average_cost_microusd=cost,
            average_cost_usd=dollars(cost),
            top_tools=[Counted(name=name, count=count) for name, count in told.top_tools],
            most_modified_files=[Counted(name=n, count=count) for n, count in told.top_files],
        )


class SessionTurn(Wire):
    """A turn of a session. `number` counts the session's turns from 1. `outcome` and `ended_at`
    are null while it is under way; `error` says what went wrong. The tokens are those of
    Spending, and the cost what the agent told, or null."""

    id: str
    number: int
    began_at: str
    ended_at: str | None
    duration_ms: int
    outcome: str | None
    model: str
    net_input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    total_tokens: int
    cost_microusd: int | None = None
    cost_usd: str | None = None
    error: str = ""

    @classmethod
    def of(cls, turn: "TurnDetail", number: int) -> "SessionTurn":
        """Put a turn of the store onto the wire, the `number`th of its session."""
        tokens = turn.tokens
        return cls(
            id=turn.id,
            number=number,
            began_at=time_text(turn.began_at),
            ended_at=time_or_null(turn.ended_at),
            duration_ms=turn.duration_ms,
            outcome=turn.outcome,
            model=turn.model,
            net_input_tokens=tokens.net_input,
            cache_read_tokens=tokens.cache_read,
            cache_write_tokens=tokens.cache_write,
            output_tokens=tokens.output,
            reasoning_tokens=tokens.reasoning,
            total_tokens=tokens.total,
            cost_microusd=turn.cost_microusd,
            cost_usd=dollars(turn.cost_microusd),
            error=turn.fault,
        )


class SessionSummary(Wire):
    """A session at a glance. `turns` are the newest ones, the newest first, of `total_turns`;
    `after` is what to ask for older ones with, null where these were the last. `tools` and
    `files` are the most used ones: how often each kind of tool was used, and each file changed,
    of `changed_files`."""

    session: Session
    turns: list[SessionTurn]
    total_turns: int
    after: int | None
    tools: list[Counted]
    files: list[Counted]
    changed_files: int


class RenameRequest(Wire, forbid_unknown_fields=True):
    """`name` is 1 to 100 characters and no other session's of this machine; null takes the name
    away."""

    name: str | None


def dollars(microusd: int | None) -> str | None:
    """Write millionths of a dollar as dollars, exactly: 1234567 is "1.234567"."""
    if microusd is None:
        return None
    sign = "-" if microusd < 0 else ""
    whole, part = divmod(abs(microusd), 1_000_000)
    return f"{sign}{whole}.{part:06d}"
