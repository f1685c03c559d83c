"""Compare the logs that are there with what the index knows of them."""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tars.config_costs import HistoryConfig
from tars.history import databases
from tars.history.files import is_closed
from tars.history.folders import Folders, Walk, changed, is_local, remembered
from tars.history.source import Found, Job, Source


class Logs(NamedTuple):
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


class Look(NamedTuple):
    """What has to be done: files to read, the numbers of those that vanished, and sentences
    about folders that cannot be looked into. `walks` are to be remembered."""

    jobs: Sequence[tuple[Source, list[Job]]] = ()
    vanished: Sequence[int] = ()
    problems: Sequence[str] = ()
    walks: Sequence[Walk] = ()


def look(
    connection: sqlite3.Connection | None, sources: Sequence[Source], logs: Logs, *, now: float
) -> Look:
    """Find what is not as the index knows it, if there is one. `now` is in seconds since 1970."""
    known: dict[str, dict[str, _Known]] = {source.agent: {} for source in sources}
    walks: Mapping[tuple[str, str], Walk] = {}
    if connection is not None:
        for row in connection.execute(_KNOWN):
            if row[0] in known:
                known[row[0]][row[1]] = row
        walks = remembered(connection, now)
    jobs: list[tuple[Source, list[Job]]] = []
    vanished: list[int] = []
    problems: list[str] = []
    walked: list[Walk] = []
    for source in sources:
        files = known[source.agent]
        search = _Search(source, logs, files, walks, now)
        search.run()
        # What was modified first is read first: mostly, a copy comes after what it is of.
        news = sorted(search.news, key=lambda each: (each.mtime, each.path))
        if news:
            jobs.append((source, [_job(connection, each, files) for each in news]))
        vanished += search.vanished()
        problems += search.problems
        walked += search.walks
    return Look(jobs, vanished, problems, walked)


class _Search:
    """Looks for the logs of one source. `there` are all that were found, and `news` those that
    are not as they are known. `complete`: any others are surely not there."""

    def __init__(
        self,
        source: Source,
        logs: Logs,
        known: _Files,
        walks: Mapping[tuple[str, str], Walk],
        now: float,
    ) -> None:
        self.there: set[str] = set()
        self.news: list[Found] = []
        self.problems: list[str] = []
        self.walks: list[Walk] = []
        self._source = source
        self._only = logs.only
        self._roots = logs.roots(source)
        self._known = known
        self._before = walks
        self._now = now
        self._closed: list[str] = []
        self._unsayable: set[str] = set()
        self._complete = True

    def run(self) -> None:
        """Look for all, or for those that may have changed."""
        self._complete = bool(self._roots)
        if self._only is not None:
            wanted = {p for p in self._only if any(map(Path(p).is_relative_to, self._roots))}
            for path in wanted & self._known.keys():
                if (found := _stat(path)) is not None:
                    self._add(found)
            if wanted <= self._known.keys():
                self._complete = True
                return
        for root in self._roots:
            try:
                self._look_below(root)
            except OSError as error:
                self._complete = False
                why = error.strerror or error
                self.problems.append(f"{self._source.agent}: {root} cannot be read: {why}.")
        if self._unsayable:
            some = len(self._unsayable)
            were = f"{some} files were" if some > 1 else "a file was"
            self.problems.append(
                f"{self._source.agent}: {were} left out, as the name is not UTF-8."
            )

    def vanished(self) -> list[int]:
        """Give the numbers of the files that are gone."""
        if not self._complete:
            return []
        unseen = tuple(f"{path}/" for path in self._closed)
        return [
            row[2]
            for path, row in self._known.items()
            if path not in self.there
            and not row[3]
            and not path.startswith(unseen)
            and (self._only is None or path in self._only)
        ]

    def _look_below(self, root: Path) -> None:
        """Look at what a root has. Raises OSError."""
        before = self._before.get((self._source.agent, str(root)))
        differing = changed(before.folders) if before is not None else set[str]()
        if before is not None and not differing and self._only is None:
            self._look_at_known(f"{root}/")
            return
        files = (path for path, row in self._known.items() if not row[3])
        noting = bool(self._known) and self._only is None and is_local(str(root))
        folders = Folders(
            str(root),
            None if before is None else before.folders,
            differing,
            files,
            now=self._now if noting else None,
        )
        for each in self._source.find(root, folders):
            self._add(each)
            if folders.noting and not self._is_indexed(each):
                folders.doubt()
        if folders.noting and folders.marks:
            at = self._now if before is None else before.at
            self.walks.append(Walk(self._source.agent, str(root), at, folders.marks))

    def _look_at_known(self, prefix: str) -> None:
        """Look at the files below a root in whose folders nothing came or went."""
        # There are thousands, at each report.
        stat, there, add = os.stat, self.there, self.there.add
        for path, row in self._known.items():
            if row[3] or path in there or not path.startswith(prefix):
                continue
            try:
                now = stat(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            add(path)
            if now.st_mtime_ns != row[6] or now.st_size != row[5] or now.st_ino != row[4]:
                self.news.append(Found(path, now.st_ino, now.st_size, now.st_mtime_ns))

    def _is_indexed(self, found: Found) -> bool:
        """Whether a walk without any look at its folder would come upon a file."""
        known = self._known.get(found.path)
        return known is not None and not known[3] and not is_closed(found)

    def _add(self, found: Found) -> None:
        path = found.path
        if path in self.there or (self._only is not None and path not in self._only):
            return
        if not path.isascii() and not _is_unicode(path):
            self._unsayable.add(path)
            return
        self.there.add(path)
        if is_closed(found):
            self._closed.append(path)
        if _is_news(found, self._known.get(path)):
            self.news.append(found)


def _is_unicode(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stat(path: str) -> Found | None:
    try:
        # As sources do that read databases: what was written last may be in a file beside it.
        return databases.found(Path(path))
    except OSError:
        return None


def _is_news(found: Found, known: _Known | None) -> bool:
    return known is None or known[4:] != found[1:] or known[3] == 1


def _job(connection: sqlite3.Connection | None, found: Found, files: _Files) -> Job:
    known = files.get(found.path)
    if known is None or connection is None:
        return Job(found)
    mark = connection.execute(
        "SELECT inode, offset, state, head FROM files WHERE id = ?", (known[2],)
    ).fetchone()
    return Job(found, *mark)
