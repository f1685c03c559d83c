"""The session.json of every agent: which conversation it is in, and what that has cost so far."""

from collections.abc import Callable
from datetime import UTC, datetime

from tars.conversation.model import Opened
from tars.daemon import records
from tars.errors import StoreError
from tars.runtime.log import log
from tars.runtime.recorder import Recorder
from tars.sessions.session_file import SessionFields, SessionManager
from tars.store.rows import SessionRow


class SessionFiles:
    """`managers` by agent; `known` are the figures of sessions that a prompt may go back to.

    `problem` says that a file could not be written, until one can.
    """

    def __init__(self, recorder: Recorder, warn: Callable[[str], None]) -> None:
        self.managers: dict[str, SessionManager] = {}
        self.known: dict[str, SessionFields] = {}
        self.problem: str | None = None
        self._recorder = recorder
        self._warn = warn

    async def recall(self, agent: str, session_id: str) -> bool:
        """Find what was counted of a session, for a prompt that goes back to it.

        False when tars never saw it. Raises StoreError.
        """
        current = self.managers[agent].session
        if current is not None and current.session_id == session_id:
            return True
        if session_id in self.known:
            return True
        row = await self._recorder.ask(lambda store: store.session(agent, session_id))
        if row is not None:
            self.know(row)
        return row is not None

    def know(self, row: SessionRow) -> None:
        """Have the figures of a session at hand for when a prompt goes to it."""
        current = self.managers[row.agent].session
        if current is None or current.session_id != row.id:
            self.known.setdefault(row.id, records.session_fields(row))

    def opened(self, agent: str, opened: Opened) -> None:
        manager = self.managers[agent]
        before = manager.session
        self.go_to(manager, opened.session_id)
        log.info("session_opened", agent=agent, session=opened.session_id, resumed=opened.resumed)
        if manager.session == before and manager.exists():
            return
        at = datetime.now(UTC)
        self._recorder.put(lambda store: store.save_session(agent, opened.session_id, at))
        self.save(manager)

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
        lost = self.managers[agent].session
        self.managers[agent].session = None
        if lost is None or not lost.total_net_tokens:
            # Nothing was ever said in it: some agents do not keep such a session.
            return
        self._warn(
            f"The agent {agent} has lost the conversation {session_id}: {reason.rstrip('.')}. "
            "A new one was begun; the ledger keeps what was counted."
        )

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
