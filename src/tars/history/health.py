"""How it stands with each agent's logs: where they are, what was read, and what could not be."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tars.history.looking import Logs
from tars.history.source import Source

#: How the note of a source begins whose agent writes no tokens down.
NO_TOKENS = "Tokens not recorded"


@dataclass(frozen=True, slots=True)
class Health:
    """One agent's logs. `places` are where they are, or would be. `files` are those that are
    there, and `garbled` the lines of them that could not be read. `requests` counts those whose
    number is told, vanished logs' too; `last_at` is in milliseconds since 1970, or None.
    `problem` is a sentence about what could not be read, `note` one about what these logs do not
    tell; either may be empty."""

    agent: str
    places: tuple[Path, ...]
    state: str
    files: int = 0
    sessions: int = 0
    requests: int = 0
    last_at: int | None = None
    garbled: int = 0
    problem: str = ""
    note: str = ""


def healths(
    connection: sqlite3.Connection | None, sources: Iterable[Source], logs: Logs
) -> list[Health]:
    """Tell of every source, by the index as it is; without one, by the folders alone."""
    files, used = _files(connection), _used(connection)
    return [
        _health(source, logs, files.get(source.agent, _Files()), used.get(source.agent, _Used()))
        for source in sources
    ]


@dataclass(frozen=True, slots=True)
class _Files:
    there: int = 0
    garbled: int = 0
    failed: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Used:
    sessions: int = 0
    requests: int = 0
    last_at: int | None = None


def _files(connection: sqlite3.Connection | None) -> dict[str, _Files]:
    if connection is None:
        return {}
    rows = connection.execute(
        "SELECT agent, count(*), sum(garbled), sum(problem != ''),"
        " min(CASE WHEN problem != '' THEN path || ': ' || problem END)"
        " FROM files WHERE NOT gone GROUP BY agent"
    )
    return {
        agent: _Files(there, garbled, failed, problem or "")
        for agent, there, garbled, failed, problem in rows
    }


def _used(connection: sqlite3.Connection | None) -> dict[str, _Used]:
    if connection is None:
        return {}
    rows = connection.execute(
        "SELECT agent, count(*), sum(told), max(last_at) FROM"
        " (SELECT session AS id, sum(requests) AS told FROM requests GROUP BY session)"
        " JOIN sessions USING (id) GROUP BY agent"
    )
    return {agent: _Used(*told) for agent, *told in rows}


def _health(source: Source, logs: Logs, files: _Files, used: _Used) -> Health:
    places = logs.roots(source)
    unreadable = _unreadable(source, places)
    return Health(
        agent=source.agent,
        places=places,
        state=_state(source, logs, files, used, unreadable=bool(unreadable)),
        files=files.there,
        sessions=used.sessions,
        requests=used.requests,
        last_at=used.last_at,
        garbled=files.garbled,
        problem=unreadable or files.problem,
        note=source.note,
    )


def _state(source: Source, logs: Logs, files: _Files, used: _Used, *, unreadable: bool) -> str:
    """Say in a word or three how it stands; the worst first."""
    places = logs.roots(source)
    if not logs.config.enabled or not places:
        return "not read"
    if unreadable or (files.failed and files.failed == files.there):
        return "unreadable"
    if not any(place.exists() for place in places):
        return "not there"
    if files.failed:
        return f"{files.failed:,} unreadable"
    if files.garbled:
        return f"{files.garbled:,} garbled line{'s' if files.garbled > 1 else ''}"
    if source.note.startswith(NO_TOKENS) and not used.requests:
        return NO_TOKENS.lower()
    return "fine"


def _unreadable(source: Source, places: Sequence[Path]) -> str:
    for place in places:
        try:
            next(iter(source.find(place)), None)
        except OSError as error:
            return f"{place}: {error.strerror or error}."
    return ""
