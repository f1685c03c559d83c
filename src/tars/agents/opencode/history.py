"""opencode's own database: what every request to the model used, subagents' too.

`opencode.db` is SQLite in WAL mode, read here read-only while opencode writes. A request is a
row of `part` whose JSON has `"type": "step-finish"`; a subagent's session names its parent.
The form is internal to opencode: whatever does not fit is left out, never guessed.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from tars.agents.opencode import messages as wire
from tars.conversation.model import RequestUsage

#: Rows of two sessions may be written a little out of order: this far back is looked again.
LOOK_BACK_MS = 10_000
#: How many rows are read at once; the rest comes with the next look.
MOST_ROWS = 5_000
#: How long a writer is waited for.
BUSY_SECONDS = 0.05

_TREE = """
with recursive tree(id) as (
    select id from session where id = :session
    union select session.id from session join tree on session.parent_id = tree.id
)
"""
_NEWEST = f"""{_TREE}
select id, time_created from part
where session_id in (select id from tree)
order by time_created desc limit :most
"""
_SINCE = f"""{_TREE}
select part.id, part.time_created, part.data, message.data, session.id, session.agent
from part join message on message.id = part.message_id join session on session.id = part.session_id
where part.session_id in (select id from tree) and part.time_created >= :since
    and json_extract(part.data, '$.type') = 'step-finish'
order by part.time_created, part.id limit :most
"""


class _Mark(msgspec.Struct):
    """Everything up to `at` (milliseconds) was read, and those `ids` of the last seconds."""

    at: int = 0
    ids: list[str] = []


class _Finish(msgspec.Struct):
    tokens: wire.Tokens
    cost: float | None = None


class _Author(msgspec.Struct):
    provider: str = msgspec.field(default="", name="providerID")
    model: str = msgspec.field(default="", name="modelID")


class OpencodeHistory:
    """One session's requests, and its subagents'. Nothing has to be guarded: opencode keeps
    a session whatever loads it."""

    def __init__(self, database: Path, session_id: str, mark: str = "") -> None:
        self._database = database
        self._session_id = session_id
        self._mark = _Mark()
        if mark and mark != "0":
            self._mark = _read_mark(mark)
        elif not mark:
            self._skip()

    def mark(self) -> str:
        return msgspec.json.encode(self._mark).decode()

    def read(self) -> tuple[RequestUsage, ...] | None:
        since = max(0, self._mark.at - LOOK_BACK_MS)
        rows = self._query(_SINCE, since=since, most=MOST_ROWS)
        if rows is None:
            return None
        known = set(self._mark.ids)
        fresh = [row for row in rows if row[0] not in known]
        self._advance([(row[0], row[1]) for row in rows])
        told = (self._request(*row) for row in fresh)
        return tuple(request for request in told if request is not None)

    def guard(self) -> None:
        """Loading a session loses nothing."""

    def tidy(self) -> None:
        """Loading a session leaves nothing."""

    def _request(
        self, id: str, at: int, finish: str, author: str, session: str, agent: str | None
    ) -> RequestUsage | None:
        try:
            told = msgspec.json.decode(finish, type=_Finish)
            wrote = msgspec.json.decode(author, type=_Author)
        except (msgspec.MsgspecError, RecursionError, TypeError):
            return None
        subagent = "" if session == self._session_id else agent or "subagent"
        model = wire.joined(wrote.provider, wrote.model)
        return wire.counted(id, told.tokens, model=model, cost=told.cost, at=at, subagent=subagent)

    def _skip(self) -> None:
        """Take all that is there as read."""
        rows = self._query(_NEWEST, most=MOST_ROWS)
        self._advance([(row[0], row[1]) for row in rows or ()])

    def _advance(self, rows: list[tuple[str, int]]) -> None:
        at = max([self._mark.at, *(time for _, time in rows)])
        ids = [id for id, time in rows if time >= at - LOOK_BACK_MS]
        self._mark = _Mark(at, ids)

    def _query(
        self, sql: str, **values: object
    ) -> list[tuple[str, int, str, str, str, str]] | None:
        if not self._database.exists():
            return None
        try:
            uri = f"{self._database.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as database:
                return database.execute(sql, {"session": self._session_id, **values}).fetchall()
        except sqlite3.Error:
            return None


def database(env: Mapping[str, str]) -> Path:
    """Where opencode keeps it, for somebody with this environment."""
    data = folder(env)
    named = env.get("OPENCODE_DB", "")
    if named:
        # Relative to its own folder, not to where it runs.
        return data / named
    return data / "opencode.db"


def folder(env: Mapping[str, str]) -> Path:
    """opencode's data: the database, the logs, and who is signed in."""
    home = Path(env.get("HOME") or Path.home())
    base = env.get("XDG_DATA_HOME")
    return (Path(base) if base else home / ".local" / "share") / "opencode"


def _read_mark(mark: str) -> _Mark:
    try:
        return msgspec.json.decode(mark, type=_Mark)
    except msgspec.MsgspecError:
        return _Mark()
