"""What can still be had of a damaged SQLite store: its faults, and every row that can be read.

The damaged file is only ever read. Rows are known by the tables whose pages they are on; those on
pages that no table leads to any more by what they hold, where they can be of one table alone.
"""

import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from mmap import ACCESS_READ, mmap
from pathlib import Path

from tars.errors import StoreError
from tars.store import engine
from tars.store.migrations import HEAD
from tars.store.pages import MAGIC, USUAL_PAGE, Pages, Row, Value
from tars.store.schema import metadata, version
from tars.store.store import Store

#: How many faults are told.
_TOLD = 20
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_SCHEMA_KINDS = ("table", "index", "trigger", "view")
#: Without these a database is none of ours.
_OURS = frozenset({"turns", "sessions", "prompts"})
#: Two of these make it ours, where the version is lost.
_TELLING = frozenset({"turns", "prompts", "decisions", "model_requests", "tool_calls"})

#: A row of the table of tables: kind, name, table, root page and statement.
_SchemaRow = tuple[str, str, str, int, str]


@dataclass(slots=True)
class Salvaged:
    """What was read: rows by table, and how many could not be. `foreign`: it never was ours."""

    rows: dict[str, int] = field(default_factory=dict)
    unreadable: int = 0
    foreign: bool = False


def faults(path: Path) -> list[str]:
    """Say what is wrong with a file, by SQLite's own check of all of it; nothing, when nothing
    is. Raises StoreError when it cannot be looked at."""
    with path.open("rb") as file:
        start = file.read(len(MAGIC))
    if start == b"":
        return []
    if start != MAGIC:
        return ["the file is not a database"]
    # Without this SQLite makes files beside it, and leaves them there.
    alone = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    uri = f"{path.absolute().as_uri()}?mode=ro{alone}"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as looking:
            names = {row[0] for row in looking.execute("SELECT name FROM sqlite_schema")}
            found = [row[0] for row in looking.execute(f"PRAGMA integrity_check({_TOLD})")]
    except sqlite3.OperationalError as error:
        with engine.store_errors("be checked"):
            raise error
    except sqlite3.DatabaseError as error:
        return [str(error)]
    if found == ["ok"] and names and not names >= _OURS | {version.name}:
        return ["the file is a database of something else"]
    return [] if found == ["ok"] else [line for text in found for line in text.splitlines()]


def salvage(damaged: Path, into: Path, scratch: Path) -> Salvaged:
    """Make a new store of every row of a damaged one that can be read; the rows that hang on
    others may have lost them. `scratch` is a folder for a copy of the damaged file.

    Raises StoreError, also when a newer tars wrote it.
    """
    with engine.store_errors("be read"):
        copy = _copied(damaged, scratch)
        if not copy.stat().st_size:
            Store.open(into).close()
            return Salvaged(foreign=True)
        with copy.open("rb") as file, closing(mmap(file.fileno(), 0, access=ACCESS_READ)) as data:
            return _Salvage(Pages(data), into).run()


def _copied(damaged: Path, scratch: Path) -> Path:
    """Copy a file, and take over into the copy what was written beside it last."""
    copy = scratch / "copy.db"
    shutil.copyfile(damaged, copy)
    beside = damaged.with_name(f"{damaged.name}-wal")
    if beside.exists() and beside.stat().st_size:
        shutil.copyfile(beside, scratch / "copy.db-wal")
        with copy.open("r+b") as file:
            if file.read(len(MAGIC)) != MAGIC:
                file.seek(0)
                file.write(_plausible_header())
        with suppress(sqlite3.Error), closing(sqlite3.connect(copy)) as writing:
            writing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return copy


def _plausible_header() -> bytes:
    """The first bytes of a store's file, up to where they differ from one to the next."""
    return MAGIC + USUAL_PAGE.to_bytes(2, "big") + bytes((2, 2, 0, 64, 32, 32))


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    kind: str
    required: bool
    spare: bool
    is_rowid: bool

    def takes(self, value: Value) -> bool:
        """Whether this can be a value of the column."""
        if value is None:
            return not self.required or self.is_rowid
        if self.kind.startswith("VARCHAR(27)"):
            return isinstance(value, str) and _TIME.fullmatch(value) is not None
        if self.kind.startswith(("TEXT", "VARCHAR")):
            return isinstance(value, str)
        if self.kind.startswith("BOOL"):
            return value in (0, 1)
        if self.kind.startswith(("FLOAT", "REAL")):
            return isinstance(value, int | float)
        return isinstance(value, int)


@dataclass(frozen=True, slots=True)
class _Target:
    """A table of the new store."""

    name: str
    columns: tuple[_Column, ...]

    def takes(self, row: Row) -> bool:
        """Whether this can be a row of the table; columns that came later may be missing."""
        given, all_columns = row.values, self.columns
        return (
            0 < len(given) <= len(all_columns)
            and all(c.takes(v) for c, v in zip(all_columns, given, strict=False))
            and all(c.spare for c in all_columns[len(given) :])
        )

    def values(self, row: Row) -> list[Value]:
        return [
            row.rowid if c.is_rowid else v for c, v in zip(self.columns, row.values, strict=False)
        ]

    def statement(self, count: int) -> str:
        names = ", ".join(f'"{c.name}"' for c in self.columns[:count])
        marks = ", ".join("?" * count)
        return f'INSERT OR IGNORE INTO "{self.name}" ({names}) VALUES ({marks})'


