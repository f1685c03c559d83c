"""What people change in a session: its name, title, tags and notes; and that it goes.

Sessions are meant by their `seq` here. Every function is part of the caller's transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    Update,
    and_,
    case,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from tars.store import logged, searching, slots
from tars.store.rows import PromptState, SessionStatus
from tars.store.schema import (
    agents,
    messages,
    model_requests,
    notes,
    prompts,
    session_tags,
    sessions,
    tool_calls,
    turns,
)

#: A prompt in one of these states waits for its session.
_NOT_DONE = (PromptState.QUEUED.value, PromptState.RUNNING.value)
#: How many keys go into one statement.
_CHUNK = 500


class Held(StrEnum):
    """Why a session must stay as it is now."""

    ACTIVE = "its agent's next prompt goes to it"
    WRITTEN = "somebody writes to it"
    AWAITED = "a turn of it is under way, or a prompt waits for it"


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody noted of a session, and when."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Known:
    """What may be said of a session anywhere, and what decides whether it may go."""

    seq: int
    id: str
    agent: str
    name: str | None
    status: SessionStatus
    last_activity_at: datetime


# --- names, tags, notes -------------------------------------------------------


def name_holder(connection: Connection, seq: int, name: str) -> str | None:
    """Give the id of the other session that has this name on the same machine, or None."""
    same = select(sessions.c.machine).where(sessions.c.seq == seq).scalar_subquery()
    held: str | None = connection.scalar(
        select(sessions.c.id).where(
            sessions.c.machine == same, sessions.c.name == name, sessions.c.seq != seq
        )
    )
    return held


def rename(connection: Connection, seq: int, name: str | None) -> None:
    """Set the name that nobody else has, or take it away."""
    connection.execute(_this(seq).values(name=name))


def entitle(connection: Connection, seq: int, title: str) -> None:
    """Set the title, for good: no prompt sets it any more."""
    connection.execute(_this(seq).values(title=title, titled=True))


def tags_of(connection: Connection, seq: int) -> tuple[str, ...]:
    """Give a session's tags, in their order."""
    query = select(session_tags.c.tag).where(session_tags.c.session == seq)
    return tuple(sorted(connection.scalars(query)))


def add_tags(connection: Connection, seq: int, tags: Iterable[str]) -> None:
    """Add tags; those that it has stay."""
    known = set(tags_of(connection, seq))
    new = [{"session": seq, "tag": tag} for tag in dict.fromkeys(tags) if tag not in known]
    if new:
        connection.execute(insert(session_tags), new)


def remove_tags(connection: Connection, seq: int, tags: Iterable[str]) -> None:
    """Take tags away."""
    these = session_tags.c.session == seq, session_tags.c.tag.in_(list(tags))
    connection.execute(delete(session_tags).where(*these))


def add_note(connection: Connection, seq: int, text: str, at: datetime) -> None:
    """Note something of a session."""
    connection.execute(insert(notes), {"session": seq, "at": at, "text": text})


def notes_of(connection: Connection, seq: int) -> list[Note]:
    """Give what was noted, oldest first."""
    query = select(notes.c.at, notes.c.text).where(notes.c.session == seq).order_by(notes.c.seq)
    return [Note(row.at, row.text) for row in connection.execute(query)]


# --- what must stay -----------------------------------------------------------


def claim(connection: Connection, seq: int) -> None:
    """Let nobody else change a session's row until this transaction is over: what is asked of
    it from now on stays true."""
    this = select(sessions.c.seq).where(sessions.c.seq == seq)
    connection.execute(this.with_for_update())


def held(connection: Connection, seq: int, now: datetime) -> Held | None:
    """Say why a session must neither be archived nor deleted now; None when it may."""
    claims = ((Held.ACTIVE, _active()), (Held.WRITTEN, _written(now)), (Held.AWAITED, _awaited()))
    why = case(*((claim, reason.name) for reason, claim in claims), else_=None)
    name = connection.scalar(select(why).where(sessions.c.seq == seq))
    return None if name is None else Held[name]


def free(
    connection: Connection,
    machine: int,
    now: datetime,
    *,
    before: datetime | None = None,
    beyond: int | None = None,
    empty: bool = False,
    archived: bool = True,
    limit: int | None = None,
) -> list[Known]:
    """Give the sessions of a machine for which all of this holds, the least recent first, and
    that nothing holds.

    `before`: nothing happened in it since then. `beyond`: so many others are newer. `empty`: no
    turn and no message. Not `archived`: only those that nobody put away, `beyond` too.
    """
    here = sessions.c.machine == machine
    if not archived:
        here &= sessions.c.status != SessionStatus.ARCHIVED.value
    query = _known().where(here, ~_active(), ~_written(now), ~_awaited())
    if before is not None:
        query = query.where(sessions.c.last_activity_at < before)
    if empty:
        query = query.where(_empty())
    if beyond is not None or empty:
        # Of those that ran outside tars there are as many as there are logs, and no turns.
        here &= sessions.c.source != logged.SOURCE
        query = query.where(here)
    if beyond is not None:
        kept = select(sessions.c.seq).where(here).order_by(*_newest_first()).limit(beyond)
        query = query.where(sessions.c.seq.not_in(kept.scalar_subquery()))
    query = query.order_by(sessions.c.last_activity_at, sessions.c.seq).limit(limit)
    return [
        Known(row.seq, row.id, row.agent, row.name, SessionStatus(row.status), row.last_activity_at)
        for row in connection.execute(query)
    ]


