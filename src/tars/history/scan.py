"""Bring the index up to date with the logs: find them, and read what is new in them.

Only one process does so at a time; another one waits for it, and finds nothing left to do. What
cannot be read is told, and everything else is counted. A kill at any moment leaves the index as it
was after the last transaction, and the next refresh goes on from there.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tars.config_costs import HistoryConfig
from tars.history.days import add_up, stale
from tars.history.folders import Walk, remember
from tars.history.index import Index
from tars.history.looking import Logs, look
from tars.history.schema import SENSELESS, damaged, is_sound, unwritable
from tars.history.source import TOMORROW, Job, Source
from tars.history.sources.registry import SOURCES
from tars.home import FILE_MODE

if TYPE_CHECKING:
    from tars.history.early import Early, Together
    from tars.history.packing import Packed
    from tars.history.splitting import Chunk, Portions

#: Seconds that a refresh waits for another process's.
PATIENCE = 10.0
_PAUSE = 0.02
_HAS_FILES = "SELECT EXISTS (SELECT 1 FROM files)"


class Refreshed(NamedTuple):
    """What a refresh did. `files` and `bytes` were read, `requests` are new or changed, and
    `sessions` are the numbers of those that were touched. `problems` are sentences about what
    could not be read, those of earlier readings that still stand included. `missed`: nothing was
    read, as another process was at it, or the index could not be written; `unwritable`: the
    latter, and the disk does not let it."""

    files: int = 0
    bytes: int = 0
    requests: int = 0
    sessions: frozenset[int] = frozenset()
    problems: tuple[str, ...] = ()
    missed: bool = False
    unwritable: bool = False


def refresh(
    index: Index,
    *,
    env: Mapping[str, str],
    home: Path,
    config: HistoryConfig,
    processes: int = 2,
    only: Iterable[Path] | None = None,
    sources: Sequence[Source] = SOURCES,
    patience: float = PATIENCE,
    portions: "Portions | None" = None,
    early: "Early | None" = None,
) -> Refreshed:
    """Read what is new in the logs of a person with this environment and home folder.

    `processes`: a second one helps with more than some megabytes. `only`: the files that may
    have changed; no others are looked at. `patience`: seconds to wait for another process that
    does the same. `early`: a second process that looks for these logs already, of use
    while the index is empty. An index that turns out to be damaged is set aside, and made anew.

    Raises StoreError or OSError when that cannot be done.
    """
    if not config.enabled:
        return Refreshed()
    renewed = index.renew()
    paths = None if only is None or renewed else frozenset(map(str, only))
    logs = Logs(env, config.home or home, config, paths)
    with _alone(index.path, patience) as alone:
        if not alone:
            said = (
                "Another process is still reading the agents' logs: what is new there is missing."
            )
            return Refreshed(problems=(said,), missed=True)
        try:
            refreshed = _refresh(index, logs, sources, processes, portions, early)
            aside, index.set_aside = index.set_aside, None
            return refreshed if aside is None else _anew(refreshed, aside)
        except sqlite3.Error as error:
            if not damaged(error):
                said = f"The index of the agents' logs could not be brought up to date: {error}."
                return Refreshed(problems=(said,), missed=True, unwritable=unwritable(error))
        except SENSELESS:
            if is_sound(index.connection):
                raise
        aside = index.start_anew()
        refreshed = _refresh(index, logs._replace(only=None), sources, processes, portions)
        return _anew(refreshed, aside)


def _anew(refreshed: Refreshed, aside: Path) -> Refreshed:
    said = f"The index of the agents' logs was damaged. It was made anew; the old one is {aside}."
    return refreshed._replace(problems=(said, *refreshed.problems))


@contextmanager
def _alone(path: Path, patience: float) -> Iterator[bool]:
    """Keep other processes from doing the same; say whether that was possible in time."""
    lock = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
    deadline = time.monotonic() + patience
    try:
        while not (locked := _lock(lock)) and time.monotonic() < deadline:
            time.sleep(_PAUSE)
        yield locked
    finally:
        os.close(lock)


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A file system without locks. Two at a time do twice the work, and count once: a
        # request's key is in the index or not.
        return True
    return True


def _refresh(
    index: Index,
    logs: Logs,
    sources: Sequence[Source],
    processes: int,
    portions: "Portions | None",
    early: "Early | None" = None,
) -> Refreshed:
    """Read what is new."""
    if not logs.config.titles:
        forget_titles(index)
    connection = index.connection
    begun = None
    if early is not None and not connection.execute(_HAS_FILES).fetchone()[0]:
        begun = early.begun(logs, sources, portions)
    seen = begun.seen if begun else look(connection, sources, logs, now=time.time())
    if seen.vanished:
        with index.writing() as writer:
            writer.vanished(seen.vanished)
    done = Refreshed()
    if seen.jobs:
        together = begun and begun.read
        titles = logs.config.titles
        done = _read(index, seen.jobs, processes, portions, together, titles=titles)
    _keep(index, seen.walks, rested=not seen.jobs)
    return done._replace(problems=(*seen.problems, *_told(connection)))


def _read(
    index: Index,
    jobs: Sequence[tuple[Source, list[Job]]],
    processes: int,
    portions: "Portions | None",
    together: "Together | None" = None,
    *,
    titles: bool,
) -> Refreshed:
    """Read these files on, and write down what they have."""
    # Most reports find nothing new: they need not wait for what reads.
    from tars.history import decoding  # noqa: F401 - what follows imports the same, but slowly
    from tars.history.splitting import PORTIONS, chunks_of, read_in_order
    from tars.history.writing import Known

    portions = portions or PORTIONS
    chunks = chunks_of(jobs, portions)
    known, requests, sessions = Known(), 0, set[int]()
    if together is not None:
        read = together(chunks)
    else:
        latest = int(time.time() * 1000) + TOMORROW
        read = read_in_order(chunks, latest=latest, processes=processes, portions=portions)
    with index.much(), closing(read):
        for _, part in groupby(_numbered(read, portions.transaction), lambda each: each[0]):
            with index.writing(known) as writer:
                for _, source, packed in part:
                    if not titles:
                        packed = packed._replace(titles=[])
                    writer.take(packed, newest_wins=source.newest_wins)
            requests += writer.requests
            sessions |= writer.sessions
    return Refreshed(
        files=sum(len(jobs) for _, jobs in chunks),
        bytes=sum(job.to_read for _, jobs in chunks for job in jobs),
        requests=requests,
        sessions=frozenset(sessions),
    )


def _keep(index: Index, walks: Sequence[Walk], *, rested: bool) -> None:
    """Remember what was walked, and add up what a first reading left, if nobody has to be
    waited for."""
    connection = index.connection
    adding = rested and bool(stale(connection))
    if not walks and not adding:
        return
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        with suppress(sqlite3.OperationalError), index.transaction():
            remember(connection, walks)
            if adding:
                add_up(connection)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")


def forget_titles(index: Index) -> None:
    """Take out what sessions are called: nothing of what was said is to be kept."""
    connection = index.connection
    if connection.execute("SELECT EXISTS (SELECT 1 FROM sessions WHERE title != '')").fetchone()[0]:
        connection.execute("PRAGMA secure_delete = ON")
        with index.transaction():
            connection.execute("UPDATE sessions SET title = '' WHERE title != ''")


def _numbered(
    read: "Iterable[tuple[Chunk, Packed]]", most: int
) -> "Iterator[tuple[int, Source, Packed]]":
    """Say which transaction each part is written in, of which one has no more than so many
    bytes of logs, or little more."""
    size = 0
    for (source, jobs), packed in read:
        yield size // most, source, packed
        size += sum(row.offset for row in packed.files) - sum(job.offset for job in jobs)


def _told(connection: sqlite3.Connection) -> Iterator[str]:
    """Say what is wrong with logs that are there, a sentence for each agent and kind."""
    rows = connection.execute(
        "SELECT agent, path, problem, ahead FROM files WHERE (problem != '' OR ahead > 0)"
        " AND NOT gone ORDER BY agent, path"
    ).fetchall()
    for agent, group in groupby(rows, lambda row: row[0]):
        files = list(group)
        failed = [(path, problem) for _, path, problem, _ in files if problem]
        if failed:
            path, problem = failed[0]
            others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            yield f"{agent}: {path} was not counted: {problem.rstrip('.')}{others}."
        if ahead := sum(row[3] for row in files):
            are = f"{ahead:,} requests are" if ahead > 1 else "1 request is"
            yield f"{agent}: {are} dated in the future; some clock was wrong."
