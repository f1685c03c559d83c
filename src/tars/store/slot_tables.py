"""The tables of what was spent per quarter of an hour: by tars' turns, and by other machines' logs.

A quarter (`slot`) is counted from 1970 in UTC. `size` is the size class of the requests
(`accounting.rates`), and `official` 1 where the agent itself told what they cost.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
)

from tars.store.slot_text import KEYS, SUMS, TOKENS
from tars.store.values import Count, Words

#: What `logged_slots` has of each sum besides; its `cost` is in picodollars.
LOGGED_WORDS = ("agent", "provider", "model", "session", "project", "branch")
LOGGED_SUMS = ("requests", *TOKENS, "cache_write_1h", "cost")


def attach(metadata: MetaData) -> tuple[Table, Table, Table]:
    """Add the tables: `spent_slots`, `logged_slots` and `logged_days`."""
    sequence = BigInteger().with_variant(Integer, "sqlite")
    # Sums of the ledger. `session` is the agent's own id of its conversation; it and `task` are
    # empty where there is none.
    spent = Table(
        "spent_slots",
        metadata,
        _number("slot", primary_key=True),
        _machine(primary_key=True),
        *(Column(name, Words, primary_key=True) for name in KEYS[2:6]),
        *(Column(name, Integer, primary_key=True, autoincrement=False) for name in KEYS[6:]),
        *(Column(name, Count, nullable=False) for name in SUMS),
        sqlite_with_rowid=False,
    )
    # What the agents' logs on a machine have besides, for the other machines: its own reports are
    # made of the logs themselves. Its words may be longer than an index takes.
    logged = Table(
        "logged_slots",
        metadata,
        Column("seq", sequence, primary_key=True),
        _machine(),
        _number("slot"),
        *(Column(name, Words, nullable=False) for name in LOGGED_WORDS),
        *(Column(name, Integer, nullable=False) for name in KEYS[6:]),
        *(_number(name) for name in LOGGED_SUMS),
        Index(None, "machine", "slot"),
        Index(None, "slot"),
    )
    # Which state of a day of UTC, counted from 1970, is in `logged_slots`.
    days = Table(
        "logged_days",
        metadata,
        _machine(primary_key=True),
        _number("day", primary_key=True),
        Column("digest", LargeBinary, nullable=False),
    )
    return spent, logged, days


def _machine(*, primary_key: bool = False) -> Column[int]:
    return Column(
        "machine",
        BigInteger,
        ForeignKey("machines.seq"),
        nullable=False,
        primary_key=primary_key,
        autoincrement=False,
    )


def _number(name: str, *, primary_key: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=False, primary_key=primary_key, autoincrement=False)