class _Salvage:
    """One file on its way into a new one."""

    def __init__(self, pages: Pages, into: Path) -> None:
        self._pages = pages
        self._into = into
        self._result = Salvaged()

    def run(self) -> Salvaged:
        roots, statements = self._schema()
        if roots and version.name not in roots and len(roots.keys() & _TELLING) < 2:
            self._result.foreign = True
            Store.open(self._into).close()
            return self._result
        self._make(self._version(roots, statements), statements)
        with closing(sqlite3.connect(self._into, isolation_level=None)) as writing:
            writing.execute("BEGIN")
            targets = _targets(writing)
            self._fill(writing, targets, roots)
            writing.execute("COMMIT")
            for name in targets:
                count = writing.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
                self._result.rows[name] = count
        self._result.unreadable += self._pages.broken
        return self._result

    def _schema(self) -> tuple[dict[str, int], list[str]]:
        """Give where each table begins, and the statements that made ours."""
        if not self._pages.count:
            return {}, []
        found = list(self._schema_rows(self._pages.leaves(1, set())))
        if not any(row[1] in _OURS for row in found):
            leaves = filter(self._pages.holds_rows, range(1, self._pages.count + 1))
            found = list(self._schema_rows(leaves)) or found
        roots = {row[1]: row[3] for row in found if row[0] == "table" and row[3]}
        ours = [
            row[4] for row in found if row[2] in metadata.tables and row[0] in ("table", "index")
        ]
        return roots, [sql for sql in ours if sql]

    def _schema_rows(self, leaves: Iterable[int]) -> Iterator[_SchemaRow]:
        for number in leaves:
            for row in self._pages.rows(number):
                found = _schema_row(row)
                if found is not None:
                    yield found
        self._pages.broken = 0

    def _version(self, roots: dict[str, int], statements: list[str]) -> str:
        root = roots.get(version.name)
        leaves = [] if root is None else self._pages.leaves(root, set())
        for number in leaves:
            for row in self._pages.rows(number):
                if len(row.values) == 1 and isinstance(row.values[0], str):
                    return row.values[0]
        # What came with a version tells it as well.
        if not roots or "machines" in roots:
            return HEAD
        return "0002" if any("cost_microusd" in sql for sql in statements) else "0001"

    def _make(self, stands_at: str, statements: list[str]) -> None:
        """Make the empty store: one of today, or one of then, which is migrated later."""
        if stands_at > HEAD:
            raise StoreError(
                f"The store was written by a newer tars (its schema is {stands_at}).",
                advice="Install that version, and repair it with that.",
            )
        if stands_at == HEAD:
            Store.open(self._into).close()
            with closing(sqlite3.connect(self._into)) as writing, writing:
                # The rows that are read say which machine is which.
                writing.execute("DELETE FROM machines")
            return
        with closing(sqlite3.connect(self._into)) as writing, writing:
            for statement in sorted(statements, key=lambda sql: not sql.startswith("CREATE TABLE")):
                writing.execute(statement)
            if version.name not in " ".join(statements):
                writing.execute(f"CREATE TABLE {version.name} (version_num VARCHAR(32) NOT NULL)")
            writing.execute(f"INSERT INTO {version.name} VALUES (?)", (stands_at,))
        self._into.chmod(0o600)

    def _fill(
        self, writing: sqlite3.Connection, targets: dict[str, _Target], roots: dict[str, int]
    ) -> None:
        seen: set[int] = set()
        for name, root in roots.items():
            for number in self._pages.leaves(root, seen):
                if name in targets:
                    self._insert(writing, targets[name], self._pages.rows(number))
        for number in range(1, self._pages.count + 1):
            if number not in seen and self._pages.holds_rows(number):
                rows = list(self._pages.rows(number))
                target = _owner(rows, targets)
                if target is not None:
                    self._insert(writing, target, rows)

    def _insert(self, writing: sqlite3.Connection, target: _Target, rows: Iterable[Row]) -> None:
        for row in rows:
            if target.takes(row):
                values = target.values(row)
                writing.execute(target.statement(len(values)), values)
            else:
                self._result.unreadable += 1


def _schema_row(row: Row) -> _SchemaRow | None:
    if len(row.values) != 5:
        return None
    kind, name, of, root, sql = row.values
    if not (isinstance(name, str) and isinstance(of, str) and isinstance(root, int)):
        return None
    if not isinstance(kind, str) or kind not in _SCHEMA_KINDS:
        return None
    return kind, name, of, root, sql if isinstance(sql, str) else ""


def _targets(writing: sqlite3.Connection) -> dict[str, _Target]:
    """Give the tables of the new store that rows are read for."""
    found = {}
    for name in metadata.tables:
        columns = writing.execute(f'PRAGMA table_info("{name}")').fetchall()
        if columns and name != version.name:
            found[name] = _Target(name, tuple(_column(*column[1:]) for column in columns))
    return found


def _column(name: str, kind: str, required: int, default: str | None, key: int) -> _Column:
    return _Column(
        name,
        kind,
        bool(required),
        not required or default is not None,
        bool(key) and kind == "INTEGER",
    )


def _owner(rows: list[Row], targets: dict[str, _Target]) -> _Target | None:
    """Give the one table that a page without a table can be of."""
    fitting = [
        target
        for target in targets.values()
        if rows
        and all(
            len(row.values) == len(target.columns) and target.takes(row) and _has_key(target, row)
            for row in rows
        )
    ]
    return fitting[0] if len(fitting) == 1 else None


def _has_key(target: _Target, row: Row) -> bool:
    """An INTEGER PRIMARY KEY is NULL on the page, and nothing else that is required is."""
    return all(
        (value is None) == column.is_rowid or not column.required
        for column, value in zip(target.columns, row.values, strict=False)
    )
