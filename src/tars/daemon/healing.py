"""What an earlier daemon left unfinished: its turns are reported, its prompts are run.

A turn that it held until the end of a limit is both: its prompt waits, and its row goes on.

Where the database is away, what waits for it here is seen to at once, and the rest when it is
back: this daemon has had turns of its own by then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from tars.accounting.usage import reconcile
from tars.core.agent import Outcome
from tars.daemon import records
from tars.daemon.chronicle import Chronicle
from tars.daemon.routing import picked
from tars.errors import Fault, FaultKind, StoreError
from tars.runtime.driver import Driver
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
    came = _Came.now(chronicle)
    left = await _read(recorder, attempts=1)
    if left is None:
        came = came.with_marks(loop)
        apart = await _read_apart(recorder)
        if apart is not None:
            _see_to(apart, came, loop, chronicle)
        left = await _read(recorder)
    if left is not None:
        _see_to(left, came, loop, chronicle)
    chronicle.healed = True
    try:
        await chronicle.session_files.read_marks()
    except StoreError as error:
        log.error("marks_not_read", reason=str(error))
    chronicle.prune()


async def _read(recorder: Recorder, attempts: float = float("inf")) -> "_LeftOver | None":
    """Try until the store can be read: a full disk may have space again."""
    told = ""
    while True:
        try:
            # All in one go: a prompt that comes meanwhile goes behind those that wait.
            return await recorder.ask(_LeftOver.read)
        except StoreError as error:
            if str(error) != told:
                log.error("not_healed", reason=(told := str(error)))
        attempts -= 1
        if attempts <= 0:
            return None
        await recorder.caught_up(RETRY_SECONDS)


async def _read_apart(recorder: Recorder) -> "_LeftOver | None":
    try:
        return await recorder.ask(_LeftOver.read_apart)
    except StoreError as error:
        log.error("not_healed_apart", reason=str(error))
        return None


def _see_to(left: "_LeftOver", came: "_Came", loop: Loop, chronicle: Chronicle) -> None:
    for turn in left.turns:
        ours = turn.began_at >= came.at or loop.prompt(turn.id) is not None
        if not ours and not left.held(turn):
            _close_interrupted(turn, left, came, loop, chronicle)
    for row in left.prompts:
        ours = row.asked_at >= came.at or loop.prompt(row.id) is not None
        if not ours and left.complete_for(row, loop):
            _requeue(row, left, loop, chronicle)


@dataclass(frozen=True, slots=True)
class _Came:
    """How things stood when this daemon came: `counted` is each agent's session and when it was
    last counted for, as its session.json has it; `marks`, by session, how far the agents' logs
    went, where it may have turns of its own before what it found is seen to."""

    at: datetime
    counted: Mapping[str, tuple[str, datetime | None]]
    marks: Mapping[tuple[str, str], str] | None = None

    @classmethod
    def now(cls, chronicle: Chronicle) -> Self:
        files = ((name, manager.session) for name, manager in chronicle.sessions.items())
        return cls(
            datetime.now(UTC),
            {
                name: (session.session_id, _moment(session.last_interaction_at))
                for name, session in files
                if session is not None
            },
        )

    def with_marks(self, loop: Loop) -> Self:
        """Note where the logs of today's sessions end."""
        marks = {}
        for name, driver in loop.drivers.items():
            if driver.session_id is not None:
                history = driver.kind.history(driver.setup, driver.session_id)
                marks[name, driver.session_id] = "" if history is None else history.mark()
        return replace(self, marks=marks)

    def has_counted(self, turn: TurnBegun) -> bool:
        """Whether session.json was written for this turn before its daemon ended."""
        session, last = self.counted.get(turn.agent, ("", None))
        # Turns follow one another: what was counted after this one began was this one.
        return session == turn.session and last is not None and last > turn.began_at

    def later(self, turn: TurnBegun, driver: Driver) -> set[str]:
        """Name the requests of a turn's session that came after this daemon did."""
        if self.marks is None or turn.session is None:
            return set()
        mark = self.marks.get((turn.agent, turn.session), "")
        return {request.id for request in driver.read_from(turn.session, mark) or ()}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@dataclass(frozen=True, slots=True)
class _LeftOver:
    """`attempts` tell, by turn, what one that was held had used by then; `sessions` are those
    that the turns and prompts name, by agent and id; none of them is known `apart`, where the
    database is away."""

    turns: list[TurnBegun]
    attempts: Mapping[str, TurnAttempt]
    prompts: list[PromptRow]
    sessions: Mapping[tuple[str, str], SessionRow]
    apart: bool = False

    @classmethod
    def read(cls, store: "Store") -> Self:
        turns, prompts = store.unfinished_turns(), store.waiting_prompts()
        prompts = [_found_again(store, row) for row in prompts]
        named = {(t.agent, t.session) for t in turns} | {(p.agent, p.session) for p in prompts}
        rows = [store.session(agent, session) for agent, session in named if session is not None]
        attempts = {turn.id: store.attempt(turn) for turn in turns}
        sessions = {(row.agent, row.id): row for row in rows if row is not None}
        return cls(turns, attempts, prompts, sessions)

    @classmethod
    def read_apart(cls, store: "Store") -> Self | None:
        """Read what waits for a database that is away."""
        found = store.apart()
        if found is None:
            return None
        try:
            turns, prompts = found.unfinished_turns(), found.waiting_prompts()
            attempts = {turn.id: found.attempt(turn) for turn in turns}
        finally:
            found.close()
        return cls(turns, attempts, prompts, {}, apart=True)

    def complete_for(self, row: PromptRow, loop: Loop) -> bool:
        """Whether all that a prompt needs is known: not the figures of a session gone back to,
        while the database is away."""
        if not self.apart or row.session is None or row.agent not in loop.drivers:
            return True
        return row.session == loop.drivers[row.agent].session_id

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


def _close_interrupted(
    turn: TurnBegun, left: _LeftOver, came: _Came, loop: Loop, chronicle: Chronicle
) -> None:
    """Count what the turn had used by then: the agent's own log has it, and the row of a turn
    that was held before."""
    driver, before = loop.drivers.get(turn.agent), left.attempts[turn.id]
    logged = driver.read_from(turn.session, turn.log_mark) if driver and turn.session else None
    if driver is not None and logged is not None and (later := came.later(turn, driver)):
        logged = tuple(request for request in logged if request.id not in later)
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
    known = left.session(turn.agent, turn.session)
    if came.marks is not None:
        chronicle.recover(record, counted=came.has_counted(turn))
        return
    session = manager.session if (manager := chronicle.sessions.get(turn.agent)) else None
    in_ledger = known.interaction_count if known else 0
    # session.json is written first: where it counts more prompts, it has this turn already.
    counted = session is not None and session.interaction_count > in_ledger
    chronicle.recover(record, counted=counted)


def _requeue(row: PromptRow, left: _LeftOver, loop: Loop, chronicle: Chronicle) -> None:
    prompt = replace(records.prompt_of(row), before=left.before(row.id))
    if row.agent in loop.fleet.agents:
        if known := left.session(row.agent, row.session):
            chronicle.session_files.know(known)
        loop.submit(prompt)
        return
    fault = Fault(FaultKind.BAD_CONFIG, f"The agent {row.agent} is no longer configured.")
    chronicle.dropped(prompt, Outcome.REFUSED, fault)
