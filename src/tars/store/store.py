"""What tars remembers, behind one class. Every method is one transaction, and synchronous.

A method that returned was kept: it survives kill -9 and a power cut. One that raised
StoreError changed nothing and may be called again, with the same ids, without doing
anything twice. Use a store from one thread at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from tars.accounting.usage import Source
from tars.conversation.model import RequestUsage
from tars.core.agent import Outcome
from tars.errors import Fault
from tars.store import (
    arrivals,
    by_model,
    conversations,
    engine,
    journal,
    ledger,
    lives,
    locks,
    logged,
    prompts,
    searching,
    slots,
)
from tars.store.machines import Machine
from tars.store.opening import BUSY_SECONDS, opened
from tars.store.rows import (
    AgentRow,
    Arrival,
    Decision,
    Named,
    PromptRow,
    PromptState,
    SessionMarks,
    SessionRow,
    Totals,
    TurnAttempt,
    TurnBegun,
    TurnRecord,
    TurnRow,
)


class Store:
    """The database, as one machine uses it: rows of others are not seen. `machine` is its row.

    `problem` is one sentence about a file that was set aside, or None.
    """

    def __init__(self, connection: Connection, machine: int, *, problem: str | None = None) -> None:
        self.machine = machine
        self.problem = problem
        self._connection = connection
        self._who: str | None = None
        self._run = ""
        self._next_number = 0

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        url: str = "",
        machine: Machine | None = None,
        busy_seconds: float = BUSY_SECONDS,
        mend: bool = True,
    ) -> "Store":
        """Open the database, make it (0600) where there is none, and migrate an old one.

        It is the file at `path`, or the PostgreSQL database that `url` names. A file that is
        no database of tars is set aside and a new one begun, and `problem` says so; where it
        is not to `mend` that, it is refused and stays where it is. `machine` is the one that
        writes; None is that of the folder of `path`. `busy_seconds` is how long to wait for
        another program's lock. Raises StoreError when it cannot be opened, or when a newer
        tars wrote it; engine.Unreachable when there is no connection to it now.
        """
        found = opened(Path(path), url, machine, busy_seconds=busy_seconds, mend=mend)
        return cls(found.connection, found.machine, problem=found.problem)

    def close(self) -> None:
        """Close the database. Twice is once."""
        engine.close(self._connection)

    # --- the queue ----------------------------------------------------------

    def save_prompt(self, prompt: PromptRow) -> None:
        """Add an accepted prompt to the end of the queue."""
        with self._transaction("save the prompt") as connection:
            prompts.save(connection, self.machine, prompt)

    def begin_prompt(self, prompt: PromptRow, turn: TurnBegun) -> str | None:
        """Add an accepted prompt that is begun at once, and note its turn. Gives, and changes
        nothing then, why it may not begin: who else writes into its session."""
        with self._transaction("save the prompt") as connection:
            place = lives.begin(connection, self.machine, turn, self._me(connection), _now())
            if place.refusal is None:
                prompts.save(connection, self.machine, prompt, PromptState.RUNNING)
                self._begin(connection, turn, place)
            return place.refusal

    def drop_prompt(self, prompt: str, outcome: Outcome, fault: Fault | None, at: datetime) -> None:
        """Note that a prompt will not be run, and erase its text."""
        with self._transaction("drop the prompt") as connection:
            prompts.finish(connection, prompt, outcome, fault, at)

    def waiting_prompts(self) -> list[PromptRow]:
        """Give the prompts that nobody has begun, or whose turn is held, the next one first."""
        with self._reading("read the queue") as connection:
            return prompts.waiting(connection, self.machine)

    # --- the ledger ---------------------------------------------------------

    def begin_turn(self, turn: TurnBegun) -> str | None:
        """Note that a turn is under way, and its prompt as the first message of it. Again: its
        session, model or mark is known better. Gives, and changes nothing then, why it may
        not begin: who else writes into its session."""
        with self._transaction("note the turn") as connection:
            place = lives.begin(connection, self.machine, turn, self._me(connection), _now())
            if place.refusal is None:
                prompts.run(connection, turn.id)
                self._begin(connection, turn, place)
            return place.refusal

    def _begin(self, connection: Connection, turn: TurnBegun, place: lives.Place) -> None:
        new = ledger.begin(connection, self.machine, turn, place.task)
        if turn.asked is not None:
            arrivals.write(connection, turn.id, place.seq, (turn.asked,))
        if not new and place.seq is not None:
            arrivals.settle(connection, turn.id, place.seq)

    def keep_said(self, turn: str, said: tuple[Arrival, ...]) -> None:
        """Write down what was said in a turn since the last time. Once it has ended, nothing."""
        with self._transaction("write down what was said") as connection:
            goes_on, session = arrivals.place(connection, turn)
            if goes_on:
                arrivals.write(connection, turn, session, said)
            if goes_on and session is not None:
                locks.prolong(connection, session, self._me(connection), _now())

    def hold_sessions(self, turns: tuple[str, ...]) -> None:
        """Say that these turns go on: nobody else may write into their sessions."""
        with self._transaction("keep the sessions' locks") as connection:
            for turn in turns:
                goes_on, session = arrivals.place(connection, turn)
                if goes_on and session is not None:
                    locks.prolong(connection, session, self._me(connection), _now())

    def hold_turn(self, turn: TurnRecord) -> None:
        """Note that a turn waits after a first attempt, and what that used. Its prompt waits
        again, in its old place; the row stays unfinished."""
        with self._transaction("hold the turn") as connection:
            prompts.wait(connection, turn.id)
            ledger.hold(connection, self.machine, turn)
            lives.hold(connection, self.machine, turn, self._me(connection))

    def attempt(self, turn: TurnBegun) -> TurnAttempt:
        """Give what an unfinished turn had used when it was held."""
        with self._reading("read the turn") as connection:
            attempt = ledger.attempt(connection, turn)
            return replace(attempt, said=arrivals.next_number(connection, turn.id))

    def finish_turn(self, turn: TurnRecord, following: PromptRow | None = None) -> Named | None:
        """Record a turn, whatever its outcome: its row, its model requests, the rest of what was
        said, the sums of its session; and its prompt is done, the text erased. The first record
        of an id stands. `following` is the same prompt on its way to another agent: it is
        saved with it. Gives what the session is called, if it has one on record."""
        named = None
        with self._transaction("record the turn") as connection:
            done = ledger.finish(connection, self.machine, turn)
            if done is not None:
                session = conversations.add_turn(connection, self.machine, turn)
                named = lives.finish(connection, turn, session, self._me(connection))
                split = by_model.add_turn(connection, turn, done.seq, session)
                slots.add_turn(connection, self.machine, turn, done.task, split)
            prompts.finish(connection, turn.id, turn.outcome, turn.fault, turn.ended_at)
            if following is not None:
                prompts.save(connection, self.machine, following)
        return named

    def unfinished_turns(self) -> list[TurnBegun]:
        """Give the turns that were begun and never finished, oldest first.

        At a daemon's start these are what its predecessor left; `finish_turn` ends them.
        """
        with self._reading("read the turns") as connection:
            return ledger.unfinished(connection, self.machine)

    def turns(self, limit: int = 50, agent: str | None = None) -> list[TurnRow]:
        """Give the last turns, newest first."""
        with self._reading("read the turns") as connection:
            return ledger.newest(connection, self.machine, limit, agent)

    def add_logged(
        self, turn: str, agent: str, session: str, requests: tuple[RequestUsage, ...]
    ) -> None:
        """Add what the agent's log shows late of a turn that its protocol counted."""
        with self._transaction("add to the ledger") as connection:
            ledger.add_requests(
                connection, self.machine, turn, agent, session, requests, Source.LOG
            )

    def keep_logged(self, sessions: tuple[logged.LoggedSession, ...]) -> None:
        """Add sessions that this machine's agents logged outside tars, or bring them up to date."""
        with self._transaction("keep the sessions of logs") as connection:
            logged.keep(connection, self.machine, sessions)

    def model_requests(self, turn: str, source: Source = Source.LOG) -> list[RequestUsage]:
        """Give what each model request of a turn used, in their order."""
        with self._reading("read the model requests") as connection:
            return ledger.requests(connection, turn, source)

    def totals(self, session: str, *, agent: str | None = None) -> Totals:
        """Add up the finished turns of a session."""
        with self._reading("add up the turns") as connection:
            return ledger.totals(connection, self.machine, session, agent)

    def marks(self, agent: str, session: str) -> SessionMarks:
        """Say how the sums of a session are to be read."""
        with self._reading("read the turns") as connection:
            return ledger.marks(connection, self.machine, agent, session)

    # --- agents and sessions ------------------------------------------------

    def save_agent(self, agent: AgentRow) -> None:
        """Add an agent, or replace what was known of it."""
        with self._transaction("save the agent") as connection:
            conversations.save_agent(connection, self.machine, agent)

    def agents(self) -> list[AgentRow]:
        """Give every agent that was ever configured, by name."""
        with self._reading("read the agents") as connection:
            return conversations.all_agents(connection, self.machine)

    def save_session(self, agent: str, session: str, at: datetime) -> None:
        """Note that a session began, or is in use again: it is its agent's active one from now
        on, and the one before has ended. Its sums are not touched."""
        with self._transaction("save the session") as connection:
            lives.save(connection, self.machine, agent, session, at)

    def end_session(self, agent: str, session: str, at: datetime) -> None:
        """Note that no prompt goes to a session any more by itself."""
        with self._transaction("end the session") as connection:
            lives.end(connection, self.machine, agent, session, at)

    def session_names(self, current: Mapping[str, str]) -> tuple[Named, ...]:
        """Give what the agents' current sessions are called."""
        with self._reading("read the sessions") as connection:
            return tuple(
                Named(agent, session, lives.name(connection, self.machine, agent, session))
                for agent, session in current.items()
            )

    def session(self, agent: str, session: str) -> SessionRow | None:
        """Give a session by the agent's own id, or None."""
        with self._reading("read the session") as connection:
            return conversations.find(connection, self.machine, agent, session)

    # --- the log of decisions -----------------------------------------------

    def log_decisions(self, made: Sequence[Decision]) -> None:
        """Append decisions of one run. Their numbers are counted here.

        A call costs one sync of the disk, whatever their number: give many at a time.
        """
        if not made:
            return
        run = made[0].run
        known, first = self._run, self._next_number
        # Nobody can say what a commit that failed has kept: the next call asks again.
        self._run = ""
        with self._transaction("log the decisions") as connection:
            if run != known:
                first = journal.next_number(connection, run)
            numbered = [replace(d, run=run, number=first + i) for i, d in enumerate(made)]
            journal.append(connection, self.machine, map(journal.line, numbered))
        self._run, self._next_number = run, first + len(made)

    def append_decisions(self, lines: tuple[journal.Line, ...]) -> None:
        """Append decisions that have their numbers, in words."""
        with self._transaction("log the decisions") as connection:
            journal.append(connection, self.machine, lines)

    def decisions(self, run: str) -> Iterator[Decision]:
        """Give the decisions of a run, in their order.

        Raises StoreError at one that this version cannot read.
        """
        after = -1
        while True:
            with self._reading("read the decisions") as connection:
                page = journal.page(connection, run, after)
            if not page:
                return
            yield from page
            after = page[-1].number

    def runs(self) -> list[str]:
        """Give the runs whose decisions are kept, oldest first."""
        with self._reading("read the decisions") as connection:
            return journal.runs(connection, self.machine)

    def prune_decisions(self, keep_rows: int) -> int:
        """Delete all but the newest decisions, and give how many were deleted."""
        with self._transaction("prune the decisions") as connection:
            return journal.prune(connection, self.machine, keep_rows)

    def forget(self) -> None:
        """Leave nothing of what was erased in the journal beside the file, either."""
        with engine.store_errors("forget what was erased"):
            engine.forget(self._connection)

    # --- writes that wait elsewhere -----------------------------------------

    @property
    def behind(self) -> bool:
        """Whether writes wait elsewhere to be taken over into this store."""
        return False

    def catch_up(self) -> bool:
        """Take over some of them; it does not take long. Gives whether more can be at once."""
        return False

    def apart(self) -> "Store | None":
        """Give a store of what alone waits elsewhere, to be closed; None where nothing can."""
        return None

    # --- for the library of sessions ----------------------------------------

    @contextmanager
    def reading(self, action: str) -> Iterator[Connection]:
        """One transaction that only reads: it neither waits for writers nor holds them up."""
        with self._reading(action) as connection:
            yield connection

    @contextmanager
    def writing(self, action: str) -> Iterator[Connection]:
        """One transaction: all of it is kept, or nothing."""
        with self._transaction(action) as connection:
            yield connection
            searching.settle(connection)

    def _me(self, connection: Connection) -> str:
        """Name this process, as the holder of a session's lock."""
        if self._who is None:
            self._who = locks.me(connection, self.machine)
        return self._who

    @contextmanager
    def _reading(self, action: str) -> Iterator[Connection]:
        """See one state of the database, and write nothing. Raises StoreError."""
        with engine.store_errors(action), engine.reading(self._connection):
            yield self._connection

    @contextmanager
    def _transaction(self, action: str) -> Iterator[Connection]:
        """Keep all of it or nothing. Raises StoreError, which says that tars cannot `action`."""
        with engine.store_errors(action), self._connection.begin():
            yield self._connection


def _now() -> datetime:
    return datetime.now(UTC)
