"""The tables. A change here needs a migration in `migrations/versions`.

Every table whose order matters has `seq`, which grows with each row; ids are texts that
come from outside. Times are ISO 8601 texts in UTC of one width, so that they sort.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

#: More than any count can be; a number that an agent made up must not break the sums.
LARGEST_COUNT = 2**53 - 1


class Count(TypeDecorator[int]):
    """A count from 0 to LARGEST_COUNT; what lies outside is brought to the nearer end."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else max(0, min(value, LARGEST_COUNT))


class Words(TypeDecorator[str]):
    """Text from outside. Half a surrogate pair is no character and becomes U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None or value.isascii():
            return value
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Utc(TypeDecorator[datetime]):
    """An aware datetime, to the microsecond."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None:
            return None
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromisoformat(value)


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

#: Which migration the schema stands at; Alembic's own table.
version = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), primary_key=True, nullable=False),
)

agents = Table(
    "agents",
    metadata,
    Column("name", Words, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("protocol", Words, nullable=False),
    Column("model", Words, nullable=False),
    Column("session", Words),
)

sessions = Table(
    "sessions",
    metadata,
    Column("agent", Words, primary_key=True),
    Column("id", Words, primary_key=True),
    Column("created_at", Utc, nullable=False),
    Column("last_activity_at", Utc, nullable=False),
    Column("total_input_tokens", Count, nullable=False),
    Column("total_output_tokens", Count, nullable=False),
    Column("total_cached_tokens", Count, nullable=False),
    Column("total_net_tokens", Count, nullable=False),
    Column("interaction_count", Count, nullable=False),
    Column("last_interaction_at", Utc),
    Column("last_input_tokens", Count, nullable=False),
    Column("requests", Count, nullable=False),
    Column("tool_calls", Count, nullable=False),
)

#: The ledger: a row for every turn. The four kinds of tokens are disjoint and add up;
#: `output` includes `reasoning`. `input` is the agent's own word for its input.
turns = Table(
    "turns",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("id", Words, nullable=False, unique=True),
    Column("agent", Words, nullable=False),
    Column("session", Words),
    Column("outcome", Words),
    Column("fault_kind", Words),
    Column("fault_message", Words),
    Column("fault_advice", Words),
    Column("began_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("duration_ms", Count, nullable=False),
    Column("model", Words, nullable=False),
    Column("input", Count, nullable=False),
    Column("net_input", Count, nullable=False),
    Column("cache_read", Count, nullable=False),
    Column("cache_write", Count, nullable=False),
    Column("output", Count, nullable=False),
    Column("reasoning", Count, nullable=False),
    Column("context", Count, nullable=False),
    Column("context_cached", Count, nullable=False),
    Column("context_is_sum", Boolean, nullable=False),
    Column("requests", Count, nullable=False),
    Column("tool_calls", Count, nullable=False),
    Column("source", Words, nullable=False),
    Column("models", Text, nullable=False),  # JSON: the split by model
    Column("reported", Text),  # JSON: what the agent said, raw
    Column("log_mark", Words, nullable=False),
    Column("cost_microusd", BigInteger),  # the agent's own figure, or null
    Column("at_least", Boolean, nullable=False),
    Column("subagent_tokens", Count, nullable=False),
    Index(None, "session"),
    Index(None, "ended_at"),
)

#: Each request as its `source` counts it: the protocol (official) and the agent's log (log)
#: may both have it, and differ. `raw` is the JSON of the agent's counters, of which `scope`
#: says what they cover.
model_requests = Table(
    "model_requests",
    metadata,
    Column("seq", Sequence, primary_key=True),
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
    Column("cost_microusd", BigInteger),
    UniqueConstraint("agent", "session", "source", "id"),
)

#: The queue. `text` is erased as soon as the prompt is done.
prompts = Table(
    "prompts",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("id", Words, nullable=False, unique=True),
    Column("agent", Words, nullable=False),
    Column("session", Words),
    Column("text", Words),
    Column("asked_at", Utc, nullable=False),
    Column("timeout_seconds", Float),
    Column("state", Words, nullable=False, index=True),
    Column("outcome", Words),
    Column("fault_kind", Words),
    Column("fault_message", Words),
    Column("fault_advice", Words),
    Column("ended_at", Utc),
)

decisions = Table(
    "decisions",
    metadata,
    Column("seq", Sequence, primary_key=True),
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
