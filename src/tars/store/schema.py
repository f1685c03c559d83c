"""The tables. A change here needs a migration in `migrations/versions`.

Every table whose order matters has `seq`, which grows with each row; ids are texts that
come from outside. Times are ISO 8601 texts in UTC of one width, so that they sort. Money is
in millionths of a US dollar. Many machines may share one store: `machine` says whose a row is.
"""

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    false,
)

from tars.store import logged_tables, slot_tables, text_index
from tars.store.values import Count, Utc, Words

#: SQLite gives rowids, which cost nothing, to an INTEGER PRIMARY KEY only.
Sequence = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: Which migration the schema stands at, the version of the format; Alembic's own table.
version = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), primary_key=True, nullable=False),
)

#: The machines (more exactly, the homes of tars) that write into this store.
machines = Table(
    "machines",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("id", Words, nullable=False, unique=True),
    Column("name", Words, nullable=False),
    Column("first_seen_at", Utc, nullable=False),
    Column("last_seen_at", Utc, nullable=False),
)


#: How a turn or a prompt ended.
_OUTCOME = ("outcome", "fault_kind", "fault_message", "fault_advice")
_KINDS = ("net_input", "cache_read", "cache_write", "output", "reasoning")


def _machine(*, primary_key: bool = False) -> Column[int]:
    return Column(
        "machine", BigInteger, ForeignKey("machines.seq"), nullable=False, primary_key=primary_key
    )


