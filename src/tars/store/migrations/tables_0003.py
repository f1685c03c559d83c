"""Every table as revision 0003 makes it. It is history: what comes later is another revision."""

from typing import Any

import sqlalchemy as sa
from alembic import op

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KINDS = ("requests", "net_input", "cache_read", "cache_write", "output", "reasoning")


def create() -> None:
    """Make the tables, those that others refer to first."""
    _machines_and_agents()
    _sessions()
    _beside_sessions()
    _turns()
    _messages()
    _tool_calls()
    _model_requests()
    _prompts_and_decisions()


def _machines_and_agents() -> None:
    op.create_table(
        "machines",
        _seq(),
        *_texts("id", "name"),
        *_times("first_seen_at", "last_seen_at"),
        *_keys("machines", "seq"),
        _unique("machines", "id"),
    )
    op.create_table(
        "agents",
        _number("machine"),
        *_texts("name", "kind", "protocol", "model"),
        _text("session", nullable=True),
        *_keys("agents", "machine", "name"),
        _refers("agents", "machine", "machines.seq"),
    )
    op.create_table(
        "templates",
        _text("name"),
        _time("saved_at"),
        _text("body"),
        *_keys("templates", "name"),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        _seq(),
        _number("machine"),
        *_texts("agent", "id"),
        _text("agent_type", default=""),
        _text("name", nullable=True),
        _text("status", default="active"),
        _time("created_at"),
        _time("ended_at", nullable=True),
        _time("last_activity_at"),
        _time("archived_at", nullable=True),
        *(_text(name, default="") for name in ("project", "branch", "title")),
        _flag("titled", default=True),
        _text("task", nullable=True),
        _text("metadata", default="{}"),
        _text("source", default="tars"),
        _text("writer", nullable=True),
        _time("writer_until", nullable=True),
        *_counts(
            "total_input_tokens",
            "total_output_tokens",
            "total_cached_tokens",
            "total_net_tokens",
            "interaction_count",
        ),
        _time("last_interaction_at", nullable=True),
        *_counts("last_input_tokens", "turns", "messages", "tool_calls", "duration_ms"),
        *_counts(*_KINDS, "cost_microusd", "costed_turns", "tokens", "subagent_tokens"),
        _flag("at_least", default=True),
        *_keys("sessions", "seq"),
        _refers("sessions", "machine", "machines.seq"),
        _unique("sessions", "machine", "agent", "id"),
        _unique("sessions", "machine", "name"),
    )
    for column in ("name", "created_at", "last_activity_at", "tokens", "cost_microusd"):
        _index("sessions", column)
    for column in ("id", "project"):
        _index("sessions", column, postgresql_ops={column: "text_pattern_ops"})


def _beside_sessions() -> None:
    op.create_table(
        "session_models",
        _number("session"),
        _text("model"),
        *_counts("turns", *_KINDS, "cost_microusd", "costed_turns"),
        *_keys("session_models", "session", "model"),
        _refers("session_models", "session", "sessions.seq", "CASCADE"),
    )
    _index("session_models", "model")
    op.create_table(
        "session_tags",
        _number("session"),
        _text("tag"),
        *_keys("session_tags", "session", "tag"),
        _refers("session_tags", "session", "sessions.seq", "CASCADE"),
    )
    _index("session_tags", "tag")
    op.create_table(
        "notes",
        _seq(),
        _number("session"),
        _time("at"),
        _text("text"),
        *_keys("notes", "seq"),
        _refers("notes", "session", "sessions.seq", "CASCADE"),
    )
    _index("notes", "session")
    op.create_table(
        "tasks",
        _seq(),
        _number("machine"),
        _text("name"),
        _number("session", nullable=True),
        _number("estimated_tokens", nullable=True),
        _number("estimated_microusd", nullable=True),
        _time("started_at"),
        _time("ended_at", nullable=True),
        *_keys("tasks", "seq"),
        _refers("tasks", "machine", "machines.seq"),
        _refers("tasks", "session", "sessions.seq", "SET NULL"),
        _unique("tasks", "machine", "name"),
    )


def _turns() -> None:
    op.create_table(
        "turns",
        _seq(),
        _number("machine"),
        *_texts("id", "agent"),
        *(
            _text(name, nullable=True)
            for name in (
                "session",
                "task",
                "outcome",
                "fault_kind",
                "fault_message",
                "fault_advice",
            )
        ),
        _time("began_at"),
        _time("ended_at", nullable=True),
        _number("duration_ms"),
        _text("model"),
        *(_number(name) for name in ("input", *_KINDS[1:], "context", "context_cached")),
        _flag("context_is_sum"),
        _number("requests"),
        _number("tool_calls"),
        *_texts("source", "models"),
        _text("reported", nullable=True),
        _text("log_mark"),
        _number("cost_microusd", nullable=True),
        _flag("at_least"),
        _number("subagent_tokens"),
        *_keys("turns", "seq"),
        _refers("turns", "machine", "machines.seq"),
        _unique("turns", "id"),
    )
    _index("turns", "session", "ended_at")
    for column in ("ended_at", "task"):
        _index("turns", column)
    op.create_table(
        "turn_models",
        _number("turn"),
        _text("model"),
        *_counts(*_KINDS, "cost_microusd", "costed_turns"),
        *_keys("turn_models", "turn", "model"),
        _refers("turn_models", "turn", "turns.seq", "CASCADE"),
    )


