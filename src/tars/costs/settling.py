"""Which requests of the agents' logs tars has counted itself: those must not count again.

A request is covered when it belongs to a session that tars ran on this machine, whichever agent
it was, and happened within a turn of it that ended and of which tokens were counted. All others
count as the log tells them, also those that were made in such a session outside of tars. The
turns of a session that was deleted are still in the ledger, though not as its own.
"""

import json
import os
import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from itertools import accumulate
from math import inf

from tars.costs.spans import micros
from tars.history.index import Index
from tars.home import Home
from tars.store.quick import Quick

#: A log's clock and ours are one, but what is written down was done a little before.
SLACK_MS = 2_000
#: Rows of `settled` that are no session's: whether anything was ever covered, and with which state
#: of the store all was settled last.
_EVER, _STORE = -1, -2
#: Two writes within one tick of the system's clock leave one time on a file; ticks are shorter.
_TICK_SECONDS = 0.1

#: Turns that used something.
_COUNTED = (
    "t.ended_at IS NOT NULL AND t.outcome IS NOT NULL"
    " AND t.net_input + t.cache_read + t.cache_write + t.output > 0"
)
#: Turns that are no session's any more; those of a deleted one are among them, of the same kind.
_KIND = "COALESCE(a.kind, t.agent)"
_FREE = (
    "FROM turns AS t LEFT JOIN agents AS a ON a.machine = t.machine AND a.name = t.agent"
    f" WHERE t.session IS NULL AND t.machine = ? AND {_COUNTED}"
)
#: From a time to another one, both included, in milliseconds.
Times = tuple[int, int]
#: So many sessions are settled one by one.
_FEW = 50

_IN = {
    "sqlite": "IN (SELECT value FROM json_each(?))",
    "postgresql": "IN (SELECT json_array_elements_text(CAST(? AS json)))",
}


def settle(index: Index, store: Quick | None, state: str) -> int:
    """Bring the index up to date with the ledger; give for how many sessions that was needed.

    `state` is the store's, as `state_of` gave it; empty where nobody knows. Raises
    sqlite3.Error and StoreError.
    """
    connection = index.connection
    kept = dict(
        connection.execute("SELECT session, stamp FROM settled WHERE session < 0").fetchall()
    )
    if state and kept.get(_STORE) == state and not has_new(index):
        return 0
    known = connection.execute(
        "SELECT s.id, s.session, t.stamp, s.first_at, s.last_at FROM sessions AS s"
        " LEFT JOIN settled AS t ON t.session = s.id"
    ).fetchall()
    stamps = {} if store is None else _stamps(store, [session for _, session, *_ in known])
    due = [
        (id, session, stamp, stamps.get(session, ""))
        for id, session, stamp, *_ in known
        if stamp != stamps.get(session, "")
    ]
    if not due:
        if state:
            _note(index, state)
        return 0
    ever = _EVER in kept or any(stamp for *_, stamp in due)
    wanted = {session for _, session, _, stamp in due if stamp}
    turns = _turns(store, {each[1]: each[3:] for each in known if each[1] in wanted})
    with index.writing() as writer:
        plain = _never_covered(index, [id for id, *_, stamp in due if not stamp], ever=ever)
        for id, session, _, stamp in due:
            if id not in plain:
                writer.cover(id, turns.get(session, ()), stamp)
        rows = [(_STORE, state), *((id, "") for id in plain), *([(_EVER, "")] if ever else [])]
        index.connection.executemany("REPLACE INTO settled VALUES (?, ?)", rows)
    return len(due)


def _never_covered(index: Index, sessions: list[int], *, ever: bool) -> set[int]:
    """Give those of the sessions without turns in which nothing was ever covered: most, where many
    were just read. To look through all requests for that pays for many only."""
    if not ever:
        return set(sessions)
    if len(sessions) < _FEW:
        return set()
    rows = index.connection.execute("SELECT DISTINCT session FROM requests WHERE covered")
    return set(sessions) - {session for (session,) in rows}


def _note(index: Index, state: str) -> None:
    """Keep in mind that nothing was to be done, unless others write just now: then it is found
    out again the next time."""
    execute = index.connection.execute
    patience = execute("PRAGMA busy_timeout").fetchone()[0]
    execute("PRAGMA busy_timeout = 0")
    try:
        with suppress(sqlite3.OperationalError):
            execute("REPLACE INTO settled VALUES (?, ?)", (_STORE, state))
    finally:
        execute(f"PRAGMA busy_timeout = {patience}")