# --- putting away, and deleting -----------------------------------------------


def archive(connection: Connection, seq: int, at: datetime) -> None:
    """Put a session away."""
    connection.execute(_this(seq).values(status=SessionStatus.ARCHIVED.value, archived_at=at))


def restore(connection: Connection, seq: int) -> SessionStatus:
    """Take a session back: it ended as its last finished turn did. Gives its status."""
    last = (
        select(turns.c.outcome)
        .where(_of(turns), sessions.c.seq == seq, turns.c.ended_at.is_not(None))
        .order_by(turns.c.ended_at.desc(), turns.c.seq.desc())
        .limit(1)
    )
    status = _ENDED.get(connection.scalar(last) or "", SessionStatus.COMPLETED)
    connection.execute(_this(seq).values(status=status.value, archived_at=None))
    return status


def remove(connection: Connection, seq: int, *, with_turns: bool = False) -> None:
    """Delete a session and all that was said in it.

    Its turns stay in the ledger, as those of no session, so that what was spent stays counted;
    `with_turns` deletes them too. `erase` has to follow, after the last of several.
    """
    its_turns = select(turns.c.id).join(sessions, _of(turns)).where(sessions.c.seq == seq)
    of = select(sessions.c.machine, sessions.c.agent, sessions.c.id).where(sessions.c.seq == seq)
    if (whose := connection.execute(of).first()) is not None:
        slots.forget(connection, *whose, keep=not with_turns)
    logged.note_deleted(connection, seq)
    _unsay(connection, seq, its_turns)
    done = prompts.c.state == PromptState.DONE.value
    connection.execute(delete(prompts).where(done, prompts.c.id.in_(its_turns)))
    connection.execute(delete(model_requests).where(model_requests.c.turn.in_(its_turns)))
    these = turns.c.id.in_(its_turns)
    if with_turns:
        connection.execute(delete(turns).where(these))
    else:
        connection.execute(update(turns).where(these).values(session=None))
    connection.execute(delete(sessions).where(sessions.c.seq == seq))


def erase(connection: Connection) -> None:
    """Let the disk forget the words of what was removed when the transaction is kept. It takes
    a while in a large store: once for many."""
    # No message has this key; the index remembers that something was taken out.
    searching.unindex(connection, [0])


def _unsay(connection: Connection, seq: int, its_turns: Select[tuple[str]]) -> None:
    """Delete the messages, the tool calls with their files, and by their going what they are
    found by."""
    said = or_(messages.c.session == seq, messages.c.turn.in_(its_turns))
    connection.execute(delete(messages).where(said))
    called = or_(tool_calls.c.session == seq, tool_calls.c.turn.in_(its_turns))
    connection.execute(delete(tool_calls).where(called))


def prune_prompts(connection: Connection, machine: int, before: datetime, limit: int) -> int:
    """Delete rows of the queue that were done before then, and give how many; at most `limit`
    at a time. A prompt's turn, and what it used, is in the ledger."""
    old = (
        select(prompts.c.seq)
        .where(prompts.c.machine == machine, prompts.c.state == PromptState.DONE.value)
        .where(prompts.c.ended_at < before)
        .order_by(prompts.c.seq)
        .limit(limit)
    )
    seqs = list(connection.scalars(old))
    for start in range(0, len(seqs), _CHUNK):
        chunk = seqs[start : start + _CHUNK]
        connection.execute(delete(prompts).where(prompts.c.seq.in_(chunk)))
    return len(seqs)


#: How a session ended whose last turn ended so; any other one was completed.
_ENDED = {
    "error": SessionStatus.FAILED,
    "timeout": SessionStatus.FAILED,
    "refused": SessionStatus.FAILED,
    "interrupted": SessionStatus.INTERRUPTED,
}


def _this(seq: int) -> Update:
    return update(sessions).where(sessions.c.seq == seq)


def _known() -> Select[Any]:
    at = sessions.c
    return select(at.seq, at.id, at.agent, at.name, at.status, at.last_activity_at)


def _newest_first() -> tuple[ColumnElement[Any], ...]:
    return sessions.c.last_activity_at.desc(), sessions.c.seq.desc()


def _of(table: Table) -> ColumnElement[bool]:
    """Say that a row of turns or prompts is of the session."""
    return and_(
        table.c.machine == sessions.c.machine,
        table.c.agent == sessions.c.agent,
        table.c.session == sessions.c.id,
    )


def _active() -> ColumnElement[bool]:
    current = exists().where(
        agents.c.machine == sessions.c.machine,
        agents.c.name == sessions.c.agent,
        agents.c.session == sessions.c.id,
    )
    return or_(sessions.c.status == SessionStatus.ACTIVE.value, current)


def _written(now: datetime) -> ColumnElement[bool]:
    return and_(sessions.c.writer.is_not(None), sessions.c.writer_until > now)


def _awaited() -> ColumnElement[bool]:
    # Not "is not done": no index answers that.
    waits = and_(_of(prompts), prompts.c.state.in_(_NOT_DONE))
    return or_(exists().where(waits), exists().where(_of(turns), turns.c.ended_at.is_(None)))


def _empty() -> ColumnElement[bool]:
    said = exists().where(messages.c.session == sessions.c.seq)
    return ~said & ~exists().where(_of(turns)) & (sessions.c.turns == 0)
