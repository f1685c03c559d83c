"""How long sessions are kept, as `[sessions]` in config.toml says: what exceeds that goes.

A session goes when nothing happened in it for `retention_days`, or when `max_sessions` others are
newer. Those that somebody put away, those in use and other machines' are left alone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tars.config import SessionsConfig
from tars.errors import Refused, SessionNotFound
from tars.sessions import archives, cleaning
from tars.sessions.library import Library

if TYPE_CHECKING:
    from tars.store.managing import Known

#: How many sessions are looked up at a time.
_BATCH = 50


@dataclass(frozen=True, slots=True)
class Policy:
    """`days` since the last activity and `most` sessions; None is no limit. What exceeds them is
    put away where `archives`, else deleted; with a directory all of it is written there first."""

    days: int | None = None
    most: int | None = None
    archives: bool = False
    directory: Path | None = None

    @classmethod
    def of(cls, config: SessionsConfig) -> "Policy":
        return cls(
            config.retention_days,
            config.max_sessions,
            config.auto_archive,
            config.archive_directory,
        )


@dataclass(frozen=True, slots=True)
class Act:
    """What was done with one session, and the file that it was written to."""

    session: "Known"
    archived: bool
    file: Path | None


def due(library: Library, policy: Policy, now: datetime) -> "list[Known]":
    """Give some sessions that exceed the limits, the least recent first; none, when none do."""
    rules = []
    if policy.days is not None:
        age = timedelta(days=min(policy.days, _LONGEST_DAYS))
        rules.append(cleaning.Rule(older_than=age, archived=False))
    if policy.most is not None:
        rules.append(cleaning.Rule(keep=policy.most, archived=False))
    found: dict[int, Known] = {}
    for rule in rules:
        for session in cleaning.doomed(library, rule, now, limit=_BATCH):
            found.setdefault(session.seq, session)
    return sorted(found.values(), key=lambda session: session.last_activity_at)[:_BATCH]


def put_away(library: Library, policy: Policy, session: "Known", now: datetime) -> Act | None:
    """Archive or delete one session. None when it was taken up meanwhile, or is gone.

    Raises StoreError where it cannot be written down; it is left as it was then.
    """
    try:
        if policy.archives:
            file = archives.archive(library, session.seq, now, directory=policy.directory)
            return Act(session, True, file)
        file = None
        if policy.directory is not None:
            file = archives.write(library, session.seq, policy.directory)
        cleaning.remove(library, session, now)
        return Act(session, False, file)
    except (Refused, SessionNotFound):
        return None


#: More days than this are before the year one.
_LONGEST_DAYS = 365 * 1000
