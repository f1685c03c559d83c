"""Sessions of the index, as the store of sessions wants them: those that ran outside tars."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from tars.sessions.titles import title_of
from tars.store.logged import LoggedModel, LoggedSession

#: So many are written in one transaction: nobody else who writes waits long for it.
AT_ONCE = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = (datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_PICODOLLARS_PER_MICRODOLLAR = 10**6

_SUMS = """SELECT r.session, m.model, SUM(r.requests), SUM(r.net_input), SUM(r.cache_read),
    SUM(r.cache_write), SUM(r.output), SUM(r.reasoning), SUM(r.cost)
    FROM requests AS r JOIN models AS m ON m.id = r.model
    WHERE r.session IN ({}) GROUP BY r.session, m.id ORDER BY r.session, m.id"""
_SESSIONS = """SELECT id, agent, session, title, project, branch, first_at, last_at
    FROM sessions WHERE id IN ({}) ORDER BY last_at"""


def news(
    connection: sqlite3.Connection,
    known: Mapping[tuple[str, str], datetime],
    *,
    since: datetime | None = None,
) -> Sequence[int]:
    """Give the numbers of those sessions, all or those in use since then, that the store does
    not have, or not as far. `known` is by agent and id when those that it has were in use last."""
    rows = connection.execute(
        "SELECT id, agent, session, last_at FROM sessions WHERE last_at >= ?",
        (0 if since is None else (since - _EPOCH) // timedelta(milliseconds=1),),
    ).fetchall()
    return [
        number
        for number, agent, session, last_at in rows
        if (at := known.get((agent, session))) is None or at < _moment(last_at)
    ]


def batches(
    connection: sqlite3.Connection, numbers: Collection[int], *, titled: bool = True
) -> Iterator[tuple[LoggedSession, ...]]:
    """Give these sessions with their sums, some at a time. A session without a request is none.
    Not `titled`: without a word of what was said in them."""
    waiting = iter(numbers)
    while some := list(islice(waiting, AT_ONCE)):
        marks = ",".join("?" * len(some))
        models: dict[int, list[LoggedModel]] = {}
        for session, *row, cost in connection.execute(_SUMS.format(marks), some):
            microusd = None if cost is None else round(cost / _PICODOLLARS_PER_MICRODOLLAR)
            each = LoggedModel(*(*row, microusd))
            models.setdefault(session, []).append(each)
        found = connection.execute(_SESSIONS.format(marks), some).fetchall()
        batch = tuple(
            LoggedSession(
                agent=agent,
                id=session,
                title=title_of(title) if titled else "",
                project=project,
                branch=branch,
                created_at=_moment(first_at),
                last_activity_at=_moment(last_at),
                models=tuple(models[number]),
            )
            for number, agent, session, title, project, branch, first_at, last_at in found
            if number in models
        )
        if batch:
            yield batch


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=min(max(milliseconds, 0), _LATEST))