def _messages() -> None:
    op.create_table(
        "messages",
        _seq(),
        _number("session", nullable=True),
        _text("turn", nullable=True),
        _number("number"),
        *_texts("role", "text"),
        _number("size"),
        _time("began_at"),
        _time("ended_at", nullable=True),
        _text("extra", nullable=True),
        *_keys("messages", "seq"),
        _refers("messages", "session", "sessions.seq", "CASCADE"),
        _refers("messages", "turn", "turns.id", "CASCADE"),
    )
    _index("messages", "session", "seq")
    _index("messages", "turn", "number", unique=True)


def _tool_calls() -> None:
    op.create_table(
        "tool_calls",
        _seq(),
        _number("session", nullable=True),
        _text("turn", nullable=True),
        _number("number"),
        *_texts("id", "kind", "title", "status", "output"),
        _number("size"),
        _time("began_at"),
        _time("ended_at", nullable=True),
        _text("extra", nullable=True),
        *_keys("tool_calls", "seq"),
        _refers("tool_calls", "session", "sessions.seq", "CASCADE"),
        _refers("tool_calls", "turn", "turns.id", "CASCADE"),
    )
    _index("tool_calls", "session", "seq")
    _index("tool_calls", "turn", "id", unique=True)
    _index("tool_calls", "kind")
    op.create_table(
        "tool_files",
        _number("tool_call"),
        _text("path"),
        *_keys("tool_files", "tool_call", "path"),
        _refers("tool_files", "tool_call", "tool_calls.seq", "CASCADE"),
    )
    _index("tool_files", "path")
    op.create_table(
        "session_tools",
        _number("session"),
        _text("kind"),
        _number("calls"),
        *_keys("session_tools", "session", "kind"),
        _refers("session_tools", "session", "sessions.seq", "CASCADE"),
        sqlite_with_rowid=False,
    )
    _index("session_tools", "kind", "calls")
    op.create_table(
        "session_files",
        _number("session"),
        _text("path"),
        _number("changes"),
        *_keys("session_files", "session", "path"),
        _refers("session_files", "session", "sessions.seq", "CASCADE"),
        sqlite_with_rowid=False,
    )
    _index("session_files", "path", "changes")


def _model_requests() -> None:
    op.create_table(
        "model_requests",
        _seq(),
        _number("machine"),
        *_texts("turn", "agent", "session", "id", "model"),
        *(_number(name) for name in ("input", "output", "cached", "cache_write", "thoughts")),
        *_texts("at", "source", "scope", "raw", "subagent"),
        _number("cost_microusd", nullable=True),
        *_keys("model_requests", "seq"),
        _refers("model_requests", "machine", "machines.seq"),
        _refers("model_requests", "turn", "turns.id", "CASCADE"),
        _unique("model_requests", "machine", "agent", "session", "source", "id"),
    )
    _index("model_requests", "turn")


def _prompts_and_decisions() -> None:
    op.create_table(
        "prompts",
        _seq(),
        _number("machine"),
        *_texts("id", "agent"),
        _text("session", nullable=True),
        _text("text", nullable=True),
        _time("asked_at"),
        sa.Column("timeout_seconds", sa.Float(), nullable=True),
        _text("wishes", nullable=True),
        _text("state"),
        *(
            _text(name, nullable=True)
            for name in ("outcome", "fault_kind", "fault_message", "fault_advice")
        ),
        _time("ended_at", nullable=True),
        *_keys("prompts", "seq"),
        _refers("prompts", "machine", "machines.seq"),
        _unique("prompts", "id"),
    )
    _index("prompts", "state")
    op.create_table(
        "decisions",
        _seq(),
        _number("machine"),
        _text("run"),
        _number("number"),
        _text("agent"),
        sa.Column("now", sa.Float(), nullable=False),
        _time("at"),
        *_texts("event", "payload", "commands"),
        *_keys("decisions", "seq"),
        _refers("decisions", "machine", "machines.seq"),
        _unique("decisions", "run", "number"),
    )
    op.create_table(
        "drained",
        _number("machine"),
        _number("number"),
        *_keys("drained", "machine"),
        _refers("drained", "machine", "machines.seq"),
    )


def _seq() -> sa.Column[int]:
    return sa.Column("seq", _SEQUENCE, nullable=False)


def _text(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable, server_default=default)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [_text(name) for name in names]


def _time(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(27), nullable=nullable)


def _times(*names: str) -> list[sa.Column[str]]:
    return [_time(name) for name in names]


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable, autoincrement=False)


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False, server_default="0") for name in names]


def _flag(name: str, *, default: bool = False) -> sa.Column[bool]:
    """Give a column of truths; by `default`, false."""
    server = sa.false() if default else None
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=server)


def _keys(table: str, *columns: str) -> tuple[sa.PrimaryKeyConstraint]:
    return (sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}")),)


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def _refers(
    table: str, column: str, target: str, ondelete: str | None = None
) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [target], name=name, ondelete=ondelete)


def _index(table: str, *columns: str, **how: Any) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns), **how)
