"""Once a day: what the configuration keeps no longer goes, and the queue's old rows with it.

Everything is done through the recorder, a session at a time, so that what is to be written for a
prompt never waits for more than one of them.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import anyio

from tars.config import SessionsConfig
from tars.daemon.chronicle import DECISIONS_KEPT
from tars.errors import StoreError
from tars.home import Home
from tars.runtime.log import log
from tars.runtime.recorder import Recorder

if TYPE_CHECKING:
    from tars.sessions.retention import Act, Policy
    from tars.store.managing import Known
    from tars.store.store import Store

#: Not while the agents start.
FIRST_SECONDS = 60.0
EVERY_SECONDS = 24 * 3600.0
#: How long it is known of a prompt that is done that it was asked. Its turn stays.
PROMPTS_KEPT = timedelta(days=90)
_PROMPTS_AT_ONCE = 1000


async def keep_in_order(
    recorder: Recorder, home: Home, config: Callable[[], SessionsConfig]
) -> None:
    """Tidy up soon after the start and then daily; what cannot be done now waits for the next
    time. `config` gives what is in force then."""
    await anyio.sleep(FIRST_SECONDS)
    while True:
        try:
            await tidy(recorder, home, config(), datetime.now(UTC))
        except StoreError as error:
            log.error("retention_failed", reason=str(error))
        recorder.put(lambda store: store.prune_decisions(DECISIONS_KEPT))
        await anyio.sleep(EVERY_SECONDS)


async def tidy(recorder: Recorder, home: Home, config: SessionsConfig, now: datetime) -> None:
    """Do all that is due now. Raises StoreError."""
    await _prune_prompts(recorder, now)
    if config.retention_days is None and config.max_sessions is None:
        return
    # Only who wants it pays for the import.
    from tars.sessions.retention import Policy

    policy = Policy.of(config)
    tidying = _Tidying(recorder, home, policy, now)
    await tidying.run()


class _Tidying:
    """One day's round."""

    def __init__(self, recorder: Recorder, home: Home, policy: "Policy", now: datetime) -> None:
        self._recorder = recorder
        self._home = home
        self._policy = policy
        self._now = now
        self._deleted = 0

    async def run(self) -> None:
        try:
            seen: set[int] = set()
            while new := [s for s in await self._due() if s.seq not in seen]:
                for session in new:
                    # One that cannot go now is not tried again today.
                    seen.add(session.seq)
                    self._tell(await self._put_away(session))
        finally:
            if self._deleted:
                self._recorder.put(_erase)

    async def _due(self) -> "list[Known]":
        from tars.sessions import retention
        from tars.sessions.library import Library

        def ask(store: "Store") -> "list[Known]":
            return retention.due(Library(store, self._home), self._policy, self._now)

        return await self._recorder.ask(ask)

    async def _put_away(self, session: "Known") -> "Act | None":
        from tars.sessions import retention
        from tars.sessions.library import Library

        def ask(store: "Store") -> "Act | None":
            library = Library(store, self._home)
            return retention.put_away(library, self._policy, session, self._now)

        return await self._recorder.ask(ask)

    def _tell(self, act: "Act | None") -> None:
        """Every act is one line, without a word of what was said."""
        if act is None:
            return
        self._deleted += not act.archived
        log.info(
            "session_archived" if act.archived else "session_deleted",
            agent=act.session.agent,
            session=act.session.id,
            name=act.session.name,
            age_days=(self._now - act.session.last_activity_at).days,
            file=None if act.file is None else str(act.file),
        )


async def _prune_prompts(recorder: Recorder, now: datetime) -> None:
    def prune(store: "Store") -> int:
        from tars.store import managing

        with store.writing("prune the queue") as connection:
            before = now - PROMPTS_KEPT
            return managing.prune_prompts(connection, store.machine, before, _PROMPTS_AT_ONCE)

    total = 0
    while pruned := await recorder.ask(prune):
        total += pruned
    if total:
        log.info("prompts_pruned", count=total)


def _erase(store: "Store") -> None:
    from tars.store import managing

    with store.writing("erase what was deleted") as connection:
        managing.erase(connection)
    store.forget()
