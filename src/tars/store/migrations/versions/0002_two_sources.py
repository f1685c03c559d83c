"""Requests as their protocol and their log count them, raw counters, official cost."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

#: Until now every request came from a log.
_NEW = {"source": "log", "scope": "request", "raw": "", "subagent": ""}


def upgrade() -> None:
    op.add_column("turns", sa.Column("cost_microusd", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("turns") as turns:
        turns.add_column(
            sa.Column("at_least", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        turns.add_column(
            sa.Column("subagent_tokens", sa.BigInteger(), nullable=False, server_default="0")
        )
    with op.batch_alter_table("turns") as turns:
        turns.alter_column("at_least", server_default=None)
        turns.alter_column("subagent_tokens", server_default=None)
    with op.batch_alter_table("model_requests") as requests:
        for name, value in _NEW.items():
            requests.add_column(sa.Column(name, sa.Text(), nullable=False, server_default=value))
        requests.add_column(sa.Column("cost_microusd", sa.BigInteger(), nullable=True))
        requests.drop_constraint(op.f("uq_model_requests_agent_session_id"), type_="unique")
        requests.create_unique_constraint(
            op.f("uq_model_requests_agent_session_source_id"),
            ["agent", "session", "source", "id"],
        )
    with op.batch_alter_table("model_requests") as requests:
        for name in _NEW:
            requests.alter_column(name, server_default=None)
