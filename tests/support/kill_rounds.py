"""Rounds of kill -9: a scripted workload on a store is killed at a random moment, and what is
there afterwards is checked against what it had been told.

`python -m tests.support.kill_rounds --rounds 200 --seed 1 --folder DIR [--url URL]`. One process
warms up and forks a child for each round. With a URL the store is a PostgreSQL database that
comes and goes, and the writes wait in a spool meanwhile.
"""

import argparse
import json
import os
import random
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, text

from tars.accounting.usage import Ledger, reconcile
from tars.conversation.model import RequestUsage
from tars.core.agent import Outcome
from tars.core.events import StartAsked
from tars.store import machines
from tars.store.deadline import within
from tars.store.engine import Unreachable
from tars.store.machines import Machine
from tars.store.rows import (
    Decision,
    MessagePart,
    PromptRow,
    Role,
    ToolCallRow,
    TurnBegun,
    TurnRecord,
)
from tars.store.spooled import SpooledStore
from tars.store.store import Store

#: How many writes are told of at most before the kill, and how long after that it comes.
MOST_TOLD = 60
LATEST_SECONDS = 0.01
#: How often the database goes away, in writes.
AWAY_ONCE_IN = 25
_SUMMED = ["requests", "net_input", "cache_read", "cache_write", "output", "reasoning"]


# --- the workload ---------------------------------------------------------------


@dataclass
class Workload:
    """Writes what a daemon writes, for ever. `tell` is called when a write has returned."""

    store: Store
    name: str
    rng: random.Random
    tell: Callable[[list[object]], None]
    before: Callable[[], None] = lambda: None
    _sessions: dict[str, str] = field(default_factory=dict)
    _waiting: list[PromptRow] = field(default_factory=list)
    _number: int = 0

    def run(self) -> None:
        while True:
            step = self.rng.choices(
                [self._turn, self._accept, self._drop, self._reset, self._rename, self._log],
                [10, 4, 1, 1, 1, 2],
            )[0]
            step()

    def _do(self, write: Callable[..., object], *arguments: object) -> None:
        self.before()
        write(*arguments)

    def _prompt(self) -> PromptRow:
        self._number += 1
        agent = self.rng.choice(["gemini", "codex"])
        words = f"prompt {self._number} of {self.name} " + "x" * self.rng.randrange(200)
        return PromptRow(f"{self.name}-{self._number}", agent, words, datetime.now(UTC))

    def _accept(self) -> None:
        row = self._prompt()
        self._do(self.store.save_prompt, row)
        self.tell(["accepted", row.id])
        self._waiting.append(row)

    def _drop(self) -> None:
        if self._waiting:
            row = self._waiting.pop()
            self._do(self.store.drop_prompt, row.id, Outcome.CANCELLED, None, datetime.now(UTC))
            self.tell(["dropped", row.id])

    def _reset(self) -> None:
        if self._sessions:
            agent = self.rng.choice(sorted(self._sessions))
            session = self._sessions.pop(agent)
            self._do(self.store.end_session, agent, session, datetime.now(UTC))

    def _rename(self) -> None:
        agent = self.rng.choice(["gemini", "codex"])
        session, name = self._sessions.get(agent), f"{self.name}-{self.rng.randrange(10**9)}"
        if session is None:
            return
        with suppress(Unreachable), self.store.writing("rename it") as connection:
            connection.execute(
                text(
                    "UPDATE sessions SET name = :name"
                    " WHERE machine = :machine AND agent = :agent AND id = :id"
                ),
                {"name": name, "machine": self.store.machine, "agent": agent, "id": session},
            )

    def _log(self) -> None:
        now = datetime.now(UTC)
        made = [Decision(self.name, "gemini", 0.0, now, StartAsked()) for _ in range(3)]
        self._do(self.store.log_decisions, made)

    def _turn(self) -> None:
        wait = bool(self._waiting) and self.rng.random() < 0.5
        row = self._waiting.pop(0) if wait else self._prompt()
        session = self._session(row.agent)
        asked = MessagePart(0, Role.USER, 0, row.text, len(row.text), row.asked_at, row.asked_at)
        begun = TurnBegun(row.id, row.agent, datetime.now(UTC), session, "flash", asked=asked)
        if wait:
            self._do(self.store.begin_turn, begun)
        else:
            self._do(self.store.begin_prompt, row, begun)
            self.tell(["accepted", row.id])
        said = self._say(row.id)
        record = self._record(begun, said)
        self._do(self.store.finish_turn, record)
        tokens = Ledger.of(record.usage).total
        self.tell(["turn", row.id, session, tokens, record.usage.cost_microusd or 0])

    def _session(self, agent: str) -> str:
        if agent not in self._sessions:
            self._number += 1
            self._sessions[agent] = f"{self.name}-s{self._number}"
            self._do(self.store.save_session, agent, self._sessions[agent], datetime.now(UTC))
        return self._sessions[agent]

    def _say(self, turn: str) -> tuple[MessagePart, ...]:
        """An answer that grows, with a tool call in its midst; its end comes with the turn's."""
        at, offset = datetime.now(UTC), 0
        for _ in range(self.rng.randrange(4)):
            words = f"word{self.rng.randrange(100)} " * self.rng.randint(1, 30)
            part = MessagePart(1, Role.ASSISTANT, offset, words, offset + len(words), at)
            call = ToolCallRow("c1", "read", "Read a file", "running", at, turn, 2)
            self._do(self.store.keep_said, turn, (part, call))
            offset += len(words)
        rest = "the end"
        size = offset + len(rest)
        return (MessagePart(1, Role.ASSISTANT, offset, rest, size, at, datetime.now(UTC)),)

    def _record(self, begun: TurnBegun, said: tuple[MessagePart, ...]) -> TurnRecord:
        rng = self.rng
        requests = tuple(
            RequestUsage(
                f"{begun.id}-{number}",
                rng.choice(["flash", "pro", "lite"]),
                input=1000 + rng.randrange(1000),
                output=rng.randrange(500),
                cached=rng.randrange(900),
                thoughts=rng.randrange(100),
                cost_microusd=rng.choice([None, rng.randrange(10**6)]),
            )
            for number in range(rng.randint(1, 4))
        )
        return TurnRecord(
            begun.id,
            begun.agent,
            rng.choice([Outcome.OK, Outcome.OK, Outcome.ERROR, Outcome.CANCELLED]),
            begun.began_at,
            datetime.now(UTC),
            rng.randrange(10_000),
            session=begun.session,
            model="flash",
            usage=reconcile(None, requests, tool_calls=rng.randrange(5)),
            requests=requests,
            said=said,
        )


