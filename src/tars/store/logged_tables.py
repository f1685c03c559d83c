"""The table of sessions that were deleted: their agents' logs do not bring them back."""

from sqlalchemy import BigInteger, Column, ForeignKey, MetaData, Table

from tars.store.values import Utc, Words


def attach(metadata: MetaData) -> Table:
    """Add the table. `last_activity_at`: a session that was in use later has come back to life."""
    machine = ForeignKey("machines.seq")
    return Table(
        "deleted_sessions",
        metadata,
        Column("machine", BigInteger, machine, primary_key=True, autoincrement=False),
        Column("agent_type", Words, primary_key=True),
        Column("id", Words, primary_key=True),
        Column("last_activity_at", Utc, nullable=False),
    )
