"""Which session a person means by a word: an id, its beginning, a name, or `last`."""

from typing import TYPE_CHECKING

from tars.errors import SessionAmbiguous, SessionNotFound
from tars.sessions.library import Library

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tars.store.rows import SessionRecord

#: Means the session that was in use last.
LAST = "last"
#: A shorter beginning of an id is not taken: it would mean another session tomorrow.
LEAST_PREFIX = 4
#: How many candidates an error names.
_NAMED = 8


def resolve(
    library: Library, word: str, *, agent: str | None = None, project: str | None = None
) -> "SessionRecord":
    """Give the session that a word means; `agent` and `project` narrow down which can be meant.

    Raises SessionNotFound, and SessionAmbiguous, which names the candidates.
    """
    with library.reading() as connection:
        return resolve_in(connection, library.store.machine, word, agent=agent, project=project)


def resolve_in(
    connection: "Connection",
    machine: int,
    word: str,
    *,
    agent: str | None = None,
    project: str | None = None,
) -> "SessionRecord":
    """The same within a transaction of one's own. `machine` is the row of the one that asks: its
    `last` is meant, and its session where others have one of the same name."""
    from tars.store import finding

    if word == LAST:
        found = finding.newest(connection, machine, agent=agent, project=project)
        if not found:
            raise SessionNotFound("There is no session yet.", advice="`tars prompt` begins one.")
        return found[0]
    for candidates in (
        finding.by_id(connection, word),
        _own(finding.by_name(connection, word), connection, machine),
        finding.by_prefix(connection, word, limit=100) if len(word) >= LEAST_PREFIX else [],
    ):
        meant = [c for c in candidates if _fits(c, agent, project)]
        if len(meant) == 1:
            return meant[0]
        if meant:
            raise SessionAmbiguous(_ambiguous(word, meant), advice="Say more of its id.")
    raise SessionNotFound(_unknown(word, agent), advice="`tars sessions` shows them.")


def _own(
    named: "list[SessionRecord]", connection: "Connection", machine: int
) -> "list[SessionRecord]":
    """Prefer this machine's session of a name to those that others gave the same name."""
    if len(named) < 2:
        return named
    from tars.store import finding

    here = set(finding.of_machine(connection, machine, [session.seq for session in named]))
    return [session for session in named if session.seq in here] or named


def _fits(session: "SessionRecord", agent: str | None, project: str | None) -> bool:
    return agent in (None, session.agent) and project in (None, session.project)


def _ambiguous(word: str, meant: "list[SessionRecord]") -> str:
    shown = "; ".join(
        f"{s.id}{f' ({s.name})' if s.name else ''} of {s.agent} on {s.machine}, "
        f"begun {s.created_at:%Y-%m-%d %H:%M} UTC"
        for s in meant[:_NAMED]
    )
    more = f"; and {len(meant) - _NAMED} more" if len(meant) > _NAMED else ""
    return f"{word!r} means several sessions: {shown}{more}."


def _unknown(word: str, agent: str | None) -> str:
    if 0 < len(word) < LEAST_PREFIX:
        short = f" The beginning of an id has to have {LEAST_PREFIX} characters."
        return f"No session has the id or name {word!r}.{short}"
    of = f" of {agent}" if agent else ""
    return f"No session{of} has the id or name {word!r}."
