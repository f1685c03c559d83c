"""What was spent per quarter of an hour, added up from the turns that are there."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KEYS = ("slot", "machine", "agent", "session", "model", "task", "size", "official")
_TOKENS = ("net_input", "cache_read", "cache_write", "output", "reasoning")
_SUMS = ("requests", *_TOKENS, "cost_microusd")
_LOGGED_WORDS = ("agent", "provider", "model", "session", "project", "branch")
_LOGGED_SUMS = ("requests", *_TOKENS, "cache_write_1h", "cost")
#: Prompts above these have another size class.
_THRESHOLDS = (32000, 100000, 128000, 199999, 200000, 256000, 272000, 512000, 524288)

_SECONDS_OF = {
    "sqlite": "CAST(strftime('%s', substr(t.ended_at, 1, 19)) AS INTEGER)",
    "postgresql": (
        "CAST(extract(epoch FROM CAST(substr(t.ended_at, 1, 19) AS timestamp)) AS bigint)"
    ),
}
_SIZES = " ".join(
    f"WHEN average > {_THRESHOLDS[size - 1]} THEN {size}" for size in range(len(_THRESHOLDS), 0, -1)
)
_FILL = f"""
INSERT INTO spent_slots ({", ".join((*_KEYS, *_SUMS))})
WITH shares AS (
    SELECT ({{seconds}} + 90000000000) / 900 - 100000000 AS slot, t.machine, t.agent,
        COALESCE(t.session, '') AS session, COALESCE(m.model, t.model) AS model,
        COALESCE(t.task, '') AS task,
        CASE WHEN t.cost_microusd IS NULL THEN 0 ELSE 1 END AS official,
        {", ".join(f"COALESCE(m.{name}, t.{name}, 0) AS {name}" for name in _SUMS)},
        CASE WHEN t.context_is_sum THEN 0 ELSE t.context END AS context
    FROM turns AS t LEFT JOIN turn_models AS m ON m.turn = t.seq
    WHERE t.ended_at IS NOT NULL AND t.outcome IS NOT NULL
), asked AS (
    SELECT shares.*, net_input + cache_read + cache_write AS prompt FROM shares
    WHERE {" + ".join(_SUMS)} > 0
), sized AS (
    SELECT asked.*, CASE WHEN requests > 0 THEN prompt / requests
        WHEN context > 0 AND context < prompt THEN context ELSE prompt END AS average
    FROM asked
)
SELECT slot, machine, agent, session, model, task, CASE {_SIZES} ELSE 0 END AS size, official,
    {", ".join(f"CAST(SUM({name}) AS BIGINT) AS {name}" for name in _SUMS)}
FROM sized GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""


def upgrade() -> None:
    op.create_table(
        "spent_slots",
        *(_number(name) for name in _KEYS[:2]),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _KEYS[2:6]),
        *(_small(name) for name in _KEYS[6:]),
        *(_number(name) for name in _SUMS),
        sa.PrimaryKeyConstraint(*_KEYS, name=op.f("pk_spent_slots")),
        _of_machine("spent_slots"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_slots",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        _number("machine"),
        _number("slot"),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _LOGGED_WORDS),
        *(_small(name) for name in _KEYS[6:]),
        *(_number(name) for name in _LOGGED_SUMS),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_logged_slots")),
        _of_machine("logged_slots"),
    )
    op.create_index(op.f("ix_logged_slots_machine_slot"), "logged_slots", ["machine", "slot"])
    op.create_index(op.f("ix_logged_slots_slot"), "logged_slots", ["slot"])
    op.create_table(
        "logged_days",
        _number("machine"),
        _number("day"),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("machine", "day", name=op.f("pk_logged_days")),
        _of_machine("logged_days"),
    )
    database = op.get_bind()
    database.execute(sa.text(_FILL.format(seconds=_SECONDS_OF[database.dialect.name])))


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, autoincrement=False)


def _small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, autoincrement=False)


def _of_machine(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_machine")
    return sa.ForeignKeyConstraint(["machine"], ["machines.seq"], name=name)
