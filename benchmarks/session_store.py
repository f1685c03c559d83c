"""A store of a million turns, as years of work leave it, written at the speed of the disk.

Everything is a function of its number, so that the store is the same each time but for its
dates. It is kept in .cache/bench and made anew when the schema changed or it is a day old.
"""

import hashlib
import random
import shutil
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import ROOT
from tars.home import Home
from tars.store.schema import metadata
from tars.store.store import Store
from tars.store.text_index import SQLITE

CACHE = ROOT / ".cache" / "bench" / "sessions"
YEAR = 365 * 86400
#: How long it may be used: ranges such as `7d` have to find something in it.
FRESH_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class Size:
    """How much is in it. Each turn has two messages and a tool call."""

    sessions: int
    turns_each: int

    @property
    def turns(self) -> int:
        return self.sessions * self.turns_each


WHOLE = Size(20_000, 50)


def prepared(size: Size = WHOLE) -> Home:
    """Give a home with such a store in it; it is made where there is none."""
    home = Home(CACHE / str(size.turns))
    mark = home.data / "made-of"
    fresh = home.store.exists() and time.time() - home.store.stat().st_ctime < FRESH_SECONDS
    if not (fresh and mark.exists() and mark.read_text() == _recipe()):
        shutil.rmtree(home.root, ignore_errors=True)
        home.prepare()
        build(home, size)
        mark.write_text(_recipe())
    return home


