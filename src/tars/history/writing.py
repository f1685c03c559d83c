"""One transaction on the index: it takes in what was read, and leaves everything consistent."""

import sqlite3
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, repeat

from tars.history.keys import Forks, moved
from tars.history.merging import Row, merged
from tars.history.packing import FileRow, Packed, SessionRow
from tars.history.slots import Slots

_COLUMNS = """key, session, at, model, place, net_input, cache_read, cache_write, cache_write_1h,
    output, reasoning, requests, size, rank, sidechain, cost, covered"""
_STORED = _COLUMNS.replace(" cost,", " ifnull(cost, -1),")
_VALUES = "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, -1), ?)"
#: The same of single requests without a cost that nothing covers. Most are, and to hand over what
#: is the same for all of them took a tenth of the time.
_PLAIN = "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, NULL, 0)"

#: How many rows are inserted at once into an index whose keys are all known: SQLite takes a third
#: of the time less for them. Beyond so many keys they would take too much memory.
_ROWS = 16
_MOST_KNOWN = 200_000


class Writer:
    """What is done in one transaction. `finish` comes last, before it is committed."""

    def __init__(self, connection: sqlite3.Connection, known: "Known | None" = None) -> None:
        self._connection = connection
        self._known = None if known is None else known.keys(connection)
        self._slots = Slots(connection)
        self._forks: dict[str, Forks] = {}
        self._models = _Interned(connection, "models", "provider", "model")
        self._places = _Interned(connection, "places", "project", "branch")
        #: The sessions whose requests or titles were touched.
        self.sessions: set[int] = set()
        #: How many requests are new, or other than they were.
        self.requests = 0

    def take(self, packed: Packed, *, newest_wins: bool) -> None:
        """Take in the readings of one agent's files. What was taken before changes nothing."""
        self._files(packed.agent, packed.files)
        self._forked(packed.agent, packed.forks)
        if packed.length:
            self._requests(packed, newest_wins=newest_wins)
        self._titles(packed)
        self._limits(packed)

    def cover(self, session: int, intervals: Iterable[tuple[int, int]], stamp: str) -> None:
        """Say within which times, both ends included, a session's requests are in tars' ledger;
        all others are not. `stamp` is the state of the ledger that says so."""
        spans = sorted(intervals)
        starts = [start for start, _ in spans]
        ends: list[int] = []
        for _, end in spans:
            ends.append(max(end, ends[-1]) if ends else end)
        changed = []
        rows = self._connection.execute(
            "SELECT key, at, covered FROM requests WHERE session = ?", (session,)
        )
        for key, at, was in rows.fetchall():
            before = bisect_right(starts, at)
            covered = before > 0 and at <= ends[before - 1]
            if covered != was:
                changed.append((covered, key))
                self._slots.touch(session, at, at)
        self._connection.executemany("UPDATE requests SET covered = ? WHERE key = ?", changed)
        self._connection.execute("REPLACE INTO settled VALUES (?, ?)", (session, stamp))

    def vanished(self, files: Iterable[int]) -> None:
        """Mark files that are no more. What they told stays."""
        ids = ((each,) for each in files)
        self._connection.executemany("UPDATE files SET gone = 1 WHERE id = ?", ids)

    def finish(self) -> None:
        """Bring the sums up to date, and let the coverage of what was touched be found anew."""
        self._slots.bring_up_to_date()
        touched = ((session,) for session in self.sessions)
        self._connection.executemany("DELETE FROM settled WHERE session = ?", touched)

    def _files(self, agent: str, files: list[FileRow]) -> None:
        for fresh, garbled in ((True, "excluded.garbled"), (False, "garbled + excluded.garbled")):
            self._connection.executemany(
                "INSERT INTO files (agent, path, inode, size, mtime, offset, head, state,"
                " garbled, ahead, problem) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (path, agent) DO UPDATE SET inode = excluded.inode,"
                " size = excluded.size, mtime = excluded.mtime, offset = excluded.offset,"
                " head = excluded.head, state = excluded.state, problem = excluded.problem,"
                f" garbled = {garbled}, ahead = {garbled.replace('garbled', 'ahead')}, gone = 0",
                [(agent, *file[:-1]) for file in files if file.fresh == fresh],
            )

    def _forked(self, agent: str, pairs: Sequence[tuple[str, str]]) -> None:
        if agent not in self._forks:
            known = "SELECT child, parent FROM forks WHERE agent = ? ORDER BY child"
            self._forks[agent] = Forks(self._connection.execute(known, (agent,)))
        forks = self._forks[agent]
        for child, parent in pairs:
            if forks.add(child, parent):
                self._connection.execute(
                    "INSERT INTO forks VALUES (?, ?, ?)", (agent, child, parent)
                )
                self._rooted(agent, forks.below(child), moved(agent, child, forks.root(child)))

    def _rooted(self, agent: str, sessions: Iterable[str], change: int) -> None:
        """Give the requests of a conversation that turned out to be a fork their new keys."""
        for session in sessions:
            if (id := self._session(agent, session)) is not None:
                rows = [Row(*row) for row in self._stored("session = ?", id)]
                self._connection.execute("DELETE FROM requests WHERE session = ?", (id,))
                for row in rows:
                    self._slots.touch(id, row.at, row.at)
                self.sessions.add(id)
                moving = [row._replace(key=row.key ^ change) for row in rows]
                if self._known is not None:
                    self._known.difference_update(row.key for row in rows)
                clashes = self._insert(moving, [row.key for row in moving])
                self._merge((row for row in moving if row.key in clashes), newest_wins=False)

    def _requests(self, packed: Packed, *, newest_wins: bool) -> None:
        forks = self._forks[packed.agent]
        numbers = [self._seen(packed.agent, session) for session in packed.sessions]
        models = [self._models[each] for each in packed.models]
        places = [self._places[each] for each in packed.places]
        key, session, at, model, place, *rest = map(packed.column, range(len(packed.columns)))
        if forks:
            agent = packed.agent
            changes = [moved(agent, each[0], forks.root(each[0])) for each in packed.sessions]
            for index, number in enumerate(session):
                key[index] ^= changes[number]

        *counts, requests, size, rank, sidechain, cost = rest

        def rows(*columns: Iterable[int]) -> Iterator[tuple[int, ...]]:
            key, session, at, model, place, *others = columns
            owner, words = map(numbers.__getitem__, session), map(models.__getitem__, model)
            where = map(places.__getitem__, place)
            return zip(key, owner, at, words, where, *others, strict=False)

        whole = (key, session, at, model, place, *rest)
        # Nearly all are new. The others are merged with what is there.
        self._slots.add(
            (slot, numbers[session], models[model], places[place], *rest)
            for slot, session, model, place, *rest in packed.sums
        )
        if max(cost) < 0 and requests.count(1) == len(requests):
            plain = rows(key, session, at, model, place, *counts, size, rank, sidechain)
            clashes = self._insert(plain, key, _PLAIN)
        else:
            clashes = self._insert(rows(*whole, repeat(0)), key)
        if clashes:
            which = [index for index, each in enumerate(key) if each in clashes]
            clashing = ([column[index] for index in which] for column in whole)
            self._merge(rows(*clashing, repeat(0)), newest_wins=newest_wins)

    def _insert(
        self, rows: Iterable[tuple[int, ...]], keys: Sequence[int], values: str = _VALUES
    ) -> set[int]:
        """Insert the rows whose keys are new, and give the other keys."""
        if self._known is not None and len(self._known) < _MOST_KNOWN:
            return self._insert_many(rows, keys, values, self._known)
        clashes: list[int] = []
        # It is called for what is there already, and says to leave that as it is.
        self._connection.create_function("clash", 1, clashes.append)
        self._connection.executemany(
            f"INSERT INTO requests ({_COLUMNS}) {values}"
            " ON CONFLICT (key) DO UPDATE SET covered = covered WHERE clash(key)",
            rows,
        )
        self.requests += len(keys) - len(clashes)
        return set(clashes)

    def _insert_many(
        self, rows: Iterable[tuple[int, ...]], keys: Sequence[int], values: str, known: set[int]
    ) -> set[int]:
        """Do the same where all keys in the index are known: several rows with one statement."""
        new = set(keys)
        clashes = new & known
        if len(new) < len(keys):
            clashes |= {key for key, times in Counter(keys).items() if times > 1}
        before = len(known)
        known |= new
        rows = iter(rows)
        together = chain.from_iterable(islice(rows, len(keys) // _ROWS * _ROWS))
        insert = f"INSERT OR IGNORE INTO requests ({_COLUMNS}) "
        one = values.removeprefix("VALUES ")
        self._connection.executemany(
            f"{insert} VALUES {', '.join([one] * _ROWS)}",
            zip(*[together] * (_ROWS * values.count("?")), strict=True),
        )
        self._connection.executemany(insert + values, rows)
        self.requests += len(known) - before
        return clashes

    def _merge(self, rows: Iterable[tuple[int, ...]], *, newest_wins: bool) -> None:
        rows = list(rows)
        keys = ",".join(str(row[0]) for row in rows)
        found = self._stored("key IN (SELECT value FROM json_each(?))", f"[{keys}]")
        stored = {row[0]: row for row in found}
        changed = {}
        for row in rows:
            # It was added to the sums as if it were new.
            self._slots.touch(row[1], row[2], row[2])
            if row == stored[row[0]]:
                continue
            old, again = Row(*stored[row[0]]), Row(*row)
            new = merged(old, again, newest_wins=newest_wins)
            if new != old:
                stored[new.key] = changed[new.key] = new
                self._slots.touch(old.session, old.at, old.at)
                self._slots.touch(new.session, new.at, new.at)
                self.sessions.update((old.session, new.session))
        self._connection.executemany(
            f"REPLACE INTO requests ({_COLUMNS}) {_VALUES}", changed.values()
        )
        self.requests += len(changed)

    def _stored(self, condition: str, value: object) -> list[tuple[int, ...]]:
        return self._connection.execute(
            f"SELECT {_STORED} FROM requests WHERE {condition}", (value,)
        ).fetchall()

    def _seen(self, agent: str, row: SessionRow) -> int:
        """Note what was seen of a session, and give its number."""
        [(id,)] = self._connection.execute(
            "INSERT INTO sessions (agent, session, first_at, last_at, project, branch)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (session, agent) DO UPDATE SET"
            " project = CASE WHEN excluded.first_at < first_at OR project = ''"
            "  THEN excluded.project ELSE project END,"
            " branch = CASE WHEN excluded.first_at < first_at OR branch = ''"
            "  THEN excluded.branch ELSE branch END,"
            " first_at = min(first_at, excluded.first_at),"
            " last_at = max(last_at, excluded.last_at) RETURNING id",
            (agent, *row),
        ).fetchall()
        self.sessions.add(id)
        return int(id)

    def _session(self, agent: str, session: str) -> int | None:
        found = self._connection.execute(
            "SELECT id FROM sessions WHERE session = ? AND agent = ?", (session, agent)
        ).fetchone()
        return int(found[0]) if found else None

    def _titles(self, packed: Packed) -> None:
        for session, title in packed.titles:
            # One that has asked nothing yet begins with its title.
            at = max(file.mtime for file in packed.files) // 1_000_000
            self._connection.execute(
                "INSERT INTO sessions (agent, session, title, first_at, last_at)"
                " VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (session, agent) DO UPDATE SET title = excluded.title",
                (packed.agent, session, title, at, at),
            )
            id = self._session(packed.agent, session)
            assert id is not None
            self.sessions.add(id)

    def _limits(self, packed: Packed) -> None:
        self._connection.executemany(
            "INSERT INTO limits (agent, name, used, window_minutes, resets_at, at, plan)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (agent, name) DO UPDATE SET"
            " used = excluded.used, window_minutes = excluded.window_minutes,"
            " resets_at = excluded.resets_at, at = excluded.at, plan = excluded.plan"
            " WHERE excluded.at >= at",
            packed.limits,
        )


class Known:
    """The keys of all requests in an index, for some transactions that fill it. They are forgotten
    when it turns out to have had any before, or when somebody else writes too."""

    def __init__(self) -> None:
        self._keys: set[int] | None = set()
        self._version = 0

    def keys(self, connection: sqlite3.Connection) -> set[int] | None:
        """Give them at the beginning of a transaction, to be kept up to date in it; None where
        they are not known."""
        version: int = connection.execute("PRAGMA data_version").fetchone()[0]
        if not self._version:
            self._version = version
            if connection.execute("SELECT EXISTS (SELECT 1 FROM requests)").fetchone()[0]:
                self._keys = None
        elif self._version != version:
            self._keys = None
        return self._keys


class _Interned(dict[tuple[str, str], int]):
    """The rows of a table of pairs, by their words; loaded when they are first asked for."""

    def __init__(self, connection: sqlite3.Connection, table: str, first: str, second: str) -> None:
        self._connection = connection
        self._select = f"SELECT {first}, {second}, id FROM {table}"
        self._insert = f"INSERT INTO {table} ({first}, {second}) VALUES (?, ?)"

    def __missing__(self, key: tuple[str, str]) -> int:
        if not self:
            self.update(((one, two), id) for one, two, id in self._connection.execute(self._select))
            if key in self:
                return self[key]
        number = self._connection.execute(self._insert, key).lastrowid
        assert number is not None
        self[key] = number
        return number
