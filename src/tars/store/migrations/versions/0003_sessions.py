"""Sessions remembered: machines, what was said, tags, notes, tasks; and sums by model.

What changes its key has to be made anew, and a new column stands where the newest schema has
it; so every table is copied, dropped, made, and filled from the copy.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa
from alembic import context, op

from tars.accounting.shares import FIGURES, shares
from tars.accounting.usage import ModelUsage, TurnUsage
from tars.store import text_index
from tars.store.migrations import tables_0003

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TOKENS = ("requests", "net_input", "cache_read", "cache_write", "output", "reasoning")
_FAULT = ("outcome", "fault_kind", "fault_message", "fault_advice")
_SESSION_FIGURES = (
    *("total_input_tokens", "total_output_tokens", "total_cached_tokens", "total_net_tokens"),
    *("interaction_count", "last_interaction_at", "last_input_tokens"),
)
#: What is taken over as it is, with this machine's row; those that others refer to first.
_KEPT = {
    "agents": ("name", "kind", "protocol", "model", "session"),
    "turns": (
        *("seq", "id", "agent", "session", *_FAULT, "began_at", "ended_at", "duration_ms"),
        *("model", "input", *_TOKENS, "context", "context_cached", "context_is_sum"),
        *("tool_calls", "source", "models", "reported", "log_mark", "cost_microusd"),
        *("at_least", "subagent_tokens"),
    ),
    "prompts": (
        *("seq", "id", "agent", "session", "text", "asked_at", "timeout_seconds", "state"),
        *(*_FAULT, "ended_at"),
    ),
    "model_requests": (
        *("seq", "turn", "agent", "session", "id", "model", "input", "output", "cached"),
        *("cache_write", "thoughts", "at", "source", "scope", "raw", "subagent"),
        "cost_microusd",
    ),
    "decisions": (*("seq", "run", "number", "agent", "now", "at", "event", "payload", "commands"),),
}
#: Children first.
_OLD = ("model_requests", "decisions", "prompts", "sessions", "turns", "agents")
_PAGE = 1000

_STATUS = """
CASE WHEN EXISTS (
    SELECT 1 FROM old_agents WHERE old_agents.name = s.agent AND old_agents.session = s.id
) THEN 'active' ELSE CASE (
    SELECT outcome FROM old_turns
    WHERE old_turns.agent = s.agent AND old_turns.session = s.id AND ended_at IS NOT NULL
    ORDER BY seq DESC LIMIT 1
) WHEN 'error' THEN 'failed' WHEN 'timeout' THEN 'failed' WHEN 'refused' THEN 'failed'
  WHEN 'interrupted' THEN 'interrupted' ELSE 'completed' END END
"""
_SUMMED = ("tool_calls", "duration_ms", *_TOKENS, "cost_microusd", "subagent_tokens")
_SUMS = f"""
SELECT agent, session, COUNT(*) AS turns, COUNT(cost_microusd) AS costed_turns,
    COUNT(*) FILTER (WHERE at_least) > 0 AS at_least,
    {", ".join(f"CAST(COALESCE(SUM({name}), 0) AS BIGINT) AS {name}" for name in _SUMMED)}
FROM old_turns WHERE ended_at IS NOT NULL AND session IS NOT NULL GROUP BY agent, session
"""
_COUNTED = ("turns", "costed_turns", *_SUMMED)
_SESSIONS = f"""
INSERT INTO sessions (
    machine, agent, id, agent_type, status, created_at, ended_at, last_activity_at,
    {", ".join(_SESSION_FIGURES)}, {", ".join(_COUNTED)}, at_least, tokens
)
SELECT :machine, agent, id, agent_type, status, created_at,
    CASE status WHEN 'active' THEN NULL ELSE last_activity_at END, last_activity_at,
    {", ".join(_SESSION_FIGURES)}, {", ".join(_COUNTED)}, at_least,
    net_input + cache_read + cache_write + output
