"""What an earlier daemon left unfinished: its turns are reported, its prompts are run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import anyio

from tars.accounting.usage import reconcile
from tars.core.agent import Outcome
from tars.daemon import records
from tars.daemon.chronicle import Chronicle
from tars.errors import Fault, FaultKind, StoreError
from tars.runtime.log import log
from tars.runtime.loop import Loop
from tars.runtime.recorder import Recorder
from tars.store.rows import PromptRow, SessionRow, TurnBegun, TurnRecord

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
        if loop.prompt(turn.id) is None:
            _close_interrupted(turn, left, loop, chronicle)
    for row in left.prompts:
        if loop.prompt(row.id) is None:
            _requeue(row, left, loop, chronicle)
    chronicle.healed = True
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
    """`sessions` are those that the turns and prompts name, by agent and id."""

    turns: list[TurnBegun]
    prompts: list[PromptRow]
    sessions: Mapping[tuple[str, str], SessionRow]

    @classmethod
    def read(cls, store: "Store") -> Self:
        turns, prompts = store.unfinished_turns(), store.waiting_prompts()
        named = {(t.agent, t.session) for t in turns} | {(p.agent, p.session) for p in prompts}
        rows = [store.session(agent, session) for agent, session in named if session is not None]
        return cls(turns, prompts, {(row.agent, row.id): row for row in rows if row is not None})

    def session(self, agent: str, session: str | None) -> SessionRow | None:
        return None if session is None else self.sessions.get((agent, session))


def _close_interrupted(turn: TurnBegun, left: _LeftOver, loop: Loop, chronicle: Chronicle) -> None:
    """Count what the turn had used by then: the agent's own log has it."""
    driver = loop.drivers.get(turn.agent)
    requests = driver.read_from(turn.session, turn.log_mark) if driver and turn.session else None
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
        usage=replace(reconcile(None, requests), at_least=True),
        requests=requests or (),
        fault=Fault(FaultKind.CRASHED, "The daemon ended in the middle of this turn."),
    )
    log.warning("turn_interrupted", agent=turn.agent, turn=turn.id)
    chronicle.recover(record, left.session(turn.agent, turn.session))


def _requeue(row: PromptRow, left: _LeftOver, loop: Loop, chronicle: Chronicle) -> None:
    prompt = records.prompt_of(row)
    if row.agent in loop.fleet.agents:
        if known := left.session(row.agent, row.session):
            chronicle.session_files.know(known)
        loop.submit(prompt)
        return
    fault = Fault(FaultKind.BAD_CONFIG, f"The agent {row.agent} is no longer configured.")
    chronicle.dropped(prompt, Outcome.REFUSED, fault)
