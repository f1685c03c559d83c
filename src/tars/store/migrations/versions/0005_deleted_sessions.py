"""Which sessions were deleted: their agents' logs still tell of them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deleted_sessions",
        sa.Column("machine", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("agent_type", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("last_activity_at", sa.String(27), nullable=False),
        sa.PrimaryKeyConstraint("machine", "agent_type", "id", name=op.f("pk_deleted_sessions")),
        sa.ForeignKeyConstraint(
            ["machine"], ["machines.seq"], name=op.f("fk_deleted_sessions_machine")
        ),
    )