def state_of(home: Home, url: str, now: float) -> str:
    """Give what changes with every transaction on a home's store; nothing where nobody knows.

    Its files are not opened for that: to close one again would drop the locks that this very
    process has on it.
    """
    if url:
        return ""
    told = []
    for path in (home.store, home.store.with_name(f"{home.store.name}-wal")):
        try:
            found = os.stat(path)
        except OSError:
            told.append("none")
            continue
        if found.st_mtime > now - _TICK_SECONDS:
            return ""
        told.append(f"{found.st_ino} {found.st_size} {found.st_mtime_ns}")
    return ", ".join(told)


def has_new(index: Index) -> bool:
    """Whether a session was read since it was last settled. Raises sqlite3.Error."""
    found: tuple[int] = index.connection.execute(
        "SELECT EXISTS (SELECT 1 FROM sessions AS s WHERE NOT EXISTS"
        " (SELECT 1 FROM settled AS t WHERE t.session = s.id))"
    ).fetchone()
    return bool(found[0])


def _stamps(store: Quick, sessions: list[str]) -> dict[str, str]:
    """Say of each session that has turns in which state of the ledger these are."""
    machine = store.machine
    if machine is None:
        return {}
    # PostgreSQL takes no such character, so that it has no such session.
    known = [session for session in sessions if "\0" not in session]
    rows = store.rows(
        "SELECT session, COUNT(ended_at), MIN(ended_at), MAX(ended_at) FROM turns"
        f" WHERE session {_IN[store.dialect]} AND ended_at IS NOT NULL AND machine = ?"
        " GROUP BY session",
        (json.dumps(known), machine),
    )
    found = {session: f"{count} {first} {last}" for session, count, first, last in rows}
    deleted = _deleted(store, machine, known)
    if deleted:
        of_kinds = store.rows(
            f"SELECT {_KIND}, COUNT(*), MIN(t.ended_at), MAX(t.ended_at) {_FREE} GROUP BY 1",
            (machine,),
        )
        free = {kind: f"{count} {first} {last}" for kind, count, first, last in of_kinds}
        for session, kind in deleted:
            if kind in free:
                found[session] = f"{found.get(session, '')}, {free[kind]}"
    return found


def _turns(store: Quick | None, spans: Mapping[str, Times]) -> dict[str, list[Times]]:
    """Give the times of the turns that count, by session. `spans` are the sessions that are asked
    for, and the times of their first and their last request."""
    found: dict[str, list[Times]] = {}
    if store is None or not spans:
        return found
    machine, sessions = store.machine, list(spans)
    for session, *when in store.rows(
        "SELECT session, began_at, ended_at, duration_ms FROM turns AS t"
        f" WHERE session {_IN[store.dialect]} AND machine = ? AND {_COUNTED}",
        (json.dumps(sessions), machine),
    ):
        found.setdefault(session, []).append(_times(*when))
    free: dict[str, list[Times]] = {}
    deleted = _deleted(store, machine, sessions)
    if deleted:
        columns = "t.began_at, t.ended_at, t.duration_ms"
        for kind, *of in store.rows(f"SELECT {_KIND}, {columns} {_FREE}", (machine,)):
            free.setdefault(kind, []).append(_times(*of))
    for each in free.values():
        each.sort()
    # Those of a kind follow one another, mostly: few are looked at for each session.
    latest = {kind: list(accumulate((end for _, end in each), max)) for kind, each in free.items()}
    for session, kind in deleted:
        first, last = spans[session]
        begin = bisect_left(latest.get(kind, []), first)
        end = bisect_right(free.get(kind, []), (last, inf))
        found.setdefault(session, []).extend(free.get(kind, [])[begin:end])
    return found


def _deleted(store: Quick, machine: int | None, sessions: list[str]) -> list[tuple[str, str]]:
    """Give those of the sessions that were deleted, with the kinds of their agents."""
    rows = store.rows(
        f"SELECT id, agent_type FROM deleted_sessions WHERE id {_IN[store.dialect]}"
        " AND machine = ?",
        (json.dumps(sessions), machine),
    )
    return [(session, kind) for session, kind in rows]


def _times(began: str, ended: str, duration: int) -> Times:
    """Give the times that a turn may have asked at: where the clock was set meanwhile, by how it
    was before and by how it was then."""
    first, last = (micros(datetime.fromisoformat(each)) // 1000 for each in (began, ended))
    return min(first, last - duration) - SLACK_MS, max(last, first + duration) + SLACK_MS
