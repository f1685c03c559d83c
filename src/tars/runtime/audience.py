"""Whom the loop tells what happened, as the hub is whom a driver tells. The chronicle is one."""

from collections.abc import Callable, Iterable
from typing import Protocol

from tars.conversation.model import PermissionAsked, RequestUsage, Said
from tars.core import events as e
from tars.core.agent import Agent, Outcome
from tars.core.commands import AnswerPermission, Command
from tars.core.condition import Condition, Word
from tars.errors import Fault
from tars.runtime.children import Identity
from tars.runtime.driver import Driver
from tars.runtime.turn import LiveTurn, Prompt, TurnReport


class Audience(Protocol):
    """Who is told what happened. No method may wait or raise."""

    def decided(
        self, agent: str, event: e.Event, commands: tuple[Command, ...], now: float
    ) -> None: ...

    def asked(self, agent: Agent, driver: Driver, request_id: str, now: float) -> None: ...

    def answered(self, agent: str, asked: PermissionAsked | None, answer: AnswerPermission) -> None:
        """A request for permission has its answer; `asked` is None where nobody knows it."""

    def condition_changed(
        self, agent: str, was: Word, now: Condition, waiting: tuple[str, ...]
    ) -> None:
        """The agent fares otherwise than before; `waiting` are the prompts in its queue."""

    def said(self, agent: str, turn: LiveTurn | None, said: Said) -> None: ...

    def began(self, agent: str, turn: LiveTurn, then: Callable[[], None]) -> None:
        """Call `then` once the turn is on record, or cannot be. Again after `held`."""

    def held(self, agent: str, report: TurnReport) -> None:
        """An attempt met a limit, and the turn waits for its end: a daemon that comes after
        this one runs its prompt. It is begun again, or finished."""

    def finished(self, agent: str, report: TurnReport) -> None: ...

    def dropped(self, prompt: Prompt, outcome: Outcome, fault: Fault | None) -> None: ...

    def spent(self, agent: str, session_id: str, requests: tuple[RequestUsage, ...]) -> None: ...

    def logged(
        self, agent: str, turn: str, session_id: str, requests: tuple[RequestUsage, ...]
    ) -> None: ...

    def wrote(self, agent: str, lines: list[str]) -> None: ...

    def children_began(self, who: Iterable[Identity]) -> None: ...

    def children_ended(self, who: Iterable[Identity]) -> None: ...
