"""Compare the logs that are there with what the index knows of them."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tars.config_costs import HistoryConfig
from tars.history import databases
from tars.history.files import is_closed
from tars.history.reading import Job
from tars.history.source import Found, Source


@dataclass(frozen=True, slots=True)
class Logs:
    """Which logs are looked at: those of a person with this environment and home folder. `only`:
    the paths that may have changed, or None for all."""

    env: Mapping[str, str]
    home: Path
    config: HistoryConfig
    only: frozenset[str] | None = None

    def roots(self, source: Source) -> tuple[Path, ...]:
        """Give where a source's logs are. The configuration may say so, or leave it out."""
        configured = self.config.paths.get(source.agent)
        return source.roots(self.env, self.home) if configured is None else configured


#: What `files` says of a path: its number, whether the file is gone, and how it was when it was
#: read: inode, size and mtime, as in `Found`. There are thousands, and each look goes over all.
_KNOWN = "SELECT agent, path, id, gone, inode, size, mtime FROM files"
_Known = tuple[str, str, int, int, int, int, int]
_Files = Mapping[str, _Known]


@dataclass(frozen=True, slots=True)
class Look:
    """What has to be done: files to read, the numbers of those that vanished, and sentences
    about folders that cannot be looked into."""

    jobs: Sequence[tuple[Source, list[Job]]] = ()
    vanished: Sequence[int] = ()
    problems: Sequence[str] = ()


def look(connection: sqlite3.Connection, sources: Sequence[Source], logs: Logs) -> Look:
    """Find what is not as the index knows it."""
    known: dict[str, dict[str, _Known]] = {source.agent: {} for source in sources}
    for row in connection.execute(_KNOWN):
        if row[0] in known:
            known[row[0]][row[1]] = row
    jobs: list[tuple[Source, list[Job]]] = []
    vanished: list[int] = []
    problems: list[str] = []
    for source in sources:
        files = known[source.agent]
        found, complete = _find(source, logs, files, problems)
        changed = [each for each in found.values() if _is_news(each, files.get(each.path))]
        # What was modified first is read first: mostly, a copy comes after what it is of.
        changed.sort(key=lambda each: (each.mtime, each.path))
        if changed:
            jobs.append((source, [_job(connection, each, files) for each in changed]))
        if complete:
            unseen = tuple(f"{each.path}/" for each in found.values() if is_closed(each))
            vanished += [
                row[2]
                for path, row in files.items()
                if not row[3]
                and path not in found
                and not path.startswith(unseen)
                and (logs.only is None or path in logs.only)
            ]
    return Look(jobs, vanished, problems)


def _find(
    source: Source, logs: Logs, known: _Files, problems: list[str]
) -> tuple[dict[str, Found], bool]:
    """Give a source's files, and whether any others are surely not there."""
    roots = logs.roots(source)
    found: dict[str, Found] = {}
    if logs.only is not None:
        wanted = {path for path in logs.only if any(map(Path(path).is_relative_to, roots))}
        for path in wanted & known.keys():
            _stat(path, found)
        if wanted <= known.keys():
            return found, True
    complete = bool(roots)
    for root in roots:
        try:
            for each in source.find(root):
                if logs.only is None or each.path in logs.only:
                    found[each.path] = each
        except OSError as error:
            complete = False
            problems.append(f"{source.agent}: {root} cannot be read: {error.strerror or error}.")
    unsayable = [path for path in found if not path.isascii() and not _is_unicode(path)]
    for path in unsayable:
        del found[path]
    if unsayable:
        were = f"{len(unsayable)} files were" if unsayable[1:] else "a file was"
        problems.append(f"{source.agent}: {were} left out, as the name is not UTF-8.")
    return found, complete


def _is_unicode(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stat(path: str, found: dict[str, Found]) -> None:
    try:
        # As sources do that read databases: what was written last may be in a file beside it.
        each = databases.found(Path(path))
    except OSError:
        return
    if each is not None:
        found[path] = each


def _is_news(found: Found, known: _Known | None) -> bool:
    return known is None or known[4:] != found[1:] or known[3] == 1


def _job(connection: sqlite3.Connection, found: Found, files: _Files) -> Job:
    known = files.get(found.path)
    if known is None:
        return Job(found)
    mark = connection.execute(
        "SELECT inode, offset, state, head FROM files WHERE id = ?", (known[2],)
    ).fetchone()
    return Job(found, *mark)
