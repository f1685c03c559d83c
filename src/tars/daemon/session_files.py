"""The session.json of every agent: which conversation it is in, and what that has cost so far."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tars.accounting.usage import Source, TurnUsage
from tars.conversation.model import Opened
from tars.daemon import records
from tars.errors import StoreError
from tars.runtime.log import log
from tars.runtime.recorder import Recorder
from tars.sessions.session_file import SessionFields, SessionManager
from tars.store.rows import Named, SessionMarks, SessionRow

if TYPE_CHECKING:
    from tars.store.store import Store


class SessionFiles:
    """`managers` by agent; `known` are the figures of sessions that a prompt may go back to.

    `marks` tell by agent how those of its session are to be read, and `names` which session
    it was in when that one's name was read.
    `problem` says that a file could not be written, until one can.
    """

    def __init__(self, recorder: Recorder, warn: Callable[[str], None]) -> None:
        self.managers: dict[str, SessionManager] = {}
        self.known: dict[str, SessionFields] = {}
        self.marks: dict[str, SessionMarks] = {}
        self.names: dict[str, Named] = {}
        self.problem: str | None = None
        self._signs: tuple[tuple[int, int] | None, ...] = ()
        self._looks = 0
        self._recorder = recorder
        self._warn = warn

    async def recall(self, agent: str, session_id: str) -> bool:
        """Find what was counted of a session, for a prompt that goes back to it.

        False when tars never saw it. Raises StoreError.
        """
        if self.has(agent, session_id):
            return True
        row = await self._recorder.ask(lambda store: store.session(agent, session_id))
        if row is not None:
            self.know(row)
        return row is not None

    def has(self, agent: str, session_id: str) -> bool:
        """Whether the figures of a session are at hand, as those of the current one always are."""
        current = self.managers[agent].session
        if current is not None and current.session_id == session_id:
            return True
        return session_id in self.known

    async def read_marks(self) -> None:
        """Learn from the ledger how the sums of today's sessions are to be read."""
        for agent, manager in list(self.managers.items()):
            if manager.session is None:
                continue
            session = manager.session.session_id
            ask = partial(_marks, agent=agent, session=session)
            read, now = await self._recorder.ask(ask), self.marks.get(agent)
            if now is not None and now.session == session:
                # A turn ended meanwhile.
                read = replace(now, at_least=now.at_least or read.at_least)
            self.marks[agent] = read

    def mark(self, agent: str, session: str, usage: TurnUsage) -> None:
        """Note how one more turn is to be read."""
        before = self.marks.get(agent)
        known = before if before is not None and before.session == session else None
        counted = usage.source is not Source.ESTIMATE
        self.marks[agent] = SessionMarks(
            session,
            counted=counted or (known is not None and known.counted),
            at_least=usage.at_least or (known is not None and known.at_least),
            context_is_sum=usage.context_is_sum
            if usage.context > 0
            else known is not None and known.context_is_sum,
        )

    def know(self, row: SessionRow) -> None:
        """Have the figures of a session at hand for when a prompt goes to it."""
        current = self.managers[row.agent].session
        if current is None or current.session_id != row.id:
            self.known.setdefault(row.id, records.session_fields(row))

    def opened(self, agent: str, opened: Opened, *, listed: bool = True) -> None:
        """An agent is in a session from now on; one that is not `listed` is nobody's business."""
        manager = self.managers[agent]
        before = manager.session
        self.go_to(manager, opened.session_id)
        log.info("session_opened", agent=agent, session=opened.session_id, resumed=opened.resumed)
        if manager.session == before and manager.exists():
            return
        at = datetime.now(UTC)
        if listed:
            self._recorder.put(lambda store: store.save_session(agent, opened.session_id, at))
        self.save(manager)
        self.read_names()

    def go_to(self, manager: SessionManager, session_id: str) -> None:
        """Count for this session from now on; one that is gone back to has its figures again."""
        current = manager.session
        if current is not None and current.session_id not in ("", session_id):
            # A prompt that waits may go back to it.
            self.known[current.session_id] = current
        known = self.known.pop(session_id, None)
        if known is not None:
            manager.session = known
        manager.begin(session_id)

    def lost(self, agent: str, session_id: str, reason: str) -> None:
        self.leave(agent, session_id, "the agent has lost it")
        lost = self.managers[agent].session
        self.managers[agent].session = None
        if lost is None or not lost.total_net_tokens:
            # Nothing was ever said in it: some agents do not keep such a session.
            return
        self._warn(
            f"The agent {agent} has lost the conversation {session_id}: {reason.rstrip('.')}. "
            "A new one was begun; the ledger keeps what was counted."
        )

    def leave(self, agent: str, session: str, why: str) -> None:
        """Let no prompt go to a conversation any more that does not name it."""
        self._recorder.put(partial(_leave, agent=agent, session=session, why=why))
        self.end(agent, session)

    def end(self, agent: str, session: str | None) -> None:
        """Note that a session is its agent's no longer."""
        if session is not None:
            at = datetime.now(UTC)
            self._recorder.put(lambda store: store.end_session(agent, session, at))

    def name(self, agent: str, session: str | None) -> str | None:
        """Give the name of an agent's session, as far as it is known."""
        named = self.names.get(agent)
        return named.name if named is not None and named.session == session else None

    def look_at_names(self, store: Path) -> None:
        """Learn the names anew where the file of the store was written to since the last look;
        one elsewhere shows no signs of that, and is asked every third time."""
        signs = tuple(_sign(path) for path in (store, store.with_name(store.name + "-wal")))
        self._looks += 1
        if signs != self._signs or self._looks % 3 == 0:
            self._signs = signs
            self.read_names()

    def read_names(self) -> None:
        """Learn what the agents' sessions are called by now: anybody may rename them."""
        current = {a: m.session.session_id for a, m in self.managers.items() if m.session}
        if current:
            self._recorder.look(lambda store: store.session_names(current), then=self._note_names)

    def _note_names(self, names: tuple[Named, ...] | StoreError) -> None:
        if not isinstance(names, StoreError):
            self.names = {named.agent: named for named in names}

    def named(self, told: Named | StoreError | None) -> None:
        """Note what the session of a turn that ended is called."""
        if isinstance(told, Named):
            self.names[told.agent] = told

    def save(self, manager: SessionManager) -> None:
        """Write session.json in the worker thread; a full disk is told, and tried again."""
        self._recorder.put_file(lambda: self._save_now(manager))

    def _save_now(self, manager: SessionManager) -> None:
        try:
            manager.save()
        except StoreError as error:
            self.problem = f"{error} {error.advice}".strip()
            log.error("session_not_saved", reason=str(error))
            raise
        self.problem = None
        if manager.problem:
            self._warn(manager.problem)


def _sign(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _marks(store: "Store", *, agent: str, session: str) -> SessionMarks:
    return store.marks(agent, session)


def _leave(store: "Store", *, agent: str, session: str, why: str) -> None:
    from tars.store import picking

    with store.writing("leave the session") as connection:
        picking.leave(connection, store.machine, agent, session, why)
