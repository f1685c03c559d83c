"""What an earlier daemon left unfinished: its turns are reported, its prompts are run.

A turn that it held until the end of a limit is both: its prompt waits, and its row goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import anyio

from tars.accounting.usage import reconcile
from tars.core.agent import Outcome
from tars.daemon import records
from tars.daemon.chronicle import Chronicle
from tars.daemon.routing import picked
from tars.errors import Fault, FaultKind, StoreError
from tars.runtime.log import log
from tars.runtime.loop import Loop
from tars.runtime.recorder import Recorder
from tars.runtime.turn import Before
from tars.store.rows import PromptRow, SessionRow, TurnAttempt, TurnBegun, TurnRecord

if TYPE_CHECKING:
    from tars.store.store import Store

#: How often to try again while the store cannot be read.
RETRY_SECONDS = 5.0


async def heal(recorder: Recorder, loop: Loop, chronicle: Chronicle) -> None:
    """Report the turns that were under way, and run the prompts that wait.

    Call it when the agents are known and before any prompt can be saved: what is in the
    store by then is what an earlier daemon left.
    """
    left = await _read(recorder)
    # Where the store could not be read at first, prompts of this daemon are among them.
    for turn in left.turns:
        if loop.prompt(turn.id) is None and not left.held(turn):
            _close_interrupted(turn, left, loop, chronicle)
    for row in left.prompts:
        if loop.prompt(row.id) is None:
            _requeue(row, left, loop, chronicle)
    chronicle.healed = True
    try:
        await chronicle.session_files.read_marks()
    except StoreError as error:
        log.error("marks_not_read", reason=str(error))
    chronicle.prune()


async def _read(recorder: Recorder) -> "_LeftOver":
    """Try until the store can be read: a full disk may have space again."""
    while True:
        try:
            # All in one go: a prompt that comes meanwhile goes behind those that wait.
            return await recorder.ask(_LeftOver.read)
        except StoreError as error:
            log.error("not_healed", reason=str(error))
        await anyio.sleep(RETRY_SECONDS)


@dataclass(frozen=True, slots=True)
class _LeftOver:
    """`attempts` tell, by turn, what one that was held had used by then; `sessions` are those
    that the turns and prompts name, by agent and id."""

    turns: list[TurnBegun]
    attempts: Mapping[str, TurnAttempt]
    prompts: list[PromptRow]
    sessions: Mapping[tuple[str, str], SessionRow]

    @classmethod
    def read(cls, store: "Store") -> Self:
        turns, prompts = store.unfinished_turns(), store.waiting_prompts()
        prompts = [_found_again(store, row) for row in prompts]
        named = {(t.agent, t.session) for t in turns} | {(p.agent, p.session) for p in prompts}
        rows = [store.session(agent, session) for agent, session in named if session is not None]
        attempts = {turn.id: store.attempt(turn) for turn in turns}
        sessions = {(row.agent, row.id): row for row in rows if row is not None}
        return cls(turns, attempts, prompts, sessions)

    def held(self, turn: TurnBegun) -> bool:
        """Whether its prompt waits, although it began."""
        return any(row.id == turn.id for row in self.prompts)

    def before(self, prompt: str) -> Before | None:
        """The first attempt at a prompt that waits, if there was one."""
        turn = next((t for t in self.turns if t.id == prompt), None)
        return None if turn is None else records.before(turn, self.attempts[turn.id])

    def session(self, agent: str, session: str | None) -> SessionRow | None:
        return None if session is None else self.sessions.get((agent, session))


def _found_again(store: "Store", row: PromptRow) -> PromptRow:
    """What a prompt waited to join may have begun before the earlier daemon ended."""
    if not row.wishes.joins:
        return row
    session = picked(store, agent=row.agent, key=row.wishes.joins) or row.session
    return replace(row, session=session, wishes=replace(row.wishes, new=session is None))


def _close_interrupted(turn: TurnBegun, left: _LeftOver, loop: Loop, chronicle: Chronicle) -> None:
    """Count what the turn had used by then: the agent's own log has it, and the row of a turn
    that was held before."""
    driver, before = loop.drivers.get(turn.agent), left.attempts[turn.id]
    logged = driver.read_from(turn.session, turn.log_mark) if driver and turn.session else None
    requests = tuple({r.id: r for r in (*before.requests, *(logged or ()))}.values())
    usage = reconcile(before.reported, requests or logged, told=before.told)
    record = TurnRecord(
        id=turn.id,
        agent=turn.agent,
        outcome=Outcome.INTERRUPTED,
        began_at=turn.began_at,
        ended_at=datetime.now(UTC),
        duration_ms=0,
        session=turn.session,
        model=turn.model,
        # The request under way is billed too, and nobody will tell of it any more.
        usage=replace(usage, at_least=True),
        requests=requests,
        reported=before.reported,
        told=before.told,
        fault=Fault(FaultKind.CRASHED, "The daemon ended in the middle of this turn."),
    )
    log.warning("turn_interrupted", agent=turn.agent, turn=turn.id)
    chronicle.recover(record, left.session(turn.agent, turn.session))


def _requeue(row: PromptRow, left: _LeftOver, loop: Loop, chronicle: Chronicle) -> None:
    prompt = replace(records.prompt_of(row), before=left.before(row.id))
    if row.agent in loop.fleet.agents:
        if known := left.session(row.agent, row.session):
            chronicle.session_files.know(known)
        loop.submit(prompt)
        return
    fault = Fault(FaultKind.BAD_CONFIG, f"The agent {row.agent} is no longer configured.")
    chronicle.dropped(prompt, Outcome.REFUSED, fault)