def build(home: Home, size: Size) -> None:
    """Write the store. Its newest turn ended just now."""
    Store.open(home.store).close()
    connection = sqlite3.connect(home.store, isolation_level=None)
    try:
        # It can be made again: nothing has to survive a crash meanwhile.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -400000"):
            connection.execute(f"PRAGMA {pragma}").close()
        connection.execute("BEGIN")
        _seeds(connection)
        for statement in _statements():
            connection.execute(statement, _figures(size))
        connection.execute("INSERT INTO message_words (message_words) VALUES ('rebuild')")
        for table in ("numbers", "sentences", "kinds", "models_used"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL").close()
    finally:
        connection.close()


def _figures(size: Size) -> dict[str, int]:
    return {
        "sessions": size.sessions,
        "each": size.turns_each,
        "turns": size.turns,
        "begin": int(time.time()) - YEAR - 7200,
        "apart": YEAR // size.sessions,
    }


def _recipe() -> str:
    """What the store depends on: another schema or another recipe makes another store."""
    tables = repr(
        [
            (
                t.name,
                [(c.name, str(c.type)) for c in t.columns],
                sorted(str(i.name) for i in t.indexes),
            )
            for t in metadata.sorted_tables
        ]
    )
    said = (tables, *SQLITE, Path(__file__).read_text())
    return hashlib.sha256("\0".join(said).encode()).hexdigest()


def _seeds(connection: sqlite3.Connection) -> None:
    """Small tables that the large ones are made of."""
    chance = random.Random(1)
    words = [f"{a}{b}" for a in _BEGINNINGS for b in _ENDINGS]
    often = [1 / (rank + 1) for rank in range(len(words))]
    sentences: Iterable[tuple[int, str]] = (
        (number, " ".join(chance.choices(words, often, k=chance.randint(4, 16))))
        for number in range(20_000)
    )
    connection.execute("CREATE TABLE sentences (i INTEGER PRIMARY KEY, text TEXT)")
    connection.executemany("INSERT INTO sentences VALUES (?, ?)", sentences)
    connection.execute("CREATE TABLE numbers (i INTEGER PRIMARY KEY)")
    connection.executemany("INSERT INTO numbers VALUES (?)", ((i,) for i in range(1_000_000)))
    connection.execute("CREATE TABLE kinds (i INTEGER PRIMARY KEY, kind TEXT)")
    kinds = ("read", "execute", "edit", "search", "edit", "read", "fetch", "execute")
    connection.executemany("INSERT INTO kinds VALUES (?, ?)", enumerate(kinds))
    connection.execute("CREATE TABLE models_used (i INTEGER PRIMARY KEY, model TEXT, agent TEXT)")
    rows = [
        (0, "sonnet", "claude"),
        (1, "flash", "gemini"),
        (2, "opus", "claude"),
        (3, "gpt", "codex"),
    ]
    connection.executemany("INSERT INTO models_used VALUES (?, ?, ?)", rows)


_BEGINNINGS = ("mod", "par", "tok", "ses", "que", "dae", "fil", "tes", "log", "ind", "cos", "lin")
_ENDINGS = (
    "ule",
    "ser",
    "ens",
    "sion",
    "ries",
    "mon",
    "ter",
    "ting",
    "ger",
    "exes",
    "tly",
    "ker",
    "ing",
    "ed",
    "able",
    "ation",
    "ors",
    "ment",
)

#: A time as the store has it.
_AT = "strftime('%Y-%m-%dT%H:%M:%S.000000Z', {}, 'unixepoch')"
_STARTED = ":begin + n.i * :apart"
#: Of a turn: its session is `n.i / :each`, and it follows the one before by two minutes.
_ENDED = ":begin + (n.i / :each) * :apart + (n.i % :each + 1) * 120"
_HASH = "((n.i * 2654435761) % 4294967296)"
_SESSION_ID = "printf('%08x-0000-4000-8000-%012x', ({0} * 2654435761) % 4294967296, {0})"


def _statements() -> tuple[str, ...]:
    began, ended = _AT.format(f"{_ENDED} - 60"), _AT.format(_ENDED)
    session = _SESSION_ID.format("(n.i / :each)")
    kind_of_session = "JOIN models_used u ON u.i = (n.i / :each) % 4"
    sums = "SUM(t.requests), SUM(t.net_input), SUM(t.cache_read), SUM(t.cache_write), "
    sums += "SUM(t.output), SUM(t.reasoning), SUM(IFNULL(t.cost_microusd, 0)), "
    sums += "SUM(t.cost_microusd IS NOT NULL)"
    names = "requests, net_input, cache_read, cache_write, output, reasoning, "
    names += "cost_microusd, costed_turns"
    return (
        f"""INSERT INTO turns (seq, machine, id, agent, session, outcome, began_at, ended_at,
            duration_ms, model, input, net_input, cache_read, cache_write, output, reasoning,
            context, context_cached, context_is_sum, requests, tool_calls, source, models,
            log_mark, cost_microusd, at_least, subagent_tokens)
            SELECT n.i + 1, 1, printf('%032x', n.i), u.agent, {session}, 'ok', {began}, {ended},
            1000 + {_HASH} % 60000, u.model, 9000, {_HASH} % 5000, {_HASH} % 50000,
            {_HASH} % 3000, {_HASH} % 900, {_HASH} % 90, 9000, 8000, 0, 1 + n.i % 5, 1,
            'official', '[]', '', CASE WHEN u.agent = 'claude' THEN {_HASH} % 90000 END, 0, 0
            FROM numbers n {kind_of_session} WHERE n.i < :turns""",
        f"""INSERT INTO turn_models (turn, model, {names})
            SELECT seq, model, requests, net_input, cache_read, cache_write, output, reasoning,
            IFNULL(cost_microusd, 0), cost_microusd IS NOT NULL FROM turns""",
        f"""INSERT INTO sessions (seq, machine, agent, id, agent_type, name, status, created_at,
            ended_at, last_activity_at, project, branch, title, turns, messages, tool_calls,
            duration_ms, {names}, tokens)
            SELECT n.i + 1, 1, u.agent, {_SESSION_ID.format("n.i")}, u.agent,
            CASE WHEN n.i % 10 = 0 THEN 'work-' || n.i END,
            CASE n.i % 9 WHEN 0 THEN 'failed' WHEN 1 THEN 'archived' ELSE 'completed' END,
            {_AT.format(_STARTED)}, {_AT.format(f"{_STARTED} + :each * 120")},
            {_AT.format(f"{_STARTED} + :each * 120")}, '/home/me/project' || (n.i % 40), 'main',
            x.text, :each, 2 * :each, :each, SUM(t.duration_ms), {sums},
            SUM(t.net_input + t.cache_read + t.cache_write + t.output)
            FROM numbers n JOIN models_used u ON u.i = n.i % 4
            JOIN sentences x ON x.i = n.i % 20000
            JOIN turns t ON t.seq > n.i * :each AND t.seq <= (n.i + 1) * :each
            WHERE n.i < :sessions GROUP BY n.i""",
        f"""INSERT INTO session_models (session, model, turns, {names})
            SELECT s.seq, t.model, COUNT(*), {sums} FROM sessions s
            JOIN turns t ON t.seq > (s.seq - 1) * :each AND t.seq <= s.seq * :each
            GROUP BY s.seq, t.model""",
        "INSERT INTO session_tags SELECT seq, 'tag' || (seq % 7) FROM sessions WHERE seq % 3 = 0",
        f"""INSERT INTO messages (seq, session, turn, number, role, text, size, began_at, ended_at)
            SELECT 2 * n.i + r.i + 1, n.i / :each + 1, printf('%032x', n.i), 2 * r.i,
            CASE r.i WHEN 0 THEN 'user' ELSE 'assistant' END, x.text || '. ' || y.text,
            length(x.text) + 2 + length(y.text),
            {began}, {ended}
            FROM numbers n JOIN numbers r ON r.i < 2
            JOIN sentences x ON x.i = ({_HASH} + r.i) % 20000
            JOIN sentences y ON y.i = ({_HASH} / 20000 + r.i) % 20000 WHERE n.i < :turns""",
        f"""INSERT INTO tool_calls (seq, session, turn, number, id, kind, title, status, output,
            size, began_at, ended_at)
            SELECT n.i + 1, n.i / :each + 1, printf('%032x', n.i), 1, 'call-' || n.i, k.kind,
            k.kind || ' src/module' || ({_HASH} % 300) || '.py', 'completed', 'done', 4,
            {began}, {ended} FROM numbers n JOIN kinds k ON k.i = {_HASH} % 8
            WHERE n.i < :turns""",
        f"""INSERT INTO tool_files (tool_call, path)
            SELECT n.i + 1, '/home/me/project' || ((n.i / :each) % 40) || '/src/module'
            || ({_HASH} % 300) || '.py' FROM numbers n JOIN kinds k ON k.i = {_HASH} % 8
            WHERE n.i < :turns AND k.kind IN ('edit', 'read')""",
        """INSERT INTO session_tools (session, kind, calls)
            SELECT session, kind, COUNT(*) FROM tool_calls GROUP BY session, kind""",
        """INSERT INTO session_files (session, path, changes)
            SELECT c.session, f.path, COUNT(*) FROM tool_calls c
            JOIN tool_files f ON f.tool_call = c.seq WHERE c.kind = 'edit'
            GROUP BY c.session, f.path""",
    )