# --- a round --------------------------------------------------------------------


@dataclass
class Round:
    """One kill. `template` is a store that was just made; `url` that of a database elsewhere."""

    number: int
    seed: int
    folder: Path
    template: Path
    url: str

    def play(self) -> dict[str, object]:
        """Kill a child in the midst of its work, check what is there, and give figures."""
        self.folder.mkdir()
        rng = random.Random(f"{self.seed}-{self.number}")
        if not self.url:
            shutil.copy(self.template, self.path)
        told = self._kill(rng.randint(1, MOST_TOLD), rng.uniform(0, LATEST_SECONDS))
        waited = self._settle()
        with self._checked() as store:
            check(store, told, integrity=not self.url)
            left = len(store.unfinished_turns())
            self._heal(store)
            check(store, told, integrity=not self.url)
            assert store.unfinished_turns() == []
        shutil.rmtree(self.folder)
        turns = sum(what[0] == "turn" for what in told)
        return {"told": len(told), "turns": turns, "unfinished": left, "waited": waited}

    @property
    def path(self) -> Path:
        return self.folder / "tars.db"

    @property
    def here(self) -> Machine:
        return Machine(f"{self.seed}-{self.number}", f"round {self.number}")

    def _open(self) -> Store:
        return Store.open(self.path, url=self.url, machine=self.here)

    def _kill(self, count: int, delay: float) -> list[list[object]]:
        """Start the child, let it tell of so many writes, and kill it a moment later."""
        hears, tells = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(hears)
            try:
                self._work(tells)
            except BaseException as error:
                os.write(tells, json.dumps(["failed", repr(error)]).encode() + b"\n")
                raise
            finally:
                os._exit(1)
        os.close(tells)
        heard = b""
        while heard.count(b"\n") < count and (more := os.read(hears, 65536)):
            heard += more
        end = time.monotonic() + delay
        while (rest := end - time.monotonic()) > 0:
            if select.select([hears], [], [], rest)[0]:
                if not (more := os.read(hears, 65536)):
                    break
                heard += more
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        while more := os.read(hears, 65536):
            heard += more
        os.close(hears)
        told: list[list[object]] = [json.loads(line) for line in heard.splitlines()]
        assert not any(what[0] == "failed" for what in told), told[-1]
        return told

    def _work(self, tells: int) -> None:
        rng = random.Random(f"{self.seed}-{self.number}-work")

        def tell(what: list[object]) -> None:
            os.write(tells, json.dumps(what).encode() + b"\n")

        name = f"{self.seed}-{self.number}"
        if not self.url:
            Workload(self._open(), name, rng, tell).run()
        gate = Gate(self._open, rng)
        store = SpooledStore.beside(self.folder / "spool.db", gate.open)
        gate.store = store
        Workload(store, name, rng, tell, before=gate.swing).run()

    def _settle(self) -> int:
        """Let what waited be taken over, as the next daemon does; give how much it was."""
        if not self.url:
            return 0
        store = SpooledStore.beside(self.folder / "spool.db", self._open)
        try:
            waited = store._spool.count
            while store.behind:
                store.catch_up()
            assert store.problem is None, store.problem
            store._spool._connection.exec_driver_sql("PRAGMA integrity_check")
            return waited
        finally:
            store.close()

    def _checked(self) -> "Closing":
        return Closing(self._open())

    def _heal(self, store: Store) -> None:
        """Report the turns that were under way, as the next daemon does."""
        for turn in store.unfinished_turns():
            store.finish_turn(
                TurnRecord(
                    turn.id,
                    turn.agent,
                    Outcome.INTERRUPTED,
                    turn.began_at,
                    datetime.now(UTC),
                    0,
                    session=turn.session,
                    usage=replace(reconcile(None, ()), at_least=True),
                )
            )


