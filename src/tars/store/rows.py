"""What is put into the store and what comes out, as frozen values.

Times are aware datetimes (UTC), durations say their unit, tokens are counts.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tars.accounting.usage import Ledger, TurnUsage
from tars.conversation.model import ReportedUsage, RequestUsage
from tars.core.agent import Outcome
from tars.core.commands import Command
from tars.core.events import Event
from tars.errors import Fault


class PromptState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class AgentRow:
    """A configured agent; `session` is the conversation that its next process brings back."""

    name: str
    kind: str
    protocol: str
    model: str = ""
    session: str | None = None


class SessionStatus(StrEnum):
    """How a conversation stands. Active is the one that its agent's next prompt goes to; the
    others ended as their last turn did."""

    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    ARCHIVED = "archived"


class Role(StrEnum):
    """Whose words a message is."""

    USER = "user"
    ASSISTANT = "assistant"
    THOUGHT = "thought"
    SYSTEM = "system"
    TOOL = "tool"


class Keep(StrEnum):
    """How much of what was said is kept (`store.messages`)."""

    FULL = "full"
    PREVIEW = "preview"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a prompt asks for beyond its text. `new`: a conversation of its own. `unrecorded`:
    that one is left out of the sessions, and what is said in it is not kept. `joins` is common
    to prompts that wait together for one conversation, be it the project's or that of a name:
    what the first of them begins is that of the others too. `name`, `project`, `branch`, `task`,
    `tags` and `metadata` are for the session that it goes to, where they say something.
    `over_budget`: somebody said yes to budgets that ask."""

    new: bool = False
    unrecorded: bool = False
    joins: str = ""
    name: str | None = None
    project: str = ""
    branch: str = ""
    task: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    over_budget: bool = False


@dataclass(frozen=True, slots=True)
class MessageRow:
    """What somebody said, whole or as far as it got. `number` is its place in its turn, that
    tool calls share; `turn` None is a message that no turn of tars brought. `size` is how many
    characters it had, of which `text` is what is kept. `extra` is JSON that an import brought."""

    role: Role
    text: str = field(repr=False)
    began_at: datetime
    turn: str | None = None
    number: int = 0
    size: int = 0
    ended_at: datetime | None = None
    extra: str | None = field(default=None, repr=False)
    seq: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallRow:
    """A tool call as it last was. `id` is the agent's own."""

    id: str
    kind: str
    title: str = field(repr=False)
    status: str
    began_at: datetime
    turn: str | None = None
    number: int = 0
    output: str = field(default="", repr=False)
    size: int = 0
    ended_at: datetime | None = None
    paths: tuple[str, ...] = ()
    extra: str | None = field(default=None, repr=False)
    seq: int = 0


@dataclass(frozen=True, slots=True)
class MessagePart:
    """How a message of a turn goes on: from `offset` on it is `text`, as far as text is kept.
    `size` is how many characters it has by now; `ended_at` tells that it is whole."""

    number: int
    role: Role
    offset: int
    text: str = field(repr=False)
    size: int
    began_at: datetime
    ended_at: datetime | None = None


