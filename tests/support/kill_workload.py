"""What a daemon writes into its store, for ever: the workload that is killed."""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import text

from tars.accounting.usage import Ledger, reconcile
from tars.conversation.model import RequestUsage
from tars.core.agent import Outcome
from tars.core.events import StartAsked
from tars.store.engine import Unreachable
from tars.store.rows import (
    Decision,
    MessagePart,
    PromptRow,
    Role,
    ToolCallRow,
    TurnBegun,
    TurnRecord,
)
from tars.store.store import Store


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