class Closing:
    """Closes a store at the end of a block."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> Store:
        return self._store

    def __exit__(self, *_error: object) -> None:
        self._store.close()


@dataclass
class Gate:
    """The way to the database, as the child has it: now and then its connection is cut, and for
    some writes there is no other."""

    opened: Callable[[], Store]
    rng: random.Random
    store: SpooledStore | None = None
    _closed: int = 0

    def open(self) -> Store:
        if self._closed > 0:
            raise Unreachable("The store cannot open: nobody answers.")
        return self.opened()

    def swing(self) -> None:
        self._closed -= 1
        assert self.store is not None
        if self._closed <= 0 and self.rng.randrange(AWAY_ONCE_IN) == 0:
            self._closed = self.rng.randrange(20)
            if self.store._remote is not None:
                # As if the time for an answer were over.
                with within(0, self.store._connection):
                    select.select([], [], [], 0.001)
        self.store.catch_up()


# --- what has to be right ---------------------------------------------------------


def check(store: Store, told: list[list[object]], *, integrity: bool) -> None:
    """Everything that was told is there once, and all sums agree."""
    with store.reading("check") as connection:
        ask = partial(_rows, connection, machine=store.machine)
        ended = _ended(ask)
        for what in told:
            if what[0] == "turn":
                assert ended[str(what[1])] == (what[2], what[3], what[4]), what
        _check_queue(ask, told, set(ended))
        _check_sums(ask)
        _check_said(ask)
        _check_decisions(ask)
        if integrity:
            assert _rows(connection, "PRAGMA integrity_check") == [("ok",)]
            assert _rows(connection, "PRAGMA foreign_key_check") == []
    if integrity:
        with store.writing("check the index") as connection:
            connection.exec_driver_sql(
                "INSERT INTO message_words (message_words, rank) VALUES ('integrity-check', 1)"
            )


Ask = Callable[[str], list[tuple[object, ...]]]


def _rows(connection: Connection, query: str, **values: object) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(text(query), values)]


def _ended(ask: Ask) -> dict[str, tuple[object, ...]]:
    """The turns that ended, each with its session, tokens and cost. An id is there once."""
    rows = ask(
        "SELECT id, session, net_input + cache_read + cache_write + output,"
        " coalesce(cost_microusd, 0) FROM turns"
        " WHERE machine = :machine AND ended_at IS NOT NULL"
    )
    ids = [row[0] for row in rows]
    assert len(set(ids)) == len(ids)
    return {str(row[0]): row[1:] for row in rows}


def _check_queue(ask: Ask, told: list[list[object]], ended: set[str]) -> None:
    """Every prompt that was accepted waits, runs or is done; and only what is done has no text."""
    states = {
        str(id): (state, has_text)
        for id, state, has_text in ask(
            "SELECT id, state, text IS NOT NULL FROM prompts WHERE machine = :machine"
        )
    }
    dropped = {what[1] for what in told if what[0] == "dropped"}
    turns = {str(row[0]) for row in ask("SELECT id FROM turns WHERE machine = :machine")}
    for what in told:
        assert str(what[1]) in states, what
    for id, (state, has_text) in states.items():
        assert bool(has_text) == (state != "done"), (id, state)
        assert (state == "running") == (id in turns - ended), (id, state)
        assert state != "queued" or id not in dropped | ended, (id, state)
    assert turns <= set(states)


def _check_sums(ask: Ask) -> None:
    """A session's sums are those of its turns, and those of its models; to the micro-dollar."""
    columns = ", ".join(f"sum({name})" for name in _SUMMED)
    ended = "turns.machine = :machine AND turns.ended_at IS NOT NULL"
    by_turns = ask(
        f"SELECT agent, session, count(*), {columns}, sum(coalesce(cost_microusd, 0)),"
        f" count(cost_microusd) FROM turns WHERE {ended} GROUP BY agent, session ORDER BY 1, 2"
    )
    own = ", ".join(_SUMMED)
    by_sessions = ask(
        f"SELECT agent, id, turns, {own}, cost_microusd, costed_turns FROM sessions"
        " WHERE machine = :machine AND turns > 0 ORDER BY 1, 2"
    )
    assert _plain(by_turns) == _plain(by_sessions)
    joined = "JOIN sessions ON sessions.seq = session_models.session"
    columns = ", ".join(f"sum(session_models.{name})" for name in _SUMMED)
    by_models = ask(
        f"SELECT sessions.agent, id, {columns}, sum(session_models.cost_microusd)"
        f" FROM session_models {joined} WHERE machine = :machine GROUP BY 1, 2 ORDER BY 1, 2"
    )
    sums = [(*row[:2], *row[3:-1]) for row in by_sessions if row[3]]
    assert _plain(row for row in by_models if row[2]) == _plain(sums)
    each = ", ".join(f"turns.{name} - sum(turn_models.{name})" for name in _SUMMED)
    for row in ask(
        f"SELECT {each} FROM turns JOIN turn_models ON turn_models.turn = turns.seq"
        f" WHERE {ended} GROUP BY turns.seq, {', '.join('turns.' + n for n in _SUMMED)}"
    ):
        assert not any(map(int, cast("tuple[int, ...]", row))), row


