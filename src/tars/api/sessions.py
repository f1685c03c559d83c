"""Conversations on disk, for programs: those that tars recorded, and those of one's own.

They are in the same store that `tars sessions` shows, with or without a daemon.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tars.errors import Busy, NameInvalid, Refused, SessionNotFound, UserError
from tars.home import Home, find_home
from tars.sessions.names import check_name
from tars.sessions.titles import title_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tars.sessions.library import Library
    from tars.store.rows import MessageRow, SessionRecord, ToolCallRow

#: Whose words a message can be.
ROLES = ("user", "assistant", "thought", "system", "tool")
#: The agent of a session whose program does not say another one.
AGENT = "python"


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody said. `role` is user, assistant, thought, system or tool; `timestamp` is
    aware; `metadata` is anything that JSON can hold."""

    role: str
    content: str = field(repr=False)
    timestamp: datetime
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)


class AgentSession:
    """A conversation in memory: change it, then `SessionLibrary.save_session`.

    `session_id` is made up where none is given. `metadata` is a dict to write to, of what JSON
    can hold. Times are aware; one without a zone is taken as UTC.
    """

    def __init__(
        self,
        session_id: str | None = None,
        *,
        agent: str = AGENT,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        messages: Iterable[Message] = (),
        created_at: datetime | None = None,
    ) -> None:
        self.session_id = _checked_id(session_id) if session_id is not None else str(uuid4())
        self.agent = agent
        self.name = None if name is None else check_name(name)
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.created_at = _aware(created_at or datetime.now(UTC))
        self._messages = list(messages)
        self._touched_at = max((m.timestamp for m in self._messages), default=self.created_at)
        # What the store had of it when it was last loaded or saved here, and how much of
        # that is still the beginning of `messages`.
        self._stored: datetime | None = None
        self._kept = 0
        self._recorded = False

    def __repr__(self) -> str:
        return f"AgentSession({self.session_id!r}, agent={self.agent!r}, {len(self)} messages)"

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def messages(self) -> tuple[Message, ...]:
        """What was said, oldest first."""
        return tuple(self._messages)

    @property
    def last_activity(self) -> datetime:
        """When it was last said something, or changed."""
        return self._touched_at

    def add_message(
        self,
        role: str,
        content: str,
        *,
        timestamp: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Message:
        """Add what somebody said, now or at another time, and give it.

        Raises UserError for a role that there is not.
        """
        if role not in ROLES:
            raise UserError(f"{role!r} is no role: one of {', '.join(ROLES)}.")
        at = _aware(timestamp or datetime.now(UTC))
        message = Message(role, content, at, dict(metadata or {}))
        self._messages.append(message)
        self._touched_at = max(self._touched_at, at)
        return message

    def clear_history(self, keep_system: bool = True) -> None:
        """Forget what was said; what the system said stays unless `keep_system` is false."""
        kept = [m for m in self._messages if keep_system and m.role == "system"]
        if kept != self._messages:
            self._messages, self._kept = kept, 0
            self._touched_at = datetime.now(UTC)


class SessionLibrary:
    """The sessions of a tars home: that of `TARS_HOME`, else ``~/.tars``, unless `directory` is
    another one, which is made when something is saved in it.

    Each call opens and closes the store, so that several processes may use it; a call that
    waits for another's longer than half a minute raises StoreError.
    """

    def __init__(self, directory: str | Path | None = None) -> None:
        self.home = find_home() if directory is None else Home(Path(directory).absolute())

    def save_session(self, session: AgentSession) -> None:
        """Keep a session, all of it or nothing; it can then be loaded, searched and exported.

        Raises Refused for one that tars itself recorded (what was said stays said; save a copy
        under another id), Busy when somebody else changed it since it was loaded, NameInvalid
        when another session has its name, UserError for metadata that JSON cannot hold.
        """
        from tars.store import authored

        if session._recorded:
            raise Refused(
                f"tars recorded the session {session.session_id}: what was said in it stays.",
                advice="Make an AgentSession of its messages, with another id.",
            )
        row = _authored(session)
        new = session.messages[session._kept :]
        with self._opened(make=True) as library, library.writing() as connection:
            seq = self._own(connection, library, session)
            _refuse_taken_name(connection, library, seq, session.name)
            if seq is None:
                seq = authored.add(connection, library.store.machine, row)
            else:
                authored.change(connection, seq, row)
                if not session._kept:
                    authored.erase(connection, seq)
            authored.append(connection, seq, [_row(message) for message in new])
        session._stored, session._kept = session.last_activity, len(session)

    def load_session(self, reference: str) -> AgentSession:
        """Give a session, by its id, the beginning of it, its name, or ``last``.

        Raises SessionNotFound and SessionAmbiguous.
        """
        from tars.sessions.references import resolve_in
        from tars.store import authored, messages

        with self._opened() as library, library.reading() as connection:
            record = resolve_in(connection, library.store.machine, reference)
            rows = messages.of_session(connection, record.seq)
        session = AgentSession(
            record.id,
            agent=record.agent,
            metadata=record.metadata,
            messages=[_message(row) for row in rows],
            created_at=record.created_at,
        )
        session.name = record.name
        session._touched_at = session._stored = record.last_activity_at
        session._kept = len(session)
        session._recorded = record.source != authored.SOURCE
        return session

    def list_sessions(
        self, *, agent: str | None = None, limit: int | None = None
    ) -> "list[SessionRecord]":
        """Give what is known of the sessions, without what was said, newest activity first."""
        from tars.sessions.listing import Wanted, list_sessions

        try:
            with self._opened() as library:
                return list(list_sessions(library, Wanted(agent=agent), limit=limit).sessions)
        except SessionNotFound:
            return []

    def delete_session(self, reference: str) -> None:
        """Delete a session and all that was said in it; what its turns used stays counted.

        Raises SessionNotFound, SessionAmbiguous, and Refused when it is in use.
        """
        from tars.sessions import cleaning
        from tars.sessions.references import resolve

        with self._opened() as library:
            seq = resolve(library, reference).seq
            cleaning.delete(library, seq, datetime.now(UTC))

    def session_exists(self, session_id: str) -> bool:
        """Say whether there is a session of exactly this id or name."""
        from tars.store import finding

        try:
            with self._opened() as library, library.reading() as connection:
                known = finding.by_id(connection, session_id) or finding.by_name(
                    connection, session_id
                )
                return bool(known)
        except SessionNotFound:
            return False

    @contextmanager
    def _opened(self, *, make: bool = False) -> "Iterator[Library]":
        from tars.config import kept
        from tars.sessions.library import Library

        store, _ = kept(self.home)
        if not (store.url or make or self.home.store.exists()):
            raise SessionNotFound("No sessions yet.")
        with Library.open(self.home, url=store.url) as library:
            yield library

    def _own(
        self, connection: "Connection", library: "Library", session: AgentSession
    ) -> int | None:
        """Give the row of a session of this machine that may be saved, and nobody else writes to
        before this transaction is over; None for a new one."""
        from tars.store import authored, finding, locks

        machine = library.store.machine
        same = finding.by_id(connection, session.session_id)
        own = finding.of_machine(connection, machine, [r.seq for r in same])
        known = [r.seq for r in same if r.seq in own and r.agent == session.agent]
        if not known:
            return None
        who = locks.me(connection, machine)
        locks.require(connection, known[0], who, datetime.now(UTC))
        locks.free(connection, known[0], who)
        # Looked at behind the lock: somebody else may just have written.
        (now,) = finding.by_seq(connection, known)
        if now.source != authored.SOURCE:
            raise Refused(f"tars recorded a session of the id {now.id} itself.")
        if session._stored != now.last_activity_at:
            raise Busy(
                f"The session {now.id} was changed since it was loaded.",
                advice="Load it again, and change that.",
            )
        return now.seq


def _refuse_taken_name(
    connection: "Connection", library: "Library", seq: int | None, name: str | None
) -> None:
    from tars.store import finding

    if name is None:
        return
    named = [record.seq for record in finding.by_name(connection, name)]
    if set(finding.of_machine(connection, library.store.machine, named)) - {seq}:
        raise NameInvalid(f'"{name}" is the name of another session already.')


def _authored(session: AgentSession) -> Any:
    from tars.store.authored import Authored

    try:
        metadata = json.dumps(session.metadata, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UserError(f"The session's metadata cannot be written as JSON: {error}.") from None
    first = next((m.content for m in session.messages if m.role == "user"), "")
    return Authored(
        agent=session.agent,
        id=session.session_id,
        name=session.name,
        title=title_of(first),
        metadata=metadata,
        created_at=session.created_at,
        last_activity_at=session.last_activity,
    )


def _row(message: Message) -> "MessageRow":
    from tars.store.rows import MessageRow, Role

    try:
        extra = json.dumps(dict(message.metadata), allow_nan=False) if message.metadata else None
    except (TypeError, ValueError) as error:
        raise UserError(f"A message's metadata cannot be written as JSON: {error}.") from None
    at = message.timestamp
    return MessageRow(Role(message.role), message.content, at, ended_at=at, extra=extra)


def _message(row: "MessageRow | ToolCallRow") -> Message:
    from tars.store.rows import ToolCallRow

    if isinstance(row, ToolCallRow):
        told = {"tool": row.kind, "title": row.title, "status": row.status}
        return Message("tool", row.output, row.began_at, {**told, "paths": list(row.paths)})
    return Message(row.role.value, row.text, row.began_at, json.loads(row.extra or "{}"))


def _checked_id(session_id: str) -> str:
    """An id is looked for as a name is, and has to be as harmless."""
    return check_name(session_id, of="a session's id")


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