agents = Table(
    "agents",
    metadata,
    _machine(primary_key=True),
    Column("name", Words, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("protocol", Words, nullable=False),
    Column("model", Words, nullable=False),
    Column("session", Words),
)


def _tokens() -> list[Column[int]]:
    """What was used, disjoint: the sums of the ledger's columns of the same names.
    `costed_turns` are the turns whose agent told what they cost; the others are not free."""
    return _sums("requests", *_KINDS, "cost_microusd", "costed_turns")


def _sums(*names: str) -> list[Column[int]]:
    return [Column(name, Count, nullable=False, server_default="0") for name in names]


#: These are looked for by how they begin. A database that sorts as a language does finds that by
#: the bytes alone.
_BEGINNINGS = ("id", "project")

#: A conversation. The nine fields mean what those of session.json mean; the rest are sums over
#: its finished turns, kept in the same transaction as the turns themselves.
#: `status` is active, completed, failed, interrupted or archived. `title` is the first prompt's
#: beginning unless it is `titled`. `writer` holds the lock until `writer_until`.
sessions = Table(
    "sessions",
    metadata,
    Column("seq", Sequence, primary_key=True),
    _machine(),
    Column("agent", Words, nullable=False),
    Column("id", Words, nullable=False),
    Column("agent_type", Words, nullable=False, server_default=""),
    Column("name", Words),
    Column("status", Words, nullable=False, server_default="active"),
    Column("created_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("last_activity_at", Utc, nullable=False),
    Column("archived_at", Utc),
    Column("project", Words, nullable=False, server_default=""),
    Column("branch", Words, nullable=False, server_default=""),
    Column("title", Words, nullable=False, server_default=""),
    Column("titled", Boolean, nullable=False, server_default=false()),
    Column("task", Words),
    Column("metadata", Text, nullable=False, server_default="{}"),  # JSON: free
    Column("source", Words, nullable=False, server_default="tars"),  # tars, import, api or log
    Column("writer", Words),
    Column("writer_until", Utc),
    *_sums("total_input_tokens", "total_output_tokens", "total_cached_tokens"),
    *_sums("total_net_tokens", "interaction_count"),
    Column("last_interaction_at", Utc),
    Column("last_input_tokens", Count, nullable=False, server_default="0"),
    *_sums("turns", "messages", "tool_calls", "duration_ms"),
    *_tokens(),
    Column("tokens", Count, nullable=False, server_default="0"),  # the four kinds together
    Column("subagent_tokens", Count, nullable=False, server_default="0"),
    Column("at_least", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("machine", "agent", "id"),
    UniqueConstraint("machine", "name"),
    *(Index(None, n) for n in ("name", "created_at", "last_activity_at", "tokens")),
    Index(None, "cost_microusd"),
    *(Index(None, n).ddl_if(dialect="sqlite") for n in _BEGINNINGS),
)
for _name in _BEGINNINGS:
    _index = f"CREATE INDEX ix_sessions_{_name} ON sessions ({_name} text_pattern_ops)"
    # By hand: to say it to `Index`, SQLAlchemy loads all that it has for PostgreSQL.
    _made = DDL(_index).execute_if(dialect="postgresql")  # type: ignore[no-untyped-call]
    event.listen(sessions, "after_create", _made)


def _session(*, primary_key: bool = False, nullable: bool = False) -> Column[int]:
    return Column(
        "session",
        BigInteger,
        ForeignKey("sessions.seq", ondelete="CASCADE"),
        nullable=nullable,
        primary_key=primary_key,
    )


#: The same sums by model: over a session's models they make the session's own.
session_models = Table(
    "session_models",
    metadata,
    _session(primary_key=True),
    Column("model", Words, primary_key=True),
    Column("turns", Count, nullable=False, server_default="0"),
    *_tokens(),
    Index(None, "model"),
)

session_tags = Table(
    "session_tags",
    metadata,
    _session(primary_key=True),
    Column("tag", Words, primary_key=True),
    Index(None, "tag"),
)

notes = Table(
    "notes",
    metadata,
    Column("seq", Sequence, primary_key=True),
    _session(),
    Column("at", Utc, nullable=False),
    Column("text", Words, nullable=False),
    Index(None, "session"),
)

#: A piece of work that somebody named; what it cost is what the turns cost whose `task` it is.
tasks = Table(
    "tasks",
    metadata,
    Column("seq", Sequence, primary_key=True),
    _machine(),
    Column("name", Words, nullable=False),
    Column("session", BigInteger, ForeignKey("sessions.seq", ondelete="SET NULL")),
    Column("estimated_tokens", Count),
    Column("estimated_microusd", Count),
    Column("started_at", Utc, nullable=False),
    Column("ended_at", Utc),
    UniqueConstraint("machine", "name"),
)

templates = Table(
    "templates",
    metadata,
    Column("name", Words, primary_key=True),
    Column("saved_at", Utc, nullable=False),
    Column("body", Text, nullable=False),  # JSON: see sessions/templates.py
)

#: The ledger: a row for every turn. The four kinds of tokens are disjoint and add up;
#: `output` includes `reasoning`. `input` is the agent's own word for its input.
turns = Table(
    "turns",
    metadata,
    Column("seq", Sequence, primary_key=True),
    _machine(),
    Column("id", Words, nullable=False, unique=True),
    Column("agent", Words, nullable=False),
    Column("session", Words),  # the agent's own id
    Column("task", Words),
    *(Column(name, Words) for name in _OUTCOME),
    Column("began_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("duration_ms", Count, nullable=False),
    Column("model", Words, nullable=False),
    Column("input", Count, nullable=False),
    *(Column(name, Count, nullable=False) for name in _KINDS),
    Column("context", Count, nullable=False),
    Column("context_cached", Count, nullable=False),
    Column("context_is_sum", Boolean, nullable=False),
    Column("requests", Count, nullable=False),
    Column("tool_calls", Count, nullable=False),
    Column("source", Words, nullable=False),
    Column("models", Text, nullable=False),  # JSON: the split by model
    Column("reported", Text),  # JSON: what the agent said, raw
    Column("log_mark", Words, nullable=False),
    Column("cost_microusd", Count),  # the agent's own figure, or null
    Column("at_least", Boolean, nullable=False),
    Column("subagent_tokens", Count, nullable=False),
    Index(None, "session", "ended_at"),
    Index(None, "ended_at"),
    Index(None, "task"),
)

#: A turn's split by model, whose sums are exactly the turn's own.
turn_models = Table(
    "turn_models",
    metadata,
    Column("turn", BigInteger, ForeignKey("turns.seq", ondelete="CASCADE"), primary_key=True),
    Column("model", Words, primary_key=True),
    *_tokens(),
)

#: What was said, as it came. `turn` is null for messages that no turn of tars brought; `session`
#: is null until the agent has said which one it is. `number` orders the messages of a turn, or
#: of a session where there is none; with the tool calls, which have numbers of the same row.
#: `text` is what `store.messages` lets be kept of it, and `size` how many characters it had.
#: `ended_at` is null while it grows: it can be searched once it is whole.
messages = Table(
    "messages",
    metadata,
    Column("seq", Sequence, primary_key=True),
    _session(nullable=True),
    Column("turn", Words, ForeignKey("turns.id", ondelete="CASCADE")),
    Column("number", BigInteger, nullable=False),
    Column("role", Words, nullable=False),  # user, assistant, thought, system or tool
    Column("text", Words, nullable=False),
    Column("size", Count, nullable=False),
    Column("began_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("extra", Text),  # JSON: what an import brought besides
    Index(None, "session", "seq"),
    Index(None, "turn", "number", unique=True),
)

tool_calls = Table(
    "tool_calls",
    metadata,
    Column("seq", Sequence, primary_key=True),
    _session(nullable=True),
    Column("turn", Words, ForeignKey("turns.id", ondelete="CASCADE")),
    Column("number", BigInteger, nullable=False),
    Column("id", Words, nullable=False),  # the agent's own
    Column("kind", Words, nullable=False),
    Column("title", Words, nullable=False),
    Column("status", Words, nullable=False),
    Column("output", Words, nullable=False),
    Column("size", Count, nullable=False),
    Column("began_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("extra", Text),  # JSON: what an import brought besides
    Index(None, "session", "seq"),
    Index(None, "turn", "id", unique=True),
    Index(None, "kind"),
)

#: The files that a tool call names.
tool_files = Table(
    "tool_files",
    metadata,
    Column(
        "tool_call", BigInteger, ForeignKey("tool_calls.seq", ondelete="CASCADE"), primary_key=True
    ),
    Column("path", Words, primary_key=True),
    Index(None, "path"),
)

#: What `tallies` counts of a session: its tool calls by kind …
session_tools = Table(
    "session_tools",
    metadata,
    _session(primary_key=True),
    Column("kind", Words, primary_key=True),
    Column("calls", Count, nullable=False),
    Index(None, "kind", "calls"),
    sqlite_with_rowid=False,
)

#: … and how often it changed each file.
session_files = Table(
    "session_files",
    metadata,
    _session(primary_key=True),
    Column("path", Words, primary_key=True),
    Column("changes", Count, nullable=False),
    Index(None, "path", "changes"),
    sqlite_with_rowid=False,
)

#: Each request as its `source` counts it: the protocol (official) and the agent's log (log)
#: may both have it, and differ. `raw` is the JSON of the agent's counters, of which `scope`
#: says what they cover.
model_requests = Table(
    "model_requests",
    metadata,
    Column("seq", Sequence, primary_key=True),
    _machine(),
    Column("turn", Words, ForeignKey("turns.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("agent", Words, nullable=False),
    Column("session", Words, nullable=False),  # empty where it was never known
    Column("id", Words, nullable=False),
    Column("model", Words, nullable=False),
    Column("input", Count, nullable=False),
    Column("output", Count, nullable=False),
    Column("cached", Count, nullable=False),
    Column("cache_write", Count, nullable=False),
    Column("thoughts", Count, nullable=False),
    Column("at", Words, nullable=False),
    Column("source", Words, nullable=False),
    Column("scope", Words, nullable=False),
    Column("raw", Words, nullable=False),
    Column("subagent", Words, nullable=False),
    Column("cost_microusd", Count),
    UniqueConstraint("machine", "agent", "session", "source", "id"),
)

#: The queue. `text` is erased as soon as the prompt is done.
prompts = Table(
    "prompts",
    metadata,
    Column("seq", Sequence, primary_key=True),
    _machine(),
    Column("id", Words, nullable=False, unique=True),
    Column("agent", Words, nullable=False),
    Column("session", Words),
    Column("text", Words),
    Column("asked_at", Utc, nullable=False),
    Column("timeout_seconds", Float),
    Column("wishes", Text),  # JSON: what was asked for besides, see `Wishes` in rows.py
    Column("state", Words, nullable=False, index=True),
    *(Column(name, Words) for name in _OUTCOME),
    Column("ended_at", Utc),
)

decisions = Table(
    "decisions",
    metadata,
    Column("seq", Sequence, primary_key=True),
    _machine(),
    Column("run", Words, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("agent", Words, nullable=False),
    Column("now", Float, nullable=False),
    Column("at", Utc, nullable=False),
    Column("event", Words, nullable=False),
    Column("payload", Text, nullable=False),  # JSON: the event's fields
    Column("commands", Text, nullable=False),  # JSON: [[name, fields], …]
    UniqueConstraint("run", "number"),
)

#: How far the writes that a machine kept on its own disk have been taken over.
drained = Table(
    "drained",
    metadata,
    _machine(primary_key=True),
    Column("number", BigInteger, nullable=False),
)

deleted_sessions = logged_tables.attach(metadata)
spent_slots, logged_slots, logged_days = slot_tables.attach(metadata)
text_index.attach(metadata)