#: What is said in a turn, as it is written down. Of a call that changes, what is empty is as
#: it was.
Arrival = MessagePart | ToolCallRow


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A prompt that was accepted. `session` is the one that was asked for, or None for the
    current one; `fell_back_from` are the agents that failed it before, as the ledger has
    them. The text is not shown by `repr`: it must not reach a log."""

    id: str
    agent: str
    text: str = field(repr=False)
    asked_at: datetime
    session: str | None = None
    timeout_seconds: float | None = None
    fell_back_from: tuple[str, ...] = ()
    wishes: Wishes = field(default_factory=Wishes)


@dataclass(frozen=True, slots=True)
class TurnBegun:
    """A turn that is under way. `log_mark` is how far the agent's log had been read when it
    began, so that whoever finds it unfinished can count what it used. `asked` is what is kept
    of its prompt, and `title` what the session is called where it has no title yet."""

    id: str
    agent: str
    began_at: datetime
    session: str | None = None
    model: str = ""
    log_mark: str = ""
    asked: MessagePart | None = None
    title: str = field(default="", repr=False)
    wishes: Wishes = field(default_factory=Wishes)


@dataclass(frozen=True, slots=True)
class TurnAttempt:
    """What an attempt at a turn had used when the turn was held: as `TurnRecord` has it.
    `said` is how many numbers the messages and tool calls of it have taken."""

    reported: ReportedUsage | None = None
    requests: tuple[RequestUsage, ...] = ()
    told: tuple[RequestUsage, ...] = ()
    said: int = 0


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """A turn that ended, however it did. `reported` is what the agent itself said, kept raw;
    `requests` are those of its log, and `told` those that its protocol counted.
    Not `prompted`, it is no interaction: the agent used tokens without being asked. `said` is
    what was not written down before; an `unrecorded` turn makes no session known."""

    id: str
    agent: str
    outcome: Outcome
    began_at: datetime
    ended_at: datetime
    duration_ms: int
    session: str | None = None
    model: str = ""
    usage: TurnUsage = field(default_factory=TurnUsage)
    requests: tuple[RequestUsage, ...] = ()
    reported: ReportedUsage | None = None
    fault: Fault | None = None
    prompted: bool = True
    told: tuple[RequestUsage, ...] = ()
    said: tuple[Arrival, ...] = ()
    unrecorded: bool = False


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A line of the ledger. `outcome` and `ended_at` are None while the turn is under way."""

    id: str
    agent: str
    session: str | None
    outcome: Outcome | None
    fault: Fault | None
    began_at: datetime
    ended_at: datetime | None
    duration_ms: int
    model: str
    usage: TurnUsage
    reported: ReportedUsage | None
    log_mark: str

    @property
    def tokens(self) -> Ledger:
        """The disjoint view, which adds up."""
        return Ledger.of(self.usage)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """The figures of a conversation. They mean what session.json's fields of the same name mean;
    `requests` and `tool_calls` are sums over its turns."""

    agent: str
    id: str
    created_at: datetime
    last_activity_at: datetime
    total_input_tokens: int = 0
    total_output_tokens: int = 0
    total_cached_tokens: int = 0
    total_net_tokens: int = 0
    interaction_count: int = 0
    last_interaction_at: datetime | None = None
    last_input_tokens: int = 0
    requests: int = 0
    tool_calls: int = 0


@dataclass(frozen=True, slots=True)
class Named:
    """What an agent's session was called when somebody looked."""

    agent: str
    session: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Spent:
    """Sums over finished turns. `cost_microusd` is what the agents told, of `costed_turns` of
    the `turns`; the others are not free, they are unknown."""

    turns: int = 0
    requests: int = 0
    tokens: Ledger = field(default_factory=lambda: Ledger(0, 0, 0, 0, 0))
    cost_microusd: int = 0
    costed_turns: int = 0


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """Everything that is known of a conversation; see `schema.sessions`. `seq` is its key in
    this store, `machine` the name of the machine that it is on. `models` are the sums of
    each, by descending tokens."""

    seq: int
    machine: str
    agent: str
    id: str
    agent_type: str
    name: str | None
    status: SessionStatus
    created_at: datetime
    ended_at: datetime | None
    last_activity_at: datetime
    archived_at: datetime | None
    project: str
    branch: str
    title: str
    task: str | None
    metadata: dict[str, object]
    source: str
    spent: Spent
    messages: int
    tool_calls: int
    duration_ms: int
    subagent_tokens: int
    at_least: bool
    models: dict[str, Spent] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionMarks:
    """What has to be known to read the sums of a `session`. Not `counted`: no turn of it told
    what it used. `at_least`: a turn was cut short. `context_is_sum`: the context is that of no
    single request."""

    session: str
    counted: bool = True
    at_least: bool = False
    context_is_sum: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the finished turns of a session."""

    turns: int
    tokens: Ledger
    requests: int
    tool_calls: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Decision:
    """One event and the commands that the core gave for it.

    `run` names the daemon's life, `now` is its monotonic time in seconds, `at` the wall
    time. `number` is the place in the run from 0; the store counts it.
    """

    run: str
    agent: str
    now: float
    at: datetime
    event: Event
    commands: tuple[Command, ...] = ()
    number: int = 0