FROM (
    SELECT s.agent, s.id, COALESCE(a.kind, '') AS agent_type, {_STATUS} AS status,
        s.created_at, s.last_activity_at, {", ".join(f"s.{name}" for name in _SESSION_FIGURES)},
        {", ".join(f"COALESCE(t.{name}, 0) AS {name}" for name in _COUNTED)},
        COALESCE(t.at_least, :no) AS at_least
    FROM old_sessions AS s
    LEFT JOIN old_agents AS a ON a.name = s.agent
    LEFT JOIN ({_SUMS}) AS t ON t.agent = s.agent AND t.session = s.id
) AS known
ORDER BY created_at, agent, id
"""
_MODELS = f"""
INSERT INTO session_models (session, model, turns, {", ".join(FIGURES)})
SELECT s.seq, m.model, COUNT(*), {", ".join(f"CAST(SUM(m.{name}) AS BIGINT)" for name in FIGURES)}
FROM turn_models AS m
JOIN turns AS t ON t.seq = m.turn
JOIN sessions AS s ON s.machine = t.machine AND s.agent = t.agent AND s.id = t.session
GROUP BY s.seq, m.model
"""
_FINISHED = sa.text(
    "SELECT seq, model, models, input, net_input, cache_read, cache_write, output, reasoning, "
    "requests, cost_microusd FROM turns "
    "WHERE ended_at IS NOT NULL AND seq > :after ORDER BY seq LIMIT :page"
)


def upgrade() -> None:
    database = op.get_bind()
    for table in _OLD:
        database.execute(sa.text(f"CREATE TEMPORARY TABLE old_{table} AS SELECT * FROM {table}"))
    for table in _OLD:
        op.drop_table(table)
    tables_0003.create()
    text_index.make(database)
    _fill(database, _here(database))
    for table in _OLD:
        op.drop_table(f"old_{table}")


def _here(database: sa.Connection) -> int:
    """Add this machine: what is in an old store was written here."""
    machine = context.config.attributes["machine"]
    times = ("first_seen_at", "last_seen_at")
    machines = sa.table("machines", *map(sa.column, ("seq", "id", "name", *times)))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    row = {"id": machine.id, "name": machine.name, **dict.fromkeys(times, now)}
    database.execute(machines.insert().values(row))
    seq: int = database.execute(sa.select(machines.c.seq)).scalar_one()
    return seq


def _fill(database: sa.Connection, machine: int) -> None:
    for table, names in _KEPT.items():
        columns = ", ".join(names)
        statement = f"INSERT INTO {table} (machine, {columns}) SELECT :machine, {columns} "
        statement += f"FROM old_{table} ORDER BY {names[0]}"
        database.execute(sa.text(statement), {"machine": machine})
        if database.dialect.name == "postgresql" and names[0] == "seq":
            _count_on(database, table)
    database.execute(sa.text(_SESSIONS), {"machine": machine, "no": False})
    for page in _shares(database):
        database.execute(_insert_shares(), page)
    database.execute(sa.text(_MODELS))


def _count_on(database: sa.Connection, table: str) -> None:
    """Let the numbers of new rows come after those that were taken over."""
    database.execute(
        sa.text(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'seq'), MAX(seq)) "
            f"FROM {table} HAVING COUNT(*) > 0"
        )
    )


def _shares(database: sa.Connection) -> Iterator[list[dict[str, object]]]:
    """Give what each model had of each finished turn, a page at a time."""
    after = 0
    while rows := database.execute(_FINISHED, {"after": after, "page": _PAGE}).all():
        yield [
            {"turn": row.seq, "model": share.model}
            | {name: getattr(share, name) for name in FIGURES}
            for row in rows
            for share in shares(_usage(row), row.model)
        ]
        after = rows[-1].seq


def _usage(row: sa.Row[tuple[object, ...]]) -> TurnUsage:
    return TurnUsage(
        input=row.input,
        output=row.output - row.reasoning,
        cached=row.cache_read,
        cache_write=row.cache_write,
        thoughts=row.reasoning,
        net=row.net_input + row.cache_write,
        requests=row.requests,
        cost_microusd=row.cost_microusd,
        models=msgspec.convert(json.loads(row.models), tuple[ModelUsage, ...]),
    )


def _insert_shares() -> sa.Insert:
    columns: list[sa.ColumnClause[object]] = [
        sa.column(name) for name in ("turn", "model", *FIGURES)
    ]
    return sa.insert(sa.table("turn_models", *columns))