def _plain(rows: Iterator[tuple[object, ...]] | list[tuple[object, ...]]) -> list[list[object]]:
    """PostgreSQL adds integers up to a decimal."""
    return [[cell if isinstance(cell, str) else int(cast("int", cell)) for cell in r] for r in rows]


def _check_said(ask: Ask) -> None:
    """What was said is whole where its turn has ended, and is of a turn that is there."""
    rows = ask(
        "SELECT turns.id, role, length(messages.text), messages.size, messages.ended_at IS NULL,"
        " turns.ended_at IS NULL FROM messages JOIN turns ON turns.id = messages.turn"
        " WHERE turns.machine = :machine"
    )
    assert all(row[2] == row[3] for row in rows), rows
    assert not any(row[4] and not row[5] for row in rows), "a message of an ended turn still grows"
    asked = {row[0] for row in rows if row[1] == Role.USER.value}
    assert asked == {row[0] for row in ask("SELECT id FROM turns WHERE machine = :machine")}


def _check_decisions(ask: Ask) -> None:
    """The log of decisions has no gap, and nothing twice."""
    rows = ask("SELECT count(*), max(number) FROM decisions WHERE machine = :machine GROUP BY run")
    assert all(count == int(cast("int", last)) + 1 for count, last in rows), rows


# --- the whole --------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--url", default="")
    options = parser.parse_args()
    template = options.folder / "template" / "tars.db"
    Store.open(template, url=options.url).close()
    machines.of_folder(template.parent)
    total: dict[str, int] = {}
    began = time.monotonic()
    for number in range(options.rounds):
        folder = options.folder / f"r{number}"
        try:
            found = Round(number, options.seed, folder, template, options.url).play()
        except BaseException:
            print(f"round {number} of seed {options.seed} failed, see {folder}", file=sys.stderr)
            raise
        for name, value in found.items():
            total[name] = total.get(name, 0) + int(cast("int", value))
    total |= {"rounds": options.rounds, "seed": options.seed}
    print(json.dumps({**total, "seconds": round(time.monotonic() - began, 1)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
